"""Classifies each event that deserved an alert: posted, waiting, silenced, lost, dead, or unaccounted."""

import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct

from interlock_store import AlertRecords

IN_FLIGHT = timedelta(minutes=2)
"""The time in which an event reaches the alert queue and the function."""

QUEUED = timedelta(minutes=70)
"""The longest time of a message in the alert queue: ten deliveries, six minutes apart, then it is a dead letter."""

_MERGED_INTO = "RETRY_EXHAUSTED"


class Fate(StrEnum):
    """The state of an alert. For several targets, the fate that comes first here counts."""

    UNACCOUNTED = "unaccounted"
    DEAD = "dead"
    LOST = "answer lost"
    WAITING = "waiting"
    POSTED = "posted"
    SUPPRESSED = "suppressed"
    SILENCED = "silenced"
    QUIET = "quiet success"
    MERGED = "merged"


_ENDS = {
    "delivered": Fate.POSTED,
    "suppressed": Fate.SUPPRESSED,
    "silenced": Fate.SILENCED,
    "quiet": Fate.QUIET,
}


class Queues(Struct, frozen=True):
    """The event ids of the dead letters, and whether the alert queue has messages.

    `problem` is the reason if the queues cannot be read as a whole, or "".
    """

    dead: frozenset[str] = frozenset()
    has_messages: bool = False
    problem: str = ""


class Finding(Struct, frozen=True):
    """An event that deserved an alert, its fate, and the reason unless it was posted."""

    id: str
    type: str
    pipeline: str
    date: str
    at: datetime
    fate: Fate
    reason: str


class Audit(Struct, frozen=True):
    """All findings, oldest first."""

    findings: tuple[Finding, ...]

    @property
    def counts(self) -> dict[str, int]:
        """The number of events by fate. They add up to the number of findings."""
        counted = Counter(finding.fate for finding in self.findings)
        return {str(fate): counted[fate] for fate in Fate}


class _Look(Struct, frozen=True):
    """The facts that all events have in common."""

    now: datetime
    waiting: Mapping[tuple[str, str], str]
    queues: Queues
    merging: Collection[tuple[Any, ...]]


def audit(records: AlertRecords, types: Iterable[str], since: datetime, queues: Queues, now: datetime) -> Audit:
    """Find the fate of each event of the types since a time. Raises the errors of the table."""
    # The rows of an alert come after its event: whatever waits is read before the rows of those that were posted.
    events = [row for kind in types for row in records.events(kind, since)]
    look = _Look(now, records.waiting(), queues, {_run_of(row) for row in events if row["eventType"] == _MERGED_INTO})
    routed = records.rows((row["PK"], f"ROUTE#{row.get('eventId')}") for row in events)
    plans = {key: _targets_in(row) for key, row in routed.items()}
    wanted = {_place_of(row): plans.get((row["PK"], f"ROUTE#{row.get('eventId')}")) or {"": ""} for row in events}
    known = records.rows(
        (row["PK"], _alert_sk(row, place)) for row in events for place in wanted[_place_of(row)].values()
    )
    findings = [_finding(row, wanted[_place_of(row)], known, records, look) for row in events]
    return Audit(tuple(sorted(findings, key=lambda finding: (finding.at, finding.id))))


def _finding(
    row: Mapping[str, Any],
    targets: Mapping[str, str],
    known: Mapping[tuple[str, str], Mapping[str, Any]],
    records: AlertRecords,
    look: _Look,
) -> Finding:
    at = datetime.fromtimestamp(int(row["timestamp"]) / 1000, UTC)
    if _is_merged(row):
        fate, reason = _fate_of_merged(row, at, look)
    else:
        rows = {name: known.get((row["PK"], _alert_sk(row, place)), {}) for name, place in targets.items()}
        found = {name: _fate_of(name, row, alert, at, look) for name, alert in rows.items()}
        if any(fate is Fate.UNACCOUNTED for fate, _ in found.values()):
            found = _with_moved(found, row, targets, records)
        fate, reason = _worst(found)
    return Finding(
        id=str(row.get("eventId")),
        type=str(row["eventType"]),
        pipeline=str(row.get("pipelineId")),
        date=str(row.get("date") or ""),
        at=at,
        fate=fate,
        reason=reason,
    )


