"""Decides which waiting runs a sensor row or a job's event wakes."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._run import JobIntent, Sensor, Wait
from interlock_rules import RowDate, Rule, candidate_keys, counts_for, key_matches, row_date
from interlock_sla import ExecutionDateError


def is_validated(sensor: Sensor, config: PipelineConfig) -> bool:
    """Whether a validation rule of the pipeline reads the sensor. Only such a record wakes a held run."""
    return any(key_matches(key, sensor.key) for key in config.rules.keys)


def wakes(sensor: Sensor, config: PipelineConfig, wait: Wait) -> bool:
    """Whether a sensor's record wakes a waiting run: a rule of its validation may read another row from now on.

    The stream-router asks for each waiting run of the pipeline, also if the record takes another path or the day is
    excluded. A row of the run's date wakes it: the row of a day also wakes its hours, and the row of an hour its day. A
    row without a date and reference data (`anyDate`) wake every run. A row of another date or with an unreadable date
    wakes a run if it replaced a row that the run read, which may have hidden a better row.
    """
    if wait.for_job:
        return False
    named = row_date(sensor.key, sensor.fields)
    rules = (rule for rule in config.validation.rules if key_matches(rule.key, sensor.key))
    return any(_reads(rule, sensor.key, named, wait) for rule in rules)


def _reads(rule: Rule, sensor_key: str, named: RowDate, wait: Wait) -> bool:
    try:
        date = wait.key.date.shifted(rule.date_offset)
    except ExecutionDateError:
        return False
    if sensor_key not in candidate_keys(rule.key, date):
        return False
    return rule.any_date or counts_for(named, date) or _hid_a_row(rule, sensor_key, wait)


def _hid_a_row(rule: Rule, sensor_key: str, wait: Wait) -> bool:
    """Whether the row that a record replaced may have hidden a row of the run.

    Under a key of the run's period, it had precedence over later names. Under the plain key, it may have been
    unreadable, which hides the kept row. Rows of other dates come there all the time, so they wake only a run that this
    rule holds.
    """
    row_name = rule.row_name.replace("\x1f", " ")
    return sensor_key != rule.key or any(name == row_name or name.startswith(f"{row_name} ") for name in wait.held)


class JobName(Struct, frozen=True):
    """The name of a job for events: its type, and its run id, which the target gave."""

    type: str
    run_id: str


_RUN_ID_FIELDS = {
    ("aws.glue", "Glue Job State Change"): ("glue", "jobRunId"),
    ("aws.emr", "EMR Step Status Change"): ("emr", "stepId"),
    ("aws.emr-serverless", "EMR Serverless Job Run State Change"): ("emr-serverless", "jobRunId"),
    ("aws.states", "Step Functions Execution Status Change"): ("step-function", "executionArn"),
}
"""The job type and the field of the run id, by source and detail type of EventBridge's events."""

JOBS_WITH_EVENTS = frozenset(job_type for job_type, _ in _RUN_ID_FIELDS.values())
"""The job types whose target puts an event on EventBridge's default bus when a job's state changes."""


def job_of_event(event: Mapping[str, Any]) -> JobName | None:
    """The job of a provider's state-change event. None for any other event.

    The state in the event is not used: an event only means that the target is asked.
    """
    found = _RUN_ID_FIELDS.get((str(event.get("source")), str(event.get("detail-type"))))
    detail = event.get("detail")
    if found is None or not isinstance(detail, Mapping):
        return None
    job_type, field = found
    run_id = detail.get(field)
    return JobName(job_type, run_id) if isinstance(run_id, str) and run_id else None


def name_of_job(intent: JobIntent | None) -> JobName | None:
    """The name under which events of a started job come. None for a job without events or without a run id."""
    if intent is None or intent.run_id is None or intent.outcome is not None or intent.type not in JOBS_WITH_EVENTS:
        return None
    return JobName(intent.type, intent.run_id)
