"""Which sensors would have triggered a run that does not exist: what a lost stream record left behind."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from msgspec import Struct
from msgspec.structs import replace

from interlock_lifecycle._arrival import is_reserved
from interlock_lifecycle._decision import StartRun
from interlock_lifecycle._event import EventType, make_event
from interlock_lifecycle._expected import Expectation
from interlock_lifecycle._run import RunKey
from interlock_lifecycle._start import open_run
from interlock_rules import holds, key_matches, updated_at
from interlock_sla import ExecutionDate, resolve_execution_date

NEWEST_PERIODS = 48
"""How many of a trigger's per-period sensors are looked at, newest first."""

_STREAM_GRACE = timedelta(minutes=2)
"""How long a sensor's record may still be on its way through the stream."""

_NO_DAY = datetime(1900, 1, 1, 12, tzinfo=UTC)


class Stranded(Struct, frozen=True):
    """A sensor that fulfils the trigger of a date; `arrived_at` is its own timestamp, where it has one (UTC)."""

    key: RunKey
    sensor_key: str
    arrived_at: datetime | None


def stranded_sensors(
    expected: Expectation, rows: Mapping[str, Mapping[str, object]], *, since: datetime, now: datetime
) -> list[Stranded]:
    """The sensors that should have triggered their date, one per date, the earliest first.

    A sensor that names neither its date nor its time cannot be placed and is left alone: a controller never
    guesses "go". Those updated before `since` were looked at by an earlier tick; those of the last two
    minutes are still on their way. Nothing from before the pipeline's creation counts.
    """
    found: dict[ExecutionDate, Stranded] = {}
    for sensor_key in sorted(rows):
        one = _stranded(expected, sensor_key, rows[sensor_key], since, now)
        if one is not None:
            found.setdefault(one.key.date, one)
    return sorted(found.values(), key=lambda one: one.key.date)


def _stranded(
    expected: Expectation, sensor_key: str, fields: Mapping[str, object], since: datetime, now: datetime
) -> Stranded | None:
    config, rule = expected.config, expected.config.trigger_rule
    if rule is None or is_reserved(sensor_key) or not key_matches(rule.key, sensor_key) or not fields:
        return None
    stamp = updated_at(fields)
    if stamp is not None and not since <= stamp <= now - _STREAM_GRACE:
        return None
    date = _date_of(expected, fields, stamp)
    if date is None or not _is_new_enough(expected, date, stamp) or not holds(rule, fields, now):
        return None
    return Stranded(RunKey(config.id, config.schedule_id, date), sensor_key, stamp)


def _date_of(expected: Expectation, fields: Mapping[str, object], stamp: datetime | None) -> ExecutionDate | None:
    zone = expected.config.zone
    if stamp is not None:
        return resolve_execution_date(fields, stamp, zone)
    date = resolve_execution_date(fields, _NO_DAY, zone)
    return None if date.day == _NO_DAY.astimezone(zone).date() else date


def _is_new_enough(expected: Expectation, date: ExecutionDate, stamp: datetime | None) -> bool:
    if stamp is not None:
        return stamp >= expected.created_at
    return date.day >= expected.created_at.astimezone(expected.config.zone).date()


def dormant_since(expected: Expectation, now: datetime) -> datetime | None:
    """When the excluded days right before today began (UTC); None when yesterday was none of them."""
    zone = expected.config.zone
    today = day = now.astimezone(zone).date()
    while expected.exclusions.excludes(day - timedelta(days=1)) and (today - day).days < 31:
        day -= timedelta(days=1)
    return None if day == today else datetime.combine(day, time(), zone).astimezone(UTC)


def recover_trigger(one: Stranded, *, has_arrival: bool, now: datetime, execution_timeout: timedelta) -> StartRun:
    """Trigger the date that its sensor's lost record should have triggered."""
    arrived_at = None if has_arrival else one.arrived_at or now
    start = open_run(one.key, decided_at=now, execution_timeout=execution_timeout, arrived_at=arrived_at)
    event = make_event(
        EventType.TRIGGER_RECOVERED,
        one.key,
        now,
        source=f"reconciled {one.sensor_key}",
        attempt=0,
        message=f"sensor {one.sensor_key} fulfils the trigger and had started nothing",
        detail={"source": "watchdog", "sensorKey": one.sensor_key},
    )
    return replace(start, events=(event,))


def start_of_fire(key: RunKey, fire: datetime, *, now: datetime, execution_timeout: timedelta) -> StartRun:
    """Trigger the date of a cron fire of a pipeline that waits for no sensor."""
    return open_run(key, decided_at=now, execution_timeout=execution_timeout, arrived_at=None, reason="schedule")
