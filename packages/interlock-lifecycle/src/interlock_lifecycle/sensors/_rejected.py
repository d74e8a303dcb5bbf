"""Sensor rows whose date cannot be used: one event per kind of row in 24 hours, and no run."""

import re
from datetime import timedelta

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import Rejections, RejectSensor
from interlock_lifecycle._run import Sensor, digest
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import Event, cut_text, make_event_id, owner_detail
from interlock_lifecycle.sensors._arrival import is_reserved, outside_dates, triggers
from interlock_lifecycle.sensors._baseline import watching_rule
from interlock_lifecycle.sensors._kept import dated_rules
from interlock_rules import UnreadableDate, key_matches, row_date
from interlock_sla import ExecutionDate

REPORTED_EVERY = timedelta(hours=24)
"""The interval between reports of one kind of rejected row."""


def reads(sensor_key: str, config: PipelineConfig) -> bool:
    """Whether the trigger, a post-run rule or a rule without anyDate reads this sensor."""
    if is_reserved(sensor_key):
        return False
    rules = (rule.key for rule in dated_rules(config))
    return any(key_matches(key, sensor_key) for key in rules) or watching_rule(config, sensor_key) is not None


def problem_of(sensor: Sensor, config: PipelineConfig) -> UnreadableDate | None:
    """The problem of a rejected row: its date cannot be read, or would open a date outside `schedule.dates`.

    None for a row that is not rejected.
    """
    named = row_date(sensor.key, sensor.fields)
    if named is None or isinstance(named, UnreadableDate):
        return named
    return outside_dates(sensor, named, sensor.written_at, config) if triggers(sensor, config) else None


def rejection_marker(sensor: Sensor, problem: UnreadableDate) -> str:
    """The marker of one kind of rejected row.

    It has the key, the form of the value and the problem, with each digit written as 9 and each word as a.
    In a part of the key behind a `#` that contains a digit, each word is a 9: such a part may be a random identifier.
    """
    head, *parts = sensor.key.split("#")
    key = "#".join([head, *(re.sub(r"\w+", "9", part) if re.search("[0-9]", part) else part for part in parts)])
    words = re.sub(r"\w+", _form_of, str(problem.value))
    form = f"{key} {problem.field} {type(problem.value).__name__} {re.sub('[0-9]+', '9', problem.problem)} {words}"
    return f"sensor-rejected#{key}#{digest(form)}"


def _form_of(word: re.Match[str]) -> str:
    return "9" * len(word[0]) if word[0].isdecimal() else "a"


def decide_rejection(
    sensor: Sensor, problem: UnreadableDate, before: Rejections | None, config: PipelineConfig | None = None
) -> RejectSensor:
    """Reject a row whose date cannot be used, and report it once per kind in 24 hours.

    The stream-router calls it for each record with a problem (`problem_of`). before: the marker of the row's kind, None
    if there is no marker. The result is always `RejectSensor`. It emits SENSOR_REJECTED if the last report of the kind
    is at least 24 hours away, with the number of rows since then. Otherwise it counts the row.
    """
    at, marker = sensor.written_at, rejection_marker(sensor, problem)
    # Interlock writes no marker in the future. One that exists must not silence its kind for ever.
    if before is not None and abs(at - before.reported_at) < REPORTED_EVERY:
        return RejectSensor(sensor.pipeline_id, marker, before, Rejections(before.reported_at, before.count + 1), ())
    more = before.count if before is not None else 0
    is_readable = isinstance(row_date(sensor.key, sensor.fields), ExecutionDate)
    effect = "opens no run" if is_readable else "counts for no run. Write the date as 2026-03-03 or 2026-03-03T07"
    message = f"sensor {sensor.key}: {problem}. The row {effect}"
    event = Event(
        id=make_event_id(at, f"sensor rejected {sensor.pipeline_id} {marker}"),
        type=EventType.SENSOR_REJECTED,
        pipeline_id=sensor.pipeline_id,
        timestamp=at,
        message=cut_text(message + (f" ({more} more rows of this kind since the last report)" if more else "")),
        detail={
            "sensorKey": sensor.key,
            "field": problem.field,
            "value": cut_text(str(problem.value)),
            "problem": problem.problem,
            "count": more,
            **owner_detail(config),
        },
    )
    return RejectSensor(sensor.pipeline_id, marker, before, Rejections(at, 0), (event,))
