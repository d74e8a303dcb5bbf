"""Over many days with dropped timers and missed ticks: each late or missing run is reported once, none falsely.

INTERLOCK_SLA_DAYS, INTERLOCK_SLA_PIPELINES and INTERLOCK_SLA_SEED choose the size; 100 and 200 are the full one.
"""

import os
from collections import Counter

import pytest
from sla.season import START, Fate, Pipeline, Season

from interlock_lifecycle import RunKey
from interlock_sla import parse_execution_date

DAYS = int(os.environ.get("INTERLOCK_SLA_DAYS", "10"))
PIPELINES = int(os.environ.get("INTERLOCK_SLA_PIPELINES", "40"))
SEED = int(os.environ.get("INTERLOCK_SLA_SEED", "1"))


@pytest.fixture(scope="module")
def season() -> Season:
    made = Season(SEED, PIPELINES, DAYS)
    made.play()
    return made


def told(season: Season, *kinds: str) -> Counter[tuple[str, str, str]]:
    """How often each of these events was told of each date that began within the season."""
    last = season.end.date()
    heard = [(kind, pipeline, day) for kind, pipeline, day, _ in season.told if kind in kinds]
    return Counter(one for one in heard if parse_execution_date(one[2]).day < last)


def is_late(pipeline: Pipeline, key: RunKey, fate: Fate) -> bool:
    """Never ended, or not before its deadline; a failure before it was told by itself."""
    return fate.ended_at is None or fate.ended_at >= pipeline.deadline(key.date.day)


def is_answered_for(pipeline: Pipeline, key: RunKey) -> bool:
    """Cron fires before the pipeline's creation are not."""
    return pipeline.kind == "daily" or pipeline.fire(key.date.day) >= START


def test_every_late_or_missing_run_breaches_once_and_no_other(season: Season) -> None:
    expected = {
        ("SLA_BREACH", key.pipeline_id, str(key.date))
        for key, fate in season.fates.items()
        if key.date.day < season.end.date()
        and is_late(season.pipelines[key.pipeline_id], key, fate)
        and (fate.ended_at is not None or is_answered_for(season.pipelines[key.pipeline_id], key))
    }
    found = told(season, "SLA_BREACH")
    assert set(found) == expected
    assert set(found.values()) <= {1}
    print(f"\n{len(season.fates)} dates, {len(expected)} late or missing, {sum(found.values())} breaches told")
    print(", ".join(f"{number} {name}" for name, number in sorted(season.faults.items())))


def test_every_success_in_time_is_met_once_and_no_other(season: Season) -> None:
    expected = {
        ("SLA_MET", key.pipeline_id, str(key.date))
        for key, fate in season.fates.items()
        if fate.succeeded and not is_late(season.pipelines[key.pipeline_id], key, fate)
        if key.date.day < season.end.date()
    }
    found = told(season, "SLA_MET")
    assert set(found) == expected
    assert set(found.values()) <= {1}
    print(f"\n{sum(found.values())} met")


def test_every_fire_without_a_trigger_is_missed_once_and_no_other(season: Season) -> None:
    expected = {
        ("SCHEDULE_MISSED", key.pipeline_id, str(key.date))
        for key, fate in season.fates.items()
        if season.pipelines[key.pipeline_id].kind == "cron"
        and fate.ended_at is None
        and is_answered_for(season.pipelines[key.pipeline_id], key)
    }
    found = told(season, "SCHEDULE_MISSED")
    assert set(found) == expected
    assert set(found.values()) <= {1}
    print(f"\n{sum(found.values())} schedules missed")


def test_every_fire_that_waits_for_no_sensor_is_started_once(season: Season) -> None:
    """Ticks stay away for fifteen hours at most, so that no fire is overtaken by the next one."""
    days = {key.date.day for key in season.fates}
    for pipeline in (one for one in season.pipelines.values() if one.kind == "fires"):
        expected = {day for day in days if pipeline.expects(day) and pipeline.fire(day) >= START}
        assert {run.key.date.day for run in season.store.runs(pipeline.id) if run.key.date.day in days} == expected


def test_a_warning_comes_once_and_before_the_breach_and_not_for_what_has_ended(season: Season) -> None:
    assert set(told(season, "SLA_WARNING").values()) <= {1}
    warnings = [one for one in season.told if one[0] == "SLA_WARNING"]
    for _, name, day, at in warnings:
        pipeline = season.pipelines[name]
        key = pipeline.key(parse_execution_date(day).day)
        fate = season.fates.get(key, Fate())
        assert at < pipeline.deadline(key.date.day)
        assert fate.ended_at is None or at <= fate.ended_at
    print(f"\n{len(warnings)} warnings")


def test_nothing_else_was_reported(season: Season) -> None:
    """No run was taken for dead, none was recovered, no check failed."""
    usual = {"JOB_TRIGGERED", "JOB_COMPLETED", "JOB_FAILED", "RETRY_EXHAUSTED", "SLA_MET", "SLA_WARNING", "SLA_BREACH"}
    found = Counter(kind for kind, *_ in season.told)
    assert set(found) <= usual | {"SCHEDULE_MISSED"}
