"""All events reach the bus, and an event that the bus can never take holds up no other."""

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from interlock_controller.effects import BusEntry, BusError, EventBus, Outbox
from interlock_dlq import OUTBOX, NullRouter, RoutingFailed
from interlock_lifecycle import Announce, RunKey
from interlock_lifecycle.events import EventType, make_event
from interlock_sla import parse_execution_date
from interlock_store import MemoryTables, Store, TableNames
from interlock_store._write import Item, Put

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


class Events:
    """PutEvents with AWS's answers: permanent rejections of sizes and malformed details, temporary throttling."""

    def __init__(self, throttled: Sequence[Sequence[str]] = (), *, picky: bool = False) -> None:
        self.throttled = [list(details) for details in throttled]
        self.picky = picky
        self.put: list[str] = []
        self.sources: list[str] = []
        self.calls = 0

    def put_events(self, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        self.calls += 1
        if sum(len(entry["Detail"].encode()) for entry in Entries) >= 256 * 1024:
            raise ClientError({"Error": {"Code": "ValidationException"}}, "PutEvents")
        if self.picky and any(entry["Detail"] == "corrupted" for entry in Entries):
            raise ClientError({"Error": {"Code": "ValidationException"}}, "PutEvents")
        throttled = self.throttled.pop(0) if self.throttled else []
        self.sources += [entry["Source"] for entry in Entries]
        results = [self._answer(entry["Detail"], throttled) for entry in Entries]
        return {"FailedEntryCount": sum("ErrorCode" in one for one in results), "Entries": results}

    def _answer(self, detail: str, throttled: Sequence[str]) -> dict[str, str]:
        if detail == "malformed":
            return {"ErrorCode": "MalformedDetail"}
        if detail in throttled:
            return {"ErrorCode": "ThrottlingException"}
        self.put.append(detail)
        return {"EventId": "x"}


def bus_over(events: Events) -> EventBus:
    return EventBus(events, "bus", sleep=lambda seconds: None)  # type: ignore[arg-type]


def entries(*details: str) -> list[BusEntry]:
    return [BusEntry("A", detail) for detail in details]


def test_an_entry_has_the_source_of_events_or_its_own() -> None:
    events = Events()
    bus_over(events).publish([BusEntry("A", "0"), BusEntry("B", "1", "interlock.canary")])
    assert events.sources == ["interlock", "interlock.canary"]


def test_only_rejected_entries_are_put_again() -> None:
    events = Events([["0", "2"], ["2"]])
    bus_over(events).publish(entries("0", "1", "2"))
    assert events.put == ["1", "0", "2"]


def test_the_error_names_the_entries_that_stay_rejected() -> None:
    events = Events([["1"]] * 10)
    with pytest.raises(BusError, match="ThrottlingException") as raised:
        bus_over(events).publish(entries("0", "1"))
    assert raised.value.rejected == {1: "ThrottlingException"}
    assert events.calls == 4


def test_a_permanent_rejection_is_not_tried_again() -> None:
    events = Events()
    with pytest.raises(BusError) as raised:
        bus_over(events).publish(entries("malformed", *(str(number) for number in range(12))))
    assert raised.value.rejected == {0: "MalformedDetail"}
    assert (events.put, events.calls) == ([str(number) for number in range(12)], 2)


def test_only_an_entry_beyond_the_limit_is_not_sent() -> None:
    events = Events()
    with pytest.raises(BusError) as raised:
        bus_over(events).publish(entries("0", "x" * 256_000, "2"))
    assert raised.value.rejected == {1: "EntryTooLarge"}
    assert events.put == ["0", "2"]


def test_large_entries_are_split_over_several_calls() -> None:
    events = Events()
    large = [letter * 100_000 for letter in "abcde"]
    bus_over(events).publish(entries(*large))
    assert (events.put, events.calls) == (large, 3)


def test_an_entry_that_fails_its_whole_call_is_found() -> None:
    events = Events(picky=True)
    with pytest.raises(BusError) as raised:
        bus_over(events).publish(entries("0", "corrupted", "2"))
    assert (raised.value.rejected, events.put) == ({1: "ValidationException"}, ["0", "2"])


def test_the_rest_is_not_sent_to_a_throttled_bus() -> None:
    details = [str(number) for number in range(25)]
    events = Events([details] * 4)
    with pytest.raises(BusError) as raised:
        bus_over(events).publish(entries(*details))
    assert events.calls == 4
    assert set(raised.value.rejected) == set(range(25))


class Nobody:
    """Starts nothing."""

    def start(self, name: str, execution_input: object) -> None:
        raise AssertionError(name)


@pytest.fixture
def store() -> Store:
    return Store(MemoryTables(), TableNames.of_environment("test"))


def outbox_over(store: Store, events: Events, dead_letters: Any = None) -> Outbox:
    return Outbox(
        store,
        bus_over(events),
        Nobody(),
        now=lambda: NOW,
        execution_timeout=timedelta(hours=4),
        dead_letters=dead_letters,
    )


def put_events(store: Store, *details: str) -> list[Item]:
    """Outbox rows with these details, oldest first."""
    for number, detail in enumerate(details):
        row: Item = {"PK": "PIPELINE#p", "SK": f"EVENT#{number:02}", "detailType": "A", "detail": detail}
        row |= {"GSI1PK": "PENDING", "GSI1SK": f"2026-03-03T12:00:{number:02}.000000Z"}
        store._tables.transact([Put(store.names.control, row)])
    return waiting(store)


def waiting(store: Store) -> list[Item]:
    return store.pending(NOW + timedelta(days=1))


def test_a_permanently_rejected_event_is_dead_lettered(store: Store) -> None:
    events, letters = Events(), NullRouter()
    rows = put_events(store, "0", "malformed", "2", "x" * 300_000)
    outbox_over(store, events, letters).relay(rows)
    assert (events.put, waiting(store)) == (["0", "2"], [])
    assert [letter.payload["SK"] for letter in letters.letters] == ["EVENT#01", "EVENT#03"]
    assert "MalformedDetail" in letters.letters[0].reason
    assert letters.letters[1].payload["detail"] == "x" * 300_000


def test_rows_of_accepted_events_go_while_others_are_throttled(store: Store) -> None:
    events, letters = Events([["1"]] * 4), NullRouter()
    rows = put_events(store, "0", "1", "malformed")
    with pytest.raises(BusError):
        outbox_over(store, events, letters).relay(rows)
    assert [row["detail"] for row in waiting(store)] == ["1"]
    assert len(letters.letters) == 1
    outbox_over(store, events, letters).relay(waiting(store))
    assert (events.put, waiting(store)) == (["0", "1"], [])


def test_without_a_queue_the_log_keeps_the_whole_event(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    rows = put_events(store, "malformed")
    with caplog.at_level(logging.ERROR):
        outbox_over(store, Events()).relay(rows)
    (kept,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert json.loads(kept.getMessage().removeprefix("dead_letter "))["payload"]["detail"] == "malformed"


@pytest.mark.parametrize("lacking", ["detail", "detailType"])
def test_an_incomplete_row_becomes_a_dead_letter(store: Store, lacking: str) -> None:
    events, letters = Events(), NullRouter()
    whole = put_events(store, "0", "1", "2")
    corrupted = {name: value for name, value in whole[1].items() if name != lacking}
    store._tables.transact([Put(store.names.control, corrupted)])
    outbox_over(store, events, letters).relay(waiting(store))
    assert (events.put, [row["detailType"] for row in waiting(store)]) == (["0", "2"], ["ROW_CORRUPTED"])
    (letter,) = letters.letters
    assert (letter.payload, letter.source, letter.error_type) == (corrupted, OUTBOX, "MalformedEvent")
    assert letter.reason == f"the bus can never take this event: its row has no {lacking}"


def test_rows_without_an_event_need_no_bus(store: Store) -> None:
    letters = NullRouter()
    rows: list[Item] = [{"PK": "PIPELINE#p", "SK": "EVENT#1"}]
    outbox_over(store, Events([["0"]]), letters).relay(rows)
    assert [letter.payload for letter in letters.letters] == rows
    assert letters.letters[0].reason.endswith("no detailType and no detail")


class Full:
    """A dead-letter queue that takes nothing."""

    def route(self, letter: object) -> None:
        raise RoutingFailed("full")


def test_only_the_row_of_an_unsaved_dead_letter_stays(store: Store) -> None:
    rows = put_events(store, "malformed", "1")
    with pytest.raises(RoutingFailed):
        outbox_over(store, Events(), Full()).relay(rows)
    assert waiting(store) == rows[:1]


def test_an_incomplete_row_stays_until_its_letter_is_kept(store: Store) -> None:
    rows = put_events(store, "0", "1")
    lacking = {name: value for name, value in rows[0].items() if name != "detail"}
    store._tables.transact([Put(store.names.control, lacking)])
    events = Events()
    with pytest.raises(RoutingFailed):
        outbox_over(store, events, Full()).relay(waiting(store))
    assert (events.put, waiting(store)) == (["1"], [lacking])


def test_long_texts_keep_an_event_below_the_limit(store: Store) -> None:
    key = RunKey("p", "stream", parse_execution_date("2026-03-03"))
    long = {"note": "\x01" * 300_000, "reason": "é" * 300_000, "requestedBy": "x" * 300_000}
    event = make_event(EventType.RERUN_REJECTED, key, NOW, source="rerun x", message="y" * 300_000, detail=long)
    store.commit(Announce("p", (event,)))
    (row,) = waiting(store)
    assert len(row["detail"].encode()) < 100_000
    assert "300000 characters" in row["detail"]
    events = Events()
    outbox_over(store, events).relay([row])
    assert len(events.put) == 1
