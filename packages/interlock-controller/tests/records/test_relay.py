"""Events of a batch that are next to each other are relayed together, in their order, and never ahead of a failure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interlock_controller.effects import BusEntry, BusError, Outbox, RowRepairs, Wakes
from interlock_controller.records import (
    ConfigIntake,
    MalformedRecord,
    OutcomeIntake,
    RecordRouter,
    RerunIntake,
    SensorIntake,
    event_runs,
    read_change,
)
from interlock_store import ConfigCache, MemoryTables, Store, TableNames, to_wire
from interlock_store._write import Put

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
NAMES = TableNames.of_environment("test")


class Floor:
    """A stream-router, its bus, and the outbox."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.rejects = ""
        self.store = Store(MemoryTables(), NAMES)
        cache = ConfigCache(self.store, lambda: NOW)
        wakes = Wakes(self.store, lambda token: False, lambda: NOW)
        self.router = RecordRouter(
            Outbox(self.store, self, self, now=lambda: NOW, execution_timeout=TIMEOUT),  # type: ignore[arg-type]
            ConfigIntake(self.store, cache, wakes),
            SensorIntake(self.store, cache, wakes, execution_timeout=TIMEOUT),
            RerunIntake(self.store, execution_timeout=TIMEOUT),
            OutcomeIntake(self.store, cache, wakes),
            RowRepairs(self.store, now=lambda: NOW),
        )

    def publish(self, entries: Sequence[BusEntry]) -> None:
        self.calls.append([entry.detail_type for entry in entries])
        if self.rejects in self.calls[-1]:
            raise BusError(["ThrottlingException"])

    def event(self, name: str) -> dict[str, Any]:
        """An outbox row, and its stream record."""
        row = {"PK": "PIPELINE#bronze", "SK": f"EVENT#{name}", "detailType": name, "detail": "{}"}
        self.store._tables.transact([Put(NAMES.control, row)])
        return record(row)

    def left(self, name: str) -> bool:
        return self.store.row("PIPELINE#bronze", f"EVENT#{name}") is not None

    def handle(self, records: Sequence[dict[str, Any]]) -> None:
        """Handle a batch until a record fails, as the Lambda does."""
        self.router.begin_batch(event_runs(records))
        for one in records:
            self.router.route(read_change(one))


def record(row: dict[str, Any]) -> dict[str, Any]:
    keys = {name: {"S": row[name]} for name in ("PK", "SK")}
    return {"dynamodb": {"Keys": keys, "NewImage": to_wire(row), "ApproximateCreationDateTime": NOW.timestamp()}}


@pytest.fixture
def floor() -> Floor:
    return Floor()


MARKER = {"PK": "PIPELINE#bronze", "SK": "MARKER#x#2026-03-03", "markedAt": "2026-03-03T12:00:00Z"}
UNKNOWN = {"PK": "PIPELINE#bronze", "SK": "OTHER#x", "a": "b"}


def test_events_next_to_each_other_take_one_call(floor: Floor) -> None:
    records = [floor.event("a"), floor.event("b"), record(MARKER), floor.event("c")]
    floor.handle(records)
    assert floor.calls == [["a", "b"], ["c"]]
    assert not any(floor.left(name) for name in "abc")


def test_no_event_precedes_a_record_that_fails(floor: Floor) -> None:
    records = [floor.event("a"), floor.event("b"), record(UNKNOWN), floor.event("c"), floor.event("d")]
    for _ in range(2):
        with pytest.raises(ValueError, match="OTHER"):
            floor.handle(records)
    assert floor.calls == [["a", "b"], ["a", "b"]]
    assert floor.left("c")


def test_a_rejected_run_is_relayed_one_by_one(floor: Floor) -> None:
    """The error belongs to the record of its event, and the events before it are done."""
    records = [floor.event("a"), floor.event("b")]
    floor.rejects = "b"
    with pytest.raises(BusError):
        floor.handle(records)
    assert floor.calls == [["a", "b"], ["a"], ["b"]]
    assert (floor.left("a"), floor.left("b")) == (False, True)


def test_records_that_cannot_be_read_end_a_run(floor: Floor) -> None:
    broken: list[Any] = [{}, {"dynamodb": None}, {"dynamodb": {"Keys": {"SK": {"S": "EVENT#x"}}}}]
    for one in broken:
        rows = event_runs([floor.event("a"), one, floor.event("b")])
        assert [[row["SK"] for row in run] for run in rows] == [["EVENT#a"], ["EVENT#b"]]


@pytest.mark.parametrize("keys", [[], None, "x", 7, {"PK": {"S": "PIPELINE#a"}}, {"PK": [], "SK": {"S": "CONFIG"}}])
def test_record_with_unreadable_keys_is_malformed(keys: object) -> None:
    body = {"Keys": keys, "ApproximateCreationDateTime": 1772539200.0}
    with pytest.raises(MalformedRecord, match="not a stream record of Interlock"):
        read_change({"dynamodb": body})
