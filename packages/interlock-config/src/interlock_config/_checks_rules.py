"""Whether every rule can be decided: its sensor key is free to use, and its value fits its check."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache

from msgspec import UNSET

from interlock_rules import Check, Mode, Rule, RuleError, compile_rules
from interlock_sla import DurationError, format_duration, parse_duration

from ._check import check, needs_length
from ._config import PipelineConfig
from ._fields import RESERVED_KEYS
from ._hints import number_meant
from ._leaves import duration_problem
from ._problems import Findings, Path

OLDEST = timedelta(days=3650)
"""Longest age that a rule may ask for."""

_AGES = (Check.AGE_LT, Check.AGE_GT)


def _trigger(config: PipelineConfig, findings: Findings) -> None:
    rule = config.trigger_rule
    if rule is not None:
        _rule(rule, ("schedule", "trigger"), findings)


def _validation(config: PipelineConfig, findings: Findings) -> None:
    _rules(config.validation.rules, lambda: config.rules, ("validation", "rules"), findings)


def _post_run(config: PipelineConfig, findings: Findings) -> None:
    if config.post_run is not None:
        _rules(config.post_run.rules, lambda: config.post_run_rules, ("postRun", "rules"), findings)


def _rules(rules: Sequence[Rule], compiled: Callable[[], object], path: Path, findings: Findings) -> None:
    if not any(rule.key.startswith(RESERVED_KEYS) or rule.key.isspace() or rule.check in _AGES for rule in rules):
        try:
            compiled()  # all at once, and kept by the config
        except RuleError:
            pass
        else:
            return
    for place, rule in enumerate(rules):
        if not findings.touches((*path, place)):
            _rule(rule, (*path, place), findings)


def _rule(rule: Rule, path: Path, findings: Findings) -> None:
    if rule.key and not rule.key.strip():
        findings.error((*path, "key"), rule.key, "must be a sensor key, not empty")
    if rule.key.startswith(RESERVED_KEYS):
        findings.error((*path, "key"), rule.key, f"is reserved; Interlock writes {' and '.join(RESERVED_KEYS)}")
    if rule.check in _AGES and _is_too_old(rule.value):
        findings.error((*path, "value"), rule.value, f"must be at most {format_duration(OLDEST)}")
        return
    try:
        compile_rules(Mode.ALL, (rule,))
    except RuleError as error:
        value = getattr(rule, error.part)
        message = duration_problem(value) if rule.check in _AGES and error.part == "value" else None
        message = message or error.problem.partition(", not ")[0] + _number_hint(error)  # the value is shown beside it
        findings.error((*path, error.part), UNSET if value is None else value, message)


def _number_hint(error: RuleError) -> str:
    meant = number_meant(error.rule.value) if error.part == "value" else None
    return f"; did you mean {meant}?" if meant else ""


def _is_too_old(value: object) -> bool:
    return isinstance(value, str) and _age(value) > OLDEST


@lru_cache(maxsize=1024)
def _age(text: str) -> timedelta:
    """The age, none for what is no duration."""
    try:
        return parse_duration(text)
    except DurationError:
        return timedelta(0)


def _sensor_timeout(config: PipelineConfig, findings: Findings) -> None:
    timeout = config.post_run.sensor_timeout if config.post_run else None
    needs_length(timeout, ("postRun", "sensorTimeout"), findings)


RULE_CHECKS = (
    check(_trigger, "schedule.trigger"),
    check(_validation),
    check(_post_run),
    check(_sensor_timeout, "postRun.sensorTimeout"),
)
