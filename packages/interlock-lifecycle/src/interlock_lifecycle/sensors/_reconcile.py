"""Reconciliation: sensors that fulfil a trigger and have no run, since their stream record was lost."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import Announce, StartRun
from interlock_lifecycle._run import RunKey, Sensor
from interlock_lifecycle._start import open_run
from interlock_lifecycle.dates._expected import Expectation
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import Event, make_event, make_event_id, owner_detail
from interlock_lifecycle.sensors._arrival import date_of, is_reserved, outside_dates
from interlock_lifecycle.sensors._kept import opening_row
from interlock_rules import UnreadableDate, holds, key_matches, row_date, updated_at
from interlock_sla import ExecutionDate, execution_day

NEWEST_PERIODS = 48
"""The number of a trigger's per-period sensors that are looked at, newest first."""

_STREAM_GRACE = timedelta(minutes=2)
"""The time that a sensor's record may take through the stream."""


class Stranded(Struct, frozen=True):
    """A sensor that fulfils the trigger of a date. `arrived_at`: its own timestamp (UTC), None without one."""

    key: RunKey
    sensor_key: str
    arrived_at: datetime | None
    fields: Mapping[str, object] = {}
    names_date: bool = True
    """Whether the row names its date. Otherwise its record may have opened the day after its own timestamp."""


def stranded_sensors(
    expected: Expectation, rows: Mapping[str, Mapping[str, object]], *, since: datetime, now: datetime
) -> list[Stranded]:
    """The sensors that should have triggered their date, one per date, the earliest date first.

    Left out are sensors that

    - name neither their date nor their time, since a controller never guesses "go",
    - were updated before `since`, since an earlier tick has looked at them,
    - were updated within the last two minutes, since their record may still be in the stream,
    - are older than the pipeline.
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
    date = _date_of(expected, sensor_key, fields, stamp, now)
    if date is None or not _is_new_enough(expected, date, stamp) or not holds(rule, fields, now):
        return None
    named = row_date(sensor_key, fields) is not None
    return Stranded(RunKey(config.id, config.schedule_id, date), sensor_key, stamp, fields, names_date=named)


def _date_of(
    expected: Expectation, sensor_key: str, fields: Mapping[str, object], stamp: datetime | None, now: datetime
) -> ExecutionDate | None:
    """The date of the sensor. None if it cannot be used, and for a sensor without date and time."""
    named = row_date(sensor_key, fields)
    if named is None and stamp is None:
        return None
    date = date_of(named, stamp or expected.created_at, expected.config)
    if isinstance(date, UnreadableDate):
        return None
    sensor = Sensor(expected.config.id, sensor_key, fields, stamp or now)
    if stamp is None and date.day > execution_day(now, expected.config.zone).day:
        return None  # without a time, the row may have been written any number of days ahead
    return None if outside_dates(sensor, date, sensor.written_at, expected.config) is not None else date


def undated_sensors(expected: Expectation, rows: Mapping[str, Mapping[str, object]], *, now: datetime) -> list[str]:
    """The trigger's sensors that fulfil it and name neither a date nor a time.

    Equal fields written again make no stream record. Such a row can open one run only.
    """
    rule = expected.config.trigger_rule
    if rule is None:
        return []
    return [
        sensor_key
        for sensor_key, fields in sorted(rows.items())
        if key_matches(rule.key, sensor_key)
        and not is_reserved(sensor_key)
        and row_date(sensor_key, fields) is None
        and updated_at(fields) is None
        and holds(rule, fields, now)
    ]


def undated_marker(sensor_key: str) -> str:
    """The marker of the report about an undated trigger sensor."""
    return f"undated#{sensor_key}"


def report_undated(config: PipelineConfig, sensor_key: str, now: datetime) -> Announce:
    """Report a trigger's sensor without date and time, once in the lifetime of its marker."""
    event = Event(
        id=make_event_id(now, f"undated {config.id} {sensor_key}"),
        type=EventType.SENSOR_UNDATED,
        pipeline_id=config.id,
        timestamp=now,
        message=(
            f"sensor {sensor_key} names no date and no time, so that a second write of the same fields starts no run. "
            "Add date or updatedAt"
        ),
        detail={"sensorKey": sensor_key, "source": "watchdog", **owner_detail(config)},
    )
    return Announce(config.id, (event,), marker=undated_marker(sensor_key), at=now)


def _is_new_enough(expected: Expectation, date: ExecutionDate, stamp: datetime | None) -> bool:
    if stamp is not None:
        return stamp >= expected.created_at
    return date.day >= expected.created_at.astimezone(expected.config.zone).date()


def dormant_since(expected: Expectation, now: datetime) -> datetime | None:
    """The begin of the excluded days right before today (UTC). None if yesterday was not excluded."""
    zone = expected.config.zone
    today = day = now.astimezone(zone).date()
    while expected.exclusions.excludes(day - timedelta(days=1)) and (today - day).days < 31:
        day -= timedelta(days=1)
    return None if day == today else datetime.combine(day, time(), zone).astimezone(UTC)


def recover_trigger(
    one: Stranded,
    config: PipelineConfig,
    *,
    has_arrival: bool,
    now: datetime,
    execution_timeout: timedelta,
    is_late: bool = False,
) -> StartRun:
    """Begin the date that the record of its sensor should have begun.

    is_late: the streams are behind, and the record is not lost. The start then emits no TRIGGER_RECOVERED.
    """
    arrived_at = None if has_arrival else one.arrived_at or now
    kept = opening_row(one.sensor_key, one.fields, now, config)
    start = open_run(one.key, decided_at=now, execution_timeout=execution_timeout, arrived_at=arrived_at, kept=kept)
    event = make_event(
        EventType.TRIGGER_RECOVERED,
        one.key,
        now,
        source=f"reconciled {one.sensor_key}",
        attempt=0,
        run_token=start.run.run_token,
        message=f"sensor {one.sensor_key} fulfils the trigger, and its record had started no run",
        detail={"source": "watchdog", "sensorKey": one.sensor_key, **owner_detail(config)},
    )
    return start if is_late else replace(start, events=(event,))


def start_of_fire(key: RunKey, fire: datetime, *, now: datetime, execution_timeout: timedelta) -> StartRun:
    """Begin the date of a cron fire, for a pipeline that waits for no sensor."""
    return open_run(key, decided_at=now, execution_timeout=execution_timeout, arrived_at=None, reason="schedule")
