"""The plain values of a JSON text. Too large texts, repeated keys and NaN are rejected."""

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
"""Largest JSON text that is read, in bytes. A table row has at most 400 KB."""

_PLAINER = {
    "Input data was truncated": "it ends too early: a bracket or a quote is not closed",
    "Integer value out of range": "it holds a number that is too large",
    "Number out of range": "it holds a number that is too large",
    "JSON is malformed: invalid character": "a value, a quote or a comma is missing; JSON has no comments and no NaN",
}
_SPACES = b" \t\n\r"
_MOST_GROWTH = 8  # 1e15 becomes 1000000000000000.0, and a key without a value may gain a default's worth


class JsonText(NamedTuple):
    """The plain values of a JSON text, and two properties that its reading shows."""

    value: Any
    is_plain: bool
    """No value needs a closer check (see `_odd.is_plain`), and no key has an empty value."""
    is_short: bool
    """The JSON of every config from this text is within the limit."""


def read_json(data: bytes | str, source: str) -> JsonText:
    """The plain values of a JSON text. Raises ConfigError for any text that is not exactly one JSON value."""
    text = _as_bytes(data, source)
    if len(text) > JSON_LIMIT:
        raise _rejected(source, f"is longer than {JSON_LIMIT // 1024} KB and was not read")
    text = text.removeprefix(codecs.BOM_UTF8)
    try:
        value = msgspec.json.decode(text)
    except RecursionError:
        raise _rejected(source, "is nested too deeply") from None
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError) as error:
        raise _malformed(source, text, str(error)) from None
    keys = plain_keys(value, may_be_empty=False) if type(value) is dict else None
    if _keys_in(text) != (_keys(value) if keys is None else keys):
        _reject_doubles(text, source)
    return JsonText(value, keys is not None, len(text) * _MOST_GROWTH <= JSON_LIMIT)


def _keys_in(text: bytes) -> int:
    """An upper bound of the mapping keys in the text: at least as many as in its value."""
    return text.translate(None, _SPACES).count(b'":')


def _as_bytes(data: bytes | str, source: str) -> bytes:
    if isinstance(data, bytes):
        return data
    try:
        return data.encode()
    except UnicodeEncodeError:
        raise _rejected(source, "is not Unicode text") from None


def _keys(value: Any) -> int:
    """The count of mapping keys in the value. Fewer keys than in the text may mean that some are repeated."""
    count = 0
    waiting = [value] if isinstance(value, dict | list) else []
    for outer in waiting:  # the loop extends the list: texts may be nested deeper than functions can call themselves
        count += len(outer) if type(outer) is dict else 0
        held = outer.values() if type(outer) is dict else outer
        waiting += [inner for inner in held if type(inner) is dict or type(inner) is list]
    return count


def _reject_doubles(text: bytes, source: str) -> None:
    try:
        plain = json.loads(text, object_pairs_hook=_Pairs)
    except RecursionError:
        raise _rejected(source, "is nested too deeply") from None
    doubles: dict[Path, None] = {}
    waiting: list[tuple[Path, Any]] = [((), plain)]
    for path, outer in waiting:  # the loop extends the list
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
    """A mapping as it is written, with its repeated keys."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def _malformed(source: str, text: bytes, said: str) -> ConfigError:
    """The parser's message with the line. The parser counts bytes and adds a prefix to each message."""
    if not text.strip():
        return _rejected(source, "is empty")
    place = re.search(r" \(byte ([0-9]+)\)$", said)
    line = text.count(b"\n", 0, int(place[1])) + 1 if place else None
    words = said[: place.start()] if place else said
    words = _PLAINER.get(words.partition(" - at")[0], words.removeprefix("JSON is malformed: "))
    return ConfigError([Problem(source, "", UNSET, f"is not JSON: {words}", line=line)])


def _rejected(source: str, message: str) -> ConfigError:
    return ConfigError([Problem(source, "", UNSET, message)])
