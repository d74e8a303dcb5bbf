"""Laws of rules: compiled rule sets agree with a slow model of the manual, over values as sensors write them."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from interlock_rules import (
    Check,
    Mode,
    Rule,
    candidate_keys,
    compile_rules,
    drift,
    holds,
    key_matches,
    parse_timestamp,
    select_rows,
    to_number,
)
from interlock_sla import parse_duration, parse_execution_date

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

finite = st.one_of(
    st.integers(-20, 20),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20),
    st.sampled_from(
        [0.1, 0.2, 0.3, 1e22, 1e23, 2.0**53, 5e-324, -0.0, Decimal("0.1"), Decimal("-0"), Decimal("1E+3"), 2**53 + 1]
    ),
)
numerals = finite.map(str) | st.from_regex(r"[+-]?[0-9]{1,20}(\.[0-9]{0,10})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
no_numbers = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=6),
    st.sampled_from(["true", "False", "TRUE", "nan", "-inf", "Infinity", " 5", "1_0", "٣", "0x1", "", "ready", "1,5"]),
    st.sampled_from([math.nan, math.inf, -math.inf, Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity")]),
    st.binary(max_size=3),
)
scalars = finite | numerals | no_numbers
hashable = finite.filter(lambda value: value == value) | st.text(max_size=3) | st.booleans()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        | st.sets(hashable, max_size=3)
    ),
    max_leaves=5,
)
timestamps = st.one_of(
    st.timedeltas(timedelta(-2), timedelta(hours=2)).map(lambda age: NOW + age),
    st.sampled_from([-90, -61, -60, 0, 59, 60, 61, 3599, 3600, 3601]).map(lambda seconds: NOW - seconds * SECOND),
)
written_timestamps = st.tuples(
    timestamps.map(lambda moment: moment.replace(microsecond=0)),
    st.sampled_from(
        [
            lambda moment: moment,
            lambda moment: moment.replace(tzinfo=None),
            lambda moment: moment.isoformat(),
            lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S.000"),
            lambda moment: moment.astimezone(tz=_plus(5.5)).isoformat(),
            lambda moment: int(moment.timestamp()),
            lambda moment: int(moment.timestamp()) * 1000,
            lambda moment: Decimal(int(moment.timestamp())),
            lambda moment: str(int(moment.timestamp()) * 1000),
            lambda moment: float(moment.timestamp()),
        ]
    ),
)


def _plus(hours: float) -> Any:
    from datetime import timezone

    return timezone(timedelta(hours=hours))


def number_of(value: object) -> Fraction | None:
    """A number in the model: a fraction, so that nothing is rounded."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        return None
    if isinstance(value, str) and (len(value) > 100 or not re.fullmatch(r"[-+0-9.eE]+", value)):
        return None
    try:
        text = repr(value) if isinstance(value, float) else str(value)
        number = Decimal(text)
    except ArithmeticError:
        return None
    return Fraction(number) if number.is_finite() else None


def equal(observed: object, expected: object) -> bool:
    """Equality in the model."""
    if observed is None or expected is None:
        return False
    if isinstance(observed, bool) or isinstance(expected, bool):
        words = {True: True, False: False, "true": True, "false": False}
        key = [value.lower() if isinstance(value, str) else value for value in (observed, expected)]
        if not all(isinstance(value, (bool, str)) for value in key):
            return False
        return words.get(key[0], observed) is words.get(key[1], expected)
    if isinstance(observed, str) and isinstance(expected, str) and number_of(observed) is None:
        return observed == expected
    return number_of(observed) is not None and number_of(observed) == number_of(expected)


MODEL: dict[Check, Callable[[Any, Any], bool]] = {
    Check.EQUALS: equal,
    Check.GT: lambda observed, expected: _ordered(observed, expected, lambda left, right: left > right),
    Check.GTE: lambda observed, expected: _ordered(observed, expected, lambda left, right: left >= right),
    Check.LT: lambda observed, expected: _ordered(observed, expected, lambda left, right: left < right),
    Check.LTE: lambda observed, expected: _ordered(observed, expected, lambda left, right: left <= right),
}


