"""Whether every rule can be decided: its sensor key is free to use, and its value fits its check."""

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache

from msgspec import UNSET, structs

from interlock_config._config import PipelineConfig
from interlock_config._fields import OFFSET_ALLOWED, RESERVED_KEYS
from interlock_config._problems import Findings, Path
from interlock_config._structs import TriggerCondition
from interlock_config._values import duration_problem, number_meant
from interlock_rules import Check, Mode, Rule, RuleError, compile_rules
from interlock_sla import DurationError, format_duration, parse_duration

from ._check import check, needs_length

OLDEST = timedelta(days=3650)
"""Longest age that a rule may ask for."""

_NO_TIME = timedelta(0)
_NO_NUMBERS = frozenset({"nan", "snan", "inf", "infinity"})
# The placeholder for an invalid part lets the checks of later parts run.
_HARMLESS = {"key": "any", "field": "any", "date_offset": 0}
_AGES = (Check.AGE_LT, Check.AGE_GT)


def _trigger(config: PipelineConfig, findings: Findings) -> None:
    trigger = config.schedule.trigger
    if trigger is not None and not is_right(trigger) and (rule := config.trigger_rule) is not None:
        _rule(rule, ("schedule", "trigger"), findings)


def _validation(config: PipelineConfig, findings: Findings) -> None:
    _rules(config.validation.rules, ("validation", "rules"), findings)


def _post_run(config: PipelineConfig, findings: Findings) -> None:
    if config.post_run is None:
        return
    _rules(config.post_run.rules, ("postRun", "rules"), findings)
    for place, rule in enumerate(config.post_run.rules):
        for key, value in (("anyDate", rule.any_date), ("dateOffset", rule.date_offset)):
            path: Path = ("postRun", "rules", place, key)
            if value and not findings.touches(path):
                findings.error(path, value, "is not allowed here: a post-run sensor names the date of its run")


def _rules(rules: Sequence[Rule], path: Path, findings: Findings) -> None:
    for place, rule in enumerate(rules):
        if rule.date_offset or not is_right(rule):
            _rule(rule, (*path, place), findings)


def is_right(rule: Rule | TriggerCondition) -> bool:
    """Whether a rule is certainly right, so that it can be compiled later. False does not mean that it is wrong.

    The dateOffset of a rule is not checked.
    """
    key, check, value = rule.key, rule.check, rule.value
    if not key or key.isspace() or key.startswith(RESERVED_KEYS):
        return False
    if check in _AGES:
        return rule.field != "" and type(value) is str and _NO_TIME < _age(value) <= OLDEST
    if check is Check.EXISTS:
        return rule.field != ""
    if not rule.field:
        return False
    kind = type(value)
    if check is Check.EQUALS:
        return kind is bool or kind is int or (kind is str and value.isalnum() and value.lower() not in _NO_NUMBERS)
    return kind is int


def _rule(rule: Rule, path: Path, findings: Findings) -> None:
    """Record every wrong part of a rule. A part with a recorded error is not checked again."""
    if not findings.touches((*path, "key")):
        _key(rule.key, (*path, "key"), findings)
    if findings.touches((*path, "check")):  # the allowed fields and values depend on it
        return
    if rule.check in _AGES and _is_too_old(rule.value):
        findings.error((*path, "value"), rule.value, f"must be at most {format_duration(OLDEST)}")
    rule = structs.replace(rule, key=_HARMLESS["key"])
    while (error := _rule_error(rule)) is not None:
        place = (*path, "dateOffset" if error.part == "date_offset" else error.part)
        if not findings.touches(place):
            value = getattr(rule, error.part)
            findings.error(place, UNSET if value is None else value, _problem(error))
        if error.part not in _HARMLESS:
            return
        rule = structs.replace(rule, **{error.part: _HARMLESS[error.part]})


def _key(key: str, path: Path, findings: Findings) -> None:
    if not key:
        findings.error(path, key, "a rule needs the key of a sensor")
    elif not key.strip():
        findings.error(path, key, "must be a sensor key, not empty")
    elif key.startswith(RESERVED_KEYS):
        findings.error(path, key, f"is reserved; Interlock writes {' and '.join(RESERVED_KEYS)}")


def _rule_error(rule: Rule) -> RuleError | None:
    try:
        compile_rules(Mode.ALL, (rule,))
    except RuleError as error:
        return error
    return None


def _problem(error: RuleError) -> str:
    value = getattr(error.rule, error.part)
    if error.part == "date_offset":
        return "excludes anyDate; keep one of the two" if error.rule.any_date else OFFSET_ALLOWED
    message = duration_problem(value) if error.rule.check in _AGES and error.part == "value" else None
    return message or error.problem.partition(", not ")[0] + _number_hint(error)  # the line shows the value too


def _number_hint(error: RuleError) -> str:
    meant = number_meant(error.rule.value) if error.part == "value" else None
    return f"; did you mean {meant}?" if meant else ""


def _is_too_old(value: object) -> bool:
    return isinstance(value, str) and _age(value) > OLDEST


@lru_cache(maxsize=1024)
def _age(text: str) -> timedelta:
    """The age, zero for a text that is not a duration."""
    try:
        return parse_duration(text)
    except DurationError:
        return timedelta(0)


def _sensor_timeout(config: PipelineConfig, findings: Findings) -> None:
    timeout = config.post_run.sensor_timeout if config.post_run else None
    needs_length(timeout, ("postRun", "sensorTimeout"), findings)


RULE_CHECKS = (
    check(_trigger),
    check(_validation),
    check(_post_run),
    check(_sensor_timeout, "postRun.sensorTimeout"),
)
