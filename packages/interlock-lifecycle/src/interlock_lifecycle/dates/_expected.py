"""The expected dates of a pipeline and their due moments. They do not depend on the time of the question."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle.dates._terms import clocks_since, excluded_since, schedule_since
from interlock_lifecycle.slas._sla import cron_fire, deadlines_of
from interlock_sla import Clock, Deadline, DormantDays, Exclusions, ExecutionDate, trigger_deadline

_ONE_DAY = timedelta(days=1)
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(9998, 12, 30)
"""The days between which dates are expected. The hours of a day may reach into the next one, which must exist too."""

_LONGEST = timedelta(days=2, hours=3)
"""The latest due moment of a date after its day begins: a fire or an hour of that day, then 24 hours."""

_LONGEST_FOLD = timedelta(hours=3)
"""Clocks never went back by more than this, except in zones that crossed the date line."""

_FAR_BACK = timedelta(days=366)
"""The age of the oldest fire with which a fire of today is compared."""

_ZONES_APART = timedelta(hours=27)
"""The largest difference between the wall clocks of two zones."""

MISSED_AFTER = timedelta(minutes=5)
"""The time after its expected start from which a run counts as missed: one tick of the watchdog."""


class Expectation(Struct, frozen=True):
    """A pipeline as the watchdog sees it: its config, its excluded days, and the time of its creation (UTC).

    in_force: the time since when the config has each of its terms (`terms_of`), if that is known.
    """

    config: PipelineConfig
    exclusions: Exclusions
    created_at: datetime
    in_force: Mapping[str, datetime] = {}

    @property
    def dated_from(self) -> datetime:
        """The time from which dates are expected: the pipeline's creation, or the change to its kind of schedule."""
        since = schedule_since(self.config, self.in_force)
        return self.created_at if since is None else max(self.created_at, since)


class Window(Struct, frozen=True):
    """The instants after `after`, up to and including `until` (UTC). One tick covers one window."""

    after: datetime
    until: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies in the window."""
        return self.after < moment <= self.until

    def earlier(self, by: timedelta) -> "Window":
        """The window moved back."""
        return Window(self.after - by, self.until - by)


class ExpectedStart(Struct, frozen=True):
    """A date that should have begun by `at` (UTC). irregular: an inclusion date. fire: the fire of its cron (UTC)."""

    date: ExecutionDate
    at: datetime
    irregular: bool
    fire: datetime | None = None


class DueClock(Struct, frozen=True):
    """A date's absolute SLA clock whose warning or breach is due at `at` (UTC)."""

    date: ExecutionDate
    deadline: Deadline
    at: datetime
    is_warning: bool


def expected_dates(expected: Expectation, window: Window, *, hourly: bool) -> Iterator[ExecutionDate]:
    """The expected dates around a window (docs/reference/sla.md §6).

    They are the inclusion dates. Without these, they are the dates of the cron's fires, and without a cron each day or
    hour. Excluded days are left out. So are dates from before the pipeline's creation, or before its change to this
    kind of schedule.
    """
    config, zone = expected.config, expected.config.zone
    created = expected.dated_from.astimezone(zone)
    for found in _around(config, zone, window, hourly):
        if expected.exclusions.excludes(found.day):
            continue
        if config.cron is not None and config.schedule.include is None:
            if fire_of(config, found) >= expected.dated_from:
                yield found
        elif (found.day, found.hour if found.hour is not None else 24) >= (created.date(), created.hour):
            yield found


def dates_between(config: PipelineConfig, first: ExecutionDate, last: ExecutionDate) -> list[ExecutionDate]:
    """The dates that the schedule names from `first` to `last`, with excluded ones, oldest first.

    They are the inclusion dates, the dates of the cron's fires, or each day. Without a cron, hours name each hour.
    """
    zone, hourly = config.zone, first.hour is not None
    begin = datetime.combine(first.day, time(), zone).astimezone(UTC)
    end = datetime.combine(last.day + _ONE_DAY, time(), zone).astimezone(UTC)
    found = dict.fromkeys(_around(config, zone, Window(begin, end), hourly))
    if hourly:
        return [one for one in found if first <= one <= last]
    return [one for one in found if first.day <= one.day <= last.day]


def _around(config: PipelineConfig, zone: ZoneInfo, window: Window, hourly: bool) -> Iterator[ExecutionDate]:
    slack = timedelta() if config.sla_zone is zone else _ZONES_APART
    first = max(_local(window.after - _LONGEST - slack, zone), _FIRST_DAY)
    last = min(_local(window.until + slack, zone), _LAST_DAY)
    if config.schedule.include is not None:
        yield from (ExecutionDate(day) for day in sorted(set(config.schedule.include.dates)) if first <= day <= last)
        return
    for day in _days(first, last):
        if config.cron is not None:
            yield from _fired_dates(config, day)
        elif hourly:
            yield from (ExecutionDate(day, hour) for hour in range(24) if _has_hour(day, hour, zone))
        else:
            yield ExecutionDate(day)


