"""What `${NAME}` in a job config stands for: only INTERLOCK_ variables have a value, all others are empty."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET

from ._problems import ConfigError, problem_at
from ._showing import Path

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_OURS = re.compile(r"INTERLOCK_[A-Za-z0-9_]+")


def expand(config: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """A copy of a job config with `${INTERLOCK_X}` replaced from `environment`, at any depth, in values only.

    Any other `${NAME}` becomes nothing; `$NAME` without braces stays; what a variable holds is not expanded
    again. Raises ConfigError naming every INTERLOCK_ variable that is not set: a job must not start with a
    token or an address missing.
    """
    missing = [
        problem_at("", ("job", "config", *path), UNSET, f"needs the environment variable {name}")
        for path, name in variables(config)
        if _OURS.fullmatch(name) and name not in environment
    ]
    if missing:
        raise ConfigError(missing)
    return {key: _expanded(value, environment) for key, value in config.items()}


def variables(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every `${NAME}` in the values of a structure: where it stands, and its name."""
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


def _expanded(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: environment[found[1]] if is_ours(found[1]) else "", value)
    if isinstance(value, Mapping):
        return {key: _expanded(inner, environment) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_expanded(inner, environment) for inner in value]
    return value
