"""The SLA verdict of a date."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from interlock_lifecycle import ClockVerdict, RunKey, Verdict
from interlock_sla import Clock, Outcome
from interlock_store._rows._keys import MalformedRow
from interlock_store._rows._parts import epoch, format_time, parse_time
from interlock_store._write import Item

_VERDICT_TTL = timedelta(days=400)


def verdict_changes(fresh: Mapping[Clock, ClockVerdict]) -> Item:
    """The verdict attributes that a judgement adds."""
    changes: Item = {
        str(clock): {
            "outcome": str(verdict.outcome),
            "deadline": format_time(verdict.deadline),
            "at": format_time(verdict.at),
        }
        for clock, verdict in fresh.items()
    }
    latest = max((verdict.at for verdict in fresh.values()), default=None)
    return changes if latest is None else {**changes, "ttl": epoch(latest + _VERDICT_TTL)}


def read_verdict(row: Mapping[str, Any] | None, key: RunKey) -> Verdict:
    """The judgements of a date so far. A missing row has none.

    An SLA never stops a run, so a corrupted judgement raises no error.
    """
    stored = {clock: (row or {})[str(clock)] for clock in Clock if str(clock) in (row or {})}
    read = {clock: _read_judgement(value) for clock, value in stored.items()}
    return Verdict(
        key,
        clocks={clock: judgement for clock, judgement in read.items() if judgement is not None},
        corrupted={clock: stored[clock] for clock, judgement in read.items() if judgement is None},
    )


def _read_judgement(value: Any) -> ClockVerdict | None:
    try:
        return ClockVerdict(
            Outcome(value["outcome"]), parse_time(value["deadline"], "", ""), parse_time(value["at"], "", "")
        )
    except (KeyError, TypeError, ValueError, MalformedRow):
        return None
