"""The alerts that a silence covers."""

from collections.abc import Collection

from ._alert_rules import glob_matches

OVERDUE = frozenset(
    {
        "SLA_BREACH",
        "RELATIVE_SLA_BREACH",
        "SCHEDULE_MISSED",
        "IRREGULAR_SCHEDULE_MISSED",
        "SENSOR_DEADLINE_EXPIRED",
        "VALIDATION_EXHAUSTED",
    }
)
"""The events that the data of a date is overdue. A silence covers them only if it names them, or covers
every event."""

INFRASTRUCTURE = "INFRASTRUCTURE"
"""The pipeline id of events about Interlock itself. No pattern with a wildcard covers it."""


def silence_covers(glob: str, events: Collection[str], *, every: bool, event: str, pipeline: str) -> bool:
    """Whether a silence of the pipelines `glob` covers an event of a pipeline.

    `events` are the event types that the silence names. Without any, it covers all types except OVERDUE, and with
    `every` these too.
    """
    if pipeline == INFRASTRUCTURE and glob != INFRASTRUCTURE:
        return False
    if not glob_matches(glob, pipeline):
        return False
    if events:
        return event in events
    return every or event not in OVERDUE
