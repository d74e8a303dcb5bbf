"""The known names that a misspelt name probably means. Only an error loads it."""

from collections.abc import Iterable
from difflib import get_close_matches

_NEAR = 0.8
"""From this share of equal letters on, a name is near. `stats` is near `status`, and `restart` is not."""

_LONGEST = 100
"""Letters that are compared. The comparison of a longer text takes seconds."""


def near_names(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The known names with nearly the same letters, the nearest first. Case, - and _ do not count."""
    plain: dict[str, list[str]] = {}
    for one in known:
        plain.setdefault(_plain(one), []).append(one)
    wanted = _plain(name)
    letters = sorted(wanted)
    # Two swapped letters are a quarter of a name such as `push`.
    swapped = [one for one in plain if sorted(one[:_LONGEST]) == letters]
    close = get_close_matches(wanted, plain, n=most, cutoff=_NEAR)
    return [one for found in dict.fromkeys([*close, *swapped]) for one in plain[found]][:most]


def _plain(name: str) -> str:
    return name[:_LONGEST].casefold().replace("_", "-")
