"""Every decision that changes something, as data: the store turns each into one transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from msgspec import UNSET, Struct

from interlock_lifecycle._run import JobEntry, JobIntent, RerunEntry, RestOfHour, Run, RunKey, RunStatus
from interlock_lifecycle.events._event import Event
from interlock_rules import KeptRow
from interlock_sla import Clock, Outcome


class ClockVerdict(Struct, frozen=True):
    """How one SLA clock of a date was judged: met or breached its `deadline`, written at `at` (both UTC)."""

    outcome: Outcome
    deadline: datetime
    at: datetime


class Verdict(Struct, frozen=True):
    """The VERDICT# row of a date: one judgement per clock, each written once."""

    key: RunKey
    clocks: dict[Clock, ClockVerdict] = {}
    spoiled: dict[Clock, Any] = {}
    """What stands in the place of a clock's judgement and is none. The clock is judged anew, which mends the row."""


class Dormancy(Struct, frozen=True):
    """A date whose trigger's row came on an excluded day: the watchdog takes it up on the next allowed day.

    sensor_key: the row that fulfilled the trigger. slot: the name under which the date keeps it. since: the time of
    the first such record (UTC). is_dry: the pipeline was a dry run when the last one came.
    """

    sensor_key: str
    slot: str
    since: datetime
    is_dry: bool = False


class KeptRows(Struct, frozen=True):
    """The KEPT# row of a date: the rows that its rules read, by the rule's slot (docs/dates.md §3).

    version: grows with each write, so that two writers cannot overwrite each other. 0: there is no row.
    dormant: the note of a date that waits on excluded days. None once the date has begun, or does not wait.
    """

    rows: Mapping[str, KeptRow] = {}
    version: int = 0
    dormant: Dormancy | None = None

    @property
    def is_kept_for_later(self) -> bool:
        """Whether the date waits, and its rows are to outlast those of other dates until it begins."""
        return self.dormant is not None and self.dormant.slot in self.rows


class StartRun(Struct, frozen=True):
    """Create the trigger row of a date, and note the first sensor's arrival unless it is known already.

    `kept` is the record that opened the date, where another date's row may take its place.
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


class PassEvaluation(Struct, frozen=True):
    """The rules held on rows read from `evaluated_at` on; `baseline` is each post-run sensor as it was then."""

    run: Run
    evaluated_at: datetime
    baseline: dict[str, dict[str, Any]] | None
    events: tuple[Event, ...]
    seen: dict[str, str] = {}
    """Fingerprints of the sensor rows that were read, by row key."""
    kept: KeptRows | None = None
    """What the date keeps from now on; None when it keeps the rows already."""
    rules: int = 0
    """The number of rules that were evaluated."""


class CommitIntent(Struct, frozen=True):
    """Promise the start of a job before it is sent."""

    run: Run
    intent: JobIntent


class RecordStart(Struct, frozen=True):
    """The start was answered: the intent now carries the job's id or its outcome."""

    run: Run
    intent: JobIntent
    events: tuple[Event, ...]


class WithdrawIntent(Struct, frozen=True):
    """The target definitely refused: the attempt may be sent again."""

    run: Run
    entry: JobEntry


class NoteRest(Struct, frozen=True):
    """Note on the trigger row that the rest of a repeated hour came while the job of its first part ran."""

    run: Run
    rest: RestOfHour
    events: tuple[Event, ...] = ()


class CloseRun(Struct, frozen=True):
    """The run is over: status, log, SLA verdict and events in one."""

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
    """The job's intent with its outcome, where the close knows one; without it the row's intent stays as it is."""
    reason: str = ""
    """Why the run failed, in one line, for the people who look at it."""
    follow_up: "RequestRerun | None" = None
    """The rerun that the close asks for. Next to a request that waits, only its entry is logged."""


class AnsweredRequest(Struct, frozen=True):
    """The rerun request that a decision answers: accepted or rejected; `stands` while its row holds no newer one.

    `requested_at` and `noted` are what the row holds as requestedAt and lateData, UNSET where it holds none.
    """

    identity: str
    outcome: str
    at: datetime
    stands: bool
    requested_at: Any = UNSET
    noted: Any = UNSET


class StandingRequest(Struct, frozen=True):
    """The RERUN_REQUEST# row of a date as it was read; `waits` until it is answered.

    `requested_at` and `noted` are what the row holds as requestedAt and lateData, of whatever type; UNSET where it
    holds none. `is_own`: Interlock itself asks, because of late data or drift.
    """

    requested_at: Any
    waits: bool
    noted: Any = UNSET
    is_own: bool = False


class OpenAttempt(Struct, frozen=True):
    """A further attempt of a date: a retry after a failure, or an accepted rerun request.

    `before` is the trigger row as read, None when it did not exist.
    """

    before: Run | None
    after: Run
    rerun: RerunEntry
    entry: JobEntry
    events: tuple[Event, ...]
    request: AnsweredRequest | None = None


class RequestRerun(Struct, frozen=True):
    """Interlock asks itself for a rerun, because of late data or drift."""

    key: RunKey
    reason: str
    requested_at: datetime
    entry: JobEntry | None
    events: tuple[Event, ...]
    replaces: StandingRequest | None = None
    settles: Run | None = None
    """The completed run that no longer waits for post-run sensors."""


