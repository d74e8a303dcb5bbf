"""The states of dates in the index of days, in the words of `interlock status --state`, with their signs."""

from enum import StrEnum
from functools import cache

from interlock_lifecycle import RunStatus
from interlock_lifecycle.reports import Progress
from interlock_store import DateState


class CellState(StrEnum):
    """The states of a date and of a day, the most urgent one first. The last two are no words of a person's choice."""

    FAILED = "failed"
    UNREADABLE = "unreadable"
    BREACHED = "breached"
    MISSED = "missed"
    HELD = "held"
    NOT_BEGUN = "not begun"
    RUNNING = "running"
    LATE = "late"
    COMPLETED = "completed"
    EXCLUDED = "excluded"
    UNREAD = "not read"
    NOTHING = "nothing"


SIGNS = {
    CellState.FAILED: "✕",
    CellState.UNREADABLE: "?",
    CellState.BREACHED: "!",
    CellState.MISSED: "∅",
    CellState.HELD: "‖",
    CellState.NOT_BEGUN: "…",
    CellState.RUNNING: "▸",
    CellState.LATE: "✓!",
    CellState.COMPLETED: "✓",
    CellState.EXCLUDED: "–",
    CellState.UNREAD: "↓",
    CellState.NOTHING: "",
}
"""The sign of each state. No state is shown by its colour alone."""

MEANINGS = {
    CellState.FAILED: "the run failed for good",
    CellState.UNREADABLE: "a row of the date cannot be read",
    CellState.BREACHED: "a deadline is breached and the date is not completed",
    CellState.MISSED: "the date was expected and never began",
    CellState.HELD: "the run is held by its rules, or about to start",
    CellState.NOT_BEGUN: "the date is expected, and no run exists",
    CellState.RUNNING: "the job runs",
    CellState.LATE: "completed after a breach",
    CellState.COMPLETED: "the run completed",
    CellState.EXCLUDED: "an excluded day: nothing starts",
    CellState.UNREAD: "the day has more rows, which are read as the page is scrolled",
    CellState.NOTHING: "no run",
}

CHOOSABLE = tuple(state for state in CellState if state not in (CellState.UNREAD, CellState.NOTHING))
"""The states that a person can choose."""

HELD_HERE = (str(Progress.COMMITTED), str(Progress.EVALUATING))
"""Words of `interlock status --state` for which the index of days has no entry of their own. It has HELD for them."""

_ORDER = {state: place for place, state in enumerate(CellState)}


def urgency(state: CellState) -> int:
    """The place of a state. The most urgent one has 0."""
    return _ORDER[state]


def states_of(date: DateState, *, is_whole: bool = True) -> tuple[CellState, ...]:
    """All states of one date, the most urgent one first.

    is_whole: all rows of its day are read. Otherwise the run of a date may be among the others.
    """
    return _states(
        date.status, date.has_job, date.is_breached, bool(date.problem), date.missed_at is not None, is_whole
    )


@cache
def _states(
    status: RunStatus | None, has_job: bool, is_breached: bool, is_unreadable: bool, is_missed: bool, is_whole: bool
) -> tuple[CellState, ...]:
    found = {CellState.BREACHED} if is_breached and status is not RunStatus.COMPLETED else set()
    if is_unreadable:
        found.add(CellState.UNREADABLE)
    elif status is RunStatus.FAILED_FINAL:
        found.add(CellState.FAILED)
    elif status is RunStatus.COMPLETED:
        found |= {CellState.COMPLETED} | ({CellState.LATE} if is_breached else set())
    elif status is RunStatus.RUNNING:
        found.add(CellState.RUNNING if has_job else CellState.HELD)
    else:
        found |= ({CellState.NOT_BEGUN} if is_whole else set()) | ({CellState.MISSED} if is_missed else set())
    return tuple(sorted(found, key=urgency)) or (CellState.NOTHING,)
