"""The plain values of a YAML text, with their lines. Values with two meanings are rejected, never guessed."""

from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import UNSET

from interlock_config._problems import HIDDEN, ConfigError, Findings, Path, Problem, show_word
from interlock_config._values import DEPTH_LIMIT

from ._yaml_scalars import doubt, plain_value, remark
from ._yaml_syntax import syntax_problem

YAML_LIMIT = 128 * 1024
"""Largest YAML text that is read, in bytes."""

WEIGHT_LIMIT = 256 * 1024
"""Most values and characters in one document. Aliases count each time they are used."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str")
_PLAIN_TAGS = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


def read_yaml(text: str | bytes, source: str) -> tuple[Any, Findings]:
    """The plain values of a YAML text, with its problems and the line of each place.

    Texts stay as they are written: 10:00, 2026-03-03, yes and on are text, and only true and false are
    booleans. Raises ConfigError if the text is not a single YAML document or exceeds a limit.
    """
    findings = Findings(source)
    plain = _as_text(text, source)
    try:
        return _Reader(yaml.parse(plain, Loader=_LOADER), findings).document(), findings
    except yaml.YAMLError as error:
        line, message = syntax_problem(error, plain)
        raise ConfigError([Problem(source, "", UNSET, message, line=line)]) from None


def _as_text(text: str | bytes, source: str) -> str:
    if len(text) > YAML_LIMIT:
        raise _too_long(source)
    try:
        encoded = text.encode() if isinstance(text, str) else text
        plain = encoded.decode("utf-8-sig")
    except UnicodeError:
        raise ConfigError([Problem(source, "", UNSET, "is not UTF-8 text")]) from None
    if len(encoded) > YAML_LIMIT:
        raise _too_long(source)
    return plain


def _tagged(tag: str, path: Path) -> str:
    return f"has the tag {show_word(path, tag.replace('tag:yaml.org,2002:', '!!'))[:60]}; tags are not allowed"


def _too_long(source: str) -> ConfigError:
    return ConfigError([Problem(source, "", UNSET, f"is longer than {YAML_LIMIT // 1024} KB and was not read")])


class _Reader:
    """Builds the values of one document from parser events. Recursion ends at DEPTH_LIMIT."""

    def __init__(self, events: Iterator[Any], findings: Findings) -> None:
        self._events = events
        self._findings = findings
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._weight = 0

    def document(self) -> Any:
        """The values of the only document. Raises ConfigError for no document or several."""
        self._next()  # the stream begins
        if isinstance(self._next(), yaml.StreamEndEvent):
            raise self._rejected(None, "is empty")
        value = self._value((), self._next())
        self._next()  # the document ends
        following = self._next()
        if not isinstance(following, yaml.StreamEndEvent):
            raise self._rejected(following, "holds more than one document (---); one file holds one pipeline")
        return value

    def _value(self, path: Path, event: Any) -> Any:
        self._findings.lines.setdefault(path, event.start_mark.line + 1)
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(path, event)
        if len(path) > DEPTH_LIMIT:
            raise self._rejected(event, "is nested too deeply")
        before = self._weight
        self._add_weight(event, 1)
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(path, event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(path, event)
        else:
            value = self._mapping(path, event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._weight - before)
        return value

    def _aliased(self, path: Path, event: Any) -> Any:
        if event.anchor not in self._anchors:
            name = show_word(path, event.anchor)
            raise self._rejected(event, f"the alias *{name} has no complete anchor before it")
        value, weight = self._anchors[event.anchor]
        self._add_weight(event, weight)
        return value

    def _scalar(self, path: Path, event: Any) -> Any:
        self._add_weight(event, len(event.value))
        if event.tag not in _TEXT_TAGS:
            self._findings.error(path, event.value, _tagged(event.tag, path))
            return event.value
        if not event.implicit[0] or event.tag is not None:
            return event.value
        problem = doubt(event.value, path)
        if problem is not None:
            self._findings.error(path, event.value, problem)
            return event.value
        said = remark(event.value, path)
        if said is not None:
            self._findings.warning(path, event.value, said)
        return plain_value(event.value)

    def _sequence(self, path: Path, event: Any) -> list[Any]:
        self._check_tag(path, event)
        values: list[Any] = []
        while not isinstance(following := self._next(), yaml.SequenceEndEvent):
            values.append(self._value((*path, len(values)), following))
        return values

    def _mapping(self, path: Path, event: Any) -> dict[str, Any]:
        self._check_tag(path, event)
        values: dict[str, Any] = {}
        merged: list[dict[str, Any]] = []
        merged_on: int | None = None
        while not isinstance(following := self._next(), yaml.MappingEndEvent):
            key, line = self._key(path, following), following.start_mark.line + 1
            if key == "<<" and following.implicit[0]:
                sources = self._merged((*path, key))
                if merged_on is None:
                    merged, merged_on = sources, line
                else:
                    self._twice((*path, key), line, merged_on, "; a list merges several: <<: [*a, *b]")
            elif key in values:
                name = HIDDEN if values[key] is None else key  # perhaps the rest of a value behind its comma
                self._twice((*path, name), line, self._findings.lines.get((*path, key)))
                self._value((*path, key), self._next())
            else:
                self._findings.lines[(*path, key)] = line
                values[key] = self._value((*path, key), self._next())
        for source in merged:  # the first mapping with a key wins
            values = {**source, **values}
        return values

    def _twice(self, path: Path, line: int, first: int | None, hint: str = "") -> None:
        self._findings.error(path, UNSET, f"is given twice; first on line {first}{hint}", line)

    def _key(self, path: Path, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise self._rejected(event, "a key must be text, not a mapping, a list or an alias")
        self._add_weight(event, len(event.value))
        return str(event.value)

    def _merged(self, path: Path) -> list[dict[str, Any]]:
        event = self._next()
        value = self._value(path, event)
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise self._rejected(event, "<< merges mappings only")
        return list(sources)

    def _check_tag(self, path: Path, event: Any) -> None:
        if event.tag not in _PLAIN_TAGS:
            self._findings.error(path, UNSET, _tagged(event.tag, path))

    def _add_weight(self, event: Any, weight: int) -> None:
        self._weight += weight
        if self._weight > WEIGHT_LIMIT:
            raise self._rejected(event, "its aliases (*name) expand to far more than a pipeline needs")

    def _next(self) -> Any:
        return next(self._events)

    def _rejected(self, event: Any, message: str) -> ConfigError:
        line = None if event is None else event.start_mark.line + 1
        return ConfigError([Problem(self._findings.source, "", UNSET, message, line=line)])
