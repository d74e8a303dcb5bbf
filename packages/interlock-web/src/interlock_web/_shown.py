"""Shows foreign texts: signs that a reader cannot see are escaped, so that a text means what it seems to mean."""

import unicodedata
from typing import Any

from markupsafe import Markup

from interlock_store import StoredConfig

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
LONGEST = 4000
"""The characters of a text that are shown."""


def shown(text: str, *, lines: bool = False) -> str:
    """The text without signs that cannot be seen or that change the direction of writing. lines: line ends stay."""
    cut = text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join(sign if (lines and sign == "\n") or not _is_hidden(sign) else _escaped(sign) for sign in cut)


def finish(value: Any) -> Any:
    """The value of an expression of a template, before it is escaped as HTML."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return "" if value is None else value
    return shown(value, lines=True)


def _is_hidden(sign: str) -> bool:
    return unicodedata.category(sign) in _HIDDEN


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape", "surrogatepass").decode("ascii")


def problem_of(stored: StoredConfig) -> str:
    """The reason why a pipeline's config cannot be used. A config that is gone was removed, and other rows stay."""
    return stored.problem if stored.exists else f"{stored.problem} (removed)"
