"""The expansion of `${NAME}` in a job config: INTERLOCK_ variables have a value, and references to secrets stay."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET

from ._problems import ConfigError, Path, problem_at

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_OURS = re.compile(r"INTERLOCK_[A-Za-z0-9_]+")
REFERENCE = "secret:"
"""The beginning of a reference to a secret between the braces."""

_SECRET = re.compile(r"secret:[A-Za-z0-9/_+=.@:-]{1,512}(#[A-Za-z0-9_.-]{1,100})?")


DAY_VARIABLES = frozenset({"INTERLOCK_PAR_DAY", "INTERLOCK_DAY"})
"""The run variables that contain the day of the execution date, and never its hour."""

DATE_VARIABLES = DAY_VARIABLES | {"INTERLOCK_DATE", "INTERLOCK_PERIOD_START", "INTERLOCK_PERIOD_END"}
"""The run variables from which a job can read its execution date."""

RUN_VARIABLES = DATE_VARIABLES | {
    "INTERLOCK_PAR_HOUR",
    "INTERLOCK_PIPELINE_ID",
    "INTERLOCK_SCHEDULE_ID",
    "INTERLOCK_ATTEMPT",
    "INTERLOCK_JOB_KEY",
}
"""Every variable that a run sets (docs/reference/pipeline-file.md §8)."""


def expand(
    config: Mapping[str, Any], environment: Mapping[str, str], run: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A copy of a job config with `${INTERLOCK_X}` replaced, at any depth, in values only.

    `run` has the run's own variables (docs/reference/pipeline-file.md §8). They win over variables of the same name
    in `environment`.
    `${secret:…}` stays: the value replaces it when a call needs it. Any other `${NAME}` becomes an empty text. `$NAME`
    without braces stays. The value of a variable is not expanded again. Raises ConfigError with every INTERLOCK_
    variable that is not set: a job must not start with a missing token or address.
    """
    values = {name: value for name, value in environment.items() if is_ours(name)} | dict(run or {})
    missing = [
        problem_at("", ("job", "config", *path), UNSET, f"needs the environment variable {name}")
        for path, name in variables(config)
        if is_ours(name) and name not in values
    ]
    if missing:
        raise ConfigError(missing)
    return {key: _expanded(value, values) for key, value in config.items()}


def expand_known(value: Any, values: Mapping[str, str]) -> Any:
    """A copy of a structure with the variables of `values` replaced. Every other `${NAME}` stays."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), value)
    if isinstance(value, Mapping):
        return {key: expand_known(inner, values) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [expand_known(inner, values) for inner in value]
    return value


def taken_values(
    config: Mapping[str, Any], environment: Mapping[str, str], run: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """The values of `environment` that `expand` puts into the config, each once. Values of the run are left out."""
    names = dict.fromkeys(name for _, name in variables(config) if is_ours(name) and name not in (run or {}))
    return tuple(dict.fromkeys(environment[name] for name in names if name in environment))


def variables(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """The path and the name of every `${NAME}` in the values of a structure."""
    if isinstance(value, str):
        yield from ((path, name) for name in _VARIABLE.findall(value))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from variables(inner, (*path, key))
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from variables(inner, (*path, place))


def is_ours(name: str) -> bool:
    """Whether a variable of this name may be used in a job config."""
    return _OURS.fullmatch(name) is not None


def is_secret(name: str) -> bool:
    """Whether a name between the braces is a reference to a secret, `secret:NAME` or `secret:NAME#FIELD`."""
    return _SECRET.fullmatch(name) is not None


def _expanded(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _value_of(found, values), value)
    if isinstance(value, Mapping):
        return {key: _expanded(inner, values) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_expanded(inner, values) for inner in value]
    return value


def _value_of(found: re.Match[str], values: Mapping[str, str]) -> str:
    if is_secret(found[1]):
        return found[0]
    return values[found[1]] if is_ours(found[1]) else ""
