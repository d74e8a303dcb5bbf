"""Decides whether one rule holds for one sensor, by a function made for the check and the value of the rule."""

import operator
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from math import inf, isfinite
from typing import Any

from interlock_sla import DurationError, format_duration, parse_duration

from ._equality import is_deeper_than, not_a_number, same
from ._numbers import exact, to_number
from ._rules import FARTHEST_OFFSET, Check, Rule, RuleError
from ._timestamps import naive, parse_timestamp
from ._wording import quoted

Fields = Mapping[str, object]
Predicate = Callable[[Fields, datetime], bool]

# The clock of a sensor writer may run ahead by this much. A later timestamp counts as unreadable.
CLOCK_SKEW = timedelta(minutes=1)
_AHEAD_AT_MOST = -CLOCK_SKEW
_NO_TIME = timedelta(0)
# A thousand years: no sensor is older, and the arithmetic stays within the range of datetime.
_LONGEST_AGE = timedelta(days=365_000)
_DEEPEST_VALUE = 32  # the deepest nesting in DynamoDB
_COMPARISONS: dict[Check, Callable[[Any, Any], bool]] = {
    Check.GT: operator.gt,
    Check.GTE: operator.ge,
    Check.LT: operator.lt,
    Check.LTE: operator.le,
}
_NOT_FINITE_WORDS = frozenset({"nan", "snan", "inf", "infinity"})


def compile_rule(rule: Rule) -> Predicate:
    """The function that decides whether the rule holds. Raises RuleError for a rule that cannot be evaluated."""
    if not isinstance(rule.key, str) or not rule.key:
        raise RuleError(rule, "key", "a rule needs the key of a sensor")
    if not isinstance(rule.check, Check):
        raise RuleError(rule, "check", f"the checks are {', '.join(Check)}")
    if rule.field is not None and (not isinstance(rule.field, str) or not rule.field):
        raise RuleError(rule, "field", "a field needs a name")
    _check_offset(rule)
    if rule.check is Check.EXISTS:
        return _exists(rule)
    if rule.check in (Check.AGE_LT, Check.AGE_GT):
        return _age(rule, age_limit(rule))
    if rule.field is None:
        raise RuleError(rule, "field", f"{rule.check.value} needs a field")
    if rule.check is Check.EQUALS:
        return _equals(rule, rule.field)
    return _compares(rule.field, _COMPARISONS[rule.check], limit(rule))


def _check_offset(rule: Rule) -> None:
    if type(rule.date_offset) is not int or abs(rule.date_offset) > FARTHEST_OFFSET:
        allowed = f"dateOffset is a whole number from -{FARTHEST_OFFSET} to {FARTHEST_OFFSET}"
        raise RuleError(rule, "date_offset", allowed)
    if rule.any_date and rule.date_offset:
        raise RuleError(rule, "date_offset", "dateOffset and anyDate exclude each other")


def holds(rule: Rule, fields: Fields | None, now: datetime) -> bool:
    """Whether a rule holds for a sensor's fields at `now` (aware). It never holds for a missing sensor (None).

    Raises RuleError for a rule that cannot be evaluated, interlock_sla.NaiveTimeError for a `now` without zone.
    """
    predicate = compile_rule(rule)
    if now.tzinfo is None:
        raise naive(now)
    return fields is not None and predicate(fields, now)


def limit(rule: Rule) -> int | Decimal:
    """The number with which a rule compares. Raises RuleError."""
    number = to_number(rule.value)
    if number is None:
        raise RuleError(rule, "value", f"{rule.check.value} needs a number, not {quoted(rule.value)}")
    return exact(number)


def age_limit(rule: Rule) -> timedelta:
    """The age with which an age check compares. Raises RuleError."""
    try:
        age = rule.value if isinstance(rule.value, timedelta) else parse_duration(rule.value)
    except DurationError as error:
        raise RuleError(rule, "value", f"{rule.check.value} needs a duration: {error}") from None
    if age < _NO_TIME or (age == _NO_TIME and rule.check is Check.AGE_LT):
        raise RuleError(rule, "value", f"{rule.check.value} needs a positive duration, not {format_duration(age)}")
    if age > _LONGEST_AGE:
        most = f"a duration of at most {format_duration(_LONGEST_AGE)}"
        raise RuleError(rule, "value", f"{rule.check.value} needs {most}, not {format_duration(age)}")
    return age


def age_field(rule: Rule) -> str:
    """The field that an age check reads."""
    return rule.field or "updatedAt"


def _exists(rule: Rule) -> Predicate:
    """The predicate of `exists`. It ignores the rule's value, since only the presence of the field counts."""
    field = rule.field
    if field is None:
        return lambda fields, now: True

    def exists(fields: Fields, now: datetime) -> bool:
        value = fields.get(field)
        return value is not None and not (isinstance(value, (float, Decimal)) and not_a_number(value))

    return exists


def _equals(rule: Rule, field: str) -> Predicate:
    expected = rule.value
    if expected is None:
        raise RuleError(rule, "value", "equals needs a value")
    if not_a_number(expected) or _is_word_for_no_number(expected):
        raise RuleError(rule, "value", f"nothing equals {expected}")
    if is_deeper_than(_DEEPEST_VALUE, expected):
        raise RuleError(rule, "value", f"equals compares values nested up to {_DEEPEST_VALUE} deep")
    if isinstance(expected, bool):
        return _equals_boolean(field, expected)
    number = to_number(expected)
    if number is not None:
        return _compares(field, operator.eq, exact(number))
    return _equals_other(field, expected)


def _is_word_for_no_number(value: object) -> bool:
    return isinstance(value, str) and value.lower().lstrip("+-") in _NOT_FINITE_WORDS


def _equals_boolean(field: str, expected: bool) -> Predicate:
    word = str(expected).lower()

    def equals(fields: Fields, now: datetime) -> bool:
        value = fields.get(field)
        return value is expected or (isinstance(value, str) and value.lower() == word)

    return equals


def _equals_other(field: str, expected: object) -> Predicate:
    is_text = type(expected) is str

    def equals(fields: Fields, now: datetime) -> bool:
        value = fields.get(field)
        return value == expected if is_text and type(value) is str else same(value, expected)

    return equals


def _compares(field: str, compare: Callable[[Any, Any], bool], expected: int | Decimal) -> Predicate:
    # A float compares with the limit alike as decimal and as float, except the one float nearest to the limit.
    nearest = _nearest_float(expected)
    nearest_holds = isfinite(nearest) and compare(exact(nearest), expected)

    def compares(fields: Fields, now: datetime) -> bool:
        value = fields.get(field)
        kind = type(value)
        if kind is int:
            return compare(value, expected)
        if kind is float:
            return nearest_holds if value == nearest else compare(value, nearest) and isfinite(value)  # type: ignore[arg-type]
        if kind is Decimal:
            return value.is_finite() and compare(value, expected)  # type: ignore[attr-defined]
        number = to_number(value)
        return number is not None and compare(exact(number), expected)

    return compares


def _nearest_float(number: int | Decimal) -> float:
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf


def _age(rule: Rule, limit: timedelta) -> Predicate:
    field = age_field(rule)

    def younger(fields: Fields, now: datetime) -> bool:
        moment = parse_timestamp(fields.get(field))
        return moment is not None and _AHEAD_AT_MOST <= now - moment < limit

    def older(fields: Fields, now: datetime) -> bool:
        moment = parse_timestamp(fields.get(field))
        return moment is not None and now - moment > limit

    return younger if rule.check is Check.AGE_LT else older