def _ordered(observed: object, expected: object, compare: Callable[[Fraction, Fraction], bool]) -> bool:
    left, right = number_of(observed), number_of(expected)
    return left is not None and right is not None and compare(left, right)


@given(st.sampled_from(sorted(MODEL)), finite | numerals | scalars, finite | numerals)
def test_comparisons_agree_with_exact_fractions(check: Check, observed: object, value: object) -> None:
    rule = Rule("sensor", check, "field", value)
    assert holds(rule, {"field": observed}, NOW) is MODEL[check](observed, value)


@given(scalars, st.booleans() | st.text(min_size=1, max_size=6) | st.sampled_from(["true", "FALSE", "ready"]))
def test_equals_agrees_with_the_model_for_words_and_booleans(observed: object, value: object) -> None:
    if str(value).lower().lstrip("+-") not in ("nan", "inf", "snan", "infinity"):
        assert holds(Rule("sensor", Check.EQUALS, "field", value), {"field": observed}, NOW) is equal(observed, value)


@given(st.sampled_from(sorted(MODEL)), finite, finite)
def test_number_passes_alike_in_every_form(check: Check, observed: Any, value: Any) -> None:
    exact = Decimal(repr(observed)) if isinstance(observed, float) else Decimal(observed)
    results = {
        holds(Rule("sensor", check, "field", expected), {"field": seen}, NOW)
        for seen in (observed, exact, str(observed), str(exact))
        for expected in (value, str(value))
    }
    assert len(results) == 1


members = st.sampled_from([0, 1, 1.0, "1", True, "true", "TRUE", False, "x", 0.5, "0.50", Decimal("0.5")]) | hashable


@given(st.sets(members, max_size=4), st.lists(members, max_size=4))
def test_set_equals_values_with_equal_members(observed: set[Any], value: list[Any]) -> None:
    covered = all(any(equal(left, right) for right in value) for left in observed)
    covering = all(any(equal(left, right) for left in observed) for right in value)
    expected = len(observed) == len(value) and covered and covering
    assert holds(Rule("sensor", Check.EQUALS, "field", value), {"field": observed}, NOW) is expected
    if observed:
        assert holds(Rule("sensor", Check.EQUALS, "field", observed), {"field": value}, NOW) is expected


@given(values)
def test_value_equals_itself_unless_it_contains_null_or_nan(value: Any) -> None:
    rule = Rule("sensor", Check.EQUALS, "field", value)
    impossible = str(value).lower().lstrip("+-") in ("nan", "inf", "snan", "infinity")
    if value is not None and not impossible:
        assert holds(rule, {"field": value}, NOW) is not _has_no_value(value)


def _has_no_value(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_no_value, value.values()))
    if isinstance(value, (list, set)):
        return any(map(_has_no_value, value))
    return value is None or (isinstance(value, (float, Decimal)) and number_of(value) is None)


@given(written_timestamps, st.sampled_from([1, 59, 60, 61, 3600, 86400]))
def test_ages_agree_with_seconds(written: tuple[datetime, Callable[[datetime], object]], seconds: int) -> None:
    moment, write = written
    age = int((NOW - moment).total_seconds())
    fields = {"seen": write(moment)}
    assert parse_timestamp(fields["seen"]) == moment
    assert holds(Rule("sensor", Check.AGE_LT, "seen", f"{seconds}s"), fields, NOW) is (-60 <= age < seconds)
    assert holds(Rule("sensor", Check.AGE_GT, "seen", timedelta(seconds=seconds)), fields, NOW) is (age > seconds)


@given(values)
def test_a_timestamp_is_an_instant_in_utc_or_nothing(value: object) -> None:
    found = parse_timestamp(value)
    assert found is None or found.tzinfo is UTC


@given(values)
def test_numbers_agree_with_model(value: object) -> None:
    found = to_number(value)
    assert (None if found is None else number_of(found)) == number_of(value)


