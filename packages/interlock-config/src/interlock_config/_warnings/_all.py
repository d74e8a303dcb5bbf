"""All warnings about a config, in their order, and the warnings about names and variables."""

import difflib
import re
from collections.abc import Callable, Sequence

import msgspec
from msgspec import UNSET

from interlock_config._config import PipelineConfig
from interlock_config._expansion import REFERENCE, RUN_VARIABLES, is_ours, variables
from interlock_config._problems import Findings, Path, Problem, render, show
from interlock_config._structs import TriggerCondition
from interlock_rules import Rule, key_matches

from ._job import JOB_WARNINGS
from ._keys import KEY_WARNINGS
from ._moves import MOVE_WARNINGS
from ._rules import RULE_WARNINGS
from ._schedule import CRON_WARNINGS, SCHEDULE_WARNINGS
from ._sla import SLA_WARNINGS
from ._values import TRIGGER_VALUE_WARNINGS, VALUE_WARNINGS

RESERVED_ID = "INFRASTRUCTURE"
"""The pipeline id under which alarms of the infrastructure are reported."""

_MOST_KEYS_SHOWN = 5
_PREFIX = "INTERLOCK_"
_OUR_NAME = re.compile(r"INTERLOCK_[A-Za-z0-9_]{0,40}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")  # a text that is not a name may be anything, even a secret


def warnings(config: PipelineConfig, source: str = "") -> tuple[Problem, ...]:
    """The values that are allowed but probably not meant, such as a deadline that cannot be met. Never an error."""
    findings = Findings(source)
    warn(config, findings)
    return tuple(findings.problems)


def warn(config: PipelineConfig, findings: Findings) -> None:
    """Record every warning about a config. If the config has errors, record warnings only for the places without."""
    for look, places in _PLACES_READ:
        if not findings.failed or not any(findings.touches(tuple(place.split("."))) for place in places):
            look(config, findings)


def _reserved_id(config: PipelineConfig, findings: Findings) -> None:
    if config.id == RESERVED_ID:
        findings.warning(("pipeline", "id"), config.id, "is also the id of infrastructure alarms")


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
    findings.warning(path, trigger.key, f"is not read by any rule; the rules read {shown}{more}")


def _repeated_rules(config: PipelineConfig, findings: Findings) -> None:
    first: dict[bytes, int] = {}
    for place, rule in enumerate(config.validation.rules):
        earlier = first.setdefault(msgspec.json.encode(rule), place)
        if earlier != place:
            path = ("validation", "rules")
            findings.warning((*path, place), UNSET, f"repeats {render((*path, earlier))}")


def _lost_variables(config: PipelineConfig, findings: Findings) -> None:
    for path, name in variables(config.job.config, ("job", "config")):
        if name.startswith(REFERENCE):
            continue  # a malformed reference is an error
        if not is_ours(name):
            findings.warning(path, UNSET, _lost(name))
        elif name not in RUN_VARIABLES and (meant := _misspelt(name)) is not None:
            message = f"${{{name}}} is not a variable of the run; did you mean ${{{meant}}}?"
            findings.warning(path, UNSET, f"{message} Any other name must be set in the orchestrator's environment")


def _misspelt(name: str) -> str | None:
    """The run variable that differs from the name by about one letter or by underscores only.

    A name such as INTERLOCK_MY_DATE is more likely a variable of the environment.
    """
    plain = {_letters(variable): variable for variable in RUN_VARIABLES}
    found = difflib.get_close_matches(_letters(name), plain, n=1, cutoff=0.85)
    return plain[found[0]] if found else None


def _letters(name: str) -> str:
    return name.removeprefix(_PREFIX).replace("_", "")


def _variables_elsewhere(config: PipelineConfig, findings: Findings) -> None:
    trigger = config.schedule.trigger
    places: list[tuple[Path, Rule | TriggerCondition]] = []
    places += [(("schedule", "trigger"), trigger)] if trigger is not None else []
    places += [(("validation", "rules", place), rule) for place, rule in enumerate(config.validation.rules)]
    places += [(("postRun", "rules", place), rule) for place, rule in enumerate(_post_run_rules(config))]
    for path, rule in places:
        for name in ("key", "field", "value"):
            for _ in variables(getattr(rule, name)):
                message = "is taken as written; variables are expanded in job.config only"
                findings.warning((*path, name), getattr(rule, name), message)


def _post_run_rules(config: PipelineConfig) -> Sequence[Rule]:
    return config.post_run.rules if config.post_run is not None else ()


def _lost(name: str) -> str:
    if (ours := _OUR_NAME.match(name)) is not None:
        return f"${{{ours[0]}…}} expands to nothing; write only a name between the braces, without defaults or signs"
    shown = name if _NAME.fullmatch(name) else "…"
    return f"${{{shown}}} expands to nothing; only ${{INTERLOCK_…}} variables are expanded"


_PLACES_READ: tuple[tuple[Callable[[PipelineConfig, Findings], None], tuple[str, ...]], ...] = (
    (_reserved_id, ("pipeline",)),
    *((look, ("schedule",)) for look in SCHEDULE_WARNINGS),
    *((look, ("schedule.cron",)) for look in CRON_WARNINGS),
    (_unread_trigger, ("schedule", "validation")),
    *((look, ("schedule", "sla")) for look in (*SLA_WARNINGS, *MOVE_WARNINGS)),
    (_repeated_rules, ("validation",)),
    *((look, ("validation", "postRun")) for look in RULE_WARNINGS),
    *((look, ("schedule",)) for look in TRIGGER_VALUE_WARNINGS),
    *((look, ("validation", "postRun")) for look in VALUE_WARNINGS),
    *KEY_WARNINGS,
    (_variables_elsewhere, ("schedule", "validation", "postRun")),
    (_lost_variables, ("job",)),
    *((look, ("schedule", "job")) for look in JOB_WARNINGS),
)
