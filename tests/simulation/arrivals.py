"""Invariant (e) for sensors: what a record must have led to, from the rows alone."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulation import safety
from simulation.ledger import Pass, Told

from interlock_config import PipelineConfig
from interlock_lifecycle import RunKey
from interlock_rules import holds
from interlock_store import format_time, pipeline_pk, sensor_fields
from interlock_store._rows import run_sk
from interlock_stream_router.record import Change

if TYPE_CHECKING:
    from simulation.world import World

_CACHED = timedelta(minutes=5)


def names(pattern: str, key: str) -> bool:
    """Whether a sensor's key is the one that a rule names, or one of its per-period keys."""
    return key == pattern or key.startswith(f"{pattern}#")


def e_arrival_is_answered(
    world: "World",
    change: Change,
    written_at: datetime,
    key: RunKey,
    before: Mapping[str, Any] | None,
    told: list[Told],
) -> str | None:
    """A sensor that was routed without faults opened its run, was late data or drift, or was rightly nothing."""
    configs = world.ledger.configs.between(key.pipeline_id, world.now - _CACHED, world.now)
    config = configs[-1] if configs else None
    if config is None or len(configs) > 1 or config.dry_run:
        return None
    sensor, fields = change.sk.removeprefix("SENSOR#"), sensor_fields(change.row or {})
    trigger, types = config.trigger_rule, {event.type for event in told}
    fires = trigger is not None and names(trigger.key, sensor) and holds(trigger, fields, change.at)
    watched = config.post_run is not None and any(names(rule.key, sensor) for rule in config.post_run.rules)
    if fires and world.ledger.exclusions(config).excludes(change.at.astimezone(config.zone).date()):
        # Told once for two writes of one second: to the stream they are the same moment.
        was_told = world.ledger.told(key.pipeline_id, str(key.date), "PIPELINE_EXCLUDED")
        return None if was_told else f"{key}: {sensor} on an excluded day was not told"
    if before is None:
        opened = key in world.ledger.runs
        return None if opened or not fires else f"{key}: {sensor} did not open its run"
    passed = world.ledger.passes.get((key, int(before["attempt"])))
    if before["status"] != "COMPLETED" or passed is None:
        return None
    unseen = written_at > passed.committed
    if watched:
        return _drift_told(world, config, change, key, unseen, types)
    if fires and unseen and not _was_asked(world, key, change) and not _was_replaced(world, change, passed):
        return f"{key}: {sensor}, written after the run had passed, is no late data"
    if fires and written_at < passed.began and "LATE_DATA_ARRIVAL" in types:
        return f"{key}: {sensor} is called late although the run had seen it"
    return None


def _was_replaced(world: "World", change: Change, passed: Pass) -> bool:
    """Whether a newer write took the record's place that was written in the second of the evaluation.

    Streams tell whole seconds: only the newer record can tell then that there is something that the run did not see.
    """
    newest = world.ledger.sensors.now((change.pk.removeprefix("PIPELINE#"), change.sk.removeprefix("SENSOR#")))
    same_second = change.at.replace(microsecond=0) == passed.evaluated_at.replace(microsecond=0)
    return same_second and newest is not None and newest.value != sensor_fields(change.row or {})


def _drift_told(
    world: "World", config: PipelineConfig, change: Change, key: RunKey, unseen: bool, types: set[str]
) -> str | None:
    sensor, fields = change.sk.removeprefix("SENSOR#"), sensor_fields(change.row or {})
    newest = world.ledger.sensors.now((key.pipeline_id, sensor))
    row = world.rows.get(world.names.control, pipeline_pk(key.pipeline_id), f"SENSOR#postrun-baseline#{key.date}")
    baseline = safety.baseline_of(row)
    rules = config.post_run.rules if config.post_run is not None else ()
    rule = max((rule.key for rule in rules if names(rule.key, sensor)), key=len)
    if newest is None or newest.value != fields or not unseen:
        return None
    moved = safety.drifted(baseline.get(rule), fields, config)
    if moved and "POST_RUN_DRIFT" not in types and not _was_asked(world, key, change):
        return f"{key}: {sensor} drifted from {baseline.get(rule)} to {dict(fields)} and nobody was told"
    if not moved and "POST_RUN_DRIFT" in types:
        return f"{key}: {sensor} is called drifted: {baseline.get(rule)} to {dict(fields)}"
    return None


def _was_asked(world: "World", key: RunKey, change: Change) -> bool:
    """Whether a rerun request of the date waits, or this very record's was answered."""
    control, pk = world.names.control, pipeline_pk(key.pipeline_id)
    row = world.rows.get(control, pk, run_sk("RERUN_REQUEST", key))
    marker = f"MARKER#rerun#{key.schedule_id}#{format_time(change.at)}#{key.date}"
    return (row is not None and "handledAt" not in row) or world.rows.get(control, pk, marker) is not None
