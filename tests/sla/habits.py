"""Pipelines of a season, with the fires and deadlines of their dates, computed independently of the product.

Wall-clock times are resolved with the standard library alone. A time in the spring gap moves forward by the gap. A time
that clocks show twice means the first instant (PEP 495: fold 0). Day steps are calendar steps.
"""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import RunKey
from interlock_sla import Calendar, ExecutionDate

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "Australia/Lord_Howe")
KINDS = ("daily", "cron", "fires", "hours", "relative", "both", "night", "daily", "relative", "cron", "hourly fires")
"""Daily: a sensor a day, due on the day after. Cron: a sensor after a fire. Fires: started by the watchdog. Hours: 3
of a day. Relative: due some time after the data arrived. Both: both clocks. Night: a cron at 02:30, due after 01:00."""

ONE_DAY = timedelta(days=1)
FIRE_MINUTE = 15
CALENDARS = 3


class Habit(Struct, frozen=True):
    """A pipeline: its fires and deadlines, its closed days and its durations."""

    number: int
    kind: str
    zone: ZoneInfo
    sla_zone: ZoneInfo
    due: time | None
    fires_at: time | None
    hours: tuple[int, ...]
    expected: timedelta | None
    longest: timedelta | None
    weekends: bool
    closed: frozenset[date]
    """The dates of its calendar that are not workdays of the calendar."""
    working: frozenset[date]
    """The workdays of its calendar."""
    own_working: frozenset[date]
    """The workdays that the pipeline names itself."""
    has_calendar: bool
    moves: bool
    """Whether deadlines on closed days move to the next open day."""

    @property
    def id(self) -> str:
        return f"p{self.number}"

    @property
    def is_started_by_watchdog(self) -> bool:
        return self.kind in ("fires", "hourly fires")

    @property
    def has_cron(self) -> bool:
        return bool(self.fires_at or self.hours)

    def expects(self, day: date) -> bool:
        """Its own workdays come first, then its calendar's dates, then its calendar's workdays, then weekends."""
        if day in self.own_working:
            return True
        return day not in self.closed and (self.weekends or day.weekday() < 5 or day in self.working)

    def dates(self, day: date) -> Iterator[ExecutionDate]:
        """The execution dates of a day."""
        if self.expects(day):
            yield from (ExecutionDate(day, hour) for hour in self.hours) if self.hours else (ExecutionDate(day),)

    def key(self, found: ExecutionDate) -> RunKey:
        return RunKey(self.id, "cron" if self.has_cron else "stream", found)

    def fire(self, found: ExecutionDate) -> datetime | None:
        """The cron fire of a date."""
        if found.hour is not None:
            return _resolve(found.day, time(found.hour, FIRE_MINUTE), self.zone)
        return None if self.fires_at is None else _resolve(found.day, self.fires_at, self.zone)

    def deadline(self, found: ExecutionDate) -> datetime | None:
        """The absolute deadline of a date, None for a closed day."""
        if self.due is None or not self.expects(found.day):
            return None
        wall = self._due(found, self.due)
        while self.moves and not self.expects(_resolve(*wall, self.sla_zone).astimezone(self.zone).date()):
            wall = wall[0] + ONE_DAY, wall[1]
        return _resolve(*wall, self.sla_zone)

    def _due(self, found: ExecutionDate, due: time) -> tuple[date, time]:
        """The day and the time of day of a deadline before it moves."""
        if found.hour is not None:
            wall = datetime.combine(found.day, time(found.hour)) + timedelta(hours=1, minutes=due.minute)
            return wall.date(), wall.time()
        fire = self.fire(found)
        if fire is None:
            return found.day + ONE_DAY, due
        days = (found.day + timedelta(days=step) for step in range(-2, 4))
        return min(day for day in days if _resolve(day, due, self.sla_zone) >= fire), due

    def config(self) -> PipelineConfig:
        """The pipeline file as its owner writes it."""
        trigger = "" if self.is_started_by_watchdog else "trigger: {key: ready, check: exists}"
        cron = ""
        if self.hours:
            cron = f'cron: "{FIRE_MINUTE} {self.hours[0]}-23/8 * * *"'
        elif self.fires_at is not None:
            cron = f'cron: "{self.fires_at.minute} {self.fires_at.hour} * * *"'
        excluded = [] if self.weekends else ["weekends: true"]
        excluded += [f"workdays: [{', '.join(map(str, sorted(self.own_working)))}]"] if self.own_working else []
        weekends = f"exclude: {{{', '.join(excluded)}}}" if excluded else ""
        calendar = f"calendar: {_calendar(self.number)}" if self.has_calendar else ""
        schedule = ", ".join(part for part in (cron, trigger, weekends, calendar, f"timezone: {self.zone}") if part)
        text = (
            f"pipeline: {{id: {self.id}}}\nschedule: {{{schedule}}}\nsla: {{{self._sla()}}}\n"
            "validation: {rules: [{key: ready, check: exists}]}\n"
            f"job: {{type: glue, config: {{jobName: j}}, maxRetries: {self.number % 3}, maxManualReruns: 1}}\n"
        )
        return decode_yaml(text, f"{self.id}.yaml")

    def _sla(self) -> str:
        due = "" if self.due is None else (f":{self.due:%M}" if self.hours else f"{self.due:%H:%M}")
        parts = {
            "deadline": f'"{due}"' if due else "",
            "expectedDuration": f"{self.expected // timedelta(minutes=1)}m" if self.expected else "",
            "maxDuration": f"{self.longest // timedelta(minutes=1)}m" if self.longest else "",
            "timezone": str(self.sla_zone) if self.sla_zone is not self.zone else "",
            "excludedDays": "" if self.moves else "keep",
        }
        return ", ".join(f"{name}: {value}" for name, value in parts.items() if value)

    def edited(self, dice: random.Random) -> "Habit":
        """The same pipeline with its deadline at another time of day."""
        assert self.due is not None
        moved = datetime.combine(date(2026, 1, 1), self.due) + timedelta(minutes=dice.choice((-150, -40, 35, 170)))
        return replace(self, due=moved.time())


