"""The kept rows of a date, and the markers of rejected rows, on every kind of tables."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_lifecycle import (
    DryRun,
    KeepRows,
    KeptRows,
    ObserveRun,
    PassEvaluation,
    Rejections,
    RejectSensor,
    Run,
    RunKey,
    StartRun,
)
from interlock_rules import Check, KeptRow, Rule
from interlock_store import Commit, Store
from interlock_store._write import Put

NOW = datetime(2026, 3, 3, 12, 0, 0, 123_456, tzinfo=UTC)
FIELDS = {"date": "2026-03-03", "count": Decimal("120.5"), "tags": {"a", "b"}, "none": None, "deep": [{"x": True}]}
RULES = [Rule("landing", Check.EXISTS), Rule("rates", Check.EXISTS, date_offset=-1)]


def keep(key: RunKey, version: int, **rows: KeptRow) -> KeepRows:
    return KeepRows(key, KeptRows(rows, version), NOW)


def test_rows_are_kept_as_they_were(store: Store, key: RunKey) -> None:
    kept = KeptRows({"landing": KeptRow(FIELDS, NOW), RULES[1].row_name: KeptRow(None, NOW, exact=False)}, 1)
    assert store.kept(key) == KeptRows()
    assert store.commit(KeepRows(key, kept, NOW)) is Commit.COMMITTED
    assert store.kept(key) == kept
    assert store.readings(key, RULES).kept == kept
    assert store.readings(key, RULES).rows == {}


def test_a_start_keeps_the_row_that_opened_it(store: Store, start: StartRun) -> None:
    kept = KeptRows({"landing": KeptRow(FIELDS, NOW)}, 1)
    assert store.commit(replace(start, kept=kept)) is Commit.COMMITTED
    assert store.kept(start.run.key) == kept


def test_a_dry_run_keeps_what_began_its_date(store: Store, key: RunKey) -> None:
    kept = KeptRows({"landing": KeptRow(FIELDS, NOW)}, 1)
    observed = ObserveRun(DryRun(key, triggered_at=NOW), NOW, None, (), kept=kept)
    assert store.commit(observed) is Commit.COMMITTED
    assert store.kept(key) == kept


def test_kept_rows_live_for_400_days(store: Store, tables: Any, key: RunKey) -> None:
    store.commit(keep(key, 1, a=KeptRow({"n": 1}, NOW)))
    row = tables.get(store.names.control, "PIPELINE#bronze", f"KEPT#stream#{key.date}")
    assert int(row["ttl"]) == int((NOW + timedelta(days=400)).timestamp())
    assert row["quiet"] == "1"


def test_a_fenced_start_keeps_nothing(store: Store, start: StartRun) -> None:
    store.commit(start)
    late = replace(start, kept=KeptRows({"landing": KeptRow(FIELDS, NOW)}, 1))
    assert store.commit(late) is Commit.FENCED
    assert store.kept(start.run.key) == KeptRows()


def test_of_two_writers_the_second_decides_again(store: Store, key: RunKey) -> None:
    assert store.commit(keep(key, 1, a=KeptRow({"n": 1}, NOW))) is Commit.COMMITTED
    assert store.commit(keep(key, 1, a=KeptRow({"n": 2}, NOW))) is Commit.STALE
    assert store.commit(keep(key, 2, a=KeptRow({"n": 3}, NOW))) is Commit.COMMITTED
    assert store.commit(keep(key, 2, a=KeptRow({"n": 4}, NOW))) is Commit.STALE
    assert store.kept(key).rows["a"].fields == {"n": Decimal(3)}


def test_a_pass_on_an_outdated_row_decides_again(store: Store, start: StartRun) -> None:
    store.commit(replace(start, kept=KeptRows({"landing": KeptRow({"n": 1}, NOW)}, 1)))
    store.commit(keep(start.run.key, 2, landing=KeptRow({"n": 2}, NOW)))
    stale = KeptRows({"landing": KeptRow({"n": 1}, NOW)}, 2)
    decision = PassEvaluation(start.run, NOW, None, (), {}, stale)
    assert store.commit(decision) is Commit.STALE
    run = store.run(start.run.key)
    assert isinstance(run, Run)
    assert run.evaluated_at is None
    fresh = replace(decision, kept=KeptRows({"landing": KeptRow({"n": 2}, NOW)}, 3))
    assert store.commit(fresh) is Commit.COMMITTED


@pytest.mark.parametrize(
    ("row", "held"),
    [
        ({"rows": "nothing", "version": 1}, {}),
        ({"rows": {"landing": "nothing"}, "version": 1}, {"landing": None}),
        ({"rows": {"landing": {"keptAt": "noon", "data": {"n": 1}}}, "version": 1}, {"landing": None}),
        ({"rows": {"landing": {"data": {"n": 1}}}, "version": 1}, {"landing": None}),
        ({"rows": {"landing": {"keptAt": "2026-03-03T12:00:00Z", "data": [1]}}, "version": 1}, {"landing": None}),
        ({}, {}),
        ({"rows": {}, "version": "three"}, {}),
        ({"rows": {}, "version": 0}, {}),
        ({"rows": {}, "version": Decimal("1.5")}, {}),
        ({"rows": {}, "version": Decimal("1E+38")}, {}),
    ],
)
def test_a_corrupted_row_decides_nothing_and_is_replaced(
    store: Store, tables: Any, key: RunKey, row: dict[str, Any], held: dict[str, None]
) -> None:
    tables.transact([Put(store.names.control, {"PK": "PIPELINE#bronze", "SK": f"KEPT#stream#{key.date}", **row})])
    kept = store.kept(key)
    assert {row_name: one.fields for row_name, one in kept.rows.items()} == held
    rows = {**kept.rows, "landing": KeptRow({"n": Decimal(1)}, NOW)}
    assert store.commit(KeepRows(key, KeptRows(rows, kept.version + 1), NOW)) is Commit.COMMITTED
    assert store.kept(key).rows["landing"].fields == {"n": Decimal(1)}
    again = store.kept(key)
    assert again.version >= 1
    assert store.commit(KeepRows(key, replace(again, version=again.version + 1), NOW)) is Commit.COMMITTED


def test_rejections_are_counted_between_reports(store: Store) -> None:
    marker = "sensor-rejected#landing#form"

    def reject(before: Rejections | None, after: Rejections) -> Commit:
        return store.commit(RejectSensor("bronze", marker, before, after, ()))

    first = Rejections(NOW, 0)

    def read() -> Rejections:
        found = store.rejections("bronze", marker)
        assert found is not None
        return found

    assert store.rejections("bronze", marker) is None
    assert reject(None, first) is Commit.COMMITTED
    assert reject(None, first) is Commit.STALE
    before = read()
    assert reject(before, Rejections(NOW, 1)) is Commit.COMMITTED
    assert reject(before, Rejections(NOW, 1)) is Commit.STALE
    assert (read().reported_at, read().count) == (NOW, 1)
    later = Rejections(NOW + timedelta(days=1), 0)
    assert reject(read(), later) is Commit.COMMITTED
    assert (read().reported_at, read().count) == (later.reported_at, 0)


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"count": Decimal(0)},
        {"markedAt": "noon", "count": Decimal(0)},
        {"markedAt": "2026-03-03T06:00:00Z", "count": Decimal("1.5")},
        {"markedAt": "0001-01-01T00:00:00+14:00", "count": "many"},
        {"markedAt": 7, "count": Decimal("1E+38")},
    ],
)
def test_a_corrupted_marker_of_rejections_is_replaced(store: Store, tables: Any, row: dict[str, Any]) -> None:
    marker = "sensor-rejected#landing#form"
    tables.transact([Put(store.names.control, {"PK": "PIPELINE#bronze", "SK": f"MARKER#{marker}", **row})])
    before = store.rejections("bronze", marker)
    assert before is not None
    assert store.commit(RejectSensor("bronze", marker, before, Rejections(NOW, 3), ())) is Commit.COMMITTED
    after = store.rejections("bronze", marker)
    assert after is not None
    assert (after.reported_at, after.count) == (NOW, 3)
