"""The text form of foreign values for a terminal: of rows, files, servers and arguments, which other programs write."""

import unicodedata

LONGEST = 4000
"""Characters of one value that are shown. The rest is replaced by the number of characters."""

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Characters that take part in no category of control or format characters, and that a terminal shows as blank."""

_TAGS = range(0xE0000, 0xE1000)
_MOST_MARKS = 3
"""Combining marks in a row that are shown. More of them would cover the lines above and below."""


def shown(value: object, longest: int = LONGEST) -> str:
    """The value as one line that a terminal displays and does not obey.

    These characters are escaped as in a Python text: control characters with ESC and those above U+0080, marks of
    writing direction, zero-width and other invisible characters, line and paragraph separators, unusual blanks and
    lone surrogates. A text longer than `longest` characters is cut.
    """
    text = str(value)
    cut = text if len(text) <= longest else text[:longest]
    more = f"… ({len(text):,} characters)" if len(text) > longest else ""
    if cut.isascii() and cut.isprintable():
        return cut + more
    return "".join(_signs(cut)) + more


def guarded(text: str) -> str:
    """The text of a line that is complete, with its line ends. All other characters are as in `shown`."""
    return "\n".join(shown(line, len(line)) for line in text.split("\n"))


def _signs(text: str) -> list[str]:
    signs, marks = [], 0
    for sign in text:
        marks = marks + 1 if unicodedata.combining(sign) or unicodedata.category(sign) == "Me" else 0
        signs.append(_escaped(sign) if marks > _MOST_MARKS or not _is_visible(sign) else sign)
    return signs


def _is_visible(sign: str) -> bool:
    return sign.isprintable() and sign not in _INVISIBLE and ord(sign) not in _TAGS


def _escaped(sign: str) -> str:
    code = ord(sign)
    return _ESCAPES.get(sign) or (f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}")
