"""Invariant (e) for sensors: the required effect of each record, computed from the rows alone."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulation import safety
from simulation.ledger import Emitted, Ledger, Pass, Version

from interlock_config import PipelineConfig
from interlock_controller.records import Change
from interlock_lifecycle import RunKey
from interlock_lifecycle.events._event import make_event_id
from interlock_lifecycle.sensors._accounted import fingerprint, request_time
from interlock_rules import holds
from interlock_store import format_time, pipeline_pk, sensor_fields
from interlock_store._rows import run_sk

if TYPE_CHECKING:
    from simulation.world import World

_CACHED = timedelta(minutes=5)
_INVOCATION = timedelta(minutes=5)


def names(pattern: str, key: str) -> bool:
    """Whether a sensor's key is the key that a rule names, or one of its per-period keys."""
    return key == pattern or key.startswith(f"{pattern}#")


def e_arrival_is_answered(
    world: "World",
    change: Change,
    written_at: datetime,
    key: RunKey,
    before: Mapping[str, Any] | None,
    emitted: list[Emitted],
) -> str | None:
    """A sensor that was routed without faults opened its run, was late data or drift, or rightly had no effect."""
    configs = world.ledger.configs.between(key.pipeline_id, world.now - _CACHED, world.now)
    config = configs[-1] if configs else None
    if config is None or len(configs) > 1 or config.dry_run:
        return None
    sensor, fields = change.sk.removeprefix("SENSOR#"), sensor_fields(change.row or {})
    # A post-run record may also be reported for the day of its hour, or for hours of its day.
    trigger, types = config.trigger_rule, {event.type for event in emitted if event.detail["date"] == str(key.date)}
    fires = trigger is not None and names(trigger.key, sensor) and holds(trigger, fields, change.at)
    watched = config.post_run is not None and any(names(rule.key, sensor) for rule in config.post_run.rules)
    day = change.at.astimezone(config.zone).date()
    if before is None and fires and world.ledger.exclusions(config).excludes(day):
        reports = excluded_reports(world.ledger, key, str(day))
        return None if reports else f"{key}: {sensor} on the excluded day {day} was not reported"
    if before is None:
        opened = key in world.ledger.runs
        return None if opened or not fires else f"{key}: {sensor} did not open its run"
    if before["status"] == "FAILED_FINAL" and fires:
        return _late_after_failure(world, key, int(before["attempt"]), written_at)
    passed = world.ledger.passes.get((key, int(before["attempt"])))
    if before["status"] != "COMPLETED" or passed is None:
        return None
    unseen = written_at > passed.committed
    if watched:
        return _drift_emitted(world, config, change, key, unseen, types)
    if fires and unseen and not _is_answered(world, config, change, key, passed):
        return f"{key}: {sensor}, written after the run had passed, was not reported as late data"
    called_late = fires and written_at < passed.began and "LATE_DATA_ARRIVAL" in types
    was_hidden = _is_of_another_date(world, config, change, key) or _was_hidden(world, config, change, key, passed)
    if called_late and not was_hidden:
        return f"{key}: {sensor} was reported as late although the run had seen it"
    return None


def excluded_reports(ledger: Ledger, key: RunKey, day: str) -> list[Emitted]:
    """The events about a date that does not begin on an excluded day."""
    found = ledger.emitted(key.pipeline_id, str(key.date), "PIPELINE_EXCLUDED")
    return [emitted for emitted in found if emitted.detail.get("detail", {}).get("excludedDay") == day]


def e_excluded_day_is_reported_once(ledger: Ledger, key: RunKey, emitted: Emitted) -> str | None:
    """Each excluded day is reported once for a date, with the next day that is not excluded."""
    detail, config = emitted.detail.get("detail", {}), ledger.configs.now(key.pipeline_id)
    day = detail.get("excludedDay")
    if day is None or config is None or config.value is None:
        return None
    if len(excluded_reports(ledger, key, day)) > 1:
        return f"{key}: the excluded day {day} was reported twice"
    exclusions, allowed = ledger.exclusions(config.value), date.fromisoformat(day) + timedelta(days=1)
    while exclusions.excludes(allowed):
        allowed += timedelta(days=1)
    said = detail["nextAllowedDay"]
    return None if said == str(allowed) else f"{key}: the day after {day} is {allowed}, and not {said}"


def _late_after_failure(world: "World", key: RunKey, attempt: int, written_at: datetime) -> str | None:
    """Data written after a final failure is reported once for the failed run."""
    closed_at = world.ledger.closings[key][-1][0]
    if written_at <= closed_at + timedelta(seconds=2) or reports_after_failure(world.ledger, key, attempt):
        return None
    return f"{key}: data of {written_at}, after the final failure of attempt {attempt}, was not reported"


def reports_after_failure(ledger: Ledger, key: RunKey, attempt: int) -> list[Emitted]:
    """The events about data for a run after its final failure."""
    found = ledger.emitted(key.pipeline_id, str(key.date), "LATE_DATA_ARRIVAL")
    return [emitted for emitted in found if is_after_failure(emitted) and emitted.detail["attempt"] == attempt]


def is_after_failure(emitted: Emitted) -> bool:
    """Whether an event reports data for a run after its final failure."""
    return emitted.type == "LATE_DATA_ARRIVAL" and emitted.detail["detail"].get("runStatus") == "FAILED_FINAL"


