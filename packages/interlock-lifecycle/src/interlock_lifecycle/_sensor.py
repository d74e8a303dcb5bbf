"""What an arriving sensor means: a new run, late data for a finished one, or nothing."""

from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import Announce, Ignore, RequestRerun, StandingRequest, StartRun
from interlock_lifecycle._event import EventType, make_event
from interlock_lifecycle._run import JobEntry, Run, RunKey, RunStatus, Sensor
from interlock_lifecycle._start import open_run
from interlock_rules import holds, key_matches
from interlock_sla import Exclusions, ExecutionDate, resolve_execution_date

_RESERVED_KEYS = ("first-sensor-arrival", "postrun-baseline")

SensorDecision: TypeAlias = StartRun | Announce | RequestRerun | Ignore


class SensorFacts(Struct, frozen=True):
    """The trigger row of the sensor's date, whether its first arrival is noted, and the excluded days."""

    run: Run | None
    has_arrival: bool
    exclusions: Exclusions
    request: StandingRequest | None = None
    """The date's rerun request, answered or not."""
    has_asked: bool = False
    """Whether this very sensor's request for a rerun was answered already."""


def is_reserved(sensor_key: str) -> bool:
    """Whether Interlock itself writes this sensor; such rows never act as triggers."""
    return any(key_matches(reserved, sensor_key) for reserved in _RESERVED_KEYS)


def triggers(sensor: Sensor, config: PipelineConfig) -> bool:
    """Whether the sensor is the pipeline's trigger and its condition holds at the time it was written."""
    rule = config.trigger_rule
    if rule is None or is_reserved(sensor.key) or not key_matches(rule.key, sensor.key):
        return False
    return holds(rule, sensor.fields, sensor.written_at)


def run_key_of(sensor: Sensor, config: PipelineConfig) -> RunKey:
    """The run that the sensor belongs to: its `date` and `hour`, else that day in the pipeline's zone."""
    date = resolve_execution_date(sensor.fields, sensor.written_at, config.zone)
    return RunKey(config.id, config.schedule_id, date)


def decide_sensor(
    sensor: Sensor, config: PipelineConfig, facts: SensorFacts, *, execution_timeout: timedelta
) -> SensorDecision:
    """What a sensor whose trigger condition holds leads to. `sensor.written_at` is the decision's "now"."""
    now = sensor.written_at
    key = run_key_of(sensor, config)
    today = ExecutionDate(now.astimezone(config.zone).date())
    if facts.exclusions.excludes(today.day):
        return _excluded(key, sensor, f"{today} is excluded; the sensor is looked at again on the next allowed day")
    if config.dry_run:
        return Ignore("a dry run starts nothing")
    run = facts.run
    if run is None:
        return open_run(
            key,
            decided_at=now,
            execution_timeout=execution_timeout,
            arrived_at=None if facts.has_arrival else now,
        )
    if run.status is RunStatus.RUNNING:
        return Ignore("the run is under way and looks at its sensors itself")
    if run.status is RunStatus.FAILED_FINAL:
        return Ignore("the run failed for good; a rerun request can restart it")
    if run.evaluated_at is not None and now <= run.evaluated_at:
        return Ignore("the run took this sensor into account")
    return _late_data(key, sensor, facts)


def _excluded(key: RunKey, sensor: Sensor, message: str) -> Announce:
    event = make_event(
        EventType.PIPELINE_EXCLUDED,
        key,
        sensor.written_at,
        source=f"sensor {sensor.key}",
        message=message,
        detail={"sensorKey": sensor.key},
    )
    return Announce(key.pipeline_id, (event,))


def _late_data(key: RunKey, sensor: Sensor, facts: SensorFacts) -> RequestRerun | Ignore:
    now: datetime = sensor.written_at
    event = make_event(
        EventType.LATE_DATA_ARRIVAL,
        key,
        now,
        source=f"sensor {sensor.key}",
        message=f"sensor {sensor.key} was updated after the run had completed",
        detail={"sensorKey": sensor.key},
    )
    if facts.has_asked:
        return Ignore("the rerun that this sensor asked for was answered already")
    if facts.request is not None and facts.request.waits:
        return Ignore("a rerun request for this date already waits")
    entry = JobEntry(key, now, "late-data-arrival", run_token=facts.run.run_token if facts.run else None)
    return RequestRerun(key, "late-data", now, entry, (event,), facts.request)
