"""What a config may say and probably does not mean: all warnings, and the ones about names and variables."""

import re
from collections.abc import Callable

import msgspec
from msgspec import UNSET

from interlock_rules import key_matches

from ._config import PipelineConfig
from ._expansion import is_ours, variables
from ._problems import Findings, Problem, render, show
from ._warnings_rules import RULE_WARNINGS
from ._warnings_schedule import SCHEDULE_WARNINGS
from ._warnings_sla import SLA_WARNINGS

RESERVED_ID = "INFRASTRUCTURE"
"""The pipeline id under which alarms of the infrastructure are reported."""

_MOST_KEYS_SHOWN = 5
_OUR_NAME = re.compile(r"INTERLOCK_[A-Za-z0-9_]{0,40}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")  # what is none may be anything, even a secret


def warnings(config: PipelineConfig, source: str = "") -> tuple[Problem, ...]:
    """What is allowed and probably not meant, such as a deadline that cannot be met. Never an error."""
    findings = Findings(source)
    warn(config, findings)
    return tuple(findings.problems)


def warn(config: PipelineConfig, findings: Findings) -> None:
    """Record every warning about a valid config."""
    for look in _LOOKS:
        look(config, findings)


def _reserved_id(config: PipelineConfig, findings: Findings) -> None:
    if config.id == RESERVED_ID:
        findings.warning(("pipeline", "id"), config.id, "is also the id under which infrastructure alarms appear")


def _unread_trigger(config: PipelineConfig, findings: Findings) -> None:
    trigger = config.schedule.trigger
    if trigger is None:
        return
    keys = dict.fromkeys(rule.key for rule in config.validation.rules)
    if any(key_matches(trigger.key, key) or key_matches(key, trigger.key) for key in keys):
        return
    shown = ", ".join(show(key) for key in list(keys)[:_MOST_KEYS_SHOWN])
    more = ", …" if len(keys) > _MOST_KEYS_SHOWN else ""
    path = ("schedule", "trigger", "key")
    findings.warning(path, trigger.key, f"is read by no rule; the rules read {shown}{more}")


def _repeated_rules(config: PipelineConfig, findings: Findings) -> None:
    first: dict[bytes, int] = {}
    for place, rule in enumerate(config.validation.rules):
        earlier = first.setdefault(msgspec.json.encode(rule), place)
        if earlier != place:
            path = ("validation", "rules")
            findings.warning((*path, place), UNSET, f"repeats {render((*path, earlier))}")


def _lost_variables(config: PipelineConfig, findings: Findings) -> None:
    for path, name in variables(config.job.config, ("job", "config")):
        if not is_ours(name):
            findings.warning(path, UNSET, _lost(name))


def _lost(name: str) -> str:
    if (ours := _OUR_NAME.match(name)) is not None:
        return f"${{{ours[0]}…}} expands to nothing; between the braces stands a name, without defaults or signs"
    shown = name if _NAME.fullmatch(name) else "…"
    return f"${{{shown}}} expands to nothing; only ${{INTERLOCK_…}} variables are expanded"


_LOOKS: tuple[Callable[[PipelineConfig, Findings], None], ...] = (
    _reserved_id,
    *SCHEDULE_WARNINGS,
    _unread_trigger,
    *SLA_WARNINGS,
    _repeated_rules,
    *RULE_WARNINGS,
    _lost_variables,
)
