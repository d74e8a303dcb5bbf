"""The post-run sensors at the time of the evaluation, and their drift since then (docs/reference/sensors.md §6)."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._run import Run, RunKey, Sensor
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import Event, make_event, owner_detail
from interlock_rules import Drift, KeptRow, Rule, drift, key_matches, select_rows

Baseline: TypeAlias = dict[str, dict[str, Any]]
"""Each post-run sensor's fields, by the rule key that reads it."""

MOST_BYTES = 300_000
"""The limit of a baseline. A DynamoDB item has at most 400 KB, and the close of a run must not fail on a larger one."""


class NoBaseline(Struct, frozen=True):
    """The baseline could not be taken for this reason."""

    reason: str


def take_baseline(
    config: PipelineConfig,
    key: RunKey,
    sensors: Mapping[str, Mapping[str, object]],
    kept: Mapping[str, KeptRow] | None = None,
    earlier: Mapping[str, object] | None = None,
) -> Baseline | NoBaseline | None:
    """The sensor of each post-run rule as it is now. None for a pipeline without post-run rules.

    kept: the rows that the date keeps. A rule without a row for the date keeps its part of the `earlier` baseline.
    """
    if config.post_run_rules is None:
        return None
    rules = config.post_run_rules.rules
    selected = select_rows(sensors, rules, key.date, kept).fields
    taken = {rule.key: dict(fields) for rule in rules if isinstance(fields := (earlier or {}).get(rule.key), Mapping)}
    taken |= {rule.key: dict(selected[rule.row_name]) for rule in rules if rule.row_name in selected}
    size = len(msgspec.json.encode(taken, enc_hook=str))
    if size > MOST_BYTES:
        return NoBaseline(f"the post-run sensors hold {size} bytes; at most {MOST_BYTES} are kept")
    return taken


def baseline_to_write(taken: Baseline | NoBaseline | None) -> Baseline | None:
    """The baseline to write. None if no baseline was taken."""
    return None if isinstance(taken, NoBaseline) else taken


def baseline_events(
    taken: Baseline | NoBaseline | None,
    run: Run,
    at: Any,
    *,
    source: str,
    ordinal: int,
    config: PipelineConfig | None,
) -> list[Event]:
    """The event of a baseline: taken, or the reason why not. No event for a pipeline without post-run rules."""
    if taken is None:
        return []
    failed = isinstance(taken, NoBaseline)
    message = taken.reason if isinstance(taken, NoBaseline) else f"baseline of {len(taken)} post-run sensors taken"
    event_type = EventType.BASELINE_CAPTURE_FAILED if failed else EventType.POST_RUN_BASELINE_CAPTURED
    event = make_event(
        event_type,
        run.key,
        at,
        source=source,
        ordinal=ordinal,
        attempt=run.attempt,
        run_token=run.run_token,
        message=message,
        detail=owner_detail(config) or None,
    )
    return [event]


def watching_rule(config: PipelineConfig, sensor_key: str) -> Rule | None:
    """The post-run rule that reads a sensor: the rule with the longest matching key, None if no rule reads it."""
    if config.post_run_rules is None:
        return None
    matching = [rule for rule in config.post_run_rules.rules if key_matches(rule.key, sensor_key)]
    return max(matching, key=lambda rule: len(rule.key), default=None)


def drift_of(sensor: Sensor, config: PipelineConfig, baseline: Mapping[str, object]) -> Drift | None:
    """The drift of a post-run sensor from its baseline, None for a change within the threshold.

    A baseline that is not a map of fields counts as absent. Older tools wrote one flat map.
    """
    rule = watching_rule(config, sensor.key)
    if rule is None or config.post_run is None:
        return None
    before = baseline.get(rule.key)
    if not isinstance(before, Mapping):
        return None
    return drift(before, sensor.fields, config.post_run.drift_field, config.post_run.drift_threshold)


def drift_detail(found: Drift, sensor: Sensor) -> dict[str, Any]:
    """The detail of a drift event (docs/reference/events.md §3.3)."""
    return {
        "previousCount": found.previous,
        "currentCount": found.current,
        "delta": found.delta,
        "driftThreshold": found.threshold,
        "driftField": found.field,
        "sensorKey": sensor.key,
    }


def drift_message(found: Drift, sensor: Sensor) -> str:
    """The drift in one line."""
    return f"{sensor.key}: {found.field} went from {found.previous} to {found.current} ({found.delta:+})"
