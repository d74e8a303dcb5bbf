"""The script of the demo: the landings of all hours, with those that are short, late, amended or faulty."""

from msgspec import Struct

BRONZE, SILVER, GOLD = "bronze-flights", "silver-flights", "gold-flights"
DRY_RUN, ROSTER = "bronze-shadow", "roster-flights"


class Landing(Struct, frozen=True, order=True):
    """A file lands `at` seconds after the start of the replay. `missing` of its rows come `rest_after` seconds later.

    The sensor of a `believed` file reports it as complete. Its rest is an amendment after the runs of the hour.
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
        """Pipeline and execution date of each expected run."""
        hourly = [(name, date) for name in (BRONZE, SILVER) for date in self.dates]
        return [*hourly, *((GOLD, day) for day in self.hours)]

    @property
    def dates(self) -> list[str]:
        """The execution date of every hour."""
        return [f"{day}T{hour}" for day, hours in self.hours.items() for hour in hours]

    def attempts(self, one: tuple[str, str]) -> int:
        """The number of attempts of a run, including retries and reruns."""
        return {
            (BRONZE, self.flaky): 2,
            (BRONZE, self.amended): 2,
            (SILVER, self.amended): 2,
            (BRONZE, self.broken): BROKEN_ATTEMPTS + 1,
        }.get(one, 1)


BROKEN_ATTEMPTS = 3
"""bronze-flights retries twice."""

_SHORT_HOUR, _LATE_HOUR, _FLAKY_HOUR, _AMENDED_HOUR, _UNCHANGED_HOUR = 2, 4, 7, 10, 0
"""Positions of the hours of the scenes in the first day."""

_BROKEN_HOUR = 3
"""Position in the second day. Three attempts with waits of 2 s and 4 s, and then the rerun, take about 15 s. The SLA
of bronze-flights is 45 s."""

_SHORT_BY, _LATE_BY, _AMENDED_BY = 12, 7, 9
_SHORT_FOR = 8.0
_AMENDED_AFTER = 5.0
_LATE_FOR = 52.0
"""Seconds until the rest comes. The SLA of bronze-flights is 45 s from the first sensor. Gold waits for this hour, so
all other scenes of the day come before it."""


def write_script(hours: dict[str, tuple[str, ...]], *, pace: float) -> Script:
    """The script with one landing every `pace` seconds, day after day. `hours` has the hours of each day in order."""
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
