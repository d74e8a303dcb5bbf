"""All decisions that change rows, as data. The store writes each in one transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from msgspec import UNSET, Struct

from interlock_lifecycle._run import (
    CorruptedRun,
    JobEntry,
    JobIntent,
    RerunEntry,
    RestOfHour,
    Run,
    RunKey,
    RunStatus,
    Wait,
)
from interlock_lifecycle.events._event import Event
from interlock_rules import KeptRow
from interlock_sla import Clock, Outcome


class ClockVerdict(Struct, frozen=True):
    """The judgement of one SLA clock of a date: it met or breached its `deadline`. It was written `at` (both UTC)."""

    outcome: Outcome
    deadline: datetime
    at: datetime


class Verdict(Struct, frozen=True):
    """The VERDICT# row of a date: one judgement per clock, each written once."""

    key: RunKey
    clocks: dict[Clock, ClockVerdict] = {}
    corrupted: dict[Clock, Any] = {}
    """Corrupted judgements as they are stored, by clock. Such a clock is judged again, which replaces the value."""


class Dormancy(Struct, frozen=True):
    """A date whose trigger row came on an excluded day. The watchdog begins it on the next allowed day.

    sensor_key: the row that fulfilled the trigger. row_name: the name under which the date keeps it. since: the time of
    the first such record (UTC). is_dry: the pipeline was a dry run when the last one came.
    """

    sensor_key: str
    row_name: str
    since: datetime
    is_dry: bool = False


class KeptRows(Struct, frozen=True):
    """The KEPT# row of a date: the rows that its rules read, by the rule's row name (docs/dates.md §3).

    version: grows with each write, so that two writers cannot overwrite each other. 0: there is no row.
    dormant: the note of a date that waits on excluded days. None once the date has begun, or does not wait.
    """

    rows: Mapping[str, KeptRow] = {}
    version: int = 0
    dormant: Dormancy | None = None

    @property
    def is_kept_for_later(self) -> bool:
        """Whether the date waits, and needs its rows until it begins, although other dates write under their keys."""
        return self.dormant is not None and self.dormant.row_name in self.rows


class StartRun(Struct, frozen=True):
    """Create the trigger row of a date, and note the arrival of its first sensor unless it is stored already.

    kept: the record that opened the date, if another date's row may replace it.
    """

    run: Run
    arrived_at: datetime | None
    events: tuple[Event, ...] = ()
    kept: KeptRows = KeptRows()


class MarkStarted(Struct, frozen=True):
    """The execution of `run` was started: renew its lease and leave the pending index."""

    run: Run
    started_at: datetime
    lease_until: datetime
    events: tuple[Event, ...]


class WaitForSlot(Struct, frozen=True):
    """The run is not started yet, since `schedule.maxOpenDates` dates of its pipeline are under way."""

    run: Run
    events: tuple[Event, ...] = ()


class OpenWait(Struct, frozen=True):
    """A look found that the run has to wait, and the run's execution has no WAIT# row: create it.

    The caller then looks again. A wake from now on changes the row, so no change after that look is lost. before: the
    row of an earlier execution, or a corrupted one. job: the job whose events wake the run, if it waits for its job.
    """

    run: Run
    wait: Wait
    before: Wait | None = None
    job: JobIntent | None = None
    events: tuple[Event, ...] = ()


class NoteHeld(Struct, frozen=True):
    """Other rules hold the run than at its last look. `wait`: its WAIT# row with the new rules and reports."""

    run: Run
    wait: Wait
    events: tuple[Event, ...]


class RegisterWait(Struct, frozen=True):
    """The execution waits at a task token from now on, unless the row has changed since its look.

    A wake may have come, or another wait of the execution may be registered: its call was repeated, or came late.
    wait: with the numbers as the look has read them.
    """

    wait: Wait
    events: tuple[Event, ...] = ()


class PassEvaluation(Struct, frozen=True):
    """The rules held on rows that were read from `evaluated_at` on. `baseline`: each post-run sensor at that time."""

    run: Run
    evaluated_at: datetime
    baseline: dict[str, dict[str, Any]] | None
    events: tuple[Event, ...]
    seen: dict[str, str] = {}
    """Fingerprints of the sensor rows that were read, by row key."""
    kept: KeptRows | None = None
    """The rows that the date keeps from now on. None if it keeps them already."""
    rules: int = 0
    """The number of rules that were evaluated."""
    ends_wait: bool = False
    """Whether the run has a WAIT# row, which ends now: no sensor row wakes it any more."""


class CommitIntent(Struct, frozen=True):
    """Promise the start of a job before it is sent.

    pause_as_read: the end of the pipeline's pause, which must still be so. None: there is no pause. UNSET: the start
    was promised before, so that a pause does not matter.
    """

    run: Run
    intent: JobIntent
    pause_as_read: Any = UNSET