def _fired_dates(config: PipelineConfig, day: date) -> Iterable[ExecutionDate]:
    cron = config.cron
    assert cron is not None
    if not cron.fires_on(day):
        return ()
    if not cron.is_hourly:
        return (ExecutionDate(day),)
    start = datetime.combine(day, time(), config.zone).astimezone(UTC)
    fires = cron.fires_between(start - timedelta(seconds=1), start + timedelta(hours=26), config.zone)
    found = (cron.execution_date(fire, config.zone) for fire in fires)
    return dict.fromkeys(one for one in found if one.day == day)


def fire_of(config: PipelineConfig, found: ExecutionDate) -> datetime:
    """The fire of an expected date of a cron pipeline (UTC): the fire of an hour, or the first fire of a day."""
    cron = config.cron
    assert cron is not None
    if found.hour is None:
        return cron.fire_of(found, config.zone)
    start = datetime.combine(found.day, time(found.hour), config.zone).astimezone(UTC)
    return cron.next_fire(start - timedelta(seconds=1), config.zone)


def begin_of(config: PipelineConfig, date: ExecutionDate) -> datetime:
    """The begin of a date (UTC): its cron fire, otherwise the begin of its day or hour."""
    if config.cron is not None:
        return fire_of(config, date)
    return datetime.combine(date.day, time(date.hour or 0), config.zone).astimezone(UTC)


def due_fires(expected: Expectation, window: Window) -> list[tuple[datetime, ExecutionDate]]:
    """The cron fires in a window with their dates, oldest first, from when on the pipeline has this schedule."""
    config, cron = expected.config, expected.config.cron
    if cron is None:
        return []
    after = max(window.after, expected.dated_from - timedelta(microseconds=1))
    if after >= window.until:
        return []
    fires = cron.fires_between(after, window.until, config.zone)
    dated = ((fire, cron.execution_date(fire, config.zone)) for fire in fires)
    return [(fire, found) for fire, found in dated if not expected.exclusions.excludes(found.day)]


def due_starts(expected: Expectation, window: Window, grace: timedelta = MISSED_AFTER) -> list[ExpectedStart]:
    """The dates whose start becomes overdue by `grace` within the window.

    A cron pipeline should begin at its fire, or at the first schedule.time from its fire on. An inclusion date should
    begin at schedule.time, or by the end of the day. Pipelines without either begin with their data. A time that clocks
    show twice counts at its second occurrence, since schedulers fire at either.
    """
    window = window.earlier(grace)
    if expected.config.schedule.include is not None:
        return _due_inclusions(expected, window)
    waits = _ONE_DAY + timedelta(hours=2) if expected.config.schedule.time is not None else timedelta()
    fires = due_fires(expected, Window(window.after - waits - _LONGEST_FOLD, window.until))
    starts = (ExpectedStart(found, _start_after(expected.config, fire), False, fire) for fire, found in fires)
    return [start for start in starts if window.holds(start.at)]


def _due_inclusions(expected: Expectation, window: Window) -> list[ExpectedStart]:
    config = expected.config
    found = []
    for day in expected_dates(expected, window, hourly=False):
        begin = datetime.combine(day.day, time(), config.zone).astimezone(UTC)
        end = datetime.combine(day.day + _ONE_DAY, time(), config.zone).astimezone(UTC)
        at = _start_after(config, begin) if config.schedule.time is not None else end
        if window.holds(at) and at >= expected.dated_from:
            found.append(ExpectedStart(day, at, True))
    return found


def fire_before(expected: Expectation, fire: datetime) -> tuple[datetime, ExecutionDate] | None:
    """The expected fire before `fire`, with its date. None if the pipeline expected no earlier fire.

    Fires of excluded days do not count.
    """
    config, cron = expected.config, expected.config.cron
    earliest = max(expected.dated_from, fire - _FAR_BACK)
    while cron is not None:
        fire = cron.last_fire(fire - timedelta(microseconds=1), config.zone)
        if fire < earliest:
            return None
        found = cron.execution_date(fire, config.zone)
        if not expected.exclusions.excludes(found.day):
            return fire, found
    return None


def _start_after(config: PipelineConfig, moment: datetime) -> datetime:
    """The first schedule.time at or after a moment, or the moment itself. The second occurrence of a doubled time."""
    return _second(_first_start_after(config, moment), config.zone)


