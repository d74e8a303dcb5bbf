"""What an unquoted YAML word is: null, a boolean, a number, else text just as it is written."""

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
    """Why an unquoted word may not stand where it stands, None when it may.

    In the value of a rule any type is allowed, so nothing says whether `on` or 10:00 was meant as text.
    """
    if len(text) > _MOST_DIGITS and _DIGITS.fullmatch(text):
        return "is too large for a number; write it as text, in quotes"
    other = _other_reading(text) if _is_rule_value(path) else None
    if other is None:
        return None
    return (
        f"means different things to different YAML readers; write {show_at(path, text)} in quotes for text, or {other}"
    )


def remark(text: str, path: Path) -> str | None:
    """What to say of an unquoted word that a job gets as text, although other YAML readers make something else of it.

    Only of what is sent as it is: headers and arguments are texts in any case.
    """
    other = _other_reading(text) if path[:2] == ("job", "config") and path[2:3] in _SENT_AS_IT_IS else None
    return None if other is None else f"is sent as the text {show_at(path, text)}; write it in quotes, or {other}"


def _other_reading(text: str) -> str | None:
    """What an unquoted word may have been meant as besides text, None when text is all that it can be."""
    if _BOOLEAN_WORD.fullmatch(text):
        return "true or false without quotes for a boolean"
    if _ODD_NUMBER.fullmatch(text):
        return "a plain decimal number"
    return "the number that is meant" if _TIME.fullmatch(text) else None


def _is_rule_value(path: Path) -> bool:
    if path[-1:] != ("value",):
        return False
    return path[:-1] == ("schedule", "trigger") or (path[1:2] == ("rules",) and len(path) == 4)
