"""The dates that `interlock status` shows, and the dates that make it fail."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from interlock_cli._output._errors import CliError
from interlock_cli._output._times import Times
from interlock_lifecycle.reports import Progress, RunReport
from interlock_sla import ExecutionDate, ExecutionDateError, parse_execution_date
from interlock_store import ExcludedToday, PipelineStatus, UnreadableStatus

UNREADABLE, EXCLUDED = "unreadable", "excluded"
_BREACHED, _LATE = "breached", "late"
STATES = (*(str(one) for one in Progress), UNREADABLE, EXCLUDED, _BREACHED, _LATE)
"""The states by which dates are chosen. A date may have several: a held one may be breached too."""

BY_URGENCY = (
    Progress.FAILED,
    UNREADABLE,
    _BREACHED,
    Progress.HELD,
    Progress.NOT_BEGUN,
    Progress.EVALUATING,
    Progress.COMMITTED,
    Progress.RUNNING,
    _LATE,
    Progress.COMPLETED,
    EXCLUDED,
)
"""The states, the most urgent one first."""

FAILURES = ("held", "failed", _BREACHED, UNREADABLE)
"""The kinds of dates on which the command may fail. `breached` also has the late ones."""

_UNCLOSED = frozenset({Progress.COMMITTED, Progress.HELD, Progress.EVALUATING, Progress.RUNNING})


class StatusChoice(Struct, frozen=True):
    """The chosen states, dates and owner, and the kinds of dates that make the command fail. Empty means all.

    only: the one date that is chosen.
    """

    states: frozenset[str] = frozenset()
    since: ExecutionDate | None = None
    owner: str | None = None
    fail_on: frozenset[str] = frozenset()
    only: ExecutionDate | None = None

    def narrowed(self, status: PipelineStatus) -> PipelineStatus | None:
        """The pipeline with the chosen dates. None for another owner, and without a chosen date.

        A pipeline whose config cannot be read may have any owner, and is never left out.
        """
        config = status.stored.config
        if config is None and status.problem:
            return replace(status, dates=[one for one in status.dates if self._has(one)])
        if self.owner is not None and (config is None or config.pipeline.owner != self.owner):
            return None
        dates = [one for one in status.dates if self._has(one)]
        excluded = status.excluded if self._has_excluded(status.excluded) else None
        is_chosen = dates or excluded is not None or not (self.states or self.since or self.only)
        return replace(status, dates=dates, excluded=excluded) if is_chosen else None

    def _has(self, line: RunReport | UnreadableStatus) -> bool:
        if self.only is not None and line.date != str(self.only):
            return False
        if self.states and self.states.isdisjoint(kinds_of(line)):
            return False
        # A date that cannot be read may be any date, and a run that is not closed concerns the present.
        if self.since is None or isinstance(line, UnreadableStatus) or line.progress in _UNCLOSED:
            return True
        return parse_execution_date(line.date) >= self.since

    def _has_excluded(self, excluded: ExcludedToday | None) -> bool:
        if excluded is None or self.only is not None or (self.states and EXCLUDED not in self.states):
            return False
        return self.since is None or excluded.day >= self.since.day

    def check_owner(self, found: Iterable[PipelineStatus]) -> None:
        """Raise CliError if no pipeline has the chosen owner, since a misspelt owner would fail on nothing."""
        statuses = list(found)
        owners = {one.stored.config.pipeline.owner for one in statuses if one.stored.config is not None} - {None}
        # A config that cannot be read may have any owner.
        if self.owner is not None and self.owner not in owners and not any(one.problem for one in statuses):
            known = ", ".join(sorted(str(owner) for owner in owners)) or "none"
            raise CliError(f"--owner is {self.owner!r}, which no pipeline has; owners: {known}")

    def fails(self, found: list[PipelineStatus]) -> bool:
        """Whether a shown date, or a config that cannot be read, is of a kind on which the command fails."""
        if UNREADABLE in self.fail_on and any(one.problem for one in found):
            return True
        kinds = self.fail_on | ({_LATE} if _BREACHED in self.fail_on else set())
        return any(not kinds.isdisjoint(kinds_of(line)) for one in found for line in one.dates)


def kinds_of(line: RunReport | UnreadableStatus) -> set[str]:
    """The states of a date. A breach, or an open deadline in the past, makes it breached, or late if it completed."""
    if isinstance(line, UnreadableStatus):
        return {UNREADABLE}
    found = {str(line.progress)}
    if any(clock.verdict == "breach" or clock.overdue for clock in line.sla):
        found.add(_LATE if line.progress is Progress.COMPLETED else _BREACHED)
    return found


def _first_date(text: str, times: Times) -> ExecutionDate | None:
    """The date that a text names, or the day in UTC of the time that it names. None for any other text."""
    try:
        return parse_execution_date(text)
    except ExecutionDateError:
        moment = times.begin(text)
    try:
        return None if moment is None else ExecutionDate(moment.date())
    except ExecutionDateError:
        return None


def read_choice(
    states: tuple[str, ...], since: str | None, owner: str | None, fail_on: str | None, now: datetime
) -> StatusChoice:
    """The choice that the options make at `now` (UTC). Raises one CliError for all invalid options."""
    problems, first = [], None
    if since is not None:
        first = _first_date(since, times := Times(now))
        problems += [f"--since is {since!r}, {times.allowed}"] if first is None else []
    kinds = [] if fail_on is None else [kind.strip() for kind in fail_on.split(",")]
    problems += [
        f"--fail-on has {kind!r}, must be some of {', '.join(FAILURES)}, with commas"
        for kind in kinds
        if kind not in FAILURES
    ]
    if problems:
        raise CliError(*problems)
    return StatusChoice(frozenset(states), first, owner, frozenset(kinds))
