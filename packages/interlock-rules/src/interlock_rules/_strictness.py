"""Decides whether a rule can hold only where another rule holds too."""

import operator

from ._checks import age_field, age_limit, limit
from ._rules import Check, Rule

_AT_LEAST, _AT_MOST = (Check.GT, Check.GTE), (Check.LT, Check.LTE)
_AGES = (Check.AGE_LT, Check.AGE_GT)


def is_at_least_as_strict(rule: Rule, other: Rule) -> bool:
    """Whether each row for which `rule` holds also fulfils `other`, at any instant.

    False also if that is not known from the two rules alone. Raises RuleError for a rule that can never be evaluated.
    """
    if rule.row_name != other.row_name:
        return False
    if other.check is Check.EXISTS and other.field is None:
        return True
    if other.check in _AGES:
        return rule.check is other.check and age_field(rule) == age_field(other) and _is_narrower(rule, other)
    if rule.field != other.field:
        return False
    if other.check is Check.EXISTS:
        return True
    if other.check is Check.EQUALS:
        return rule.check is Check.EQUALS and type(rule.value) is type(other.value) and rule.value == other.value
    for checks, is_beyond in ((_AT_LEAST, operator.gt), (_AT_MOST, operator.lt)):
        if rule.check in checks and other.check in checks:
            own, wanted = limit(rule), limit(other)
            is_open = rule.check is checks[0] or other.check is checks[1]
            return is_beyond(own, wanted) or (own == wanted and is_open)
    return False


def _is_narrower(rule: Rule, other: Rule) -> bool:
    if rule.check is Check.AGE_LT:
        return age_limit(rule) <= age_limit(other)
    return age_limit(rule) >= age_limit(other)
