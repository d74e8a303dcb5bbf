"""Decides the fires of a parsed cron expression in a zone, and the execution dates of these fires."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from ._cron_fires import gap_before, last_fire, next_fire
from ._cron_syntax import CronFields, read_fields, require_text
from ._cron_walls import names, names_day, walls_on
from ._dates import ExecutionDate
from ._errors import CronError
from ._instants import aware, instant, instant_on, out_of_range


class Cron(Struct, frozen=True):
    """A parsed cron expression. Fires are wall-clock times of a zone, given as instants in UTC.

    A fire in an hour that clocks show twice happens once, the first time. A fire that clocks skip moves forward by the
    length of the gap. Days step by the calendar.
    text: the expression as written.
    """

    text: str
    fields: CronFields

    def __str__(self) -> str:
        return self.text

    @property
    def fires_per_day_max(self) -> int:
        """The number of fires on a day with fires."""
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

        If both day fields are restricted, either of them suffices, as in cron.
        """
        return names_day(self.fields, day)

    def last_fire(self, at: datetime, zone: ZoneInfo) -> datetime:
        """The latest fire at or before `at` (aware), in UTC. Raises NaiveTimeError, TimeRangeError."""
        try:
            return last_fire(self.fields, aware(at), zone)
        except OverflowError:
            raise out_of_range(at) from None

    def next_fire(self, after: datetime, zone: ZoneInfo) -> datetime:
        """The first fire after `after` (aware), in UTC. Raises NaiveTimeError, TimeRangeError."""
        try:
            return next_fire(self.fields, aware(after), zone)
        except OverflowError:
            raise out_of_range(after) from None

    def first_fire_on(self, day: date, zone: ZoneInfo) -> datetime | None:
        """The first fire, in UTC, whose wall-clock time as written is on `day`. None without a fire.

        Raises TimeRangeError.
        """
        if not names_day(self.fields, day):
            return None
        try:
            return min(instant(wall, zone) for wall in walls_on(self.fields, day))
        except OverflowError:
            raise out_of_range(day) from None

    def fire_of(self, date: ExecutionDate, zone: ZoneInfo) -> datetime:
        """The cron fire of an execution date, in UTC: its first fire on that day or, without a fire, local midnight."""
        fire = self.first_fire_on(date.day, zone)
        return instant_on(date.day, time(), zone) if fire is None else fire

    def fires_between(self, after: datetime, until: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """Every fire after `after` up to and including `until` (both aware), in UTC, ascending.

        Raises NaiveTimeError, and TimeRangeError if the fire after the last one is beyond the year 9999.
        """
        end = aware(until)
        fire = self.next_fire(after, zone)
        while fire <= end:
            yield fire
            fire = self.next_fire(fire, zone)

    def execution_date(self, fire: datetime, zone: ZoneInfo) -> ExecutionDate:
        """The execution date of a fire: its local day, or its local hour when it fires more than once a day.

        A fire that moved out of a gap keeps the day and hour as written, unless the clock's own hour fires too.
        Raises CronError for an instant that is not a fire, NaiveTimeError, TimeRangeError.
        """
        try:
            wall = self._wall_of(aware(fire), zone)
        except OverflowError:
            raise out_of_range(fire) from None
        return ExecutionDate(wall.date(), wall.hour if self.is_hourly else None)

    def _wall_of(self, fire: datetime, zone: ZoneInfo) -> datetime:
        moment = fire.astimezone(UTC)
        shown = moment.astimezone(zone).replace(tzinfo=None)
        for wall in (shown, shown - gap_before(shown, zone)):
            if instant(wall, zone) == moment and names(self.fields, wall):
                return wall
        raise CronError(self.text, f"it does not fire at {moment.isoformat()}")


def parse_cron(text: str) -> Cron:
    """Read a five-field cron expression: names, lists, ranges, steps, L, W, # and ?.

    L, L-3, 15W and LW in the day of month field mean the same as in Quartz. Weekdays count from Sunday as 0, also in
    5L. The README compares other products' readings of the same text.

    Raises CronError, which names the wrong field, also for an expression that never fires (30 February).
    """
    require_text(text)  # before the cache, which cannot hash a list
    return _parse(text)


@lru_cache(maxsize=4096)
def _parse(text: str) -> Cron:
    return Cron(text, read_fields(text))
