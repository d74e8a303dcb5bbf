"""What a JSON text says, as plain values; refused are texts too large, keys given twice and non-numbers."""

import codecs
import json
import re
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from interlock_config._problems import MOST_ERRORS, ConfigError, Path, Problem, problem_at
from interlock_config._values import plain_keys

JSON_LIMIT = 256 * 1024
"""Largest JSON text that is read, in bytes; a table row holds at most 400 KB."""

_PLAINER = {
    "Input data was truncated": "it ends too early; a bracket or a quote is not closed",
    "Integer value out of range": "it holds a number that is too large",
    "Number out of range": "it holds a number that is too large",
    "JSON is malformed: invalid character": "a value, a quote or a comma is missing; JSON has no comments and no NaN",
}
_SPACES = b" \t\n\r"
_MOST_GROWTH = 8  # 1e15 becomes 1000000000000000.0, and a key without a value may gain a default's worth


class JsonText(NamedTuple):
    """The plain values of a JSON text, and what was noticed while reading it."""

    value: Any
    is_plain: bool
    """Nothing in it needs a closer look (see `_odd.is_plain`), and no key in it holds nothing."""
    is_short: bool
    """Whatever is made of it, its JSON cannot be too large."""


def read_json(data: bytes | str, source: str) -> JsonText:
    """The plain values of a JSON text; raises ConfigError for anything that is not exactly one of those."""
    text = _as_bytes(data, source)
    if len(text) > JSON_LIMIT:
        raise _refused(source, f"is longer than {JSON_LIMIT // 1024} KB and was not read")
    text = text.removeprefix(codecs.BOM_UTF8)
    try:
        value = msgspec.json.decode(text)
    except RecursionError:
        raise _refused(source, "is nested too deeply") from None
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError) as error:
        raise _malformed(source, text, str(error)) from None
    keys = plain_keys(value, may_be_empty=False) if type(value) is dict else None
    if _keys_in(text) != (_keys(value) if keys is None else keys):
        _refuse_doubles(text, source)
    return JsonText(value, keys is not None, len(text) * _MOST_GROWTH <= JSON_LIMIT)


def _keys_in(text: bytes) -> int:
    """How many mapping keys the text shows, at least; no fewer than the value holds."""
    return text.translate(None, _SPACES).count(b'":')


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
    try:
        plain = json.loads(text, object_pairs_hook=_Pairs)
    except RecursionError:
        raise _refused(source, "is nested too deeply") from None
    doubles: dict[Path, None] = {}
    waiting: list[tuple[Path, Any]] = [((), plain)]
    for path, outer in waiting:  # grows on the way
        seen: set[str | int] = set()
        for key, inner in outer.pairs if isinstance(outer, _Pairs) else enumerate(outer):
            if isinstance(inner, _Pairs | list):
                waiting.append(((*path, key), inner))
            if isinstance(outer, _Pairs) and key in seen:
                doubles[(*path, key)] = None
            seen.add(key)
    if doubles:
        first = islice(doubles, MOST_ERRORS)
        raise ConfigError(problem_at(source, path, UNSET, "is given twice in the same mapping") for path in first)


class _Pairs:
    """A mapping as it is written, with keys that are given twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def _malformed(source: str, text: bytes, said: str) -> ConfigError:
    """The parser's words with the line; it counts bytes, and prefixes all it says."""
    if not text.strip():
        return _refused(source, "is empty")
    place = re.search(r" \(byte ([0-9]+)\)$", said)
    line = text.count(b"\n", 0, int(place[1])) + 1 if place else None
    words = said[: place.start()] if place else said
    words = _PLAINER.get(words.partition(" - at")[0], words.removeprefix("JSON is malformed: "))
    return ConfigError([Problem(source, "", UNSET, f"is not JSON: {words}", line=line)])


def _refused(source: str, message: str) -> ConfigError:
    return ConfigError([Problem(source, "", UNSET, message)])
