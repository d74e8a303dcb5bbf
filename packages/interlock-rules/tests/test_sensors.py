"""Which sensor row a rule reads, and which rules a row concerns."""

import pytest

from interlock_rules import candidate_keys, key_matches, select_sensors
from interlock_sla import parse_execution_date

DAY, HOUR = parse_execution_date("2026-03-03"), parse_execution_date("2026-03-03T07")


def test_the_rows_of_a_rule_key_best_first() -> None:
    assert candidate_keys("rows", DAY) == ("rows#2026-03-03", "rows#20260303", "rows")
    assert candidate_keys("rows", HOUR) == ("rows#2026-03-03T07", "rows#20260303T07", "rows")


@pytest.mark.parametrize(
    ("present", "chosen"),
    [
        (("rows", "rows#20260303", "rows#2026-03-03"), "rows#2026-03-03"),
        (("rows", "rows#20260303"), "rows#20260303"),
        (("rows", "rows#2026-03-04", "rows#2026-03-03T07"), "rows"),
        (("rows-2", "rows#2026-03-04"), None),
    ],
)
def test_the_periods_own_row_wins(present: tuple[str, ...], chosen: str | None) -> None:
    rows = {key: {"from": key} for key in present}
    expected = {} if chosen is None else {"rows": {"from": chosen}}
    assert select_sensors(rows, ["rows", "absent"], DAY) == expected


def test_selecting_leaves_the_rows_alone() -> None:
    rows = {"rows#20260303": {"n": 1}}
    select_sensors(rows, ["rows"], DAY)
    assert rows == {"rows#20260303": {"n": 1}}


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
def test_trap_17_an_empty_key_matches_nothing_and_row_is_not_row_count(pattern: str, key: str, matches: bool) -> None:
    assert key_matches(pattern, key) is matches
