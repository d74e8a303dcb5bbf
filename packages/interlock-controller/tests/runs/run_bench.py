"""One run on its context over the in-memory tables, and a job target with answers that the test sets."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from interlock_config import decode_yaml
from interlock_controller.runs import Step, StepContext, read_request, take_step
from interlock_lifecycle import MarkStarted, OpenAttempt, PassEvaluation, Run, RunKey
from interlock_lifecycle.reruns import RerunFacts, decide_rerun
from interlock_lifecycle.runs import decide_started, open_run
from interlock_sla import parse_execution_date
from interlock_store import Commit, MemoryTables, Store, TableNames, read_rerun_request
from interlock_telemetry import Metric
from interlock_triggers import Attempt, Capability, Started, State, Status, Triggers

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
KEY = RunKey("bronze", "stream", parse_execution_date("2026-03-03"))
PIPELINE = """
pipeline: {{id: bronze}}
schedule: {{timezone: {zone}, trigger: {{key: ready, check: exists}}, evaluation: {{window: 10m, interval: 1m}}}}
validation: {{trigger: ALL, rules: [{{key: ready, check: gte, field: count, value: 10}}]}}
job: {job}
"""
GLUE = "{type: glue, config: {jobName: j}, maxRetries: 1}"


class Died(BaseException):
    """The end of the process. No code catches it."""


class Board:
    """A job target with answers that the test sets."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.starts: list[Attempt] = []
        self.status: Status | Exception = Status(State.RUNNING, None)
        self.is_findable = False
        self.found: Started | Exception | None = None
        self.sought: list[Attempt] = []
        self.asked: list[tuple[Mapping[str, Any], Started]] = []

    def capability(self, job_type: str) -> Capability:
        return Capability(deduplicates=True, findable=self.is_findable, synchronous=False)

    def find(
        self,
        job_type: str,
        config: Mapping[str, Any],
        attempt: Attempt,
        *,
        until: datetime,
        taken: Collection[str] = (),
    ) -> Started | None:
        assert attempt.resumed
        self.sought.append(attempt)
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def start(
        self,
        job_type: str,
        config: Mapping[str, Any],
        attempt: Attempt,
        *,
        until: datetime,
        taken: Collection[str] = (),
    ) -> Started:
        self.starts.append(attempt)
        answer = self.answers.pop(0) if self.answers else Started(job_type, "job-1", None, {})
        if isinstance(answer, BaseException):
            raise answer
        return answer  # type: ignore[no-any-return]

    def check(
        self,
        job_type: str,
        config: Mapping[str, Any],
        started: Started,
        *,
        until: datetime,
        taken: Collection[str] = (),
    ) -> Status:
        self.asked.append((config, started))
        if isinstance(self.status, Exception):
            raise self.status
        return self.status


