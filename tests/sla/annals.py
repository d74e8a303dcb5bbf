"""The fates of the dates of a season, and their verdicts, judged independently of the product."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from interlock_sla import Clock

_HAIR = timedelta(seconds=1)
"""Two changes in the same second may come in either order."""


class Attempt(Struct):
    """One attempt: the times of its commit, of the begin of its execution and of the end of its job, and its result."""

    opened_at: datetime
    began_at: datetime | None = None
    ended_at: datetime | None = None
    succeeded: bool = False
    final: bool = False


class Fate(Struct):
    """The attempts of one date, empty for a date that never ran."""

    attempts: list[Attempt] = []
    delivered: dict[tuple[str, datetime], datetime] = {}
    """The times at which timers really fired, by alert and moment."""

    @property
    def never_ran(self) -> bool:
        return not self.attempts

    @property
    def arrived_at(self) -> datetime | None:
        return self.attempts[0].opened_at if self.attempts else None

    def is_open(self, moment: datetime, *, begun: bool = False) -> bool | None:
        """Whether the date was neither completed nor finally failed. None if that changed in the same second.

        With `begun`, an execution must also have been running.
        """
        changes = [at for one in self.attempts for at in (one.opened_at, one.began_at, one.ended_at) if at is not None]
        if any(abs(change - moment) <= _HAIR for change in changes):
            return None
        attempt = next((one for one in reversed(self.attempts) if one.opened_at <= moment), None)
        if attempt is None:
            return not begun
        if attempt.ended_at is not None and attempt.ended_at <= moment:
            return not attempt.final and not begun
        return not begun or (attempt.began_at is not None and attempt.began_at <= moment)


class Verdict(Struct, frozen=True):
    """The outcome of each clock, and whether SLA_MET is emitted."""

    clocks: Mapping[Clock, str]
    met: bool


def judge(fate: Fate, deadlines: Mapping[Clock, datetime]) -> Verdict:
    """An attempt that runs at a deadline, or begins after it, breaches it. A success before a deadline meets it.

    A verdict stays. A final failure before a deadline leaves the clock open, without an event unless a rerun runs.
    SLA_MET is emitted for a success before which no clock was judged.
    """
    judged: dict[Clock, str] = {}
    met = False
    if fate.never_ran and Clock.ABSOLUTE in deadlines:
        judged[Clock.ABSOLUTE] = "breach"
    for attempt in fate.attempts:
        for clock, at in deadlines.items():
            if clock not in judged and (attempt.ended_at is None or attempt.ended_at >= at):
                judged[clock] = "breach"
        if attempt.succeeded:
            met = met or (bool(deadlines) and not judged)
            judged = {**dict.fromkeys(deadlines, "met"), **judged}
    return Verdict(judged, met)


def _is_met(fate: Fate, at: datetime) -> bool:
    """Whether a success has ended every clock by this time."""
    return any(one.succeeded and one.ended_at is not None and one.ended_at <= at for one in fate.attempts)


class WarningDue(Struct, frozen=True):
    """A clock's warning: its alert, its time and the breach that ends it."""

    alert: str
    at: datetime
    breach_at: datetime
    is_relative: bool


def must_warn(fate: Fate, due: WarningDue, ticks: list[datetime], grace: timedelta) -> bool:
    """Whether a timer, a tick or the begin of an execution could warn while the date was open."""
    heard = fate.delivered.get((due.alert, due.at))
    moments = [] if heard is None else [(heard, False)]
    moments += [(tick, due.is_relative) for tick in ticks if tick >= due.at + grace]
    if any(at < due.breach_at and fate.is_open(at, begun=begun) and not _is_met(fate, at) for at, begun in moments):
        return True
    begun_at = (one.began_at for one in fate.attempts if one.began_at is not None)
    return any(due.at <= at < due.breach_at and not _is_met(fate, at) for at in begun_at)


def may_warn(fate: Fate, at: datetime, breach_at: datetime) -> bool:
    """Whether a warning at this moment is correct: before the breach, for a date that is neither over nor met."""
    return at < breach_at and fate.is_open(at) is not False and not _is_met(fate, at)
