"""What the demo plays: which hours land when, which arrive short, fail once or come too late."""

from msgspec import Struct


class Landing(Struct, frozen=True, order=True):
    """A file lands `at` seconds into the replay; `missing` of its rows come `rest_after` seconds later."""

    at: float
    day: str
    hour: str
    missing: int = 0
    rest_after: float = 0.0


class Script(Struct, frozen=True):
    """The replay: its landings, and the scenes by execution date of bronze-flights."""

    landings: tuple[Landing, ...]
    hours: dict[str, tuple[str, ...]]
    short: str
    flaky: str
    late: str


_SHORT_HOUR, _LATE_HOUR, _FLAKY_HOUR = 2, 4, 7
"""Positions of the scenes' hours in the first day."""

_SHORT_BY, _LATE_BY = 12, 7
_SHORT_FOR = 8.0
_LATE_FOR = 52.0
"""Seconds until the rest comes; bronze-flights' SLA is 45 s from the first sensor."""


def write_script(hours: dict[str, tuple[str, ...]], *, pace: float) -> Script:
    """One landing every `pace` seconds, the days one after the other; `hours` are each day's, in order."""
    landings = []
    first_day = next(iter(hours))
    at = 1.0
    for day, found in hours.items():
        for position, hour in enumerate(found):
            missing, rest_after = 0, 0.0
            if day == first_day and position == _SHORT_HOUR:
                missing, rest_after = _SHORT_BY, _SHORT_FOR
            elif day == first_day and position == _LATE_HOUR:
                missing, rest_after = _LATE_BY, _LATE_FOR
            landings.append(Landing(at, day, hour, missing, rest_after))
            at += pace
    name = [f"{first_day}T{hour}" for hour in hours[first_day]]
    return Script(tuple(landings), hours, name[_SHORT_HOUR], name[_FLAKY_HOUR], name[_LATE_HOUR])
