"""What an unquoted YAML word is: null, a boolean, a number, else text just as it is written."""

import re
from typing import Any

from ._problems import Path

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,39})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
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
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
            return float(text.replace(".inf", "inf").replace(".nan", "nan")) if text[-1] in "fnFN" else float(text)
    return text


def ambiguity(text: str, path: Path) -> str | None:
    """Why an unquoted word may not stand in a rule's `value`, None when it may.

    There any type is allowed, so nothing says whether `on` or 10:00 was meant as text.
    """
    if len(path) < 2 or path[-1] != "value" or not (path[-2] == "trigger" or isinstance(path[-2], int)):
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
