"""The eight checks, over values as sensors write them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from interlock_rules import Check, Rule, RuleError, compile_rules, holds
from interlock_rules import Mode as RuleMode

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
NAN, INFINITY = float("nan"), float("inf")


def nested(levels: int) -> list[object]:
    found: list[object] = []
    for _ in range(levels - 1):
        found = [found]
    return found


DEEP = nested(100_000)


def rule_holds(check: Check, observed: object, value: Any) -> bool:
    return holds(Rule("sensor", check, "field", value), {"field": observed}, NOW)


@pytest.mark.parametrize(
    "observed", [1500, 1500.0, Decimal(1500), Decimal("1.5E+3"), "1500", "1500.0", "+1500", "15e2"]
)
@pytest.mark.parametrize("value", [1500, 1500.0, Decimal("1500.0"), "1500"])
def test_a_number_is_the_same_in_every_form(observed: object, value: object) -> None:
    results = {
        check: rule_holds(check, observed, value) for check in Check if check not in ("exists", "age_lt", "age_gt")
    }
    assert results == {
        Check.EQUALS: True,
        Check.GT: False,
        Check.GTE: True,
        Check.LT: False,
        Check.LTE: True,
    }


@pytest.mark.parametrize(
    ("observed", "greater"),
    [
        (1501, True),
        (1500.001, True),
        (Decimal("1500.001"), True),
        ("1500.001", True),
        (1499, False),
        ("-1", False),
        (10**400, True),
        (-(10**400), False),
        ("1e300", True),
    ],
)
def test_numbers_are_compared_by_size(observed: object, greater: bool) -> None:
    assert rule_holds(Check.GT, observed, 1500) is greater
    assert rule_holds(Check.GTE, observed, "1500") is greater
    assert rule_holds(Check.LT, observed, 1500.0) is not greater
    assert rule_holds(Check.LTE, observed, Decimal(1500)) is not greater


@pytest.mark.parametrize(
    ("observed", "value", "compared"),
    [
        (0.1, "0.1000000000000000055", -1),
        (0.1, "0.0999999999999999999", 1),
        (1e23, 10**23, 0),
        (9007199254740992.0, 9007199254740993, -1),
        (1.7e308, 10**400, -1),
        (-1.7e308, -(10**400), 1),
        (0.0, Decimal("1E-400"), -1),
        (-0.0, 0, 0),
    ],
)
def test_float_compares_by_its_printed_decimals(observed: float, value: object, compared: int) -> None:
    assert rule_holds(Check.EQUALS, observed, value) is (compared == 0)
    assert rule_holds(Check.GT, observed, value) is (compared > 0)
    assert rule_holds(Check.GTE, observed, value) is (compared >= 0)
    assert rule_holds(Check.LT, observed, value) is (compared < 0)
    assert rule_holds(Check.LTE, observed, value) is (compared <= 0)


@pytest.mark.parametrize("observed", [0.1, Decimal("0.1"), "0.1"])
@pytest.mark.parametrize("value", [0.1, Decimal("0.1"), "0.1"])
def test_tenth_is_equal_in_every_type(observed: object, value: object) -> None:
    assert rule_holds(Check.EQUALS, observed, value)
    assert rule_holds(Check.GTE, observed, value)
    assert rule_holds(Check.LTE, observed, value)


@pytest.mark.parametrize(
    "observed",
    [NAN, INFINITY, -INFINITY, Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), "nan", "inf", "-Infinity"],
)
@pytest.mark.parametrize("check", [Check.EQUALS, Check.GT, Check.GTE, Check.LT, Check.LTE])
def test_nan_and_infinities_never_pass(observed: object, check: Check) -> None:
    for value in (0, -1, 1.5, "7", Decimal(7)):
        assert not rule_holds(check, observed, value)


@pytest.mark.parametrize("observed", [NAN, INFINITY, Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), None])
def test_null_nan_and_infinity_do_not_exist(observed: object) -> None:
    assert not rule_holds(Check.EXISTS, observed, None)


@pytest.mark.parametrize("observed", [0, "", False, [], {}, set(), 0.0, "x"])
def test_empty_values_exist(observed: object) -> None:
    assert rule_holds(Check.EXISTS, observed, None)
    assert holds(Rule("sensor", Check.EXISTS), {}, NOW)


@pytest.mark.parametrize("value", [True, False, 0, "", "x", NAN, [], DEEP])
def test_exists_ignores_the_value_of_its_rule(value: object) -> None:
    rule = Rule("sensor", Check.EXISTS, "field", value)
    assert holds(rule, {"field": "anything"}, NOW)
    assert not holds(rule, {"field": None}, NOW)
    assert not holds(rule, {"other": value}, NOW)


@pytest.mark.parametrize("check", list(Check))
def test_no_check_holds_without_sensor_or_field(check: Check) -> None:
    value = {"exists": None, "age_lt": "1h", "age_gt": "1h"}.get(check.value, 1)
    rule = Rule("sensor", check, "field", value)
    assert not holds(rule, None, NOW)
    assert not holds(rule, {}, NOW)
    assert not holds(rule, {"field": None}, NOW)


@pytest.mark.parametrize(
    "observed",
    [
        True,
        False,
        "",
        "many",
        " 1500",
        "1,500",
        "1_500",
        "0x10",
        "１５００",
        [1500],
        {1500},
        {"n": 1500},
        b"1500",
        None,
    ],
)
@pytest.mark.parametrize("check", [Check.GT, Check.GTE, Check.LT, Check.LTE])
def test_other_values_than_numbers_never_pass_comparison(observed: object, check: Check) -> None:
    assert not rule_holds(check, observed, 0)
    assert not rule_holds(check, observed, 10**6)


@pytest.mark.parametrize(
    ("observed", "value", "equal"),
    [
        (True, "true", True),
        (True, "True", True),
        (True, True, True),
        ("TRUE", True, True),
        ("true", True, True),
        (False, "false", True),
        ("False", False, True),
        (False, True, False),
        (True, "false", False),
        (True, 1, False),
        (1, True, False),
        ("1", True, False),
        (True, "1", False),
        ("yes", True, False),
        (0, False, False),
        ("01", 1, True),
        ("1.0", "1", True),
        (Decimal("1.00"), 1, True),
        (2**63 + 1, float(2**63), False),
        (Decimal(2**63 + 1), 2**63, False),
        ("ready", "ready", True),
        ("ready", "Ready", False),
        ("ready ", "ready", False),
        ("TRUE", "true", False),
        ("5 rows", 5, False),
        (date(2026, 3, 3), "2026-03-03", True),
        (None, "null", False),
        (None, "None", False),
        (["a", 1], ["a", "1"], True),
        (["a", 1], [1, "a"], False),
        (["a"], ["a", "a"], False),
        ({"b", "a"}, ["a", "b"], True),
        ({"b", "a"}, ["a", "c"], False),
        ({"b", "a"}, ["a", "a"], False),
        ({1, 2, 3}, [3, 2, 1], True),
        ([3, 2, 1], {1, 2, 3}, True),
        ({1, 2}, {Decimal(2), Decimal(1)}, True),
        ([1.0, "1.50", 0.1], [1, 1.5, Decimal("0.1")], True),
        ([1, "x"], ["x", "x"], False),
        ([["a"], "b"], [["a"], "b"], True),
        (["a", ["b"]], ["a", "b"], False),
        ([Decimal("NaN")], ["NaN"], False),
        ({Decimal(1)}, [1, 1], False),
        ({"n": Decimal(1), "s": [True]}, {"n": 1, "s": ["true"]}, True),
        ({"n": 1}, {"m": 1}, False),
        ({"n": None}, {"n": None}, False),
        ({}, {}, True),
        ([], {}, False),
        (["a"], "a", False),
        (["a"], "['a']", False),
        ({"n": 1}, [1], False),
        ({"true", "x"}, [True, "x"], True),
        ({True, "x"}, ["TRUE", "x"], True),
        ({"TRUE"}, ["true"], False),
        ({True, False}, ["false", "True"], True),
        ({True}, [1], False),
        ({"1", "x"}, [Decimal("1.0"), "x"], True),
        ({date(2026, 3, 3)}, ["2026-03-03"], True),
        ({(1, 2), "x"}, ["x", ["1", "2"]], True),
        ({(1, 2), "x"}, ["x", ["2", "1"]], False),
        ({(1, 2), "x"}, ["x", "(1, 2)"], False),
        ({1, 2}, [1, 3], False),
        ({"true"}, ["true"], True),
        ({True, "x"}, [True, "x"], True),
        ({True}, [False], False),
        ({"(1,)", (1,)}, [(1,), (1,)], False),
        ("['a']", ["a"], False),
        ("2026-03-03", date(2026, 3, 3), True),
        ({NAN}, [NAN], False),
        ({"x"}, [None], False),
        ({None}, [None], False),
        ({"NaN"}, [NAN], False),
        ([10**5000], ["x"], False),
        (["9" * 101], [10**101 - 1], False),
    ],
)
def test_trap_19_equals_compares_meaning_of_values(observed: object, value: object, equal: bool) -> None:
    assert rule_holds(Check.EQUALS, observed, value) is equal


HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("age", "younger", "older"),
    [
        (timedelta(0), True, False),
        (HOUR - MICROSECOND, True, False),
        (HOUR, False, False),
        (HOUR + MICROSECOND, False, True),
        (timedelta(days=20000), False, True),
    ],
)
def test_an_age_is_below_or_above_its_limit(age: timedelta, younger: bool, older: bool) -> None:
    for observed in (NOW - age, (NOW - age).isoformat()):
        assert rule_holds(Check.AGE_LT, observed, "1h") is younger
        assert rule_holds(Check.AGE_GT, observed, HOUR) is older


@pytest.mark.parametrize(
    ("ahead", "fresh"),
    [
        (timedelta(seconds=1), True),
        (timedelta(minutes=1), True),
        (timedelta(minutes=1) + MICROSECOND, False),
        (timedelta(days=1), False),
        (timedelta(days=365 * 100), False),
    ],
)
def test_trap_23_future_timestamp_is_fresh_within_one_minute(ahead: timedelta, fresh: bool) -> None:
    assert rule_holds(Check.AGE_LT, NOW + ahead, "1h") is fresh
    assert not rule_holds(Check.AGE_GT, NOW + ahead, "0s")


def test_trap_16_age_gt_is_evaluated() -> None:
    rule = Rule("sensor", Check("age_gt"), value="30m")
    assert holds(rule, {"updatedAt": "2026-03-03T11:29:59Z"}, NOW)
    assert not holds(rule, {"updatedAt": "2026-03-03T11:30:00Z"}, NOW)


@pytest.mark.parametrize(
    "observed", ["soon", "", None, True, NAN, INFINITY, [], "2026-02-30T00:00:00Z", 1e300, "10:00"]
)
def test_value_that_is_not_time_has_no_age(observed: object) -> None:
    assert not rule_holds(Check.AGE_LT, observed, "1h")
    assert not rule_holds(Check.AGE_GT, observed, "1h")


@pytest.mark.parametrize(
    ("rule", "part", "problem"),
    [
        (Rule("", Check.EXISTS), "key", "a rule needs the key of a sensor"),
        (Rule("k", Check.EXISTS, ""), "field", "a field needs a name"),
        (Rule(5, Check.EXISTS), "key", "a rule needs the key of a sensor"),  # type: ignore[arg-type]
        (Rule("k", Check.EXISTS, ["f"]), "field", "a field needs a name"),  # type: ignore[arg-type]
        (
            Rule("k", "ge", "f", 5),  # type: ignore[arg-type]
            "check",
            "the checks are exists, equals, gt, gte, lt, lte, age_lt, age_gt",
        ),
        (Rule("k", Check.LT, "f", DEEP), "value", "lt needs a number, not a list that cannot be shown"),
        (Rule("k", Check.LT, "f", "x" * 80), "value", f"lt needs a number, not '{'x' * 56}..."),
        (Rule("k", Check.EQUALS, "f", DEEP), "value", "equals compares values nested up to 32 deep"),
        (Rule("k", Check.EQUALS, "f", nested(33)), "value", "equals compares values nested up to 32 deep"),
        (Rule("k", Check.EQUALS, "f", {"n": nested(32)}), "value", "equals compares values nested up to 32 deep"),
        (
            Rule("k", Check.AGE_LT, "f", "8760000h1us"),
            "value",
            "age_lt needs a duration of at most 8760000h, not 8760000h1us",
        ),
        (
            Rule("k", Check.AGE_GT, "f", "23999999999h"),
            "value",
            "age_gt needs a duration of at most 8760000h, not 23999999999h",
        ),
        (
            Rule("k", Check.AGE_GT, "f", timedelta.max),
            "value",
            "age_gt needs a duration of at most 8760000h, not 23999999999h59m59.999999s",
        ),
        (Rule("k", Check.GTE, None, 1), "field", "gte needs a field"),
        (Rule("k", Check.EQUALS, None, 1), "field", "equals needs a field"),
        (Rule("k", Check.EQUALS, "f"), "value", "equals needs a value"),
        (Rule("k", Check.EQUALS, "f", NAN), "value", "nothing equals nan"),
        (Rule("k", Check.EQUALS, "f", Decimal("NaN123")), "value", "nothing equals NaN123"),
        (Rule("k", Check.EQUALS, "f", "-Infinity"), "value", "nothing equals -Infinity"),
        (Rule("k", Check.LT, "f", "many"), "value", "lt needs a number, not 'many'"),
        (Rule("k", Check.LT, "f", True), "value", "lt needs a number, not True"),
        (Rule("k", Check.LT, "f", INFINITY), "value", "lt needs a number, not inf"),
        (Rule("k", Check.LT, "f"), "value", "lt needs a number, not None"),
        (Rule("k", Check.AGE_LT, "f", "0s"), "value", "age_lt needs a positive duration, not 0s"),
        (Rule("k", Check.AGE_GT, "f", "-1h"), "value", "age_gt needs a positive duration, not -1h"),
    ],
)
def test_error_for_impossible_rule_states_problem(rule: Rule, part: str, problem: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_rules(RuleMode.ALL, [rule])
    assert (caught.value.rule, caught.value.part, caught.value.problem) == (rule, part, problem)


@pytest.mark.parametrize("edge", [datetime.min, datetime.max])
@pytest.mark.parametrize("value", ["1us", "8760000h"])
def test_ages_are_computed_over_whole_datetime_range(edge: datetime, value: str) -> None:
    now = edge.replace(tzinfo=UTC)
    for check in (Check.AGE_LT, Check.AGE_GT):
        for observed in (datetime.min, datetime.max, 0):
            rules = compile_rules(RuleMode.ALL, [Rule("k", check, "f", value)])
            evaluation = rules.evaluate({"k": {"f": observed}}, now)
            assert evaluation.passed is (evaluation.explain() == "all rules hold")


def test_value_of_deepest_nesting_is_compared() -> None:
    assert rule_holds(Check.EQUALS, nested(32), nested(32))
    assert not rule_holds(Check.EQUALS, nested(33), nested(32))
    assert not rule_holds(Check.EQUALS, DEEP, nested(32))


def test_large_sets_are_compared_without_all_pairs() -> None:
    compared = 0

    class Counted(str):
        __slots__ = ()

        def __hash__(self) -> int:
            return super().__hash__()

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return super().__eq__(other)

    names = [Counted(f"n{number}") for number in range(2000)]
    assert rule_holds(Check.EQUALS, set(names), names[::-1])
    assert not rule_holds(Check.EQUALS, set(names), [*names[1:], "other"])
    assert compared < 100 * len(names)


@pytest.mark.parametrize("value", [None, 30, "30", "1d", True])
def test_an_age_needs_a_duration(value: object) -> None:
    with pytest.raises(RuleError, match="rule k age_lt: age_lt needs a duration: ") as caught:
        compile_rules(RuleMode.ALL, [Rule("k", Check.AGE_LT, "f", value)])
    assert caught.value.part == "value"


def test_rule_without_key_is_rejected() -> None:
    with pytest.raises(RuleError) as caught:
        compile_rules(RuleMode.ALL, [Rule("", Check.EXISTS)])
    assert str(caught.value) == "rule (no key) exists: a rule needs the key of a sensor"


def test_decoding_rule_rejects_unknown_fields() -> None:
    assert msgspec.json.decode('{"key": "feed", "check": "exists"}', type=Rule) == Rule("feed", Check.EXISTS)
    with pytest.raises(msgspec.ValidationError, match="unknown field `vaule`"):
        msgspec.json.decode('{"key": "feed", "check": "exists", "vaule": 5}', type=Rule)
