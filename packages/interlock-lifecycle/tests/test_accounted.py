"""A run's evaluation and a record within the same second: stream times are whole seconds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from interlock_lifecycle import Run, Sensor
from interlock_lifecycle.sensors._accounted import fingerprint, rows_seen, took_into_account
from interlock_rules import Check, KeptRow, Rule, select_rows
from interlock_sla import parse_execution_date

EVALUATED = datetime(2026, 3, 3, 12, 0, 0, 500_000, tzinfo=UTC)
SEEN = {"rows": Decimal(120), "ok": True}


@pytest.mark.parametrize(
    ("seconds", "fields", "expected"),
    [
        (-2, {"rows": 1}, True),
        (-1, SEEN, True),
        (-1, {"rows": 1}, False),
        (0, SEEN, True),
        (0, {"rows": Decimal(121), "ok": True}, False),
        (1, SEEN, True),
        (1, {"rows": 1}, False),
        (2, SEEN, False),
        (2, {"rows": 1}, False),
    ],
)
def test_within_a_second_only_the_rows_read_count_as_seen(
    run: Run, seconds: int, fields: dict[str, object], expected: bool
) -> None:
    done = replace(run, evaluated_at=EVALUATED, seen={"landing": fingerprint(SEEN)})
    at = EVALUATED.replace(microsecond=0) + timedelta(seconds=seconds)
    assert took_into_account(done, Sensor("p", "landing", fields, at)) is expected


def test_a_sensor_that_the_evaluation_did_not_read_was_not_seen(run: Run) -> None:
    done, second = replace(run, evaluated_at=EVALUATED, seen={}), EVALUATED.replace(microsecond=0)
    assert not took_into_account(done, Sensor("p", "landing", SEEN, second))
    assert took_into_account(done, Sensor("p", "landing", SEEN, second - timedelta(seconds=1)))


def test_a_run_that_was_not_evaluated_saw_nothing(run: Run) -> None:
    assert not took_into_account(run, Sensor("p", "landing", SEEN, EVALUATED - timedelta(days=1)))


LANDING = Rule("landing", Check.GTE, "rows", 100)


def test_rows_of_another_date_were_not_seen_for_this_one(run: Run) -> None:
    date = run.key.date
    rows = {"landing": {"date": "2026-03-09"}, f"landing#{date}": {"rows": 1}, "other": {"date": str(date)}, "any": {}}
    selected = select_rows(rows, [LANDING], date)
    assert set(rows_seen(rows, selected, {}, date)) == {f"landing#{date}", "other", "any"}


@pytest.mark.parametrize(
    ("seconds", "fields", "seen"),
    [
        (-3600, SEEN, True),
        (3600, SEEN, True),
        (-1, {"rows": 1}, True),
        (0, {"rows": 1}, False),
        (60, {"rows": 1}, False),
    ],
)
def test_a_record_newer_than_the_kept_row_was_not_seen(
    run: Run, seconds: int, fields: dict[str, object], seen: bool
) -> None:
    date, kept_at = run.key.date, EVALUATED - timedelta(minutes=30)
    kept = {"landing": KeptRow(SEEN, kept_at)}
    rows = {"landing": {"date": "2026-03-09"}}
    marks = rows_seen(rows, select_rows(rows, [LANDING], date, kept), kept, date)
    done = replace(run, evaluated_at=EVALUATED, seen=marks)
    at = kept_at.replace(microsecond=0) + timedelta(seconds=seconds)
    assert took_into_account(done, Sensor("p", "landing", fields, at)) is seen


def test_a_kept_row_of_another_date_hides_no_row_that_was_seen(run: Run) -> None:
    date, before = run.key.date, Rule("landing", Check.EXISTS, date_offset=-1)
    own = {"date": str(date)}
    kept = {before.row_name: KeptRow({"date": str(date.shifted(-1))}, EVALUATED - timedelta(minutes=30))}
    rows = {"landing": own}
    marks = rows_seen(rows, select_rows(rows, [LANDING, before], date, kept), kept, date)
    done = replace(run, evaluated_at=EVALUATED, seen=marks)
    assert took_into_account(done, Sensor("p", "landing", own, EVALUATED - timedelta(minutes=5)))


def test_a_kept_row_of_an_offset_marks_its_own_slot(run: Run) -> None:
    date, before = run.key.date, Rule("landing", Check.EXISTS, date_offset=-1)
    earlier = {"date": str(date.shifted(-1))}
    kept = {before.row_name: KeptRow(earlier, EVALUATED - timedelta(hours=9))}
    # The row under the date's own key is unreadable, so no row of this date was judged.
    rows = {"landing": {"date": "2026-03-09"}, f"landing#{date}": {"date": f" {date}"}}
    marks = rows_seen(rows, select_rows(rows, [LANDING, before], date, kept), kept, date)
    assert "landing" not in marks
    assert "@" in marks[before.row_name]


def test_an_hours_row_hides_no_kept_row_of_its_day(run: Run) -> None:
    date = parse_execution_date("2026-03-03")
    kept = {"landing": KeptRow(SEEN, EVALUATED)}
    hour = {"date": "2026-03-03", "hour": "07"}
    marks = rows_seen({"landing": hour}, select_rows({"landing": hour}, [LANDING], date, kept), kept, date)
    done = replace(run, key=replace(run.key, date=date), evaluated_at=EVALUATED, seen=marks)
    assert took_into_account(done, Sensor("p", "landing", SEEN, EVALUATED))
    assert not took_into_account(done, Sensor("p", "landing", hour, EVALUATED))


def test_a_row_that_only_an_offset_reads_hides_no_kept_row(run: Run) -> None:
    date, before = run.key.date, Rule("landing", Check.EXISTS, date_offset=-1)
    kept_at = EVALUATED - timedelta(minutes=30)
    kept = {"landing": KeptRow(SEEN, kept_at)}
    rows = {"landing": {"date": str(date.shifted(-1))}}
    marks = rows_seen(rows, select_rows(rows, [LANDING, before], date, kept), kept, date)
    done = replace(run, evaluated_at=EVALUATED, seen=marks)
    assert took_into_account(done, Sensor("p", "landing", SEEN, kept_at))
    assert not took_into_account(done, Sensor("p", "landing", {"rows": 1}, kept_at + timedelta(minutes=5)))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": {"x", "y"}}, {"a": {"y", "x"}}, True),
        ({"a": Decimal(1)}, {"a": 1}, True),
        ({"a": True}, {"a": "True"}, False),
        ({"a": None}, {"a": "None"}, False),
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": 0}]}, False),
        ({"a": "1"}, {"a": 1}, False),
    ],
)
def test_fingerprints_distinguish_fields(one: dict[str, object], other: dict[str, object], same: bool) -> None:
    assert (fingerprint(one) == fingerprint(other)) is same
