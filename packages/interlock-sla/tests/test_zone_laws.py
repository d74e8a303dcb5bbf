"""Laws of deadlines and cron fires in every zone, around the days on which clocks change.

The model resolves wall-clock times without PEP 495 folds. It finds the instants that show a time and takes the first.
A time that no instant shows moves forward by the length of the gap.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock_sla import ExecutionDate, absolute_deadline, parse_cron, zone

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOT_CIVIL = ("right/", "posix/", "localtime", "posixrules", "Factory")
ZONES = sorted(name for name in available_timezones() if not name.startswith(NOT_CIVIL))
# Gaps and folds of unusual length or place: a skipped day, half an hour, three quarters, across midnight.
ODD_CHANGES = [
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Kwajalein", date(1993, 8, 21)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("America/Nuuk", date(2024, 3, 30)),
    ("America/Havana", date(2026, 3, 8)),
    ("America/Caracas", date(2016, 5, 1)),
    ("Asia/Pyongyang", date(2018, 5, 5)),
    ("Asia/Kathmandu", date(1986, 1, 1)),
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("Antarctica/Troll", date(2026, 3, 29)),
    ("America/Anchorage", date(1983, 10, 30)),
    ("Europe/Lisbon", date(1992, 9, 27)),
]


def offset(moment: datetime, place: ZoneInfo) -> timedelta:
    found = moment.astimezone(place).utcoffset()
    assert found is not None
    return found


def instant_of(wall: datetime, place: ZoneInfo) -> datetime:
    as_if_utc = wall.replace(tzinfo=UTC)
    offsets = {offset(as_if_utc + n * 12 * HOUR, place) for n in range(-4, 5)}
    showing = [as_if_utc - shift for shift in offsets]
    showing = [moment for moment in showing if moment.astimezone(place).replace(tzinfo=None) == wall]
    if showing:
        return min(showing)
    gap = offset(as_if_utc + 2 * DAY, place) - offset(as_if_utc - 2 * DAY, place)
    assert gap > timedelta(0)
    return instant_of(wall + gap, place)


@cache
def changes(name: str) -> tuple[date, ...]:
    """The local days in 2026 on which the zone's clocks change."""
    place, start = zone(name), datetime(2025, 12, 31, 12, tzinfo=UTC)
    noons = [start + n * DAY for n in range(367)]
    return tuple(
        later.astimezone(place).date()
        for earlier, later in pairwise(noons)
        if offset(earlier, place) != offset(later, place)
    )


CHANGING = [(name, day) for name in ZONES for day in changes(name)]
change_days = st.sampled_from(CHANGING) | st.sampled_from(ODD_CHANGES)
clock_times = st.times().map(lambda value: value.replace(second=0, microsecond=0))


def deadline_of(deadline: str, day: ExecutionDate, place: ZoneInfo, fire: datetime | None = None) -> datetime:
    return absolute_deadline(deadline, day, place, cron_fire=fire, expected=None).breach_at


def test_many_zones_change_their_clocks() -> None:
    assert len(ZONES) > 400
    assert len(CHANGING) > 200


@pytest.mark.parametrize("clock_time", ["00:00", "00:30", "01:30", "02:00", "02:15", "02:30", "03:00", "23:30"])
def test_daily_deadlines_in_every_zone_at_clock_changes(clock_time: str) -> None:
    at = time.fromisoformat(clock_time)
    for name, day in CHANGING:
        place = zone(name)
        for following in (day - DAY, day, day + DAY):
            expected = instant_of(datetime.combine(following, at), place)
            assert deadline_of(clock_time, ExecutionDate(following - DAY), place) == expected, (name, following)


@pytest.mark.parametrize("day", [date(2026, 1, 15), date(2026, 7, 15), date(1985, 4, 1), date(2035, 12, 31)])
def test_daily_deadlines_in_every_zone_on_other_days(day: date) -> None:
    for name in ZONES:
        expected = instant_of(datetime.combine(day + DAY, time(2, 30)), zone(name))
        assert deadline_of("02:30", ExecutionDate(day), zone(name)) == expected, name


@given(st.sampled_from(ZONES), st.dates(date(1970, 1, 1), date(2037, 12, 31)), clock_times)
def test_a_daily_deadline_in_any_zone_on_any_day(name: str, day: date, clock_time: time) -> None:
    found = deadline_of(f"{clock_time:%H:%M}", ExecutionDate(day), zone(name))
    assert found == instant_of(datetime.combine(day + DAY, clock_time), zone(name))


@given(change_days, st.integers(-1, 1), clock_times)
def test_daily_deadline_is_first_instant_of_its_wall_time(
    change: tuple[str, date], shift: int, clock_time: time
) -> None:
    place, day = zone(change[0]), change[1] + shift * DAY
    found = deadline_of(f"{clock_time:%H:%M}", ExecutionDate(day - DAY), place)
    assert found == instant_of(datetime.combine(day, clock_time), place)


