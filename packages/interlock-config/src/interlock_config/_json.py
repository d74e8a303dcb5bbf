"""What a JSON text says, as plain values; refused are texts too large, keys given twice and non-numbers."""

import json
import re
from typing import Any

import msgspec
from msgspec import UNSET

from ._problems import ConfigError, Problem, show

JSON_LIMIT = 256 * 1024
"""Largest JSON text that is read, in bytes; a table row holds at most 400 KB."""

_KEY = re.compile(rb'"\s*:')


def read_json(data: bytes | str, source: str) -> Any:
    """The plain values of a JSON text; raises ConfigError for anything that is not exactly one of those."""
    text = _as_bytes(data, source)
    if len(text) > JSON_LIMIT:
        raise _refused(source, f"is {len(text)} bytes long; at most {JSON_LIMIT} are read")
    try:
        value = msgspec.json.decode(text)
    except RecursionError:
        raise _refused(source, "is nested too deeply") from None
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError) as error:
        raise _refused(source, f"is not JSON: {error}") from None
    if len(_KEY.findall(text)) != _keys(value):
        _refuse_doubles(text, source)
    return value


def _as_bytes(data: bytes | str, source: str) -> bytes:
    if isinstance(data, bytes):
        return data
    try:
        return data.encode()
    except UnicodeEncodeError:
        raise _refused(source, "is not Unicode text") from None


def _keys(value: Any) -> int:
    """How many mapping keys the value holds; fewer than the text shows means that some were given twice."""
    count = 0
    waiting = [value] if isinstance(value, dict | list) else []
    for outer in waiting:  # grows on the way: texts may be nested deeper than functions can call themselves
        count += len(outer) if type(outer) is dict else 0
        held = outer.values() if type(outer) is dict else outer
        waiting += [inner for inner in held if type(inner) is dict or type(inner) is list]
    return count


def _refuse_doubles(text: bytes, source: str) -> None:
    doubles: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in pairs:
            if key in seen:
                doubles.append(key)
            seen[key] = value
        return seen

    json.loads(text, object_pairs_hook=collect)
    if doubles:
        raise ConfigError(
            Problem(source, key, UNSET, f"the key {show(key)} is given twice in the same mapping")
            for key in dict.fromkeys(doubles)
        )


def _refused(source: str, message: str) -> ConfigError:
    return ConfigError([Problem(source, "", UNSET, message)])
