"""Picks the dates without a run, under the pipeline's schedule and under its other kind of schedule."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from interlock_controller.watch._sweep import Found
from interlock_lifecycle import Run, RunKey
from interlock_sla import ExecutionDate
from interlock_store import Overview

T = TypeVar("T")


def without_run(overview: Overview, found: Found[T], date_of: Callable[[T], ExecutionDate]) -> Found[T]:
    """The found matters whose dates have no run. The runs are read in batches."""
    keys = dict.fromkeys(watched.key(date_of(matter)) for watched, matter in found)
    runs = overview.runs(keys)
    others = standing_elsewhere(overview, (key for key in keys if key not in runs))
    return [
        (watched, matter)
        for watched, matter in found
        if (key := watched.key(date_of(matter))) not in runs and key not in others
    ]


def standing_elsewhere(overview: Overview, keys: Iterable[RunKey]) -> dict[RunKey, Run]:
    """The running or completed runs of these dates under the other kind of schedule, by the given key."""
    others = {key.under_other_schedule: key for key in keys}
    runs = overview.runs(others)
    return {others[key]: run for key, run in runs.items() if run.stands}