def _fate_of(
    target: str, row: Mapping[str, Any], alert: Mapping[str, Any], at: datetime, look: _Look
) -> tuple[Fate, str]:
    """The fate of an alert at one target, from its row there."""
    identifier = str(row.get("eventId"))
    if end := _end_of(alert):
        return end
    if (target, identifier) in look.waiting:
        reason = look.waiting[target, identifier]
        return Fate.WAITING, "it waits as a row until its target takes it" + (f": {reason}" if reason else "")
    leased = _number(alert.get("leaseUntil"))
    if leased is not None and leased >= look.now.timestamp() * 1000:
        return Fate.WAITING, "it is being posted now"
    if identifier in look.queues.dead:
        return Fate.DEAD, "its message is a dead letter in alert-dlq"
    if "unsure" in alert:
        return Fate.LOST, f"it may have been posted: {alert['unsure']}"
    if "leasedBy" in alert:
        return Fate.LOST, "its function ended during the post"
    age = look.now - at
    if age < IN_FLIGHT:
        return Fate.WAITING, "it was emitted less than two minutes ago"
    if look.queues.has_messages and age < QUEUED:
        return Fate.WAITING, "it has no row, and the alert queue has messages"
    problem = f" ({look.queues.problem})" if look.queues.problem else ""
    return Fate.UNACCOUNTED, f"it has no row, no dead letter, and does not wait{problem}"


def _end_of(alert: Mapping[str, Any]) -> tuple[Fate, str] | None:
    if isinstance(alert.get("threadTs"), str):
        return Fate.POSTED, ""
    fate = _ENDS.get(str(alert.get("outcome")))
    if fate not in (None, Fate.POSTED) and "unsure" in alert:
        return Fate.LOST, f"it may have been posted: {alert['unsure']}. A later delivery ended as {fate}"
    reasons = {
        Fate.SILENCED: f"by the silence {alert.get('silence', '?')}",
        Fate.SUPPRESSED: "a repeat that only changed the head of its thread",
        Fate.QUIET: "a success that opens no thread",
    }
    return None if fate is None else (fate, reasons.get(fate, ""))


def _with_moved(
    found: Mapping[str, tuple[Fate, str]], row: Mapping[str, Any], targets: Mapping[str, str], records: AlertRecords
) -> dict[str, tuple[Fate, str]]:
    """The fates, if the alert went elsewhere: an edit of the routing may have moved or removed its target."""
    planned = {_alert_sk(row, place) for place in targets.values()}
    others = records.beginning_with(str(row["PK"]), _alert_sk(row, ""))
    elsewhere = [end for one in others if one["SK"] not in planned and (end := _end_of(one)) is not None]
    moved = {}
    for name, (fate, reason) in found.items():
        moved[name] = elsewhere.pop() if fate is Fate.UNACCOUNTED and elsewhere else (fate, reason)
    return moved


def _worst(found: Mapping[str, tuple[Fate, str]]) -> tuple[Fate, str]:
    ranks = list(Fate)
    name = min(found, key=lambda one: ranks.index(found[one][0]))
    fate, reason = found[name]
    if not reason or (len(found) == 1 and not name):
        return fate, reason
    return fate, f"{name or 'the default channel'}: {reason}"


def _fate_of_merged(row: Mapping[str, Any], at: datetime, look: _Look) -> tuple[Fate, str]:
    if _run_of(row) in look.merging:
        return Fate.MERGED, f"{_MERGED_INTO} of the same decision has all its fields"
    if look.now - at < IN_FLIGHT:
        return Fate.WAITING, f"{_MERGED_INTO} of the same decision was emitted less than two minutes ago"
    return Fate.UNACCOUNTED, f"it names {_MERGED_INTO}, which is not in the events table"


def _is_merged(row: Mapping[str, Any]) -> bool:
    if row["eventType"] != "JOB_FAILED":
        return False
    try:
        detail = json.loads(str(row.get("detail")))
    except (ValueError, RecursionError):
        return False
    top = detail if isinstance(detail, dict) else {}
    inner = top.get("detail")
    return top.get("followedBy", inner.get("followedBy") if isinstance(inner, dict) else None) == _MERGED_INTO


def _run_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The decision of an event: its run and its time."""
    return row["PK"], row.get("scheduleId"), row.get("date"), row["timestamp"]


def _place_of(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row["PK"]), str(row.get("eventId"))


def _alert_sk(row: Mapping[str, Any], place: str) -> str:
    return f"ALERT#{row.get('eventId')}" + (f"#{place}" if place else "")


def _targets_in(row: Mapping[str, Any]) -> dict[str, str]:
    try:
        found = json.loads(str(row.get("targets")))
    except (ValueError, RecursionError):
        return {}
    is_plan = isinstance(found, dict) and all(isinstance(place, str) for place in found.values())
    return found if is_plan else {}


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def not_posted(found: Audit) -> Sequence[Finding]:
    """The findings that a person should see: every alert that was not posted, the worst first."""
    ranks = list(Fate)
    listed = [finding for finding in found.findings if finding.fate is not Fate.POSTED]
    return sorted(listed, key=lambda finding: ranks.index(finding.fate))
