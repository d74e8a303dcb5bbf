"""The newest dates of a pipeline as its page lists them: the lines of `interlock status`, with the runs behind them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from interlock_lifecycle import Run, RunKey, Verdict
from interlock_lifecycle.reports import Progress, RunReport, SlaReport
from interlock_sla import ExecutionDateError, Outcome, parse_execution_date
from interlock_store import PipelineStatus, UnreadableStatus
from interlock_web._states import CellState

UNREADABLE = str(CellState.UNREADABLE)


class DateLine(Struct, frozen=True):
    """A date. key: None for a date that cannot be read. run: None for a date without a run, or with an unreadable one.

    state, reason: as in `interlock status`. sla: each clock with its verdict.
    """

    date: str
    key: RunKey | None
    state: str
    reason: str
    run: Run | None = None
    sla: tuple[SlaReport, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its state."""
        return words_of(self.state, self.sla)


def words_of(state: str, sla: Iterable[SlaReport]) -> tuple[str, ...]:
    """The state of a date, and its breach in the word of the overview."""
    if not any(one.verdict == Outcome.BREACH for one in sla):
        return (state,)
    return (state, str(CellState.LATE if state == Progress.COMPLETED else CellState.BREACHED))


def date_lines(
    status: PipelineStatus,
    runs: Sequence[Run],
    verdicts: Mapping[RunKey, Verdict],
    unreadable: Sequence[DateLine] = (),
) -> list[DateLine]:
    """The dates of a pipeline, newest first. runs: those of its newest dates, the kinds of schedule in one order.

    verdicts: those of the runs, and of dates that no config expects any more. unreadable: further lines.
    """
    # A date may have a run under each kind of schedule. Its lines then come in the order of the runs.
    of_date: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        of_date[str(run.key.date)].append(run)
    lines = [*unreadable, *(_line(status.pipeline, one, of_date[one.date]) for one in status.dates)]
    known = {line.date for line in lines}
    lines += [
        DateLine(str(key.date), key, str(Progress.NOT_BEGUN), "", sla=_judged(verdict))
        for key, verdict in verdicts.items()
        if str(key.date) not in known
    ]
    return sorted(lines, key=lambda line: line.date, reverse=True)


def _line(pipeline: str, found: RunReport | UnreadableStatus, runs: list[Run]) -> DateLine:
    key = _key(pipeline, found.date)
    if isinstance(found, UnreadableStatus):
        return DateLine(found.date, key, UNREADABLE, found.reason)
    run = runs.pop(0) if runs and found.progress is not Progress.NOT_BEGUN else None
    return DateLine(found.date, key, str(found.progress), found.reason, run, found.sla)


def _judged(verdict: Verdict) -> tuple[SlaReport, ...]:
    """The verdicts of a date that has no run and that no config expects."""
    return tuple(
        SlaReport(clock, one.deadline, str(one.outcome), judged_at=one.at) for clock, one in verdict.clocks.items()
    )


def _key(pipeline: str, date: str) -> RunKey | None:
    try:
        return RunKey(pipeline, "stream", parse_execution_date(date))
    except ExecutionDateError:
        return None