class Bench:
    """One run on its context. `ask` sends it the state machine's requests."""

    def __init__(
        self,
        job: str,
        jobs: Any,
        tables: Callable[["Bench"], MemoryTables] = lambda bench: MemoryTables(),
        *,
        key: RunKey = KEY,
        zone: str = "UTC",
        opened_at: datetime = NOW,
    ) -> None:
        self.now, self.key = opened_at, key
        self.environment = {"INTERLOCK_JOB": "load-orders"}
        self.counted: list[tuple[Metric, float]] = []
        self.ended_waits: list[str] = []
        self.store = Store(tables(self), TableNames.of_environment("test"))
        self.configure(job, zone)
        self.store.put_sensor("bronze", "ready", {"count": 10})
        self.context = StepContext(
            store=self.store,
            jobs=jobs,
            end_wait=self._end_wait,
            now=lambda: self.now,
            until=lambda: datetime.now(UTC) + timedelta(seconds=30) if isinstance(jobs, Triggers) else self._until(),
            execution_timeout=TIMEOUT,
            environment=self.environment,
            count=self._count,
        )
        start = open_run(key, decided_at=opened_at, execution_timeout=TIMEOUT, arrived_at=opened_at)
        self.store.commit(start)
        self.mark_started()

    def _end_wait(self, token: str) -> bool:
        self.ended_waits.append(token)
        return True

    def _count(self, metric: Metric, value: float, **attributes: str) -> None:
        self.counted.append((metric, value))

    def configure(self, job: str, zone: str = "UTC", more: str = "") -> None:
        """Write the pipeline's file, the first time or as an edit."""
        self.store.put_config(decode_yaml(PIPELINE.format(job=job, zone=zone) + more, "bronze.yaml"))

    def _until(self) -> datetime:
        return self.now + timedelta(minutes=5)

    def wait(self) -> None:
        self.now += timedelta(seconds=5)

    def mark_started(self) -> None:
        started = decide_started(self.run, self.run.run_token, now=self.now, execution_timeout=TIMEOUT)
        assert isinstance(started, MarkStarted)
        self.store.commit(started)

    @property
    def run(self) -> Run:
        run = self.store.run(self.key)
        assert run is not None
        return run

    def ask(self, mode: str, token: str | None = None, **more: Any) -> Step:
        """Invoke a step. A trigger comes after an evaluation that has passed, as in the state machine."""
        if mode == "trigger" and self.run.is_running and self.run.evaluated_at is None and not self.run.job_intent:
            self.store.commit(PassEvaluation(self.run, self.now, None, ()))
        return self.invoke(mode, token, **more)

    def invoke(self, mode: str, token: str | None = None, **more: Any) -> Step:
        """Invoke a step as any caller could."""
        event = {
            "mode": mode,
            "pipelineId": "bronze",
            "scheduleId": "stream",
            "date": str(self.key.date),
            "attempt": 0,
            "runToken": token or self.run.run_token,
            "startedAt": NOW.isoformat(),
            "config": {
                "evaluationIntervalSeconds": 60,
                "evaluationWindowSeconds": 600,
                "jobCheckIntervalSeconds": 60,
                "jobPollWindowSeconds": 3600,
            },
            **more,
        }
        return take_step(self.context, read_request(event))

    def complete(self, step: Step, token: str | None = None) -> Step:
        return self.ask("complete-trigger", token, outcome=msgspec.to_builtins(step))

    def rerun(self, *, abandon_previous: bool = False) -> OpenAttempt:
        """Grant an operator's rerun request. Its execution has started and its rules hold."""
        self.now += timedelta(minutes=10)
        self.store.request_rerun(
            self.key, reason="manual", note=None, requested_at=self.now, abandon_previous=abandon_previous
        )
        row = self.store._tables.get(self.store.names.control, "PIPELINE#bronze", "RERUN_REQUEST#stream#2026-03-03")
        assert row is not None
        request = read_rerun_request(row, self.now)
        stored = self.store.run_context(self.key).config
        assert stored.config is not None
        facts = RerunFacts(self.run, stored.exclusions, self.store.entries(self.key), self.store.reruns(self.key), None)
        decision = decide_rerun(request, facts, stored.config, execution_timeout=TIMEOUT)
        assert isinstance(decision, OpenAttempt)
        assert self.store.commit(decision) is Commit.COMMITTED
        self.mark_started()
        assert self.ask("evaluate").status == "passed"
        return decision

    def events(self) -> list[str]:
        return [row["detailType"] for row in self.event_rows()]

    def event_rows(self) -> list[dict[str, Any]]:
        rows = self.store.pending(datetime(2030, 1, 1, tzinfo=UTC))
        return [dict(row) for row in rows if row["SK"].startswith("EVENT#")]

    def message_of(self, detail_type: str) -> str:
        """The details of all events of a type."""
        return "\n".join(str(row["detail"]) for row in self.event_rows() if row["detailType"] == detail_type)

    def log(self) -> list[str]:
        return [entry.event for entry in self.store.entries(self.key)]
