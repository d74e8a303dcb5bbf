"""Dates that wait on excluded days: their rows and their entry of the index, on every kind of tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_lifecycle import Dormancy, KeepRows, KeptRows, NoteArrival, NoteDormant, RunKey, StartRun
from interlock_rules import KeptRow
from interlock_store import Commit, MalformedRow, Overview, Store, read_waiting
from interlock_store._write import Put

NOW = datetime(2026, 3, 7, 6, 0, 0, 123_456, tzinfo=UTC)
WAITS = Dormancy("landing", "landing", NOW)
KEPT = KeptRows({"landing": KeptRow({"date": "2026-03-06"}, NOW)}, 1, WAITS)
BEGUN = replace(KEPT, version=2, dormant=None)


def waiting(store: Store, tables: Any) -> dict[RunKey, KeptRows]:
    return dict(read_waiting(row) for row in Overview(tables, store.names).dormant())


def test_a_date_that_waits_is_found_with_what_it_keeps(store: Store, tables: Any, key: RunKey) -> None:
    assert store.commit(NoteDormant(key, KEPT, NOW)) is Commit.COMMITTED
    assert store.kept(key) == KEPT
    assert waiting(store, tables) == {key: KEPT}


def test_it_is_noted_with_whose_config_it_waits(store: Store, key: RunKey) -> None:
    dry = replace(KEPT, dormant=replace(WAITS, is_dry=True, row_name="landing#eu", sensor_key="landing#eu"))
    store.commit(NoteDormant(key, dry, NOW))
    assert store.kept(key).dormant == dry.dormant


def test_the_longest_waiting_date_comes_first(store: Store, tables: Any, key: RunKey) -> None:
    later = replace(key, schedule_id="cron")
    store.commit(NoteDormant(later, replace(KEPT, dormant=replace(WAITS, since=NOW + timedelta(hours=1))), NOW))
    store.commit(NoteDormant(key, KEPT, NOW))
    assert list(waiting(store, tables)) == [key, later]


def test_the_day_is_reported_once_in_the_same_transaction(store: Store, key: RunKey) -> None:
    assert store.commit(NoteDormant(key, KEPT, NOW, marker="excluded#day")) is Commit.COMMITTED
    assert store.is_marked(key.pipeline_id, "excluded#day")
    again = NoteDormant(key, replace(KEPT, version=2), NOW, marker="excluded#day")
    assert store.commit(again) is Commit.STALE
    assert store.kept(key).version == 1


def test_a_date_that_has_begun_does_not_wait(store: Store, start: StartRun) -> None:
    store.commit(start)
    assert store.commit(NoteDormant(start.run.key, KEPT, NOW, marker="excluded#day")) is Commit.STALE
    assert store.kept(start.run.key) == KeptRows()
    assert not store.is_marked(start.run.key.pipeline_id, "excluded#day")


def test_of_two_records_at_once_the_second_decides_again(store: Store, key: RunKey) -> None:
    store.commit(NoteDormant(key, KEPT, NOW))
    assert store.commit(NoteDormant(key, KEPT, NOW)) is Commit.STALE
    assert store.commit(NoteDormant(key, replace(KEPT, version=2), NOW)) is Commit.COMMITTED


def test_the_transaction_that_begins_the_date_ends_its_waiting(store: Store, tables: Any, start: StartRun) -> None:
    key = start.run.key
    store.commit(NoteDormant(key, KEPT, NOW))
    assert store.commit(replace(start, kept=BEGUN)) is Commit.COMMITTED
    assert store.kept(key) == BEGUN
    assert waiting(store, tables) == {}


def test_of_two_watchdogs_one_begins_the_date(store: Store, start: StartRun) -> None:
    store.commit(NoteDormant(start.run.key, KEPT, NOW))
    assert store.commit(replace(start, kept=BEGUN)) is Commit.COMMITTED
    assert store.commit(replace(start, kept=BEGUN)) is Commit.FENCED


def test_a_row_that_came_meanwhile_is_not_lost_at_the_begin(store: Store, tables: Any, start: StartRun) -> None:
    key = start.run.key
    store.commit(NoteDormant(key, KEPT, NOW))
    newer = KeptRows({"landing": KeptRow({"n": 2}, NOW)}, 2, WAITS)
    assert store.commit(KeepRows(key, newer, NOW)) is Commit.COMMITTED
    assert list(waiting(store, tables)) == [key]
    assert store.commit(replace(start, kept=BEGUN)) is Commit.STALE
    assert store.run(key) is None
    assert list(waiting(store, tables)) == [key]


def test_a_date_that_keeps_no_row_ends_its_waiting_too(store: Store, tables: Any, start: StartRun) -> None:
    store.commit(NoteDormant(start.run.key, replace(KEPT, rows={}), NOW))
    assert store.commit(replace(start, kept=KeptRows({}, 2))) is Commit.COMMITTED
    assert waiting(store, tables) == {}


def test_a_dry_run_ends_the_waiting_as_it_begins(store: Store, tables: Any, key: RunKey) -> None:
    store.commit(NoteDormant(key, KEPT, NOW))
    assert store.commit(NoteArrival(key, NOW, kept=BEGUN)) is Commit.COMMITTED
    assert waiting(store, tables) == {}
    assert store.commit(NoteArrival(key, NOW + timedelta(hours=1), kept=BEGUN)) is Commit.STALE


def test_a_date_that_is_settled_keeps_its_rows(store: Store, tables: Any, key: RunKey) -> None:
    store.commit(NoteDormant(key, KEPT, NOW))
    assert store.commit(KeepRows(key, BEGUN, NOW, reason="it has begun")) is Commit.COMMITTED
    assert store.kept(key) == BEGUN
    assert waiting(store, tables) == {}


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "landing",
        {"sensorKey": "landing", "since": "2026-03-07T06:00:00Z"},
        {"sensorKey": "landing", "slot": 7, "since": "2026-03-07T06:00:00Z"},
        {"sensorKey": "landing", "slot": "landing", "since": "soon"},
        {"sensorKey": "landing", "slot": "landing", "since": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_a_corrupted_entry_is_reported_and_replaced(store: Store, tables: Any, key: RunKey, entry: Any) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": f"KEPT#stream#{key.date}", "version": 1, "rows": {}, "dormant": entry}
    tables.transact([Put(store.names.control, {**row, "GSI1PK": "DORMANT", "GSI1SK": "x"})])
    with pytest.raises(MalformedRow, match="dormant must be"):
        waiting(store, tables)
    assert store.kept(key).dormant is None
    assert store.commit(NoteDormant(key, replace(KEPT, version=2), NOW)) is Commit.COMMITTED
    assert list(waiting(store, tables)) == [key]