class RecordStart(Struct, frozen=True):
    """The start was answered: the intent has the job's id or its outcome.

    wait: the new WAIT# row of a run whose job is followed by events.
    """

    run: Run
    intent: JobIntent
    events: tuple[Event, ...]
    wait: Wait | None = None


class WithdrawIntent(Struct, frozen=True):
    """The target definitely did not accept the start: the attempt may send it again."""

    run: Run
    entry: JobEntry


class NoteRest(Struct, frozen=True):
    """Note on the trigger row that the rest of a repeated hour came while the job of its first part ran."""

    run: Run
    rest: RestOfHour
    events: tuple[Event, ...] = ()


class CloseRun(Struct, frozen=True):
    """The run is over: status, log entry, SLA verdict and events in one transaction."""

    run: Run
    status: RunStatus
    closed_at: datetime
    entry: JobEntry | None
    judged: Verdict
    verdicts: dict[Clock, ClockVerdict]
    events: tuple[Event, ...]
    baseline: dict[str, dict[str, Any]] | None = None
    awaits_post_run: bool = False
    intent: JobIntent | None = None
    """The job's intent with its outcome, if the close has one. None leaves the row's intent as it is."""
    reason: str = ""
    """The cause of a failed run, in one line for people."""
    follow_up: "RequestRerun | None" = None
    """The rerun that the close requests. If another request waits, only its entry is logged."""


class AnsweredRequest(Struct, frozen=True):
    """The rerun request that a decision answers, accepted or rejected.

    stands: its row does not hold a newer request. requested_at, noted: the row's values of requestedAt and lateData,
    UNSET for a row without them.
    """

    identity: str
    outcome: str
    at: datetime
    stands: bool
    requested_at: Any = UNSET
    noted: Any = UNSET


class StandingRequest(Struct, frozen=True):
    """The RERUN_REQUEST# row of a date as it was read.

    waits: the request is not answered. requested_at, noted: the row's values of requestedAt and lateData, of any type,
    UNSET for a row without them. is_own: Interlock itself requested the rerun, for late data or drift.
    """

    requested_at: Any
    waits: bool
    noted: Any = UNSET
    is_own: bool = False


class OpenAttempt(Struct, frozen=True):
    """A further attempt of a date: a retry after a failure, or an accepted rerun request.

    before: the trigger row as read, None if there was no row.
    """

    before: Run | None
    after: Run
    rerun: RerunEntry
    entry: JobEntry
    events: tuple[Event, ...]
    request: AnsweredRequest | None = None


class RequestRerun(Struct, frozen=True):
    """Interlock itself requests a rerun, for late data or drift."""

    key: RunKey
    reason: str
    requested_at: datetime
    entry: JobEntry | None
    events: tuple[Event, ...]
    replaces: StandingRequest | None = None
    settles: Run | None = None
    """The completed run that no longer waits for post-run sensors."""


class Rejections(Struct, frozen=True):
    """The marker of one kind of rejection: the time of its last event (UTC), and the number of rejections since.

    as_read: the stored row, so that two writers cannot overwrite each other. Empty for a corrupted marker, which is
    replaced in any case.
    """

    reported_at: datetime
    count: int
    as_read: Mapping[str, Any] = {}


class CountedRejections(Struct, frozen=True):
    """The counter of the rejected rerun requests of one run and cause (`why`), with its change.

    before: the counter as it was read, None for a new one. reason: of the last request. is_dry: the pipeline is a dry
    run.
    """

    key: RunKey
    marker: str
    reason: str
    why: str
    after: Rejections
    before: Rejections | None = None
    is_dry: bool = False


class ReportRejections(Struct, frozen=True):
    """The rejections that were counted are reported, and the counter begins again."""

    counted: CountedRejections
    events: tuple[Event, ...]


class RejectRerun(Struct, frozen=True):
    """A rerun request is rejected. Late data that waited with it now makes a request of its own (`follow_up`).

    counted: the counter of such rejections. Only the first rejection of a counter has an entry and events.
    """

    key: RunKey
    request: AnsweredRequest
    entry: JobEntry | None
    events: tuple[Event, ...]
    follow_up: RequestRerun | None = None
    counted: CountedRejections | None = None


class RecoverRun(Struct, frozen=True):
    """The execution ended outside Interlock: the same attempt goes on under a new token and adopts its job."""

    before: Run
    after: Run
    events: tuple[Event, ...]


class NoteAfterRun(Struct, frozen=True):
    """News after a completed run: judged post-run sensors, or late data while a rerun request waits.

    settled: no post-run sensor is awaited any more. marker: limits the events to one report. waiting: the request that
    waits. If it is rejected, the late data or drift that `entry` logs makes a request of its own.
    """

    run: Run
    events: tuple[Event, ...]
    settled: bool
    marker: str | None = None
    at: datetime | None = None
    entry: JobEntry | None = None
    waiting: StandingRequest | None = None


