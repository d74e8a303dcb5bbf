"""Dates that waited on excluded days: which ones a tick begins, and the rows that it reads for them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interlock_config import decode_yaml
from interlock_controller.effects import NoTimers, Outbox, Wakes
from interlock_controller.records import RerunIntake
from interlock_controller.watch import Recovery, TickFailed, WorkerPool, all_checks, run_tick
from interlock_lifecycle import Dormancy, KeptRows, NoteDormant, RunKey
from interlock_rules import KeptRow
from interlock_sla import parse_execution_date
from interlock_store import Commit, Contended, MemoryTables, Overview, Store, TableNames
from interlock_store._write import Put

NAMES = TableNames.of_environment("test")
TIMEOUT = timedelta(hours=4)
SATURDAY = datetime(2026, 3, 7, 6, tzinfo=UTC)
MONDAY = datetime(2026, 3, 9, 0, 5, tzinfo=UTC)
CONFIG = """
pipeline: {id: ID}
schedule: {exclude: {weekends: true}, trigger: {key: landing, check: exists}}
validation: {rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


class Tables(MemoryTables):
    """The twin. It counts its reads, and its writes may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: Counter[str] = Counter()
        self.dies = ""

    def get(self, table: str, pk: str, sk: str) -> Any:
        self.reads["get"] += 1
        return super().get(table, pk, sk)

    def query(self, table: str, pk: str, **how: Any) -> Any:
        self.reads[pk if "index" in how else "query"] += 1
        return super().query(table, pk, **how)

    def transact(self, writes: Any) -> None:
        if self.dies and any(self.dies in str(write) for write in writes):
            raise ConnectionError("the process died")
        super().transact(writes)


class Watch:
    """The watchdog's checks over the tables."""

    def __init__(self, tables: Tables, workers: int = 1) -> None:
        self.tables, self.store = tables, Store(tables, NAMES)
        self.overview = Overview(tables, NAMES)
        reruns = RerunIntake(self.store, execution_timeout=TIMEOUT)
        outbox = Outbox(self.store, self, self, now=lambda: MONDAY, execution_timeout=TIMEOUT)
        grace = timedelta(minutes=2)
        recovery = Recovery(
            self.store,
            outbox,
            reruns,
            self,
            Wakes(self.store, lambda token: False, lambda: self.now),
            execution_timeout=TIMEOUT,
            pending_grace=grace,
            probe_after=timedelta(minutes=5),
        )
        self.checks = all_checks(
            self.store,
            self.overview,
            recovery,
            NoTimers(),
            now=lambda: MONDAY,
            execution_timeout=TIMEOUT,
            workers=WorkerPool(workers),
        )

    def publish(self, entries: object) -> None: ...

    def start(self, name: str, execution_input: object) -> None: ...

    def status(self, name: str) -> str:
        return "RUNNING"

    def tick(self, now: datetime = MONDAY) -> int:
        check = {"dormant-dates": self.checks["dormant-dates"]}
        return run_tick(check, self, now).found["dormant-dates"]

    def push(self, name: str, text: str = CONFIG) -> None:
        self.store.put_config(decode_yaml(text.replace("ID", name), "p.yaml"))
        self.store.note_config(name, SATURDAY - timedelta(days=9))

    def wait(self, name: str, date: str = "2026-03-06", minute: int = 0) -> RunKey:
        key = RunKey(name, "stream", parse_execution_date(date))
        row = {"date": date}
        kept = KeptRows(
            {"landing": KeptRow(row, SATURDAY)}, 1, Dormancy("landing", "landing", SATURDAY + timedelta(minutes=minute))
        )
        assert self.store.commit(NoteDormant(key, kept, SATURDAY)) is Commit.COMMITTED
        self.store.put_sensor(name, "landing", row)
        return key


@pytest.fixture
def watch() -> Watch:
    return Watch(Tables())


def test_a_tick_without_dormant_dates_reads_one_query(watch: Watch) -> None:
    for number in range(200):
        watch.push(f"p{number}")
    watch.tables.reads.clear()
    assert watch.tick() == 0
    assert watch.tables.reads == {"DORMANT": 1}


def test_on_an_excluded_day_a_tick_reads_nothing_of_the_dates(watch: Watch) -> None:
    for number in range(50):
        watch.push(f"p{number}")
        watch.wait(f"p{number}")
    watch.tables.reads.clear()
    assert watch.tick(SATURDAY + timedelta(hours=1)) == 0
    assert watch.tables.reads == {"DORMANT": 1, "CONFIG": 1}


def test_a_date_is_read_once_and_never_again(watch: Watch) -> None:
    for number in range(50):
        watch.push(f"p{number}")
        watch.wait(f"p{number}")
    watch.tables.reads.clear()
    assert watch.tick() == 50
    assert watch.tables.reads["get"] <= 50 * 8
    watch.tables.reads.clear()
    assert watch.tick() == 0
    assert watch.tables.reads == {"DORMANT": 1}


@pytest.mark.parametrize("workers", [1, 4])
def test_two_watchdogs_begin_each_date_once(workers: int) -> None:
    tables = Tables()
    watches = [Watch(tables, workers), Watch(tables, workers)]
    for number in range(10):
        watches[0].push(f"p{number}")
        watches[0].wait(f"p{number}")
    with ThreadPoolExecutor(2) as both:
        begun = list(both.map(Watch.tick, watches))
    assert sum(begun) == 10
    recovered = [row for row in tables.rows_of(NAMES.control) if row.get("detailType") == "TRIGGER_RECOVERED"]
    assert len(recovered) == 10


def test_a_lagging_index_begins_nothing_again(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    watch.push("p")
    watch.wait("p")
    stale = watch.overview.dormant()
    assert watch.tick() == 1
    monkeypatch.setattr(Overview, "dormant", lambda _: stale)
    before = watch.tables.rows_of(NAMES.control)
    assert watch.tick() == 0
    assert watch.tables.rows_of(NAMES.control) == before


def test_a_begin_that_broke_off_is_repeated_by_the_next_tick(watch: Watch) -> None:
    watch.push("p")
    key = watch.wait("p")
    watch.tables.dies = "TRIGGER#"
    with pytest.raises(TickFailed, match="the process died"):
        watch.tick()
    assert watch.store.run(key) is None
    watch.tables.dies = ""
    assert watch.tick() == 1
    assert watch.store.run(key) is not None


def test_a_date_that_cannot_be_begun_holds_up_no_other(watch: Watch) -> None:
    watch.push("p")
    keys = [watch.wait("p", date) for date in ("2026-03-04", "2026-03-05", "2026-03-06")]
    watch.tables.dies = "TRIGGER#stream#2026-03-04"
    with pytest.raises(TickFailed):
        watch.tick()
    assert [watch.store.run(key) is not None for key in keys] == [False, True, True]


def test_the_oldest_date_begins_first(watch: Watch) -> None:
    watch.push("p")
    for minute, date in enumerate(("2026-03-06", "2026-03-04", "2026-03-05")):
        watch.wait("p", date, minute)
    begun: list[str] = []
    commit = watch.store.commit

    def note(decision: Any) -> Commit:
        begun.append(str(decision.run.key.date))
        return commit(decision)

    watch.store.commit = note  # type: ignore[method-assign]
    assert watch.tick() == 3
    assert begun == ["2026-03-04", "2026-03-05", "2026-03-06"]


def test_an_unreadable_row_holds_up_no_other_date(watch: Watch) -> None:
    watch.push("p")
    key = watch.wait("p")
    row = {"PK": "PIPELINE#q", "SK": "KEPT#stream#2026-03-06", "GSI1PK": "DORMANT", "GSI1SK": "x"}
    watch.tables.transact([Put(NAMES.control, row)])
    assert watch.tick() == 0  # the row is reported for itself, and no number is given then
    assert watch.store.run(key) is not None
    reported = [row for row in watch.tables.rows_of(NAMES.control) if row.get("detailType") == "ROW_CORRUPTED"]
    assert len(reported) == 1


def test_an_unreadable_config_leaves_the_date_waiting(watch: Watch) -> None:
    watch.push("p")
    key = watch.wait("p")
    row = next(row for row in watch.tables.rows_of(NAMES.control) if row["SK"] == "CONFIG")
    watch.tables.transact([Put(NAMES.control, {**row, "config": "{"})])
    assert watch.tick(MONDAY + timedelta(days=60)) == 0
    watch.tables.transact([Put(NAMES.control, row)])
    assert watch.tick(MONDAY + timedelta(days=63)) == 1
    assert watch.store.run(key) is not None


def test_a_date_that_keeps_changing_raises_contended(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    watch.push("p")
    watch.wait("p")
    monkeypatch.setattr(Store, "commit", lambda *_: Commit.STALE)
    with pytest.raises(TickFailed, match=Contended.__name__):
        watch.tick()


def test_a_joblog_outcome_settles_the_date(watch: Watch) -> None:
    watch.push("p")
    key = watch.wait("p")
    entry = {"PK": "PIPELINE#p", "SK": "JOB#stream#2026-03-06#1772539200000", "event": "success"}
    watch.tables.transact([Put(NAMES.joblog, entry)])
    assert watch.tick() == 0
    assert watch.store.run(key) is None
    assert watch.overview.dormant() == []
