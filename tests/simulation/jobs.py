"""The targets of jobs: they accept starts, run by the virtual clock, and remember all jobs."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from simulation.faults import Crash, Fault

from interlock_triggers import (
    Attempt,
    Capability,
    Category,
    CheckFailed,
    OutcomeUnknown,
    Started,
    StartRejected,
    StartUnconfirmed,
    State,
    Status,
    capability,
)

if TYPE_CHECKING:
    from simulation.world import World


class JobKind(Struct, frozen=True):
    """The course of a job. `reports`: only an external joblog row has its end."""

    status: Status
    lasts: timedelta
    reports: bool = False


class Job(Struct):
    """A job that a target accepted. `known`: whether Interlock can find it."""

    attempt: Attempt
    type: str
    run_id: str
    accepted_at: datetime
    ends_at: datetime
    kind: JobKind
    known: bool = True

    @property
    def date(self) -> tuple[str, str, str]:
        """The run of the job."""
        return self.attempt.pipeline_id, self.attempt.schedule_id, self.attempt.date


_SUCCESS = Status(State.SUCCEEDED, None)
_FAILURES = (
    Status(State.FAILED, Category.TRANSIENT, "bad luck"),
    Status(State.FAILED, Category.TRANSIENT, "bad luck"),
    Status(State.FAILED, Category.PERMANENT, "bad code"),
    Status(State.FAILED, Category.TIMEOUT, "too slow"),
)


class JobBoard:
    """Every target. Each type's protection against double starts is that of interlock-triggers."""

    def __init__(
        self, world: "World", *, failing: float = 0.0, outlasting: float = 0.05, reported: float = 0.0
    ) -> None:
        self._world = world
        self.failing, self.outlasting, self.reported = failing, outlasting, reported
        """The shares of jobs that fail, that outlast their poll window, and that only report to the joblog."""
        self.lasts: timedelta | None = None
        """The length of each job, instead of a random one."""
        self.accepted: list[Job] = []
        self._by_key: dict[str, Job] = {}
        self.on_accept: Callable[[Job], None] = lambda job: None

    def capability(self, job_type: str) -> Capability:
        """The capability of the real type."""
        return capability(job_type)

    def start(
        self,
        job_type: str,
        config: Mapping[str, Any],
        attempt: Attempt,
        *,
        until: datetime,
        taken: Collection[str] = (),
    ) -> Started:
        """Start a job. Some starts are rejected, some answers are lost, and some invocations die before the answer."""
        world, faults, able = self._world, self._world.faults, capability(job_type)
        if faults.strikes(Fault.INTERLEAVED):
            world.let_others_run()
        job = self._existing(attempt, able)
        if job is None:
            self._reject(job_type, attempt, able)
            job = self._accept(job_type, attempt, able)
        if able.synchronous and job.ends_at > world.now:
            job.known = False
            world.let_others_run(job.ends_at - world.now)
            job.known, job.ends_at = True, min(job.ends_at, world.now)
        if faults.strikes(Fault.ANSWER_LOST):
            self._lose_answer(job, able)
        if able.synchronous:
            return Started(job_type, "sync", job.kind.status)
        return Started(job_type, job.run_id)

    def find(
        self,
        job_type: str,
        config: Mapping[str, Any],
        attempt: Attempt,
        *,
        until: datetime,
        taken: Collection[str] = (),
    ) -> Started | None:
        """The job of an earlier start, if the type can find jobs."""
        if not capability(job_type).findable:
            raise CheckFailed(Category.PERMANENT, "cannot be asked", job_type)
        if self._world.faults.strikes(Fault.STATUS_UNREADABLE):
            raise CheckFailed(Category.TRANSIENT, "no answer", job_type)
        job = self._by_key.get(attempt.key)
        if job is None:
            return None
        job.known = True
        return Started(job_type, job.run_id)

    def _reject(self, job_type: str, attempt: Attempt, able: Capability) -> None:
        """A rejection means that nothing was started now. An earlier start of the attempt may have been accepted."""
        if self._world.faults.strikes(Fault.START_REJECTED):
            if attempt.resumed and not able.findable:
                raise StartUnconfirmed(Category.TRANSIENT, "throttled", job_type)
            raise StartRejected(Category.TRANSIENT, "throttled", job_type)
        if self._world.faults.strikes(Fault.START_FORBIDDEN):
            raise StartRejected(Category.PERMANENT, "no such job", job_type)

    def _existing(self, attempt: Attempt, able: Capability) -> Job | None:
        found = self._by_key.get(attempt.key)
        return found if able.deduplicates or (able.findable and attempt.resumed) else None

    def _accept(self, job_type: str, attempt: Attempt, able: Capability) -> Job:
        kind = self._draw(able)
        now = self._world.now
        job = Job(attempt, job_type, f"run-{len(self.accepted)}", now, now + kind.lasts, kind)
        self.on_accept(job)
        self.accepted.append(job)
        self._by_key[attempt.key] = job
        if kind.reports:
            self._world.at(job.ends_at, lambda: self._world.report(job))
        else:
            self._world.job_events.await_end(job)
        return job

    def _draw(self, able: Capability) -> JobKind:
        rng = self._world.rng
        status = rng.choice(_FAILURES) if rng.random() < self.failing else _SUCCESS
        if able.synchronous:
            return JobKind(status, timedelta(seconds=rng.randint(1, 200)))
        if rng.random() < self.outlasting:
            return JobKind(status, timedelta(hours=2))
        lasts = self.lasts or timedelta(seconds=rng.randint(30, 900), milliseconds=rng.randint(0, 999))
        return JobKind(status, lasts, reports=rng.random() < self.reported)

    def _lose_answer(self, job: Job, able: Capability) -> None:
        askable = able.deduplicates or able.findable
        job.known = askable
        if self._world.rng.random() < 0.5:
            raise Crash
        if askable:
            raise StartUnconfirmed(Category.TRANSIENT, "the answer was lost", job.type)
        raise OutcomeUnknown(Category.TRANSIENT, "the answer was lost", job.type)

    def check(
        self,
        job_type: str,
        config: Mapping[str, Any],
        started: Started,
        *,
        until: datetime,
        taken: Collection[str] = (),
    ) -> Status:
        """The status of the job by the virtual clock. A job that reports to the joblog never shows its end here."""
        if self._world.faults.strikes(Fault.STATUS_UNREADABLE):
            raise CheckFailed(Category.TRANSIENT, "no answer", job_type)
        job = next(found for found in self.accepted if found.run_id == started.run_id)
        over = self._world.now >= job.ends_at and not job.kind.reports
        return job.kind.status if over else Status(State.RUNNING, None)
