"""The sensor row that a rule reads, and the rules that a row concerns."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_rules import (
    Check,
    KeptRow,
    Mode,
    Rule,
    candidate_keys,
    compile_rules,
    counts_for,
    key_matches,
    row_date,
    row_keys,
    select_rows,
)
from interlock_sla import ExecutionDate, parse_execution_date

DAY, HOUR = parse_execution_date("2026-03-03"), parse_execution_date("2026-03-03T07")
NOW = datetime(2026, 3, 4, 8, tzinfo=UTC)
KEPT_AT = datetime(2026, 3, 3, 7, 5, tzinfo=UTC)
LANDING = Rule("landing", Check.GTE, "count", 1000)
ANY_DATE = Rule("landing", Check.EXISTS, any_date=True)
DAY_BEFORE = Rule("landing", Check.EXISTS, date_offset=-1)


def chosen(rows: Mapping[str, Any], date: ExecutionDate, rule: Rule = LANDING, **kept: KeptRow) -> object:
    return select_rows(rows, [rule], date, kept).fields.get(rule.row_name)


def reason(rows: Mapping[str, Any], date: ExecutionDate, rule: Rule = LANDING, **kept: KeptRow) -> str:
    selected = select_rows(rows, [rule], date, kept)
    return compile_rules(Mode.ALL, [rule]).evaluate(selected.fields, NOW, selected.notes).explain()


@pytest.mark.parametrize(
    ("run", "offset", "reads"),
    [
        ("2026-03-29T03", -1, "2026-03-29T02"),  # the hour that clocks skip in Berlin
        ("2026-03-29T03", -2, "2026-03-29T01"),  # one hour before the run on that day
        ("2026-03-29T01", 2, "2026-03-29T03"),
        ("2026-10-25T03", -1, "2026-10-25T02"),  # an hour that clocks show twice
    ],
)
def test_offset_of_hours_counts_wall_clock_hours(run: str, offset: int, reads: str) -> None:
    date, rule = parse_execution_date(run), Rule("landing", Check.EXISTS, date_offset=offset)
    rows = {f"landing#2026-{day}T{hour:02}": {} for day in ("03-29", "10-25") for hour in range(24)}
    assert select_rows(rows, [rule], date, {}).sources[rule.row_name] == f"landing#{reads}"
    del rows[f"landing#{reads}"]
    assert chosen(rows, date, rule) is None


def test_the_rows_of_a_rule_key_best_first() -> None:
    assert candidate_keys("rows", DAY) == ("rows#2026-03-03", "rows#20260303", "rows")
    assert candidate_keys("rows", HOUR) == (
        "rows#2026-03-03T07",
        "rows#20260303T07",
        "rows#2026-03-03",
        "rows#20260303",
        "rows",
    )


def test_row_keys_are_listed_once_and_with_offset() -> None:
    assert row_keys([LANDING, LANDING, DAY_BEFORE], DAY) == (
        "landing#2026-03-03",
        "landing#20260303",
        "landing",
        "landing#2026-03-02",
        "landing#20260302",
    )


@pytest.mark.parametrize(
    ("date", "present", "expected"),
    [
        (DAY, ("landing", "landing#20260303", "landing#2026-03-03"), "landing#2026-03-03"),
        (DAY, ("landing", "landing#20260303"), "landing#20260303"),
        (DAY, ("landing", "landing#2026-03-04", "landing#2026-03-03T07"), "landing"),
        (DAY, ("landing-2", "landing#2026-03-04"), None),
        (HOUR, ("landing", "landing#2026-03-03", "landing#20260303T07"), "landing#20260303T07"),
        (HOUR, ("landing", "landing#2026-03-03", "landing#2026-03-03T08"), "landing#2026-03-03"),
        (HOUR, ("landing", "landing#20260303"), "landing#20260303"),
        (HOUR, ("landing", "landing#2026-03-03T08"), "landing"),
    ],
)
def test_row_of_own_period_comes_first(date: ExecutionDate, present: tuple[str, ...], expected: str | None) -> None:
    rows = {key: {"from": key} for key in present}
    assert chosen(rows, date) == (None if expected is None else {"from": expected})


@pytest.mark.parametrize(
    ("date", "fields", "counts"),
    [
        (HOUR, {"date": "2026-03-03", "hour": "08", "count": 1203}, False),
        (HOUR, {"date": "2026-03-03", "hour": "07", "count": 1203}, True),
        (HOUR, {"date": "2026-03-03", "count": 1203}, True),
        (DAY, {"date": "2026-03-03", "hour": "08", "count": 1203}, True),
        (DAY, {"date": "2026-03-04", "count": 1203}, False),
        (DAY, {"date": "2026-03-04T00:00:00Z", "count": 1203}, False),
        (DAY, {"date": "2026/03/03", "count": 1203}, False),
        (DAY, {"count": 1203}, True),
    ],
)
def test_trap_26_plain_row_counts_only_for_its_date(
    date: ExecutionDate, fields: dict[str, object], counts: bool
) -> None:
    assert (chosen({"landing": fields}, date) is not None) is counts


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"date": "2026-03-03", "hour": "08"}, "landing is of 2026-03-03T08, needs count gte 1000"),
        ({"date": "2026-03-04"}, "landing is of 2026-03-04, needs count gte 1000"),
        (
            {"date": "2026/03/03"},
            "landing has a row whose date is '2026/03/03', which is not YYYY-MM-DD or YYYYMMDD, with THH for an hour, "
            "or an ISO date-time at midnight, needs count gte 1000",
        ),
    ],
)
def test_the_reason_names_the_other_date(fields: dict[str, object], expected: str) -> None:
    assert reason({"landing": fields}, HOUR) == expected


def test_reference_data_counts_for_every_run() -> None:
    for fields in ({"date": "2020-01-01"}, {"date": "no date"}, {}):
        assert chosen({"landing": fields}, DAY, ANY_DATE) == fields


def test_offset_reads_row_of_other_date() -> None:
    yesterday, today = {"date": "2026-03-02"}, {"date": "2026-03-03"}
    assert chosen({"landing": yesterday}, DAY, DAY_BEFORE) == yesterday
    assert chosen({"landing#20260302": {}}, DAY, DAY_BEFORE) == {}
    assert chosen({"landing": today}, DAY, DAY_BEFORE) is None
    assert reason({"landing": today}, DAY, DAY_BEFORE).startswith(
        "landing is of 2026-03-03, where the rule reads 2026-03-02"
    )
    hour_before = Rule("landing", Check.EXISTS, date_offset=-8)
    assert chosen({"landing": {"date": "2026-03-02T23"}}, HOUR, hour_before) == {"date": "2026-03-02T23"}


@pytest.mark.parametrize(
    ("date", "offset", "expected"),
    [
        ("1900-01-01", -1, "dateOffset -1 from 1900-01-01"),
        ("1900-01-01T00", -1, "dateOffset -1 from 1900-01-01T00"),
        ("9998-12-31", 1, "dateOffset +1 from 9998-12-31"),
        ("9998-12-31T23", 400, "dateOffset +400 from 9998-12-31T23"),
    ],
)
def test_offset_outside_supported_years_reads_no_row(date: str, offset: int, expected: str) -> None:
    edge, rule = parse_execution_date(date), Rule("rates", Check.EXISTS, date_offset=offset)
    assert row_keys([LANDING, rule], edge) == row_keys([LANDING], edge)
    kept = {rule.row_name: KeptRow({}, KEPT_AT)}
    selected = select_rows({"rates": {}, "landing": {}}, [rule, LANDING], edge, kept)
    assert set(selected.fields) == {"landing"}
    explained = compile_rules(Mode.ALL, [rule]).evaluate(selected.fields, NOW, selected.notes).explain()
    assert explained == f"rates has no row to read: {expected} leaves the years 1900 to 9998, needs exists"


def test_rules_of_one_key_can_read_different_rows() -> None:
    rows = {"landing": {"date": "2026-03-02", "count": 1}}
    selected = select_rows(rows, [LANDING, ANY_DATE, DAY_BEFORE], DAY)
    assert set(selected.fields) == {ANY_DATE.row_name, DAY_BEFORE.row_name}
    rules = compile_rules(Mode.ALL, [LANDING, ANY_DATE, DAY_BEFORE])
    evaluation = rules.evaluate(selected.fields, NOW, selected.notes)
    assert [finding.passed for finding in evaluation.findings] == [False, True, True]


def test_kept_row_does_not_replace_deleted_row() -> None:
    assert chosen({}, DAY, landing=KeptRow({"date": "2026-03-03", "count": 5000}, KEPT_AT)) is None


def test_kept_row_is_read_where_no_row_counts() -> None:
    kept = KeptRow({"date": "2026-03-03", "count": 500}, KEPT_AT)
    tomorrow, own = {"date": "2026-03-04", "count": 9}, {"date": "2026-03-03", "count": 1200}
    assert chosen({"landing": tomorrow}, DAY, landing=kept) == kept.fields
    assert chosen({"landing": tomorrow, "landing#eu": own}, DAY, landing=kept) == kept.fields
    assert chosen({"landing": own}, DAY, landing=kept) == own
    expected = (
        "landing: count is 500, needs gte 1000 (500 short), "
        "kept from 2026-03-03T07:05:00Z (landing is of 2026-03-04 now)"
    )
    assert reason({"landing": tomorrow}, DAY, landing=kept) == expected


def test_kept_row_does_not_replace_unreadable_row() -> None:
    kept = KeptRow({"date": "2026-03-03", "count": 5000}, KEPT_AT)
    assert chosen({"landing": {"date": "3 March"}}, DAY, landing=kept) is None


OF_DAY, OF_HOUR = {"date": "2026-03-03", "count": 1}, {"date": "2026-03-03", "hour": "07", "count": 2}


@pytest.mark.parametrize(
    ("date", "rows", "expected"),
    [
        (DAY, {"landing#2026-03-03": {"hour": 6}, "landing": OF_DAY}, OF_DAY),
        (DAY, {"landing#2026-03-03": {"hour": 6}, "landing": OF_HOUR}, {"hour": 6}),
        (DAY, {"landing#2026-03-03": {"hour": 6}, "landing": {"count": 3}}, {"hour": 6}),
        (DAY, {"landing#2026-03-03": {"hour": 6}, "landing#20260303": {"n": 1}, "landing": OF_DAY}, {"n": 1}),
        (HOUR, {"landing#2026-03-03": {"n": 1}, "landing": OF_HOUR}, OF_HOUR),
        (HOUR, {"landing#2026-03-03": {"n": 1}, "landing": OF_DAY}, {"n": 1}),
        (HOUR, {"landing#2026-03-03": {"n": 1}, "landing": {"count": 3}}, {"n": 1}),
        (HOUR, {"landing#2026-03-03": {"hour": 8}, "landing": OF_DAY}, OF_DAY),
    ],
)
def test_row_of_exact_date_comes_first(
    date: ExecutionDate, rows: dict[str, dict[str, object]], expected: dict[str, object]
) -> None:
    assert chosen(rows, date) == expected


@pytest.mark.parametrize(
    ("date", "rows", "exact", "expected"),
    [
        (DAY, {"landing": OF_HOUR}, True, "kept"),
        (DAY, {"landing": OF_HOUR}, False, OF_HOUR),
        (DAY, {"landing": OF_DAY}, True, OF_DAY),
        (DAY, {"landing#2026-03-03": {"hour": 6}}, True, "kept"),
        (DAY, {"landing#2026-03-03": {"hour": 6}, "landing": OF_DAY}, True, OF_DAY),
        (DAY, {"landing#2026-03-03": {"hour": 6}, "landing": {"count": 3}}, True, {"hour": 6}),
        (DAY, {"landing#2026-03-03": {"hour": "x"}, "landing": OF_HOUR}, True, None),
        (DAY, {"landing#2026-03-03": {"hour": "x"}, "landing": OF_HOUR}, False, OF_HOUR),
        (HOUR, {"landing": OF_DAY}, True, "kept"),
        (HOUR, {"landing": OF_DAY}, False, OF_DAY),
        (HOUR, {"landing": OF_HOUR}, True, OF_HOUR),
        (HOUR, {"landing#2026-03-03": {"n": 1}, "landing": {"date": "2026-03-04"}}, True, "kept"),
        (HOUR, {"landing": {"count": 3}}, True, {"count": 3}),
    ],
)
def test_kept_row_of_exact_date_precedes_hour_and_day_rows(
    date: ExecutionDate, rows: dict[str, dict[str, object]], exact: bool, expected: object
) -> None:
    kept = KeptRow({"count": 500}, KEPT_AT, exact)
    assert chosen(rows, date, landing=kept) == (kept.fields if expected == "kept" else expected)


def test_reason_names_hour_that_kept_row_precedes() -> None:
    expected = (
        "landing: count is 500, needs gte 1000 (500 short), "
        "kept from 2026-03-03T07:05:00Z (landing is of 2026-03-03T07 now)"
    )
    assert reason({"landing": OF_HOUR}, DAY, landing=KeptRow({"count": 500}, KEPT_AT)) == expected
    lost = "landing is of 2026-03-03T07, and the row of 2026-03-03 was too large to keep, needs count gte 1000"
    assert reason({"landing": OF_HOUR}, DAY, landing=KeptRow(None, KEPT_AT)) == lost


def test_row_too_large_to_keep_holds_run_with_reason() -> None:
    lost = KeptRow(None, KEPT_AT)
    assert chosen({"landing": {"date": "2026-03-04"}}, DAY, landing=lost) is None
    assert "the row of 2026-03-03 was too large to keep" in reason(
        {"landing": {"date": "2026-03-04"}}, DAY, landing=lost
    )


def test_selection_does_not_change_rows() -> None:
    rows = {"landing#20260303": {"n": 1}}
    select_rows(rows, [LANDING], DAY)
    assert rows == {"landing#20260303": {"n": 1}}


days = st.sampled_from(["2026-03-02", "2026-03-03", "20260304", "3 March", "", None])
hours = st.sampled_from(["06", "7", 8, None, "x"])
row_fields = st.fixed_dictionaries({"count": st.integers(0, 2)}, optional={"date": days, "hour": hours})
row_names = st.sampled_from([f"{key}{suffix}" for key in "ab" for suffix in ("", *(f"#{one}" for one in (
    "2026-03-03", "20260303", "2026-03-03T07", "20260303T07", "2026-03-02", "2026-03-04", "eu",
)))])  # fmt: skip
rules_of = st.lists(
    st.builds(
        Rule,
        st.sampled_from("ab"),
        st.sampled_from([Check.GTE, Check.EQUALS, Check.LT]),
        st.just("count"),
        st.integers(0, 2),
        date_offset=st.sampled_from([0, 0, 0, -1, 1]),
    ),
    min_size=1,
    max_size=4,
)
keepings = st.dictionaries(st.sampled_from("ab"), st.builds(KeptRow, row_fields, st.just(KEPT_AT), st.booleans()))


@given(st.dictionaries(row_names, row_fields), rules_of, st.sampled_from([DAY, HOUR]), st.sampled_from(Mode))
def test_rows_that_do_not_count_never_change_result(
    rows: dict[str, dict[str, object]], rules: list[Rule], date: ExecutionDate, mode: Mode
) -> None:
    def passes(those: dict[str, dict[str, object]]) -> bool:
        return compile_rules(mode, rules).evaluate(select_rows(those, rules, date).fields, NOW).passed

    wanted = {date.shifted(rule.date_offset) for rule in rules}
    counting = {name: row for name, row in rows.items() if _counts(name, row, wanted)}
    assert passes(rows) == passes(counting)


@given(st.dictionaries(row_names, row_fields), rules_of, st.sampled_from([DAY, HOUR]), keepings)
def test_kept_row_is_read_only_for_rows_of_other_dates(
    rows: dict[str, dict[str, object]], rules: list[Rule], date: ExecutionDate, kept: dict[str, KeptRow]
) -> None:
    selected = select_rows(rows, rules, date, kept)
    for rule in rules:
        if rule.row_name in selected.kept:
            names = [name for name in candidate_keys(rule.key, date.shifted(rule.date_offset)) if name in rows]
            assert names
            assert all(isinstance(row_date(name, rows[name]), ExecutionDate) for name in names)


def _counts(name: str, row: dict[str, object], wanted: set[ExecutionDate]) -> bool:
    return any(counts_for(row_date(name, row), date) for date in wanted)


@pytest.mark.parametrize(
    ("pattern", "key", "matches"),
    [
        ("row", "row", True),
        ("row", "row#20260303", True),
        ("row", "row#", True),
        ("row", "row-count", False),
        ("row", "rows", False),
        ("row-count", "row", False),
        ("row", "ROW", False),
        ("", "row", False),
        ("", "", False),
        ("", "#20260303", False),
        ("row#2026-03-03", "row#2026-03-03", True),
        ("row#2026", "row#2026-03-03", False),
    ],
)
def test_trap_17_row_is_not_row_count(pattern: str, key: str, matches: bool) -> None:
    assert key_matches(pattern, key) is matches