def _second(moment: datetime, zone: ZoneInfo) -> datetime:
    """The last moment at which clocks in the zone show the same time as at this one."""
    return moment.astimezone(zone).replace(fold=1).astimezone(UTC)


def _first_start_after(config: PipelineConfig, moment: datetime) -> datetime:
    if config.schedule.time is None:
        return moment
    hour, minute = config.schedule.time.split(":")
    day = _local(moment, config.zone) - _ONE_DAY
    while True:
        at = datetime.combine(day, time(int(hour), int(minute)), config.zone).astimezone(UTC)
        if at >= moment:
            return at
        day += _ONE_DAY


def due_clocks(expected: Expectation, window: Window) -> list[DueClock]:
    """The warnings, then the breaches, of absolute SLA clocks that lie in the window."""
    sla, since = expected.config.sla, clocks_since(expected.in_force, expected.created_at).get(Clock.ABSOLUTE)
    ahead = sla.expected_duration if sla is not None else None
    reach = timedelta(seconds=ahead.total_seconds()) if ahead is not None else timedelta()
    around = list(_deadlines(expected, Window(window.after, window.until + reach)))
    warnings = (
        DueClock(found, deadline, deadline.warning_at, is_warning=True)
        for found, deadline in around
        if deadline.warning_at is not None and (since is None or since <= deadline.warning_at)
    )
    breaches = (DueClock(found, deadline, deadline.breach_at, is_warning=False) for found, deadline in around)
    return [due for due in (*warnings, *breaches) if window.holds(due.at)]


def _deadlines(expected: Expectation, window: Window) -> Iterator[tuple[ExecutionDate, Deadline]]:
    """The absolute deadlines of the dates around a window, from when on the config has that clock."""
    sla = expected.config.sla
    if sla is None or sla.deadline is None:
        return
    since = clocks_since(expected.in_force, expected.created_at).get(Clock.ABSOLUTE)
    for found in expected_dates(expected, _with_moved(expected, window), hourly=sla.deadline.startswith(":")):
        for deadline in deadlines_of(expected.config, found, None, expected.exclusions):
            if deadline.clock is Clock.ABSOLUTE and (since is None or since <= deadline.breach_at):
                yield found, deadline


def _with_moved(expected: Expectation, window: Window) -> Window:
    """The window, begun earlier by the excluded days before it, since deadlines of their dates moved into it."""
    config, excludes = expected.config, expected.exclusions.excludes
    if config.dormant_days(expected.exclusions) is None:
        return window
    last = _local(window.after, config.zone)
    last -= timedelta() if excludes(last) else _ONE_DAY
    count, most = 0, DormantDays.LONGEST_MOVE.days + 1
    while count < most and excludes(last - count * _ONE_DAY):
        count += 1
    return Window(window.after - (count + 1) * _ONE_DAY, window.until)


def due_trigger_deadlines(expected: Expectation, window: Window) -> list[tuple[ExecutionDate, datetime]]:
    """The expected dates whose auto-trigger window (schedule.trigger.deadline) ended in the window, with its end."""
    config, trigger = expected.config, expected.config.schedule.trigger
    if trigger is None or trigger.deadline is None:
        return []
    found, since = [], excluded_since(expected.in_force)
    for one in expected_dates(expected, _with_moved(expected, window), hourly=trigger.deadline.startswith(":")):
        ended_at = trigger_ends(config, one, expected.exclusions)
        if ended_at is not None and window.holds(ended_at) and (since is None or since <= ended_at):
            found.append((one, ended_at))
    return found


def trigger_ends(config: PipelineConfig, date: ExecutionDate, exclusions: Exclusions) -> datetime | None:
    """The end of a date's auto-trigger window (UTC). None without a window, as for an excluded date.

    Its deadline is a time in the zone of the schedule. Without that zone it is a time in the zone of the SLA, otherwise
    in UTC. It moves over excluded days like an SLA deadline. None also if it would move too far.
    """
    trigger = config.schedule.trigger
    if trigger is None or trigger.deadline is None or exclusions.excludes(date.day):
        return None
    fire, dormant = cron_fire(config, date), config.dormant_days(exclusions)
    return trigger_deadline(trigger.deadline, date, config.trigger_zone, cron_fire=fire, dormant=dormant)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + _ONE_DAY * step for step in range((last - first).days + 1))


def _local(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _has_hour(day: date, hour: int, zone: ZoneInfo) -> bool:
    """Whether clocks in the zone show this hour on this day. On the day of a clock change, an hour may not exist."""
    shown = datetime.combine(day, time(hour), zone).astimezone(UTC).astimezone(zone)
    return shown.hour == hour