def _resolve(day: date, wall: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, wall, zone).astimezone(UTC)


def _calendar(number: int) -> str:
    return f"closed-{number % CALENDARS}"


def make_calendars(first: date, days: int, dice: random.Random) -> dict[str, Calendar]:
    """Named calendars, each with about one day in ten, and about one Saturday or Sunday in four as a workday."""
    found = {}
    season = [first + timedelta(days=step) for step in range(days)]
    for number in range(CALENDARS):
        dates = frozenset(day for day in season if dice.random() < 0.1) | {first + timedelta(days=3 + number)}
        working = frozenset(day for day in season if day.weekday() >= 5 and dice.random() < 0.25)
        found[_calendar(number)] = Calendar(_calendar(number), dates=dates, workdays=working | {first})
    return found


def make_habit(number: int, calendars: dict[str, Calendar], dice: random.Random) -> Habit:
    """Mixed kinds, zones, exclusions and durations, with deadlines also in the hours in which clocks change."""
    kind, zone = KINDS[number % len(KINDS)], ZoneInfo(ZONES[number % len(ZONES)])
    is_hourly = kind in ("hours", "hourly fires")
    fires_at = {"cron": time(6), "fires": time(dice.choice((0, 6, 20)), 30), "night": time(2, 30)}.get(kind)
    due = time(dice.randint(0, 23) if kind != "night" else dice.randint(1, 4), dice.choice((5, 10, 20, 35, 40, 55)))
    has_calendar = dice.random() < 0.4
    calendar = calendars[_calendar(number)] if has_calendar else Calendar("none")
    named = sorted(calendars[_calendar(number)].dates)
    has_own_zone = kind in ("daily", "cron", "both") and dice.random() < 0.3
    return Habit(
        number,
        kind,
        zone,
        sla_zone=ZoneInfo(dice.choice(ZONES)) if has_own_zone else zone,
        due=None if kind == "relative" else due,
        fires_at=fires_at,
        hours=tuple(range(dice.randint(0, 3), 24, 8)) if is_hourly else (),
        expected=None if dice.random() < 0.15 else timedelta(minutes=10 if is_hourly else 30),
        longest=timedelta(minutes=dice.choice((45, 90, 150))) if kind in ("relative", "both") else None,
        weekends=dice.random() < 0.6,
        closed=calendar.dates - calendar.workdays,
        working=calendar.workdays,
        own_working=frozenset(named[:1]) if dice.random() < 0.2 else frozenset(),
        has_calendar=has_calendar,
        moves=dice.random() < 0.85,
    )
