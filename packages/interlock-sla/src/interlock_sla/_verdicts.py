"""Decides whether deadlines were met, from the time of the success and the current time, without writing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from ._deadlines import Clock, Deadline
from ._instants import aware


class Outcome(StrEnum):
    """How a clock ended."""

    MET = "met"
    BREACH = "breach"


def judge(deadlines: Sequence[Deadline], succeeded_at: datetime | None, now: datetime) -> Mapping[Clock, Outcome]:
    """The outcome of each clock at `now`. A clock that is still open is absent.

    MET: the run succeeded before the breach instant (a success exactly on it is late).
    BREACH: the breach instant has come without a success before it. A late success changes nothing.
    succeeded_at: the time of the logged success (aware), None without a success, such as for a failed run.
    now: aware. Raises NaiveTimeError.
    """
    aware(now)
    if succeeded_at is not None:
        aware(succeeded_at)
    outcomes: dict[Clock, Outcome] = {}
    for deadline in deadlines:
        outcome = _outcome(deadline, succeeded_at, now)
        if outcome is not None and outcomes.get(deadline.clock) is not Outcome.BREACH:
            outcomes[deadline.clock] = outcome
    return outcomes


def all_met(deadlines: Sequence[Deadline], outcomes: Mapping[Clock, Outcome]) -> bool:
    """Whether SLA_MET is true: there is at least one deadline, and the clock of each deadline was met."""
    return bool(deadlines) and all(outcomes.get(deadline.clock) is Outcome.MET for deadline in deadlines)


def _outcome(deadline: Deadline, succeeded_at: datetime | None, now: datetime) -> Outcome | None:
    if succeeded_at is not None:
        return Outcome.MET if succeeded_at < deadline.breach_at else Outcome.BREACH
    return Outcome.BREACH if now >= deadline.breach_at else None
