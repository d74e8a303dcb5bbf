"""Decides when a cron expression fires in a zone: it finds wall-clock times first, then their instants.

Beyond the years 1 to 9999 the functions raise datetime's own OverflowError.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ._cron_syntax import CronFields
from ._cron_walls import backwards, forwards
from ._instants import instant

_ONE_DAY = timedelta(days=1)
_NO_TIME = timedelta(0)


def last_fire(fields: CronFields, at: datetime, zone: ZoneInfo) -> datetime:
    """The latest fire at or before `at` (aware), in UTC."""
    local = at.astimezone(zone)
    # Until a day after clocks went back, a wall time ahead of the clock may be in the past.
    ahead = max(_NO_TIME, _offset_before(at, zone) - _offset(local))
    walls = backwards(fields, local.replace(tzinfo=None) + ahead)
    fire, wall = next((fire, wall) for wall in walls if (fire := instant(wall, zone)) <= at)
    # After a gap, a time that moved forward out of it can come later than a time that is later on the clock.
    gap = gap_before(wall, zone)
    if gap > _NO_TIME:
        for earlier in walls:
            if earlier <= wall - gap:
                break
            moved = instant(earlier, zone)
            if fire < moved <= at:
                fire = moved
    return fire


def next_fire(fields: CronFields, after: datetime, zone: ZoneInfo) -> datetime:
    """The first fire after `after` (aware), in UTC."""
    local = after.astimezone(zone)
    # Until a day after a gap, a wall time behind the clock may still be in the future.
    behind = max(_NO_TIME, _offset(local) - _offset_before(after, zone))
    walls = forwards(fields, local.replace(tzinfo=None) - behind)
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


def gap_before(wall: datetime, zone: ZoneInfo) -> timedelta:
    """The time by which clocks went forward in the day before `wall` (naive), negative when they went back."""
    return _offset_of_wall(wall, zone) - _offset_of_wall(wall - _ONE_DAY, zone)


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or _NO_TIME


def _offset_before(at: datetime, zone: ZoneInfo) -> timedelta:
    """The zone's offset a day before `at`. It differs from the offset at `at` for a day after clocks changed."""
    return _offset((at - _ONE_DAY).astimezone(zone))


def _offset_of_wall(wall: datetime, zone: ZoneInfo) -> timedelta:
    return _offset(wall.replace(tzinfo=zone))
