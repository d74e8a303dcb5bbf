"""The status of pipelines for programs: JSON with times in both zones, and the flat rows of CSV."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import to_builtins

from interlock_cli._pipelines._pause import wire_pause
from interlock_cli._runs._status_choice import EXCLUDED, UNREADABLE
from interlock_lifecycle.reports import Progress, RunReport, SlaReport
from interlock_store import ExcludedToday, PipelineStatus, UnreadableStatus

PAUSED, REMOVED, DRY_RUN = "paused", "removed", "dry run"
"""The states of a pipeline, which a date does not have."""

COLUMNS = (
    "pipeline",
    "date",
    "progress",
    "attempt",
    "reason",
    "until",
    "held_since",
    "next_look",
    "zone",
    "problem",
    "sla",
)
"""The columns of CSV."""


def flat_rows(one: PipelineStatus, now: datetime) -> Iterator[dict[str, Any]]:
    """A row per date, and rows for a removal, a pause and an excluded day. A pipeline without any of these has one."""
    wire = wire_status(one, now)
    whole = {"pipeline": wire["pipeline"], "zone": wire["zone"], "problem": wire["problem"]}
    rows = list(wire["runs"])
    if (pause := one.pause(now)) is not None:
        rows.append({"progress": PAUSED, "reason": str(pause), "until": wire["paused"]["until"]})
    if (excluded := excluded_alone(one)) is not None:
        rows.append({"date": str(excluded.day), "progress": EXCLUDED, "reason": say_excluded(excluded)})
    if wire["removed"]:
        rows.append({"progress": REMOVED})
    for row in rows or [{"progress": DRY_RUN} if wire["dry_run"] else {}]:
        yield {**whole, **row}


def wire_status(one: PipelineStatus, now: datetime) -> dict[str, Any]:
    """The status as JSON: times in UTC, deadlines also in the pipeline's zone, seconds left (negative if overdue)."""
    config = one.stored.config
    zone = config.zone if config is not None else None
    runs = [_wire_line(line, zone, now) for line in one.dates]
    return {
        "pipeline": one.pipeline,
        "problem": one.problem,
        "zone": str(zone) if zone else None,
        "dry_run": config is not None and config.dry_run,
        "removed": not one.stored.exists,
        "paused": None if (pause := one.pause(now)) is None else wire_pause(one.pipeline, pause),
        "excluded_today": None if one.excluded is None else to_builtins(one.excluded),
        "runs": runs,
    }


def _wire_line(line: RunReport | UnreadableStatus, zone: ZoneInfo | None, now: datetime) -> dict[str, Any]:
    if isinstance(line, RunReport):
        return _wire_run(line, zone, now)
    return {
        "date": line.date,
        "progress": UNREADABLE,
        "attempt": None,
        "reason": line.reason,
        "until": None,
        "held_since": None,
        "next_look": None,
        "sla": [],
    }


def _wire_run(report: RunReport, zone: ZoneInfo | None, now: datetime) -> dict[str, Any]:
    wire: dict[str, Any] = to_builtins(report)
    for entry, clock in zip(wire["sla"], report.sla, strict=True):
        entry["breach_at_local"] = clock.breach_at.astimezone(zone).isoformat() if zone else None
        entry["seconds_left"] = (
            round((clock.breach_at - now).total_seconds())
            if is_ahead_or_over(clock, report.progress) and clock.counts
            else None
        )
    return wire


def is_ahead_or_over(clock: SlaReport, progress: Progress) -> bool:
    return clock.verdict == "open" and progress is not Progress.COMPLETED


def excluded_alone(one: PipelineStatus) -> ExcludedToday | None:
    """The excluded day, if it has no line as a date."""
    excluded = one.excluded
    if excluded is None or any(line.date == excluded.day.isoformat() for line in one.dates):
        return None
    return excluded


def say_excluded(excluded: ExcludedToday) -> str:
    following = excluded.next_open_day
    end = "no day of the next year is open" if following is None else f"until {following:%A} {following}"
    return f"{excluded.day:%A} ({excluded.reason}), {end}"