def e_failure_is_reported_once(ledger: Ledger, key: RunKey, emitted: Emitted) -> str | None:
    """Data after a final failure is reported once per run, with its rerun command, and not for an older record."""
    attempt, closings = int(emitted.detail["attempt"]), ledger.closings[key]
    if len(reports_after_failure(ledger, key, attempt)) > 1:
        return f"{key}: data after the failure of attempt {attempt} was reported twice"
    # The event of an attempt may reach the bus after the end of a rerun, so it may be about any of the ends.
    # A run is closed at the start of its last invocation, which may commit minutes later.
    latest = datetime.fromisoformat(emitted.detail["timestamp"]) + _INVOCATION
    if not any(closed_at <= latest for closed_at, *_ in closings):
        return f"{key}: {emitted.detail['timestamp']} was reported as later than the failure of {closings[-1:]}"
    command = f"interlock rerun {key.pipeline_id} {key.date}"
    return None if command in emitted.detail["detail"]["actionHint"] else f"{key}: no hint has the command {command}"


def _is_answered(world: "World", config: PipelineConfig, change: Change, key: RunKey, passed: Pass) -> bool:
    """Whether late data was reported, has requested its rerun, or is superseded by the record that replaced it."""
    if _is_emitted(world, key, change, "LATE_DATA_ARRIVAL") or _has_asked(world, key, change):
        return True
    return _was_replaced(world, config, change, key, passed)


def _newest(world: "World", change: Change) -> Version:
    found = world.ledger.sensors.now((change.pk.removeprefix("PIPELINE#"), change.sk.removeprefix("SENSOR#")))
    assert found is not None
    return found


def _is_of_another_date(world: "World", config: PipelineConfig, change: Change, key: RunKey) -> bool:
    """Whether the row was written for another date since, so that no newer record covers this one."""
    newest = _newest(world, change)
    if newest.value is None or newest.value == sensor_fields(change.row or {}):
        return False
    return newest.truth.run_date(newest.since, config.zone) != key.date


def _was_hidden(world: "World", config: PipelineConfig, change: Change, key: RunKey, passed: Pass) -> bool:
    """Whether a row of another date had replaced the record when the evaluation read it."""
    name = (change.pk.removeprefix("PIPELINE#"), change.sk.removeprefix("SENSOR#"))
    read = world.ledger.sensors.within(name, passed.began, passed.committed)
    return any(row is not None and row.truth.run_date(row.since, config.zone) != key.date for row in read)


def _was_replaced(world: "World", config: PipelineConfig, change: Change, key: RunKey, passed: Pass) -> bool:
    """Whether a newer write replaced the record within a second of the evaluation's second.

    Stream times are whole seconds, and clocks differ. In this case only the newer record can report unseen data: it
    does so if it is of this date and fulfils the trigger.
    """
    newest, trigger = _newest(world, change), config.trigger_rule
    if abs(change.at.replace(microsecond=0) - passed.evaluated_at.replace(microsecond=0)) > timedelta(seconds=1):
        return False
    if newest.value is None or newest.value == sensor_fields(change.row or {}):
        return False
    if passed.seen.get(change.sk.removeprefix("SENSOR#")) == fingerprint(newest.value):
        return True
    fires = trigger is not None and holds(trigger, newest.value, newest.since)
    return fires and not _is_of_another_date(world, config, change, key)


def _drift_emitted(
    world: "World", config: PipelineConfig, change: Change, key: RunKey, unseen: bool, types: set[str]
) -> str | None:
    sensor, fields = change.sk.removeprefix("SENSOR#"), sensor_fields(change.row or {})
    row = world.rows.get(world.names.control, pipeline_pk(key.pipeline_id), f"SENSOR#postrun-baseline#{key.date}")
    baseline = safety.baseline_of(row)
    rules = config.post_run.rules if config.post_run is not None else ()
    rule = max((rule.key for rule in rules if names(rule.key, sensor)), key=len)
    replaced = _newest(world, change).value != fields and not _is_of_another_date(world, config, change, key)
    if replaced or not unseen:
        return None
    moved = safety.drifted(baseline.get(rule), fields, config)
    if moved and not _is_emitted(world, key, change, "POST_RUN_DRIFT") and not _has_asked(world, key, change):
        return f"{key}: {sensor} drifted from {baseline.get(rule)} to {dict(fields)} without a report"
    if not moved and "POST_RUN_DRIFT" in types:
        return f"{key}: {sensor} was reported as drift: {baseline.get(rule)} to {dict(fields)}"
    return None


def _is_emitted(world: "World", key: RunKey, change: Change, event_type: str) -> bool:
    """Whether this record was reported, now or when it came before.

    The id of its event names its fields. The report of another record of the same second does not count.
    """
    sensor = change.sk.removeprefix("SENSOR#")
    cause = f"sensor {sensor} {fingerprint(sensor_fields(change.row or {}))}"
    name = make_event_id(change.at, f"{cause}\x1f{key}\x1f{event_type}")
    return any(
        emitted.detail["id"] == name for emitted in world.ledger.emitted(key.pipeline_id, str(key.date), event_type)
    )


def _has_asked(world: "World", key: RunKey, change: Change) -> bool:
    """Whether this record requests a rerun, or its request was answered."""
    sensor, mark = change.sk.removeprefix("SENSOR#"), fingerprint(sensor_fields(change.row or {}))
    control, pk = world.names.control, pipeline_pk(key.pipeline_id)
    asked_at = format_time(request_time(sensor, mark, change.at))
    row = world.rows.get(control, pk, run_sk("RERUN_REQUEST", key)) or {}
    waits = row.get("requestedAt") == asked_at and row.get("reason") in safety.OWN_REASONS
    return waits or world.rows.get(control, pk, f"MARKER#rerun#{key.schedule_id}#{asked_at}#{key.date}") is not None
