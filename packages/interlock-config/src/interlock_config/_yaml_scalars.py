"""What an unquoted YAML word is: null, a boolean, a number, else text just as it is written."""

import re
from typing import Any

from ._problems import Path

_DIGITS = re.compile(r"[-+]?[0-9]+")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)\.[0-9]*|(0|[1-9][0-9]*)(?=[eE]))([eE][-+]?[0-9]{1,4})?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MOST_DIGITS = 100
_BOOLEAN_WORD = re.compile(r"(?i:y|yes|n|no|on|off)")
_TIME = re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+")
_ODD_NUMBER = re.compile(r"[-+]?0[0-9][0-9_]*|[-+]?[0-9][0-9_]*_[0-9_]*|0[xob][0-9A-Fa-f_]+")
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
    """Why an unquoted word may not stand where it stands, None when it may.

    In the value of a rule any type is allowed, so nothing says whether `on` or 10:00 was meant as text.
    """
    if len(text) > _MOST_DIGITS and _DIGITS.fullmatch(text):
        return "is too large for a number; write it as text, in quotes"
    if not _is_rule_value(path):
        return None
    if _BOOLEAN_WORD.fullmatch(text):
        other = "true or false without quotes for a boolean"
    elif _ODD_NUMBER.fullmatch(text):
        other = "a plain decimal number"
    elif _TIME.fullmatch(text):
        other = "the number that is meant"
    else:
        return None
    return f'means different things to different YAML readers; write "{text}" in quotes for text, or {other}'


def _is_rule_value(path: Path) -> bool:
    if path[-1:] != ("value",):
        return False
    return path[:-1] == ("schedule", "trigger") or (path[1:2] == ("rules",) and len(path) == 4)