class RejectRerun(Struct, frozen=True):
    """A rerun request is answered with no; late data that waited beside it now asks for itself in its place."""

    key: RunKey
    request: AnsweredRequest
    entry: JobEntry
    events: tuple[Event, ...]
    follow_up: RequestRerun | None = None


class RecoverRun(Struct, frozen=True):
    """The execution died outside: the same attempt goes on under a new token and adopts its job."""

    before: Run
    after: Run
    events: tuple[Event, ...]


class NoteAfterRun(Struct, frozen=True):
    """What came after a completed run: its post-run sensors judged, or late data beside a rerun request that waits.

    `settled` when no post-run sensor is awaited any more; with a `marker` it is said at most once. `beside`: the
    request that waits; once it is refused, what `entry` logs asks for a rerun itself.
    """

    run: Run
    events: tuple[Event, ...]
    settled: bool
    marker: str | None = None
    at: datetime | None = None
    entry: JobEntry | None = None
    beside: StandingRequest | None = None


class Shadow(Struct, frozen=True):
    """The DRY_RUN# row of a date: when the job would have been triggered, what was seen then, and what followed.

    `reruns` are the reasons of the reruns that would have been accepted, `retries` counts those after failures.
    """

    key: RunKey
    triggered_at: datetime | None = None
    seen: dict[str, str] = {}
    reruns: tuple[str, ...] = ()
    retries: int = 0
    uncounted: tuple[str, ...] = ()
    """Which of `reruns` and `retries` its row does not hold: rows of older tools hold neither."""


class ObserveRun(Struct, frozen=True):
    """A dry run: the job of this date would have been triggered now. `arrived_at`: the first arrival, if unknown."""

    shadow: Shadow
    arrived_at: datetime | None
    baseline: dict[str, dict[str, Any]] | None
    events: tuple[Event, ...]
    kept: KeptRows = KeptRows()


class NoteArrival(Struct, frozen=True):
    """A dry run's first sensor arrived; its rules do not hold yet."""

    key: RunKey
    arrived_at: datetime
    events: tuple[Event, ...] = ()
    kept: KeptRows = KeptRows()


class KeepRows(Struct, frozen=True):
    """Keep a record with its date, before another date's row takes its place."""

    key: RunKey
    kept: KeptRows
    at: datetime
    events: tuple[Event, ...] = ()
    reason: str = ""
    """Why a date waits no more, for the log."""


class NoteDormant(Struct, frozen=True):
    """A trigger's row came on an excluded day for a date that has not begun: the date keeps it and waits.

    `marker` belongs to the event, which is emitted once per date and excluded day.
    """

    key: RunKey
    kept: KeptRows
    at: datetime
    events: tuple[Event, ...] = ()
    marker: str | None = None


class Rejections(Struct, frozen=True):
    """The marker of one kind of rejected row: the time of its last event, and the rows rejected since (UTC).

    `as_read`: what its row holds, so that two writers cannot overwrite each other. Empty for a corrupted marker, which
    is replaced whatever it holds.
    """

    reported_at: datetime
    count: int
    as_read: Mapping[str, Any] = {}


class RejectSensor(Struct, frozen=True):
    """A sensor row names a date that cannot be read. `before` is its kind's marker as it was read."""

    pipeline_id: str
    marker: str
    before: Rejections | None
    after: Rejections
    events: tuple[Event, ...]


class AnswerShadow(Struct, frozen=True):
    """A dry run's rerun request or failed job was answered: `before` is the DRY_RUN# row as read.

    A request is answered as such; a failure by its `marker`, once.
    """

    before: Shadow
    after: Shadow
    at: datetime
    events: tuple[Event, ...]
    request: AnsweredRequest | None = None
    marker: str | None = None


class ExpireTrigger(Struct, frozen=True):
    """The auto-trigger window of a date is over: `run` is its trigger row, failed before anything was triggered."""

    run: Run
    judged: Verdict
    verdicts: dict[Clock, ClockVerdict]
    events: tuple[Event, ...]


class RecordBreach(Struct, frozen=True):
    """An SLA clock ran out: `run` is the trigger row as it was read (None: there was none)."""

    key: RunKey
    run: Run | None
    judged: Verdict
    verdicts: dict[Clock, ClockVerdict]
    events: tuple[Event, ...]


class Announce(Struct, frozen=True):
    """Only events; with a `marker`, at most once per marker and date."""

    pipeline_id: str
    events: tuple[Event, ...]
    marker: str | None = None
    at: datetime | None = None


Decision: TypeAlias = (
    StartRun
    | MarkStarted
    | PassEvaluation
    | CommitIntent
    | RecordStart
    | WithdrawIntent
    | NoteRest
    | CloseRun
    | OpenAttempt
    | RejectRerun
    | RecoverRun
    | RequestRerun
    | NoteAfterRun
    | ObserveRun
    | NoteArrival
    | KeepRows
    | NoteDormant
    | RejectSensor
    | AnswerShadow
    | ExpireTrigger
    | RecordBreach
    | Announce
)


class Ignore(Struct, frozen=True):
    """Nothing to do, and why."""

    reason: str


class Superseded(Struct, frozen=True):
    """Another execution owns the run, or it is closed: the caller ends without a write.

    `status` and `attempt` are those of the run as it is now. Both are None if there is no run. The caller logs them.
    """

    status: RunStatus | None
    attempt: int | None