class DryRun(Struct, frozen=True):
    """The DRY_RUN# row of a date.

    triggered_at: the time at which the job would have been triggered (UTC). seen: the fingerprints of the rows at that
    time, by row key. reruns: the reasons of the reruns that would have been accepted. retries: the number of retries
    that would have followed failed jobs.
    """

    key: RunKey
    triggered_at: datetime | None = None
    seen: dict[str, str] = {}
    reruns: tuple[str, ...] = ()
    retries: int = 0
    uncounted: tuple[str, ...] = ()
    """The names among `reruns` and `retries` that the row lacks. Rows of older tools have neither."""
    corrupted: Mapping[str, Any] = {}
    """The corrupted values of the row as they are stored, by name. They count as absent until a write replaces them."""


class ObserveRun(Struct, frozen=True):
    """A dry run: the job of this date would have been triggered now.

    arrived_at: the arrival of the first sensor (UTC), None if it is stored already.
    """

    dry_run: DryRun
    arrived_at: datetime | None
    baseline: dict[str, dict[str, Any]] | None
    events: tuple[Event, ...]
    kept: KeptRows = KeptRows()


class NoteArrival(Struct, frozen=True):
    """The first sensor of a dry run arrived, and its rules do not hold yet."""

    key: RunKey
    arrived_at: datetime
    events: tuple[Event, ...] = ()
    kept: KeptRows = KeptRows()


class KeepRows(Struct, frozen=True):
    """Keep a record with its date before another date's row replaces it."""

    key: RunKey
    kept: KeptRows
    at: datetime
    events: tuple[Event, ...] = ()
    reason: str = ""
    """The reason for the log why a date waits no more."""


class NoteDormant(Struct, frozen=True):
    """A trigger row came on an excluded day for a date that has not begun. The date keeps the row and waits.

    marker: limits the event to one per date and excluded day.
    """

    key: RunKey
    kept: KeptRows
    at: datetime
    events: tuple[Event, ...] = ()
    marker: str | None = None


class RejectSensor(Struct, frozen=True):
    """A sensor row is rejected for its date. `before`: the marker of its kind as it was read."""

    pipeline_id: str
    marker: str
    before: Rejections | None
    after: Rejections
    events: tuple[Event, ...]


class AnswerDryRun(Struct, frozen=True):
    """The answer of a dry run to a rerun request or a failed job. `before`: the DRY_RUN# row as read.

    request: the answered rerun request. marker: limits a failed job to one answer. counted: the counter of a rejected
    request.
    """

    before: DryRun
    after: DryRun
    at: datetime
    events: tuple[Event, ...]
    request: AnsweredRequest | None = None
    marker: str | None = None
    counted: CountedRejections | None = None


class ExpireTrigger(Struct, frozen=True):
    """The auto-trigger window of a date has ended. `run`: its new trigger row, failed before anything was triggered."""

    run: Run
    judged: Verdict
    verdicts: dict[Clock, ClockVerdict]
    events: tuple[Event, ...]


class RecordBreach(Struct, frozen=True):
    """An SLA clock has passed its deadline. `run`: the trigger row as it was read, None if there was no row."""

    key: RunKey
    run: Run | None
    judged: Verdict
    verdicts: dict[Clock, ClockVerdict]
    events: tuple[Event, ...]


class RepairRun(Struct, frozen=True):
    """Replace a corrupted trigger row by a whole one, which is closed.

    before: the row as it was read. after: the run of the new row. awaits_post_run: it stays in the index of
    completed runs that wait for post-run sensors.
    """

    before: CorruptedRun
    after: Run
    judged: Verdict
    verdicts: dict[Clock, ClockVerdict]
    events: tuple[Event, ...]
    awaits_post_run: bool = False


class Announce(Struct, frozen=True):
    """Only events. A `marker` limits them to one report per marker and date."""

    pipeline_id: str
    events: tuple[Event, ...]
    marker: str | None = None
    at: datetime | None = None


Decision: TypeAlias = (
    StartRun
    | MarkStarted
    | WaitForSlot
    | OpenWait
    | NoteHeld
    | RegisterWait
    | PassEvaluation
    | CommitIntent
    | RecordStart
    | WithdrawIntent
    | NoteRest
    | CloseRun
    | OpenAttempt
    | RejectRerun
    | ReportRejections
    | RecoverRun
    | RequestRerun
    | NoteAfterRun
    | ObserveRun
    | NoteArrival
    | KeepRows
    | NoteDormant
    | RejectSensor
    | AnswerDryRun
    | ExpireTrigger
    | RecordBreach
    | RepairRun
    | Announce
)


class Ignore(Struct, frozen=True):
    """Nothing to do. `reason` is for the log."""

    reason: str


class Superseded(Struct, frozen=True):
    """Another execution owns the run, or it is closed: the caller ends without a write.

    `status` and `attempt` are those of the run as it is now. Both are None if there is no run. The caller logs them.
    """

    status: RunStatus | None
    attempt: int | None
