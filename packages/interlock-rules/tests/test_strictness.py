"""Whether a rule can hold only where another rule holds: by example, and as a law over random rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_rules import Check, Rule, holds, is_at_least_as_strict

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)


def rule(check: str, value: Any = None, field: str | None = "n", **more: Any) -> Rule:
    return Rule("a", Check(check), field, value, **more)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (rule("gte", 1500), rule("gte", 1000), True),
        (rule("gte", 1000), rule("gte", 1500), False),
        (rule("gte", "1500"), rule("gte", 1500), True),
        (rule("gte", 10), rule("gt", 10), False),
        (rule("gt", 10), rule("gte", 10), True),
        (rule("gt", 10), rule("gt", 10), True),
        (rule("lte", 5), rule("lte", 5), True),
        (rule("lt", 5), rule("lte", 5), True),
        (rule("lte", 5), rule("lt", 5), False),
        (rule("lte", 4), rule("lt", 5), True),
        (rule("lte", 6), rule("lte", 5), False),
        (rule("gte", 5), rule("lte", 5), False),
        (rule("gte", 10, "m"), rule("gte", 1), False),
        (rule("gte", 10, date_offset=-1), rule("gte", 1), False),
        (rule("gte", 10), rule("exists", None, None), True),
        (rule("gte", 10), rule("exists"), True),
        (rule("exists", None, None), rule("exists"), False),
        (rule("equals", "x"), rule("equals", "x"), True),
        (rule("equals", 1), rule("equals", True), False),
        (rule("equals", 12), rule("gte", 10), False),
        (rule("age_lt", "1h"), rule("age_lt", "2h"), True),
        (rule("age_lt", "2h"), rule("age_lt", "1h"), False),
        (rule("age_gt", "2h"), rule("age_gt", "1h"), True),
        (rule("age_gt", "1h"), rule("age_gt", "2h"), False),
        (rule("age_lt", "1h", None), rule("age_lt", "1h", "updatedAt"), True),
        (rule("age_lt", "1h"), rule("age_gt", "1h"), False),
    ],
)
def test_strictness_of_two_rules(one: Rule, other: Rule, expected: bool) -> None:
    assert is_at_least_as_strict(one, other) is expected


_NUMBERS = st.integers(-3, 3) | st.sampled_from(["1", "2.5", -1.5])
_RULES = st.one_of(
    st.builds(rule, st.sampled_from(["gt", "gte", "lt", "lte", "equals"]), _NUMBERS, st.sampled_from(["n", "m"])),
    st.builds(rule, st.just("equals"), st.booleans() | st.sampled_from(["x", "1"])),
    st.builds(rule, st.just("exists"), st.none(), st.sampled_from([None, "n"])),
    st.builds(rule, st.sampled_from(["age_lt", "age_gt"]), st.sampled_from(["1m", "2h"]), st.sampled_from([None, "n"])),
)
_VALUES = st.one_of(
    _NUMBERS,
    st.none(),
    st.booleans(),
    st.sampled_from(["x", "true", float("nan")]),
    st.integers(-180, 180).map(lambda minutes: (NOW - timedelta(minutes=minutes)).isoformat()),
)
_ROWS = st.dictionaries(st.sampled_from(["n", "m", "updatedAt"]), _VALUES)


@given(one=_RULES, other=_RULES, row=_ROWS)
def test_a_row_of_a_strict_rule_fulfils_the_other_rule(one: Rule, other: Rule, row: dict[str, Any]) -> None:
    if is_at_least_as_strict(one, other) and holds(one, row, NOW):
        assert holds(other, row, NOW)
