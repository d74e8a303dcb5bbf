"""The text of places and values in a problem. `_secrets` decides which parts may be shown."""

import math
from collections.abc import Iterable
from typing import Any

import msgspec

from ._names import nearest
from ._secrets import HIDDEN, is_secret, shown, shown_at, shown_key

Path = tuple[str | int, ...]
"""The place of a value in its document: mapping keys and list positions, outermost first."""

_SHOWN_CHARACTERS = 60


def render(path: Path, *, is_empty: bool = False) -> str:
    """A path as text: `schedule.include.dates[2]`, `job.config.headers["a.b"]`. is_empty: the place has no value."""
    text = ""
    of_secrets = False
    for place, step in enumerate(path, 1):
        if isinstance(step, int):
            text += f"[{step}]"
            continue
        name = shown_key(step, of_secrets=of_secrets, is_alone=is_empty and place == len(path))
        of_secrets = of_secrets or is_secret(step)
        if name and all(character.isalnum() or character in "-_" for character in name):
            text += f".{name}" if text else name
        else:
            text += f"[{show(name)}]"
    return text


def show(value: Any) -> str:
    """A value on one short line, as JSON, without the secrets that are hidden at every place."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    value = shown(value)
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        text = ascii(value) if isinstance(value, int | float | str) else type(value).__name__
    return readable(text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + HIDDEN)


def show_at(path: Path, value: Any) -> str:
    """A value on one short line, as JSON, without the secrets that are hidden at this place."""
    return show(shown_at(path, value))


def show_word(path: Path, word: str) -> str:
    """A word of the file as it is written, without quotes and without the secrets that are hidden at this place."""
    return readable(str(shown_at(path, word)))


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """`; did you mean x?` for a name that is near a known one, else an empty text."""
    found = nearest(name, known) if isinstance(name, str) else None
    return f"; did you mean {show_word((), found)}?" if found else ""


def readable(text: str) -> str:
    """The text with every unprintable sign escaped."""
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)
