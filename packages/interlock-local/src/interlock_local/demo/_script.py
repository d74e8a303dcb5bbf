"""What the demo plays: which hours land when, and which arrive short, too late, amended, or meet a fault."""

from msgspec import Struct

BRONZE, SILVER, GOLD = "bronze-flights", "silver-flights", "gold-flights"
SHADOW, ROSTER = "bronze-shadow", "roster-flights"


class Landing(Struct, frozen=True, order=True):
    """A file lands `at` seconds into the replay; `missing` of its rows come `rest_after` seconds later.

    A file that is `believed` says that it is whole: its rest comes as an amendment, once the hour's runs have ended.
    """

    at: float
    day: str
    hour: str
    missing: int = 0
    rest_after: float = 0.0
    believed: bool = False

    @property
    def date(self) -> str:
        """The execution date."""
        return f"{self.day}T{self.hour}"


class Script(Struct, frozen=True):
    """The replay: its landings, and the scenes by execution date of bronze-flights."""

    landings: tuple[Landing, ...]
    hours: dict[str, tuple[str, ...]]
    short: str
    flaky: str
    late: str
    amended: str
    broken: str
    unchanged: str

    @property
    def runs(self) -> list[tuple[str, str]]:
        """Pipeline and execution date of every run that the replay must lead to."""
        hourly = [(name, date) for name in (BRONZE, SILVER) for date in self.dates]
        return [*hourly, *((GOLD, day) for day in self.hours)]

    @property
    def dates(self) -> list[str]:
        """The execution date of every hour."""
        return [f"{day}T{hour}" for day, hours in self.hours.items() for hour in hours]

    def attempts(self, one: tuple[str, str]) -> int:
        """How many attempts a run takes: its failures, its retries and what was asked for included."""
        return {
            (BRONZE, self.flaky): 2,
            (BRONZE, self.amended): 2,
            (SILVER, self.amended): 2,
            (BRONZE, self.broken): BROKEN_ATTEMPTS + 1,
        }.get(one, 1)


BROKEN_ATTEMPTS = 3
"""bronze-flights retries twice."""

_SHORT_HOUR, _LATE_HOUR, _FLAKY_HOUR, _AMENDED_HOUR, _UNCHANGED_HOUR = 2, 4, 7, 10, 0
"""Positions of the scenes' hours in the first day."""

_BROKEN_HOUR = 3
"""Its position in the second day. Three attempts and the waits of 2 s and 4 s between them, then the rerun: about
15 s, well within the 45 s of bronze-flights' SLA."""

_SHORT_BY, _LATE_BY, _AMENDED_BY = 12, 7, 9
_SHORT_FOR = 8.0
_AMENDED_AFTER = 5.0
_LATE_FOR = 52.0
"""Seconds until the rest comes; bronze-flights' SLA is 45 s from the first sensor. Gold waits for this hour, so
whatever else happens to its day happens before."""


def write_script(hours: dict[str, tuple[str, ...]], *, pace: float) -> Script:
    """One landing every `pace` seconds, the days one after the other; `hours` are each day's, in order."""
    dates = [(day, hour) for day, found in hours.items() for hour in found]
    first, second = list(hours)[:2]
    names = {day: [f"{day}T{hour}" for hour in found] for day, found in hours.items()}
    short, late, amended = (names[first][position] for position in (_SHORT_HOUR, _LATE_HOUR, _AMENDED_HOUR))
    rests = {
        short: (_SHORT_BY, _SHORT_FOR, False),
        late: (_LATE_BY, _LATE_FOR, False),
        amended: (_AMENDED_BY, _AMENDED_AFTER, True),
    }
    landings = [
        Landing(1.0 + pace * position, day, hour, *rests.get(f"{day}T{hour}", ()))
        for position, (day, hour) in enumerate(dates)
    ]
    return Script(
        tuple(landings),
        hours,
        short=short,
        flaky=names[first][_FLAKY_HOUR],
        late=late,
        amended=amended,
        broken=names[second][_BROKEN_HOUR],
        unchanged=names[first][_UNCHANGED_HOUR],
    )
