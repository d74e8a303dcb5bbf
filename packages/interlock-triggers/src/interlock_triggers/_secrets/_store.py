"""Replaces `${secret:NAME}` and `${secret:NAME#FIELD}` by the values of secrets, at the moment of their use."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from interlock_triggers._text import one_line

T = TypeVar("T")

_REFERENCE = re.compile(r"\$\{secret:([^{}]*)\}")
_PLACE = re.compile(r"(?P<name>[A-Za-z0-9/_+=.@:-]{1,512})(?:#(?P<field>[A-Za-z0-9_.-]{1,100}))?")
_KEEP_SECONDS = 300.0
_MOST_KEPT = 64
_SHORTEST = 4
"""Shorter values could not be masked in messages."""


class SecretUnreadable(Exception):
    """A secret cannot be read, or has no such text. The message names the reference, and never a value."""


class SecretStore:
    """The texts of secrets. A text is read on its first use, and again after `keep` seconds. At most 64 are kept.

    read: the text of the secret with a name or an ARN, such as `SecretString` of Secrets Manager. Without it no secret
    can be read. now: the wall clock in seconds, since a frozen process stops the monotonic clock.
    """

    def __init__(
        self,
        read: Callable[[str], str] | None = None,
        *,
        keep: float = _KEEP_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._read, self._keep, self._now = read, keep, now
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, str]] = {}

    def value(self, place: str) -> str:
        """The value at `NAME` or `NAME#FIELD`. Raises SecretUnreadable."""
        found = _PLACE.fullmatch(place)
        if found is None:
            raise SecretUnreadable("a reference must be ${secret:NAME} or ${secret:NAME#FIELD}")
        text = self._text(found["name"], place)
        value = text.strip() if found["field"] is None else _field_of(text, found["name"], found["field"])
        if len(value) < _SHORTEST:
            raise SecretUnreadable(f"${{secret:{place}}} has fewer than {_SHORTEST} characters")
        return value

    def filled(self, value: T) -> tuple[T, tuple[str, ...]]:
        """A copy of a text or a structure with the values of its references, and these values. Keys stay as they are.

        Raises SecretUnreadable for the first reference that cannot be read.
        """
        values = {place: self.value(place) for place in dict.fromkeys(_places(value))}
        return (_replaced(value, values) if values else value), tuple(values.values())

    def unreadable(self, value: Any) -> tuple[str, ...]:
        """A sentence for each reference of a structure that cannot be read now."""
        found = []
        for place in dict.fromkeys(_places(value)):
            try:
                self.value(place)
            except SecretUnreadable as error:
                found.append(str(error))
        return tuple(dict.fromkeys(found))

    def _text(self, name: str, place: str) -> str:
        with self._lock:
            read_at, text = self._kept.get(name, (0.0, None))
        if text is None or not 0 <= self._now() - read_at < self._keep:
            text = self._fetch(name, place)
            with self._lock:
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                self._kept[name] = (self._now(), text)
        return text

    def _fetch(self, name: str, place: str) -> str:
        if self._read is None:
            raise SecretUnreadable(f"${{secret:{place}}} cannot be read: no reader of secrets is configured")
        try:
            text = self._read(name)
        except Exception as error:  # noqa: BLE001 (any error of the reader concerns the secret)
            # The error has no cause, since its text could repeat a value.
            raise SecretUnreadable(f"${{secret:{place}}} cannot be read: {_code_of(error)}") from None
        if not isinstance(text, str) or not text.strip():
            raise SecretUnreadable(f"${{secret:{place}}} is empty, or not a text")
        return text

    def __repr__(self) -> str:
        return f"SecretStore({len(self._kept)} kept)"


def _code_of(error: Exception) -> str:
    """AWS's code of an error, such as AccessDeniedException, otherwise its class."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, Mapping) else None
    return one_line(str(code or type(error).__name__))


def _field_of(text: str, name: str, field: str) -> str:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise SecretUnreadable(f"${{secret:{name}#{field}}} needs a secret that is a JSON object")
    value = fields.get(field)
    if not isinstance(value, str) or not value.strip():
        raise SecretUnreadable(f"${{secret:{name}#{field}}} is not a text of the secret")
    return value.strip()


def _places(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _REFERENCE.findall(value)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _places(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _places(inner)


def _replaced(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: values[found[1]], value)
    if isinstance(value, Mapping):
        return {key: _replaced(inner, values) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(inner, values) for inner in value]
    return value
