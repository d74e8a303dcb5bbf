"""Decides the sentence for a rule's result: the observed value, the expectation, the gap and the time of update."""

from datetime import datetime

from msgspec import Struct

from interlock_sla import format_duration

from ._checks import CLOCK_SKEW, Fields, age_field, age_limit
from ._equality import not_a_number
from ._numbers import difference, magnitude, to_number
from ._rules import Check, Rule
from ._timestamps import parse_timestamp, updated_at
from ._wording import shown, shown_age, shown_number, shown_text, shown_time

_COMPARISONS = frozenset({Check.GT, Check.GTE, Check.LT, Check.LTE})
_AGES = frozenset({Check.AGE_LT, Check.AGE_GT})


class Finding(Struct, frozen=True):
    """The result of one rule.

    observed: the field's value as read (all fields for `exists` of a sensor), None when missing.
    expectation: "gte 1500". gap: the distance from the limit, "297 short". None when the rule holds or when the
    distance is unknown.
    since: the time of the sensor's last update (UTC), None when unknown.
    sentence: the whole result in one line.
    """

    rule: Rule
    passed: bool
    observed: object
    expectation: str
    gap: str | None
    since: datetime | None
    sentence: str


def find(rule: Rule, fields: Fields | None, passed: bool, now: datetime, note: str = "") -> Finding:
    """Describe the known result of a rule.

    note: the reason why no row counts for the rule, or a remark about the row that the rule read.
    """
    field = age_field(rule) if rule.check in _AGES else rule.field
    observed = fields if field is None else None if fields is None else fields.get(field)
    since = None if fields is None else updated_at(fields)
    expectation = _expectation(rule)
    gap = None if passed or observed is None else _gap(rule, observed, now)
    demand = f"{expectation} holds" if passed else f"needs {_subject(fields, field)}{expectation}"
    name = shown_text(rule.key)
    sentence = f"{name} {note}" if fields is None and note else f"{name}: {_state(rule, field, fields, now)}"
    sentence += f", {demand}"
    if gap:
        sentence += f" ({gap})"
    if since is not None and field != "updatedAt":
        sentence += f", since {shown_time(since, now)}"
    if fields is not None and note:
        sentence += f", {note}"
    return Finding(rule, passed, observed, expectation, gap, since, sentence)


def _expectation(rule: Rule) -> str:
    if rule.check is Check.EXISTS:
        return "exists"
    if rule.check in _AGES:
        return f"{rule.check.value} {format_duration(age_limit(rule))}"
    return f"{rule.check.value} {shown(rule.value)}"


def _subject(fields: Fields | None, field: str | None) -> str:
    """The field, unless the sentence has named it already."""
    return f"{shown_text(field)} " if fields is None and field is not None else ""


def _state(rule: Rule, field: str | None, fields: Fields | None, now: datetime) -> str:
    if fields is None:
        return "no such sensor has arrived"
    if field is None:
        return "the sensor has arrived"
    name = shown_text(field)
    if field not in fields:
        return f"{name} is missing"
    value = fields[field]
    if rule.check in _AGES:
        return f"{name} is {_aged(value, now)}"
    if value is not None and (_is_unreadable(rule, value) or not_a_number(value)):
        return f"{name} is {shown(value)}, which is not a number"
    return f"{name} is {shown(value)}"


def _is_unreadable(rule: Rule, value: object) -> bool:
    return rule.check in _COMPARISONS and to_number(value) is None


def _aged(value: object, now: datetime) -> str:
    moment = parse_timestamp(value)
    if moment is None:
        return "null" if value is None else f"{shown(value)}, which is not a time"
    distance = "ahead of the clock" if moment > now else "old"
    return f"{shown_time(moment, now)}, {shown_age(abs(now - moment))} {distance}"


def _gap(rule: Rule, observed: object, now: datetime) -> str | None:
    if rule.check in _AGES:
        return _age_gap(rule, observed, now)
    number, wanted = to_number(observed), to_number(rule.value)
    if number is None or wanted is None:
        return None
    excess = difference(number, wanted)
    distance = shown_number(magnitude(excess))
    if rule.check is Check.EQUALS:
        return f"{distance} too {'many' if excess > 0 else 'few'}"
    if excess == 0:
        return f"needs {'more' if rule.check is Check.GT else 'less'}"
    return f"{distance} {'short' if rule.check in (Check.GT, Check.GTE) else 'over'}"


def _age_gap(rule: Rule, observed: object, now: datetime) -> str | None:
    moment = parse_timestamp(observed)
    if moment is None:
        return None
    if moment - now > CLOCK_SKEW:
        return f"more than {format_duration(CLOCK_SKEW)} in the future"
    excess = (now - moment) - age_limit(rule)
    return f"{shown_age(abs(excess))} too {'old' if rule.check is Check.AGE_LT else 'young'}"
