"""Decides when a cron expression fires in a zone: by wall-clock time, the zone attached afterwards."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from ._cron_syntax import CronFields, read_fields
from ._cron_walls import backwards, forwards, names, names_day, walls_on
from ._dates import ExecutionDate
from ._errors import CronError
from ._instants import aware, instant, instant_on

_ONE_DAY = timedelta(days=1)
_NO_TIME = timedelta(0)


class Cron(Struct, frozen=True):
    """A parsed cron expression. Fires are wall-clock times of a zone, given as instants in UTC.

    A fire in an hour that clocks show twice happens once, the first time; a fire that clocks skip
    moves forward by the length of the gap. Days step by the calendar.
    text: the expression as written.
    """

    text: str
    fields: CronFields

    def __str__(self) -> str:
        return self.text

    @property
    def fires_per_day_max(self) -> int:
        """The number of fires of a day on which it fires."""
        return len(self.fields.times)

    @property
    def is_hourly(self) -> bool:
        """Whether it fires more than once a day, so that its execution dates name hours."""
        return len(self.fields.times) > 1

    @property
    def is_finer_than_hourly(self) -> bool:
        """Whether it fires more than once in an hour."""
        return len(self.fields.minutes) > 1

    def fires_on(self, day: date) -> bool:
        """Whether the day and month fields name this calendar day.

        With both day fields restricted either of them suffices, as in cron.
        """
        return names_day(self.fields, day)

    def last_fire(self, at: datetime, zone: ZoneInfo) -> datetime:
        """The latest fire at or before `at` (aware), in UTC."""
        local = aware(at).astimezone(zone)
        # Until a day after clocks went back, a wall time ahead of the clock may be in the past.
        ahead = max(_NO_TIME, _offset_before(at, zone) - _offset(local))
        walls = backwards(self.fields, local.replace(tzinfo=None) + ahead)
        fire, wall = next((fire, wall) for wall in walls if (fire := instant(wall, zone)) <= at)
        # After a gap, what moved forward out of it can come later than what the clock shows later.
        gap = _offset_of_wall(wall, zone) - _offset_of_wall(wall - _ONE_DAY, zone)
        if gap > _NO_TIME:
            for earlier in walls:
                if earlier <= wall - gap:
                    break
                moved = instant(earlier, zone)
                if fire < moved <= at:
                    fire = moved
        return fire

    def next_fire(self, after: datetime, zone: ZoneInfo) -> datetime:
        """The first fire after `after` (aware), in UTC."""
        local = aware(after).astimezone(zone)
        # Until a day after a gap, a wall time behind the clock may be still to come.
        behind = max(_NO_TIME, _offset(local) - _offset_before(after, zone))
        walls = forwards(self.fields, local.replace(tzinfo=None) - behind)
        fire, wall = next((fire, wall) for wall in walls if (fire := instant(wall, zone)) > after)
        gap = fire.astimezone(zone).replace(tzinfo=None) - wall
        if gap > _NO_TIME:
            for later in walls:
                if later >= wall + gap:
                    break
                sooner = instant(later, zone)
                if after < sooner < fire:
                    fire = sooner
        return fire

    def first_fire_on(self, day: date, zone: ZoneInfo) -> datetime | None:
        """The first fire, in UTC, whose wall-clock time as written is on `day`; None without any."""
        if not names_day(self.fields, day):
            return None
        return min(instant(wall, zone) for wall in walls_on(self.fields, day))

    def fire_of(self, date: ExecutionDate, zone: ZoneInfo) -> datetime:
        """The cron fire of an execution date, in UTC: its first fire that day, local midnight without any."""
        fire = self.first_fire_on(date.day, zone)
        return instant_on(date.day, time(), zone) if fire is None else fire

    def fires_between(self, after: datetime, until: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """Every fire after `after` up to and including `until` (both aware), in UTC, ascending."""
        fire = self.next_fire(after, zone)
        while fire <= until:
            yield fire
            fire = self.next_fire(fire, zone)

    def execution_date(self, fire: datetime, zone: ZoneInfo) -> ExecutionDate:
        """The execution date of a fire: its local day, or its local hour when it fires more than once a day.

        A fire that moved out of a gap keeps the day and hour as written, unless the clock's own hour fires too.
        """
        wall = self._wall_of(fire, zone)
        return ExecutionDate(wall.date(), wall.hour if self.is_hourly else None)

    def _wall_of(self, fire: datetime, zone: ZoneInfo) -> datetime:
        moment = aware(fire).astimezone(UTC)
        shown = moment.astimezone(zone).replace(tzinfo=None)
        gap = _offset_of_wall(shown, zone) - _offset_of_wall(shown - _ONE_DAY, zone)
        for wall in (shown, shown - gap):
            if instant(wall, zone) == moment and names(self.fields, wall):
                return wall
        raise CronError(self.text, f"it does not fire at {moment.isoformat()}")


@lru_cache(maxsize=4096)
def parse_cron(text: str) -> Cron:
    """Read a five-field cron expression: names, lists, ranges, steps, L, # and ?.

    Raises CronError, which names the field at fault; also for one that never fires (30 February).
    """
    return Cron(text, read_fields(text))


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or _NO_TIME


def _offset_before(at: datetime, zone: ZoneInfo) -> timedelta:
    """The zone's offset a day before `at`: it differs for a day after clocks changed."""
    return _offset((at - _ONE_DAY).astimezone(zone))


def _offset_of_wall(wall: datetime, zone: ZoneInfo) -> timedelta:
    return _offset(wall.replace(tzinfo=zone))
