"""The known name that is nearest to a wrong name."""

import difflib
from collections.abc import Iterable

_SHORTEST_BEGINNING = 3
_LONGEST_NAME = 100


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was most likely meant, if any is near."""
    plain = {_plain(candidate): candidate for candidate in known}
    wanted = _plain(name[:_LONGEST_NAME])
    found = [candidate for candidate in plain if _is_swapped(wanted, candidate)]
    found = found or difflib.get_close_matches(wanted, plain, n=1, cutoff=0.7)
    if not found and len(wanted) >= _SHORTEST_BEGINNING:
        found = [candidate for candidate in plain if candidate.startswith(wanted)]
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    return name.strip().casefold().replace("_", "").replace("-", "")


def _is_swapped(name: str, other: str) -> bool:
    """Whether the names differ only in two swapped neighbours: `ulr` is too short for a comparison of its letters."""
    if len(name) != len(other):
        return False
    differ = [place for place, (letter, meant) in enumerate(zip(name, other, strict=True)) if letter != meant]
    if len(differ) != 2 or differ[1] != differ[0] + 1:
        return False
    first, second = differ
    return name[first] == other[second] and name[second] == other[first]
