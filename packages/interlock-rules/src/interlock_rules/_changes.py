"""Decides when time alone can change the result of an age rule, so that nothing needs to look before."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from ._checks import CLOCK_SKEW, Fields, age_field, age_limit
from ._rules import Check, Rule
from ._timestamps import naive, parse_timestamp

_AT_ONCE = timedelta(microseconds=1)


def next_change(rules: Iterable[Rule], sensors: Mapping[str, Fields], now: datetime) -> datetime | None:
    """The first moment after `now` (aware) at which a rule that does not hold may hold without a new row.

    `age_gt` holds from the moment at which the row is older than the limit. `age_lt` holds only by time for a row that
    is ahead of the clock: from the moment at which the lead is within the allowed skew of clocks. Every other check,
    and every other change, needs a row. sensors: a rule's row name to the sensor's fields, from `select_rows`.
    Returns None if no rule can change by time. Raises interlock_sla.NaiveTimeError for a `now` without zone.
    """
    if now.tzinfo is None:
        raise naive(now)
    changes = (_change(rule, sensors.get(rule.row_name)) for rule in rules)
    return min((moment for moment in changes if moment is not None and moment > now), default=None)


def _change(rule: Rule, fields: Fields | None) -> datetime | None:
    if fields is None or rule.check not in (Check.AGE_LT, Check.AGE_GT):
        return None
    moment = parse_timestamp(fields.get(age_field(rule)))
    if moment is None:
        return None
    try:
        return moment + age_limit(rule) + _AT_ONCE if rule.check is Check.AGE_GT else moment - CLOCK_SKEW
    except OverflowError:
        return None
