"""The value of an unquoted YAML word: null, a boolean, a number, else the text as it is written."""

import re
from typing import Any

from interlock_config._problems import Path, show_at

_DIGITS = re.compile(r"[-+]?[0-9]+")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)\.[0-9]*|(0|[1-9][0-9]*)(?=[eE]))([eE][-+]?[0-9]{1,4})?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MOST_DIGITS = 100
_BOOLEAN_WORD = re.compile(r"(?i:y|yes|n|no|on|off)")
_TIME = re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+")
_ODD_NUMBER = re.compile(r"[-+]?0[0-9][0-9_]*|[-+]?[0-9][0-9_]*_[0-9_]*|0[xob][0-9A-Fa-f_]+")
_SENT_AS_IT_IS = {("body",), ("payload",), ("jobDriver",), ("job_driver",)}
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def plain_value(text: str) -> Any:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "+-.0123456789":
        if _INTEGER.fullmatch(text) and len(text) <= _MOST_DIGITS:
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        if _NOT_FINITE.fullmatch(text):
            return float(text.replace(".", ""))
    return text


def doubt(text: str, path: Path) -> str | None:
    """The error of an unquoted word at its place, None without an error.

    The value of a rule may have any type, so that `on` and 10:00 have two possible meanings there.
    """
    if len(text) > _MOST_DIGITS and _DIGITS.fullmatch(text):
        return "is too large for a number; write it as text, in quotes"
    other = _other_reading(text) if _is_rule_value(path) else None
    if other is None:
        return None
    return (
        f"has different meanings in different YAML readers; write {show_at(path, text)} in quotes for text, or {other}"
    )


def remark(text: str, path: Path) -> str | None:
    """The warning about an unquoted word that a job gets as text, although other YAML readers give it another value.

    It applies only to values that are sent unchanged: headers and arguments are texts in any case.
    """
    other = _other_reading(text) if path[:2] == ("job", "config") and path[2:3] in _SENT_AS_IT_IS else None
    return None if other is None else f"is sent as the text {show_at(path, text)}; write it in quotes, or {other}"


def _other_reading(text: str) -> str | None:
    """The other possible meaning of an unquoted word, None for a word that can only be text."""
    if _BOOLEAN_WORD.fullmatch(text):
        return "true or false without quotes for a boolean"
    if _ODD_NUMBER.fullmatch(text):
        return "a plain decimal number"
    return "the number that is meant" if _TIME.fullmatch(text) else None


def _is_rule_value(path: Path) -> bool:
    if path[-1:] != ("value",):
        return False
    return path[:-1] == ("schedule", "trigger") or (path[1:2] == ("rules",) and len(path) == 4)
