"""Rules that must all hold but exclude each other. A single rule is not checked."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from interlock_config._config import PipelineConfig
from interlock_config._problems import Findings, Path, render, show
from interlock_rules import Check, Mode, Rule, to_number
from interlock_sla import parse_duration

_FROM = {Check.GT, Check.GTE, Check.AGE_GT}
_UP_TO = {Check.LT, Check.LTE, Check.AGE_LT}
_EXCEPT_ITSELF = {Check.GT, Check.LT, Check.AGE_GT, Check.AGE_LT}
_AGES = {Check.AGE_LT, Check.AGE_GT}


class _Bound(NamedTuple):
    """An end of the values that the rules allow: a number, a word or an age, with or without this value itself."""

    at: Any  # a Decimal, a timedelta or a text: the same type for all bounds of a field
    without: bool
    place: int


class _Left:
    """The values of one field that the rules seen so far allow."""

    def __init__(self) -> None:
        self.low: _Bound | None = None
        self.high: _Bound | None = None

    def narrow(self, check: Check, bound: _Bound) -> int | None:
        """Add a rule. Returns the place of an earlier rule that excludes it, else None."""
        at, without, place = bound
        if check not in _UP_TO and (self.low is None or (at, without) > (self.low.at, self.low.without)):
            self.low = bound
        if check not in _FROM and (self.high is None or (at, not without) < (self.high.at, not self.high.without)):
            self.high = bound
        low, high = self.low, self.high
        if low is None or high is None or low.at < high.at or (low.at == high.at and not low.without | high.without):
            return None
        return high.place if low.place == place else low.place


def _validation(config: PipelineConfig, findings: Findings) -> None:
    if config.validation.trigger is Mode.ALL:
        _contradictions(config.validation.rules, ("validation", "rules"), findings)


def _post_run(config: PipelineConfig, findings: Findings) -> None:
    if config.post_run is not None:
        _contradictions(config.post_run.rules, ("postRun", "rules"), findings)


def _contradictions(rules: Sequence[Rule], path: Path, findings: Findings) -> None:
    """Record the rules that an earlier one excludes, in one pass, as files may hold thousands of rules."""
    left: dict[tuple[str, str | None, type], _Left] = {}
    for place, rule in enumerate(rules):
        asked = _asked(rule)
        if asked is None:
            continue
        field = (rule.key, _field(rule), type(asked))
        bound = _Bound(asked, rule.check in _EXCEPT_ITSELF, place)
        earlier = left.setdefault(field, _Left()).narrow(rule.check, bound)
        if earlier is not None:
            del left[field]  # report once: later rules are not compared with earlier ones
            other = f"{render((*path, earlier))} ({rules[earlier].check.value} {show(rules[earlier].value)})"
            message = f"{rule.check.value} excludes {other}; the rules can never all hold"
            findings.warning((*path, place, "value"), rule.value, message)


def _asked(rule: Rule) -> Decimal | timedelta | str | None:
    """The number, age or word that a rule compares with, None for a rule without one."""
    if rule.check in _AGES:
        return parse_duration(rule.value)
    if rule.check is Check.EXISTS:
        return None
    number = to_number(rule.value)
    if number is not None:
        return Decimal(str(number))  # a float counts as the number that it prints
    # A boolean equals its word in any letter case: words that differ only in case may both hold.
    return str(rule.value).casefold() if isinstance(rule.value, str | bool) else None


def _field(rule: Rule) -> str | None:
    return rule.field or "updatedAt" if rule.check in _AGES else rule.field


RULE_WARNINGS = (_validation, _post_run)
