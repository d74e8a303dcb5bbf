"""The names of secrets with a slip of the hand, such as `pasword` or `autorization`."""

import re
from functools import lru_cache
from itertools import pairwise

_WORDS = (
    "apikey",
    "accesskey",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "headers",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "signature",
    "token",
)
_ONE_SLIP, _TWO_SLIPS = 5, 8
"""Letters from which a name may differ in one or two places. Shorter names are near too many other words."""

_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_LONGEST_NAME = 60
_KNOWN = frozenset(("taken", "broken", "spoken"))
"""Words that are near a name of a secret and are spelt right."""


@lru_cache(maxsize=4096)
def is_misspelt_secret(name: str) -> bool:
    """Whether the name, or a part of it, differs from a secret's name in a letter, from 8 letters on in two."""
    parts = [part.lower() for part in _PARTS.findall(name[:_LONGEST_NAME])]
    pairs = [first + second for first, second in pairwise(parts)]
    return any(_is_near(part, word) for part in (*parts, *pairs) if part not in _KNOWN for word in _WORDS)


def _is_near(part: str, word: str) -> bool:
    if len(word) < _ONE_SLIP or abs(len(part) - len(word)) > 2:
        return False
    most = 2 if min(len(part), len(word)) >= _TWO_SLIPS else 1
    return _slips(part, word) <= most


def _slips(one: str, other: str) -> int:
    """The letters that are missing, extra, wrong or swapped with their neighbour (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        further, before, row = before, row, [place]
        for column, meant in enumerate(other, 1):
            cost = min(before[column] + 1, row[column - 1] + 1, before[column - 1] + (letter != meant))
            if place > 1 and column > 1 and letter == other[column - 2] and one[place - 2] == meant:
                cost = min(cost, further[column - 2] + 1)
            row.append(cost)
    return row[-1]
