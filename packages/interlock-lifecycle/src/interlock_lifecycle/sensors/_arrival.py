"""The path of an arriving sensor in its pipeline: trigger, post-run sensor, dry run or none. And its date."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import KeptRows, StandingRequest
from interlock_lifecycle._moment import rfc3339
from interlock_lifecycle._run import Run, RunKey, Sensor, digest
from interlock_lifecycle.sensors._accounted import fingerprint, name_record
from interlock_lifecycle.sensors._baseline import watching_rule
from interlock_rules import RowDate, UnreadableDate, counts_for, holds, key_matches, row_date, updated_at
from interlock_sla import Exclusions, ExecutionDate, SlaError, execution_day

_RESERVED_KEYS = ("first-sensor-arrival", "postrun-baseline")


class SensorPath(StrEnum):
    """The paths that a sensor may take in its pipeline (docs/reference/sensors.md §2)."""

    TRIGGER = "trigger"
    POST_RUN = "post-run"
    DRY_RUN = "dry-run"


class SensorFacts(Struct, frozen=True):
    """The facts by which a sensor is judged: its date's trigger row and rerun request, and the excluded days.

    baseline: by rule key, read only if a post-run rule names the sensor. sensors: rows as they are now, by row key.
    They are the post-run sensors' rows if a post-run rule names the sensor. On an excluded day, they are all rows that
    the rules read for a date that has not begun. Otherwise they are the sensor's own row, if the record may have been
    overwritten.
    """

    run: Run | None
    has_arrival: bool
    exclusions: Exclusions
    request: StandingRequest | None = None
    has_asked: bool = False
    """Whether this sensor's own request for a rerun waits, or was answered already."""
    baseline: Mapping[str, object] = {}
    sensors: Mapping[str, Mapping[str, object]] = {}
    kept: KeptRows = KeptRows()
    """The rows that the date keeps, read only if `run` is None or a post-run rule names the sensor."""
    is_reported: bool = False
    """Whether the excluded day of the record was reported for its date. It is read only on such a day."""
    other_run: Run | None = None
    """The date's trigger row under the schedule that the pipeline had before, read only if `run` is None."""


def is_reserved(sensor_key: str) -> bool:
    """Whether Interlock itself writes this sensor. Such rows never act as triggers."""
    return any(key_matches(reserved, sensor_key) for reserved in _RESERVED_KEYS)


def path_of(sensor: Sensor, config: PipelineConfig) -> SensorPath | None:
    """The path that the sensor takes, None if no part of the pipeline reads it."""
    if is_reserved(sensor.key):
        return None
    if config.dry_run:
        return SensorPath.DRY_RUN if _is_named(sensor.key, config) else None
    if triggers(sensor, config):
        return SensorPath.TRIGGER
    return SensorPath.POST_RUN if watching_rule(config, sensor.key) is not None else None


def triggers(sensor: Sensor, config: PipelineConfig) -> bool:
    """Whether the sensor is the pipeline's trigger, and its condition holds at the time of the writing."""
    rule = config.trigger_rule
    if rule is None or is_reserved(sensor.key) or not key_matches(rule.key, sensor.key):
        return False
    return holds(rule, sensor.fields, sensor.written_at)


def has_period(sensor: Sensor, config: PipelineConfig) -> bool:
    """Whether the trigger's sensor came with a period in its key (`key#20260303T07`)."""
    rule = config.trigger_rule
    return rule is not None and sensor.key != rule.key and key_matches(rule.key, sensor.key)


def _is_named(sensor_key: str, config: PipelineConfig) -> bool:
    trigger = (config.trigger_rule.key,) if config.trigger_rule is not None else ()
    named = any(key_matches(key, sensor_key) for key in (*trigger, *config.rules.keys))
    return named or watching_rule(config, sensor_key) is not None


class UnreadableSensor(ValueError):
    """A sensor row names a date that cannot be read. It belongs to no run."""

    def __init__(self, sensor: Sensor, problem: UnreadableDate) -> None:
        super().__init__(f"sensor {sensor.key} of {sensor.pipeline_id}: {problem}")
        self.problem = problem


def date_of(named: RowDate, written_at: datetime, config: PipelineConfig) -> ExecutionDate | UnreadableDate:
    """The date of a row: the date that it names, otherwise the day of its writing in the pipeline's zone."""
    return execution_day(written_at, config.zone) if named is None else named


def outside_dates(sensor: Sensor, named: ExecutionDate, at: datetime, config: PipelineConfig) -> UnreadableDate | None:
    """The problem of a date that is farther from the day of `at` than `schedule.dates` allows. 0 sets no limit."""
    limits, today = config.schedule.dates, execution_day(at, config.zone).day
    for word, allowed, days in (
        ("back", limits.back, (today - named.day).days),
        ("ahead", limits.ahead, (named.day - today).days),
    ):
        if 0 < allowed < days:
            field = "date" if "date" in sensor.fields else "key"
            problem = f"is {days} days {'back' if word == 'back' else 'ahead'}; schedule.dates.{word} allows {allowed}"
            return UnreadableDate(field, str(named), problem)
    return None


def run_key_of(sensor: Sensor, config: PipelineConfig) -> RunKey:
    """The run to which the sensor's record belongs (docs/dates.md §1). Raises UnreadableSensor."""
    date = date_of(row_date(sensor.key, sensor.fields), sensor.written_at, config)
    if isinstance(date, UnreadableDate):
        raise UnreadableSensor(sensor, date)
    return RunKey(config.id, config.schedule_id, date)


def record_marker(key: RunKey, sensor: Sensor) -> str:
    """The marker of a report about a record that came after its run."""
    at = rfc3339(sensor.written_at)
    return f"after-run#{key.schedule_id}#{at}#{digest(name_record(sensor))}#{key.date}"


def is_overtaken(
    sensor: Sensor, now_there: Mapping[str, object] | None, config: PipelineConfig, other: ExecutionDate | None = None
) -> bool:
    """Whether the row now has a newer write of the same date. The record of that write follows on the stream.

    A write of another date, or without a known date, does not supersede this record. other: a second date for which
    the record counts. If it is given, each newer write that counts for it supersedes this record.
    """
    if now_there is None or now_there == sensor.fields:
        return False
    stamp, named = updated_at(now_there), row_date(sensor.key, now_there)
    if stamp is None and named is None:
        return False
    try:
        date = date_of(named, stamp or sensor.written_at, config)
    except SlaError:
        return False
    if other is not None:
        return counts_for(date, other)
    return date == run_key_of(sensor, config).date


def was_overwritten(
    sensor: Sensor, now_there: Mapping[str, object] | None, seen: Mapping[str, str], config: PipelineConfig
) -> bool:
    """Whether a newer write counts instead of this record, which it replaced in the second of the evaluation.

    It counts if the evaluation saw it (`seen`, by row key), or if it fulfils the trigger for the same date.
    """
    if now_there is None or now_there == sensor.fields:
        return False
    if seen.get(sensor.key, "").partition("@")[0] == fingerprint(now_there):
        return True
    return is_overtaken(sensor, now_there, config) and triggers(replace(sensor, fields=now_there), config)
