"""The form of values in a sentence."""

import math
import time
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from interlock_rules import Check, Mode, Rule, compile_rules

NOW = datetime(2026, 3, 3, 11, 20, tzinfo=UTC)
DEEP: list[object] = []
for _ in range(5000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (-5.0, "-5"),
        (100.0, "100"),
        (1e22, "1e+22"),
        (1.5e20, "1.5e+20"),
        (Decimal("1.50E+10"), "1.50E+10"),
        (2**199 - 1, str(2**199 - 1)),
        (2**199, "a number of 200 bits"),
        (Decimal(100), "100"),
        (Decimal("1.500"), "1.5"),
        (Decimal("1E+3"), "1E+3"),
        (10**100, "a number of 333 bits"),
        (Decimal("0." + "1" * 80), "0." + "1" * 55 + "..."),
        (Decimal("1" * 40 + "." + "1" * 40), "1" * 40 + "." + "1" * 16 + "..."),
        (Decimal("1" * 41 + "." + "1" * 40), "1.111111111e+40"),
        (Decimal("1" * 60), "1" * 60),
        (Decimal("-" + "1" * 60), "-1.111111111e+59"),
        (Decimal("1." + "1" * 60 + "E+999999"), "1.111111111e+999999"),
        (math.nan, "NaN, which is not a number"),
        (-math.inf, "-inf, which is not a number"),
        (Decimal("sNaN"), "sNaN, which is not a number"),
        (Decimal("Infinity"), "Infinity, which is not a number"),
        ("late", "'late'"),
        ("it's", '"it\'s"'),
        ("a\nb\x00", "'a\\nb\\x00'"),
        ("x" * 100, "'" + "x" * 56 + "..."),
        (b"x", "b'x'"),
        (date(2026, 3, 3), "datetime.date(2026, 3, 3)"),
        ([], "[]"),
        ([Decimal("1.0"), None, "a"], "[1, null, 'a']"),
        ({}, "{}"),
        ({"n": Decimal(1), "s": {"b", "a"}}, "{'n': 1, 's': {'a', 'b'}}"),
        (set(), "{}"),
        ([[[[1]]]], "[[[...]]]"),
        ({"a": {"b": {"c": {"d": 1}}}}, "{'a': {'b': {'c': ...}}}"),
        ("x" * 58, "'" + "x" * 58 + "'"),
        ("x" * 59, "'" + "x" * 56 + "..."),
        (DEEP, "[[[...]]]"),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16..."),
    ],
)
def test_observed_value_is_short_and_on_one_line(value: object, words: str) -> None:
    evaluation = compile_rules(Mode.ALL, [Rule("k", Check.EQUALS, "f", "ready")]).evaluate({"k": {"f": value}}, NOW)
    assert evaluation.explain() == f"k: f is {words}, needs equals 'ready'"


def test_name_of_up_to_60_characters_has_no_quotes() -> None:
    rules = compile_rules(Mode.ALL, [Rule("k" * 60, Check.EXISTS)])
    assert rules.evaluate({}, NOW).explain() == f"{'k' * 60}: no such sensor has arrived, needs exists"


def test_unprintable_names_are_quoted() -> None:
    rules = compile_rules(Mode.ALL, [Rule("a\nb", Check.EXISTS, "x" * 61)])
    assert rules.evaluate({"a\nb": {}}, NOW).explain() == f"'a\\nb': '{'x' * 56}... is missing, needs exists"
    assert rules.evaluate({}, NOW).explain() == f"'a\\nb': no such sensor has arrived, needs '{'x' * 56}... exists"


@pytest.mark.parametrize(
    ("observed", "words"),
    [
        ("2026-03-03T11:19:59.5Z", "updatedAt is 11:19:59Z, 500ms old, needs age_gt 1h (59m59s too young)"),
        ("2026-03-03T10:20:00Z", "updatedAt is 10:20:00Z, 1h old, needs age_gt 1h (0s too young)"),
        ("2026-03-03T11:20:30Z", "updatedAt is 11:20:30Z, 30s ahead of the clock, needs age_gt 1h (1h30s too young)"),
        ("2026-03-03T11:19:59Z", "updatedAt is 11:19:59Z, 1s old, needs age_gt 1h (59m59s too young)"),
        ("2026-03-03T11:21:00Z", "updatedAt is 11:21:00Z, 1m ahead of the clock, needs age_gt 1h (1h1m too young)"),
        (
            "2026-03-04T00:00:00Z",
            "updatedAt is 2026-03-04T00:00:00Z, 12h40m ahead of the clock, needs age_gt 1h "
            "(more than 1m in the future)",
        ),
        (None, "updatedAt is null, needs age_gt 1h"),
    ],
)
def test_age_is_shown_in_whole_seconds(observed: object, words: str) -> None:
    rules = compile_rules(Mode.ALL, [Rule("feed", Check.AGE_GT, value="1h")])
    assert rules.evaluate({"feed": {"updatedAt": observed}}, NOW).explain() == f"feed: {words}"


@pytest.mark.parametrize(
    ("rule", "observed", "gap"),
    [
        (Rule("k", Check.LT, "f", 5), Decimal("1E+999999"), "1.000000000e+999999 over"),
        (
            Rule("k", Check.LT, "f", 5),
            Decimal(12345678901234567890123456789012345678),
            "12345678901234567890123456789012345673 over",
        ),
        (Rule("k", Check.GT, "f", Decimal("1E+999")), -1.5, "1.000000000e+999 short"),
    ],
)
def test_gap_has_as_many_digits_as_shown_values(rule: Rule, observed: object, gap: str) -> None:
    (finding,) = compile_rules(Mode.ALL, [rule]).evaluate({"k": {"f": observed}}, NOW).findings
    assert finding.gap == gap


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the machine's zone cannot be changed here")
def test_zone_of_machine_does_not_decide_day(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = compile_rules(Mode.ALL, [Rule("feed", Check.AGE_LT, value="1h")])
    try:
        with monkeypatch.context() as machine:
            machine.setenv("TZ", "Pacific/Kiritimati")
            time.tzset()
            explanation = rules.evaluate({"feed": {"updatedAt": "2026-03-03T09:14:02Z"}}, NOW).explain()
    finally:
        time.tzset()
    assert explanation == "feed: updatedAt is 09:14:02Z, 2h5m58s old, needs age_lt 1h (1h5m58s too old)"


def test_a_year_is_written_with_four_digits() -> None:
    rules = compile_rules(Mode.ALL, [Rule("feed", Check.AGE_LT, value="1h")])
    explanation = "feed: updatedAt is 0001-01-01T00:00:00Z, 17752259h20m old, needs age_lt 1h (17752258h20m too old)"
    assert rules.evaluate({"feed": {"updatedAt": "0001-01-01"}}, NOW).explain() == explanation