rules = st.one_of(
    st.builds(Rule, st.sampled_from("abc"), st.sampled_from(sorted(MODEL)), st.sampled_from("xy"), finite),
    st.builds(Rule, st.sampled_from("abc"), st.just(Check.EXISTS), st.none() | st.sampled_from("xy")),
    st.builds(
        Rule,
        st.sampled_from("abc"),
        st.sampled_from([Check.AGE_LT, Check.AGE_GT]),
        st.none() | st.sampled_from("xy"),
        st.sampled_from(["1s", "90m", parse_duration("2h")]),
    ),
)
fields = st.dictionaries(st.sampled_from(["x", "y", "updatedAt"]), values | timestamps, max_size=3)
sensors = st.dictionaries(st.sampled_from("abc"), fields, max_size=3)


@given(st.sampled_from(Mode), st.lists(rules, max_size=5), sensors)
def test_set_passes_by_its_mode_and_findings_agree(
    mode: Mode, drawn: list[Rule], read: dict[str, dict[str, object]]
) -> None:
    evaluation = compile_rules(mode, drawn).evaluate(read, NOW)
    single = [holds(rule, read.get(rule.key), NOW) for rule in drawn]
    assert evaluation.passed is (all(single) if mode is Mode.ALL else any(single))
    assert [finding.passed for finding in evaluation.findings] == single


@given(st.sampled_from(Mode), st.lists(rules, min_size=1, max_size=5), sensors)
def test_every_explanation_is_one_printable_line(
    mode: Mode, drawn: list[Rule], read: dict[str, dict[str, object]]
) -> None:
    evaluation = compile_rules(mode, drawn).evaluate(read, NOW)
    explanation = evaluation.explain()
    assert explanation.isprintable()
    assert (explanation == "all rules hold") is all(finding.passed for finding in evaluation.findings)
    for finding in evaluation.findings:
        assert finding.sentence.startswith(f"{finding.rule.key}: ")
        assert finding.passed or finding.sentence in explanation
        assert len(finding.sentence) < 400
        assert not (finding.passed and finding.gap)


@given(finite, finite, st.integers(0, 1000) | st.decimals(0, 1000) | st.floats(0, 1000))
def test_drift_is_change_beyond_threshold(previous: Any, current: Any, threshold: Any) -> None:
    before, after, allowed = number_of(previous), number_of(current), number_of(threshold)
    assert before is not None
    assert after is not None
    assert allowed is not None
    found = drift({"n": previous}, {"n": current}, "n", threshold)
    assert (found is not None) is (abs(after - before) > allowed)
    mirrored = drift({"n": current}, {"n": previous}, "n", threshold)
    assert (mirrored is None) is (found is None)
    if found is not None and mirrored is not None:
        assert mirrored.delta == -found.delta


keys = st.text("ab#-", max_size=5)


@given(keys, keys)
def test_key_matches_only_itself_and_continuations(pattern: str, key: str) -> None:
    parts = key.split("#")
    prefixes = {"#".join(parts[:n]) for n in range(1, len(parts) + 1)} - {""}
    assert key_matches(pattern, key) is (pattern in prefixes)


dates = st.sampled_from(["2026-03-03", "2026-03-03T07", "2026-12-31", "2028-02-29T23"]).map(parse_execution_date)


@given(st.data(), dates, dates)
def test_best_present_row_is_read(data: st.DataObject, date: Any, other: Any) -> None:
    everything = [row for key in ("a", "b") for day in (date, other) for row in candidate_keys(key, day)]
    rows = {row: {"row": row} for row in data.draw(st.sets(st.sampled_from(everything)))}
    rules = [Rule(key, Check.EXISTS) for key in ("a", "b", "a")]
    selected = select_rows(rows, rules, date)
    for key in ("a", "b"):
        present = [row for row in candidate_keys(key, date) if row in rows]
        assert selected.fields.get(key) == ({"row": present[0]} if present else None)
