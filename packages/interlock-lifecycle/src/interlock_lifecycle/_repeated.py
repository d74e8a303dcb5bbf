"""Whether a row brings the rest of an hour that clocks show twice: the date runs again, and nothing of it was late."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from interlock_sla import ExecutionDate

REPEATED_HOUR = "repeated-hour"
"""The reason of the rerun that a repeated hour asks for."""

_ONE_HOUR = timedelta(hours=1)


def brings_repeated_hour(date: ExecutionDate, zone: ZoneInfo, begun_at: datetime, written_at: datetime) -> bool:
    """Whether a row of `written_at` is of the whole hour, and a run of `begun_at` was of its first part.

    The hour in which clocks go back is one date and lasts longer than 60 minutes. A producer that writes the hour's
    row after each 60 minutes writes it twice. A row that comes before the hour is over is late data as ever.
    """
    if date.hour is None:
        return False
    begin = datetime.combine(date.day, time(date.hour))
    starts_at, ends_at = (wall.replace(tzinfo=zone).astimezone(UTC) for wall in (begin, begin + _ONE_HOUR))
    return ends_at - starts_at > _ONE_HOUR and begun_at < ends_at <= written_at
