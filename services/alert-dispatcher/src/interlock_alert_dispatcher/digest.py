"""Makes the summary of a day: runs that breached, failed, were held or recovered, per owner, as pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from interlock_alert_dispatcher.foreign import render_plain

_NAME = 80
_MOST_NAMES = 10
_MOST_OWNERS = 100
_NO_OWNER = "no owner"


class Group(StrEnum):
    """The groups of a digest, in their order."""

    BREACHED = "breached"
    FAILED = "failed"
    MISSED = "missed"
    HELD = "held"
    RESOLVED = "resolved"
    SILENCED = "silenced"


TYPES: Mapping[str, Group] = {
    "SLA_BREACH": Group.BREACHED,
    "RELATIVE_SLA_BREACH": Group.BREACHED,
    "RETRY_EXHAUSTED": Group.FAILED,
    "VALIDATION_EXHAUSTED": Group.FAILED,
    "JOB_POLL_EXHAUSTED": Group.FAILED,
    "INFRA_FAILURE": Group.FAILED,
    "SFN_TIMEOUT": Group.FAILED,
    "CONFIG_INVALID": Group.FAILED,
    "SCHEDULE_MISSED": Group.MISSED,
    "IRREGULAR_SCHEDULE_MISSED": Group.MISSED,
    "SENSOR_DEADLINE_EXPIRED": Group.MISSED,
    "RUN_HELD": Group.HELD,
}
"""The event types of a digest, without JOB_COMPLETED, which resolves."""

SUCCESS = "JOB_COMPLETED"
LONGEST = timedelta(days=7)
"""The longest period of a digest."""

_PROBLEMS = frozenset({Group.BREACHED, Group.FAILED, Group.MISSED})


class Happening(Struct, frozen=True):
    """The used part of an event: its type, id, run and owner, and its time in milliseconds since the epoch."""

    type: str
    id: str
    pipeline: str
    schedule: str
    date: str
    at: int
    owner: str = ""

    @property
    def run(self) -> tuple[str, str, str]:
        """The pipeline, the schedule and the date."""
        return self.pipeline, self.schedule, self.date


class Period(Struct, frozen=True):
    """The time that a digest covers. The end does not belong to it."""

    begin: datetime
    end: datetime

    @property
    def name(self) -> str:
        """The end in UTC. Names sort by time, and a change of the digest's time or zone gives each end its own name."""
        return f"{self.end.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def period_at(now: datetime, at: str, zone: ZoneInfo) -> Period:
    """The day that ended last: from the time `at` of one day to the same time of the next day, in the zone."""
    clock, local = time.fromisoformat(at), now.astimezone(zone)
    day = local.date()
    if now < datetime.combine(day, clock, zone):
        day -= timedelta(days=1)
    begin, end = (datetime.combine(one, clock, zone) for one in (day - timedelta(days=1), day))
    return Period(begin, end)


def period_after(last: datetime | None, due: Period) -> Period | None:
    """The period from the end of the last digest to the end of the day `due`. None if the last digest covers that day.

    So no event is between two digests after a change of `at`, and a digest that no target took joins the next one. The
    period is at most a week. Without an earlier digest it is the day.
    """
    if last is None:
        return due
    if last >= due.end:
        return None
    return Period(max(last, due.end - LONGEST).astimezone(due.end.tzinfo), due.end)


def happening_of(row: Mapping[str, Any]) -> Happening | None:
    """The event of a row in DynamoDB's notation, None for a row that is not an event."""
    names = ("eventType", "eventId", "pipelineId", "scheduleId", "date")
    texts = [row.get(name, {}).get("S", "") for name in names]
    stamp = row.get("timestamp", {}).get("N", "")
    if not all(texts[:3]) or not stamp.isdigit():
        return None
    kind, identifier, pipeline, schedule, date = texts
    return Happening(kind, identifier, pipeline, schedule, date, int(stamp), _owner_in(row))


def summarise(happenings: Iterable[Happening], silenced: Iterable[str]) -> dict[str, dict[Group, list[str]]]:
    """By owner and group: the pipeline of each run, in order. A run counts once per group.

    `silenced` are the ids of silenced events. A run is resolved if it succeeded after its problem.
    """
    found, quiet = sorted(happenings, key=lambda one: (one.at, one.id)), set(silenced)
    owners = {one.pipeline: one.owner for one in found if one.owner}
    problems: set[tuple[str, str, str]] = set()
    runs: dict[tuple[Group, tuple[str, str, str]], None] = {}
    for one in found:
        group = TYPES.get(one.type)
        if group is not None:
            runs[group, one.run] = None
        if group in _PROBLEMS:
            problems.add(one.run)
        if one.type == SUCCESS and one.run in problems:
            runs[Group.RESOLVED, one.run] = None
        if one.id in quiet:
            runs[Group.SILENCED, one.run] = None
    summary: dict[str, dict[Group, list[str]]] = {}
    for group, run in runs:
        summary.setdefault(owners.get(run[0], _NO_OWNER), {}).setdefault(group, []).append(run[0])
    return {
        owner: {group: groups[group] for group in Group if group in groups} for owner, groups in sorted(summary.items())
    }


def digest_text(period: Period, zone: str, summary: Mapping[str, Mapping[Group, Sequence[str]]]) -> str:
    """The summary as plain text, one line per owner."""
    title = f"Interlock digest · {period.begin:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d %H:%M} {zone}"
    lines = [_line(owner, groups) for owner, groups in list(summary.items())[:_MOST_OWNERS]]
    if (hidden := len(summary) - _MOST_OWNERS) > 0:
        lines.append(f"… and {hidden} more owners")
    return "\n".join([title, *(lines or ["no run breached, failed or was held"])])


def _line(owner: str, groups: Mapping[Group, Sequence[str]]) -> str:
    return f"{render_plain(owner, _NAME)}: " + ", ".join(
        f"{len(pipelines)} {group} ({_names(pipelines)})" for group, pipelines in groups.items()
    )


def _names(pipelines: Sequence[str]) -> str:
    names = list(dict.fromkeys(pipelines))
    shown = ", ".join(render_plain(name, _NAME) for name in names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"


def _owner_in(row: Mapping[str, Any]) -> str:
    try:
        detail = msgspec.json.decode(row.get("detail", {}).get("S", "{}"), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
    inner = detail.get("detail")
    owner = detail.get("owner") or (inner.get("owner") if isinstance(inner, dict) else None)
    return owner if isinstance(owner, str) else ""