@given(change_days, st.integers(-1, 1), st.integers(0, 23), st.integers(0, 59))
def test_an_hourly_deadline_is_in_the_hour_after(change: tuple[str, date], shift: int, hour: int, minute: int) -> None:
    place, date_ = zone(change[0]), ExecutionDate(change[1] + shift * DAY, hour)
    wall = datetime.combine(date_.day, time(hour, minute)) + HOUR
    assert deadline_of(f":{minute:02}", date_, place) == instant_of(wall, place)


@given(change_days, st.integers(-36 * 60, 36 * 60), clock_times)
def test_deadline_is_first_instant_of_wall_time_after_fire(
    change: tuple[str, date], minutes: int, clock_time: time
) -> None:
    place = zone(change[0])
    fire = datetime.combine(change[1], time(), UTC) + minutes * MINUTE
    found = deadline_of(f"{clock_time:%H:%M}", ExecutionDate(change[1]), place, fire)
    near = fire.astimezone(place).date()
    candidates = [instant_of(datetime.combine(near + n * DAY, clock_time), place) for n in range(-3, 4)]
    assert found == min(candidate for candidate in candidates if candidate >= fire)


@given(change_days, st.integers(-1, 1), st.integers(0, 23), clock_times)
def test_clock_time_with_hourly_date_is_first_after_hour(
    change: tuple[str, date], shift: int, hour: int, clock_time: time
) -> None:
    place, date_ = zone(change[0]), ExecutionDate(change[1] + shift * DAY, hour)
    end = instant_of(datetime.combine(date_.day, time(hour)) + HOUR, place)
    candidates = [instant_of(datetime.combine(date_.day + n * DAY, clock_time), place) for n in range(-2, 4)]
    assert deadline_of(f"{clock_time:%H:%M}", date_, place) == min(c for c in candidates if c >= end)


# Cron: expressions are drawn together with the values that they mean, so that the model does not parse.

NAMES = {
    3: dict(enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)),
    4: dict(enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])),
}
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
Field = tuple[str, frozenset[int]]


@st.composite
def items(draw: st.DrawFn, index: int) -> Field:
    low, high = RANGES[index]
    first = draw(st.integers(low, high))
    last = draw(st.integers(low, high))
    step = draw(st.integers(1, high))
    size = high - low + 1
    span = [low + (first - low + gone) % size for gone in range((last - first) % size + 1)]
    spell = draw(st.sampled_from([str, lambda value: NAMES.get(index, {}).get(value, str(value))]))
    forms = {
        "value": (spell(first), frozenset([first])),
        "range": (f"{spell(first)}-{spell(last)}", frozenset(span)),
        "step": (f"{spell(first)}-{spell(last)}/{step}", frozenset(span[::step])),
        "from": (f"{first}/{step}", frozenset(range(first, high + 1, step))),
        "all": (f"*/{step}", frozenset(range(low, high + 1, step))),
    }
    return forms[draw(st.sampled_from(sorted(forms)))]


def fields(index: int) -> st.SearchStrategy[Field]:
    several = st.lists(items(index), min_size=1, max_size=3).map(
        lambda drawn: (",".join(text for text, _ in drawn), frozenset[int]().union(*(values for _, values in drawn)))
    )
    low, high = RANGES[index]
    return st.just(("*", frozenset(range(low, high + 1)))) | several


LAST_FORMS = {6: "L{0}", 7: "{0}L"}
COUNTED_DAYS = (
    st.just("L")
    | st.integers(1, 30).map(lambda n: f"L-{n}")
    | st.integers(1, 31).map(lambda n: f"{n}W")
    | st.just("LW")
    | st.integers(1, 30).map(lambda n: f"L-{n}W")
)


