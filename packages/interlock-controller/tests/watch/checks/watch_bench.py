"""A deployment over the in-memory tables, and the ticks of its watchdog."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from interlock_config import PipelineConfig, decode_yaml
from interlock_controller.effects import BusEntry, Outbox, Wakes
from interlock_controller.records import RerunIntake
from interlock_controller.watch import Recovery, WorkerPool, all_checks, run_tick
from interlock_lifecycle import JobEntry, Run, RunKey, RunStatus
from interlock_lifecycle.dates import MISSED_AFTER
from interlock_lifecycle.slas import Timer
from interlock_sla import parse_execution_date
from interlock_store import MemoryTables, Overview, Store, TableNames, TransactionRejected
from interlock_store._rows import closed_row, entry_row
from interlock_store._write import Put, Update, key_of

NAMES = TableNames.of_environment("test")
TIMEOUT = timedelta(hours=4)
CREATED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Tables(MemoryTables):
    """In-memory tables with a lagging index, a failing partition or a contended row."""

    frozen: list[dict[str, Any]] | None = None
    broken_partition = ""
    rejected = ""
    contended, times = "", 0

    def transact(self, writes: Any) -> None:
        rejected = [at for at, write in enumerate(writes) if self.contended and key_of(write)[2] == self.contended]
        if rejected and self.times:
            self.times -= 1
            raise TransactionRejected(rejected)
        if any(isinstance(write, Update) and write.pk == self.rejected for write in writes):
            raise ConnectionError("throttled")
        super().transact(writes)

    def query(self, table: str, pk: str, **how: Any) -> Any:
        if pk == self.broken_partition:
            raise ConnectionError("throttled")
        if self.frozen is not None and pk == "CONFIG":
            return iter(self.frozen)
        return super().query(table, pk, **how)


class Deployment:
    """A watchdog with its tables, and a record of its events and timers."""

    def __init__(self) -> None:
        self.tables = Tables(self._changed)
        self.store = Store(self.tables, NAMES)
        self.now = CREATED
        self.emitted: list[tuple[str, str, str]] = []
        self.timers: dict[str, Timer] = {}
        self.bus: list[str] = []
        self.details: list[dict[str, Any]] = []
        self.scheduler_is_down = False
        self.missed_after = MISSED_AFTER
        self.wire()

    def wire(self) -> None:
        """Begin a new process, which knows only the tables."""
        outbox = Outbox(self.store, self, self, now=lambda: self.now, execution_timeout=TIMEOUT)
        recovery = Recovery(
            self.store,
            outbox,
            RerunIntake(self.store, execution_timeout=TIMEOUT),
            self,
            Wakes(self.store, lambda token: False, lambda: self.now),
            execution_timeout=TIMEOUT,
            pending_grace=timedelta(minutes=2),
            probe_after=timedelta(minutes=5),
        )
        self.checks = all_checks(
            self.store,
            Overview(self.tables, NAMES),
            recovery,
            self,
            now=lambda: self.now,
            execution_timeout=TIMEOUT,
            workers=WorkerPool(),
            missed_after=self.missed_after,
        )

    def _changed(self, key: tuple[str, str, str], before: Any, after: Mapping[str, Any] | None) -> None:
        if key[2].startswith("EVENT#") and before is None and after is not None:
            detail = json.loads(after["detail"])
            self.emitted.append((str(after["detailType"]), detail["pipelineId"], detail.get("date", "")))

    def publish(self, entries: Sequence[BusEntry]) -> None:
        self.bus += [entry.detail_type for entry in entries]
        self.details += [json.loads(entry.detail) for entry in entries]

    def start(self, name: str, execution_input: Mapping[str, Any]) -> None: ...

    def status(self, name: str) -> str:
        return "RUNNING"

    def create(self, key: RunKey, timer: Timer) -> None:
        if self.scheduler_is_down:
            raise ConnectionError("no scheduler")
        self.timers[timer.name] = timer

    def delete(self, timer: Timer) -> None:
        self.timers.pop(timer.name, None)

    def push(self, schedule: str, rest: str = "", *, pipeline: str = "p", created: datetime | None = CREATED) -> None:
        """Write a config, and note it as the stream-router would. Without `created`, no router sees it."""
        self.store.put_config(self.config(schedule, rest, pipeline=pipeline))
        if created is not None:
            self.store.index_config(pipeline, self.row(pipeline), created)

    @staticmethod
    def config(schedule: str, rest: str = "", *, pipeline: str = "p") -> PipelineConfig:
        text = (
            f"pipeline: {{id: {pipeline}}}\nschedule: {{{schedule}}}\n{rest}\n"
            "validation: {rules: [{key: ready, check: exists}]}\n"
            'job: {type: command, config: {command: "true"}}\n'
        )
        return decode_yaml(text, "p.yaml")

    def row(self, pipeline: str = "p") -> dict[str, Any]:
        """A pipeline's CONFIG row."""
        row = self.tables.get(NAMES.control, f"PIPELINE#{pipeline}", "CONFIG")
        assert row is not None
        return row

    def cursors(self) -> list[dict[str, Any]]:
        """The cursor rows of the checks."""
        return list(self.tables.query(NAMES.control, "WATCHDOG"))

    def tick(self, at: str, *only: str) -> dict[str, int]:
        """One tick, of all checks or some, at a moment (UTC)."""
        self.now = utc(at)
        checks = {name: check for name, check in self.checks.items() if not only or name in only}
        return {name: count for name, count in run_tick(checks, self, self.now).found.items() if count}

    def ticks(self, since: str, until: str, *only: str) -> None:
        """Ticks every five minutes."""
        at = utc(since)
        while at <= utc(until):
            self.tick(f"{at:%Y-%m-%d %H:%M}", *only)
            at += timedelta(minutes=5)

    def ran(
        self,
        date: str,
        status: RunStatus = RunStatus.COMPLETED,
        *,
        at: str,
        schedule: str = "stream",
        attempt: int = 0,
    ) -> Run:
        """A date that has run."""
        run = Run(key(date, schedule), status, attempt, "token", utc(at), evaluated_at=utc(at), closed_at=utc(at))
        self.tables.transact([Put(NAMES.control, closed_row(run))])
        return run

    def sense(self, sensor: str, **fields: object) -> None:
        self.store.put_sensor("p", sensor, fields)

    def log(self, run: RunKey, event: str, at: str) -> None:
        """A row of the joblog."""
        self.tables.transact([Put(NAMES.joblog, entry_row(JobEntry(run, utc(at), event)))])

    def corrupt_text(self, pk: str = "PIPELINE#p", text: str = "{broken") -> str:
        """Make a config or calendar unreadable. The result is its text before."""
        row = self.tables.get(NAMES.control, pk, "CONFIG")
        assert row is not None
        self.tables.transact([Update(NAMES.control, pk, "CONFIG", set={"config": text})])
        return str(row["config"])

    def run(self, date: str, schedule: str = "stream") -> Run | None:
        return self.store.run(key(date, schedule))


def key(date: str, schedule: str = "stream") -> RunKey:
    return RunKey("p", schedule, parse_execution_date(date))


READY = "trigger: {key: ready, check: equals, field: ok, value: true}"
