"""The dates that `interlock status` shows, and the dates that make it fail."""

from msgspec import Struct
from msgspec.structs import replace

from interlock_cli._output._errors import CliError
from interlock_lifecycle.reports import Progress, RunReport
from interlock_sla import ExecutionDate, ExecutionDateError, parse_execution_date
from interlock_store import PipelineStatus, UnreadableStatus

UNREADABLE = "unreadable"
STATES = (*(str(one) for one in Progress), UNREADABLE)
FAILURES = ("held", "failed", "breached", "unreadable")
"""The kinds of dates on which the command may fail. A breached date has a breach, or an open deadline in the past."""


class StatusChoice(Struct, frozen=True):
    """The chosen states, dates and owner, and the kinds of dates that make the command fail. Empty means all."""

    states: frozenset[str] = frozenset()
    since: ExecutionDate | None = None
    owner: str | None = None
    fail_on: frozenset[str] = frozenset()

    def narrowed(self, status: PipelineStatus) -> PipelineStatus | None:
        """The pipeline with the chosen dates. None for another owner, and without a chosen date.

        A pipeline whose config cannot be read may have any owner, and is never left out.
        """
        config = status.stored.config
        if config is None and status.problem:
            return replace(status, dates=[one for one in status.dates if self._has(one)])
        if self.owner is not None and (config is None or config.pipeline.owner != self.owner):
            return None
        if not self.states and self.since is None:
            return status
        dates = [one for one in status.dates if self._has(one)]
        return replace(status, dates=dates, excluded=None) if dates else None

    def _has(self, line: RunReport | UnreadableStatus) -> bool:
        state = str(line.progress) if isinstance(line, RunReport) else UNREADABLE
        if self.states and state not in self.states:
            return False
        # A date that cannot be read may be any date.
        return self.since is None or isinstance(line, UnreadableStatus) or parse_execution_date(line.date) >= self.since

    def fails(self, found: list[PipelineStatus]) -> bool:
        """Whether a shown date, or a config that cannot be read, is of a kind on which the command fails."""
        if UNREADABLE in self.fail_on and any(one.problem for one in found):
            return True
        return any(not self.fail_on.isdisjoint(_kinds(line)) for one in found for line in one.dates)


def _kinds(line: RunReport | UnreadableStatus) -> set[str]:
    if isinstance(line, UnreadableStatus):
        return {UNREADABLE}
    is_breached = any(clock.verdict == "breach" or clock.overdue for clock in line.sla)
    return {str(line.progress), *(["breached"] if is_breached else [])}


def read_choice(states: tuple[str, ...], since: str | None, owner: str | None, fail_on: str | None) -> StatusChoice:
    """The choice that the options make. Raises one CliError for all invalid options."""
    problems, first = [], None
    if since is not None:
        try:
            first = parse_execution_date(since)
        except ExecutionDateError as error:
            problems.append(f"--since: {error}")
    kinds = [] if fail_on is None else [kind.strip() for kind in fail_on.split(",")]
    problems += [
        f"--fail-on has {kind!r}, must be some of {', '.join(FAILURES)}, with commas"
        for kind in kinds
        if kind not in FAILURES
    ]
    if problems:
        raise CliError(*problems)
    return StatusChoice(frozenset(states), first, owner, frozenset(kinds))