class Model:
    """The wall-clock minutes that a drawn expression names, by a plain reading of the manual."""

    def __init__(self, drawn: tuple[Field, ...], nth: tuple[int, int] | None, counted: frozenset[str]) -> None:
        texts = [text for text, _ in drawn]
        self.minutes, self.hours, self.days, self.months, self.weekdays = (values for _, values in drawn)
        self.nth, self.counted = nth, counted
        if counted:
            self.days = frozenset() if texts[2] == "*" else self.days
            texts[2] = ",".join([*([] if texts[2] == "*" else [texts[2]]), *sorted(counted)])
        if nth is not None:
            texts[4] = LAST_FORMS.get(nth[1], "{0}#{1}").format(*nth)
        self.days_restricted, self.weekdays_restricted = (
            not {"*", "*/1"} & set(texts[index].split(",")) for index in (2, 4)
        )
        self.text = " ".join(texts)

    def names_day(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_day = day.day in self.days or any(self._counts_to(item, day) for item in self.counted)
        by_weekday = self._names_weekday(day)
        if self.days_restricted and self.weekdays_restricted:
            return by_day or by_weekday
        return by_weekday if self.weekdays_restricted else by_day if self.days_restricted else True

    @staticmethod
    def _counts_to(item: str, day: date) -> bool:
        """Whether `day` is L-3 of its month or, for 15W and LW, the weekday of its month nearest to the named day."""
        month = [date(day.year, day.month, d) for d in range(1, 32) if _exists(day.year, day.month, d)]
        text = item.removesuffix("W")
        place = len(month) - 1 + int(text[1:] or 0) if text[0] == "L" else int(text) - 1
        if not 0 <= place < len(month):
            return False
        working = [other for other in month if other.weekday() < 5] if item.endswith("W") else month
        return day == min(working, key=lambda other: abs(other - month[place]))

    def _names_weekday(self, day: date) -> bool:
        weekday = (day.weekday() + 1) % 7
        if self.nth is None:
            return weekday in self.weekdays
        wanted, n = self.nth
        same = [date(day.year, day.month, d) for d in range(1, 32) if _exists(day.year, day.month, d)]
        same = [other for other in same if (other.weekday() + 1) % 7 == wanted]
        chosen = same[-1:] if n >= 6 else same[n - 1 : n]
        return day in chosen

    def fires(self) -> bool:
        """Whether the expression names any day, since it may be 31 April."""
        return any(self.names_day(date(2024, 1, 1) + n * DAY) for n in range(5 * 366))

    def has_one_day_field(self) -> bool:
        """Whether one of the day fields is unrestricted, so that there is nothing to combine."""
        return "*" in self.text.split()[2::2]

    def walls(self, first: date, days: int) -> Iterator[datetime]:
        """Every minute of these days that the expression names."""
        for day in (first + n * DAY for n in range(days)):
            if self.names_day(day):
                for minute in range(24 * 60):
                    if minute % 60 in self.minutes and minute // 60 in self.hours:
                        yield datetime.combine(day, time(minute // 60, minute % 60))


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


models = st.builds(
    Model,
    st.tuples(*(fields(index) for index in range(5))),
    st.none() | st.tuples(st.integers(0, 6), st.integers(1, 7)),
    st.frozensets(COUNTED_DAYS, max_size=2),
).filter(lambda model: model.fires())


def scan(model: Model, place: ZoneInfo, first: date, days: int) -> list[datetime]:
    """Every fire of these days, found minute by minute."""
    changing = {first + n * DAY for n in range(-2, days + 2) if _changes_near(first + n * DAY, place)}
    shift = {}
    fires = set()
    for wall in model.walls(first, days):
        day = wall.date()
        if day in changing:
            fires.add(instant_of(wall, place))
        else:
            if day not in shift:
                shift[day] = offset(wall.replace(tzinfo=UTC), place)
            fires.add(wall.replace(tzinfo=UTC) - shift[day])
    return sorted(fires)


def _changes_near(day: date, place: ZoneInfo) -> bool:
    noon = datetime.combine(day, time(12), UTC)
    return offset(noon - 2 * DAY, place) != offset(noon + 2 * DAY, place)


def assert_like_the_scan(model: Model, place: ZoneInfo, first: date, days: int, moments: list[datetime]) -> None:
    cron, fires = parse_cron(model.text), scan(model, place, first, days)
    start = instant_of(datetime.combine(first + 2 * DAY, time()), place)
    end = instant_of(datetime.combine(first + (days - 2) * DAY, time()), place)
    assert list(cron.fires_between(start, end, place)) == fires[bisect_right(fires, start) : bisect_right(fires, end)]
    for moment in moments + fires[:: max(1, len(fires) // 40)]:
        position = bisect_right(fires, moment)
        if start <= moment <= end and position and fires[position - 1] >= start:
            assert cron.last_fire(moment, place) == fires[position - 1], moment
        if start <= moment <= end and position < len(fires) and fires[position] <= end:
            assert cron.next_fire(moment, place) == fires[position], moment


@settings(max_examples=settings().max_examples * 2 // 5)  # each example scans days minute by minute
@given(models, change_days, st.lists(st.integers(-3 * 1440, 3 * 1440), min_size=10, max_size=30))
def test_fires_match_minute_scan_around_clock_changes(
    model: Model, change: tuple[str, date], minutes: list[int]
) -> None:
    middle = datetime.combine(change[1], time(), UTC)
    assert_like_the_scan(model, zone(change[0]), change[1] - 6 * DAY, 12, [middle + n * MINUTE for n in minutes])


EVERY = {index: frozenset(range(low, high + 1)) for index, (low, high) in enumerate(RANGES)}


@pytest.mark.parametrize("name", ["Europe/Berlin", "Australia/Lord_Howe", "America/Nuuk", "America/Havana"])
@pytest.mark.parametrize(
    "drawn",
    [
        (("30", frozenset([30])), ("2", frozenset([2])), ("*", EVERY[2]), ("*", EVERY[3]), ("*", EVERY[4])),
        (("15", frozenset([15])), ("*", EVERY[1]), ("*", EVERY[2]), ("*", EVERY[3]), ("*", EVERY[4])),
        (
            ("5,25,45", frozenset([5, 25, 45])),
            ("0-3,23", frozenset([0, 1, 2, 3, 23])),
            ("1-7", frozenset(range(1, 8))),
            ("*", EVERY[3]),
            ("sun", frozenset([0])),
        ),
    ],
    ids=lambda drawn: " ".join(text for text, _ in drawn),
)
def test_fires_match_minute_scan_over_years(name: str, drawn: tuple[Field, ...]) -> None:
    model, place, first, days = Model(drawn, None, frozenset()), zone(name), date(2023, 12, 28), 3 * 366
    fires = scan(model, place, first, days)
    start, end = (instant_of(datetime.combine(first + n * DAY, time()), place) for n in (2, days - 2))
    assert list(parse_cron(model.text).fires_between(start, end, place)) == [f for f in fires if start < f <= end]


@given(st.frozensets(COUNTED_DAYS, min_size=1, max_size=3), st.dates(date(1970, 1, 1), date(2090, 1, 1)))
def test_counted_days_match_search_of_each_month(counted: frozenset[str], first: date) -> None:
    at_nine = (("0", frozenset([0])), ("9", frozenset([9])), *(("*", EVERY[index]) for index in (2, 3, 4)))
    model, utc, days = Model(at_nine, None, counted), zone("UTC"), [first + n * DAY for n in range(400)]
    found = [datetime.combine(day, time(9), UTC) for day in days if model.names_day(day)]
    start, end = (datetime.combine(day, time(), UTC) for day in (first, days[-1] + DAY))
    cron = parse_cron(model.text)
    assert list(cron.fires_between(start, end, utc)) == found
    assert all(cron.last_fire(later - MINUTE, utc) == earlier for earlier, later in pairwise(found))


NUMBERS = {name: number for names in NAMES.values() for number, name in names.items()}


def steps_past_the_end(text: str) -> bool:
    """Whether it has a range like 22-4/3, where croniter starts again at 0 and this package counts on."""
    ends = [[int(NUMBERS.get(end, end)) for end in found] for found in re.findall(r"(\w+)-(\w+)/", text)]
    return any(first > last for first, last in ends)


def croniter_reads(model: Model) -> bool:
    """Whether croniter reads the whole expression in the same way. It has L and L5, but not L-3, W or 5L."""
    is_known = model.counted <= {"L"} and (model.nth is None or model.nth[1] != 7)
    return is_known and model.has_one_day_field() and not steps_past_the_end(model.text)


@given(
    models.filter(croniter_reads),
    st.datetimes(datetime(2000, 1, 1)),
)
def test_cron_agrees_with_croniter_in_utc(model: Model, wall: datetime) -> None:
    from croniter import croniter  # type: ignore[import-untyped]

    utc, moment = zone("UTC"), min(wall, datetime(2090, 1, 1)).replace(second=30, microsecond=0, fold=0)
    theirs = croniter(re.sub(r"\b(\w+)-\1\b(/\d+)?", r"\1", model.text), moment)
    cron, at = parse_cron(model.text), moment.replace(tzinfo=UTC)
    assert cron.next_fire(at, utc).replace(tzinfo=None) == theirs.get_next(datetime, start_time=moment)
    assert cron.last_fire(at, utc).replace(tzinfo=None) == theirs.get_prev(datetime, start_time=moment)


@given(models, change_days, st.integers(-2000, 2000))
def test_execution_date_of_fire_names_time_as_written(model: Model, change: tuple[str, date], minutes: int) -> None:
    cron, place = parse_cron(model.text), zone(change[0])
    fire = cron.next_fire(datetime.combine(change[1], time(), UTC) + minutes * MINUTE, place)
    found = cron.execution_date(fire, place)
    assert found.is_hourly is cron.is_hourly
    assert cron.fires_on(found.day)
    first, last = (datetime.combine(found.day, time(hour)) for hour in ((found.hour or 0), found.hour or 23))
    walls = [first + n * MINUTE for n in range(int((last - first) / MINUTE) + 60)]
    assert fire in {
        instant_of(wall, place) for wall in walls if wall.minute in model.minutes and wall.hour in model.hours
    }
