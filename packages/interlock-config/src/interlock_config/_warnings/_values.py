"""Rules that ask for less than they seem to: ignored or empty values, and a postRun section without rules."""

from collections.abc import Iterator, Sequence

from msgspec import UNSET

from interlock_config._config import PipelineConfig
from interlock_config._problems import Findings, Path
from interlock_config._values import is_nothing
from interlock_rules import Check, Rule


def _trigger(config: PipelineConfig, findings: Findings) -> None:
    if config.trigger_rule is not None:
        _value(config.trigger_rule, ("schedule", "trigger"), findings)


def _rules(config: PipelineConfig, findings: Findings) -> None:
    post_run = config.post_run.rules if config.post_run is not None else ()
    for place, rule in (*_placed(config.validation.rules, "validation"), *_placed(post_run, "postRun")):
        _value(rule, place, findings)


def _placed(rules: Sequence[Rule], section: str) -> Iterator[tuple[Path, Rule]]:
    return (((section, "rules", place), rule) for place, rule in enumerate(rules))


def _value(rule: Rule, path: Path, findings: Findings) -> None:
    if rule.check is Check.EXISTS and rule.value is not None:
        asked = "the field exists and is not null" if rule.field else "the sensor exists"
        findings.warning((*path, "value"), rule.value, f"is ignored; exists asks whether {asked}")
    if rule.check is Check.EQUALS and is_nothing(rule.value):
        message = "is empty; the rule holds only if the field exists and is empty, too"
        findings.warning((*path, "value"), rule.value, message)


def _watches_nothing(config: PipelineConfig, findings: Findings) -> None:
    if config.post_run is not None and not config.post_run.rules:
        findings.warning(("postRun",), UNSET, "has no rules; nothing is watched after a run")


VALUE_WARNINGS = (_rules, _watches_nothing)
TRIGGER_VALUE_WARNINGS = (_trigger,)
