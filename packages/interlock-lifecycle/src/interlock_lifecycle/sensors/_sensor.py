"""The decision on a sensor that fulfils its pipeline's trigger: a new run, late data for a finished run, or nothing."""

from datetime import timedelta
from typing import TypeAlias

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import Announce, Ignore, NoteAfterRun, NoteDormant, NoteRest, RequestRerun, StartRun
from interlock_lifecycle._run import JobEntry, Run, RunKey, RunStatus, Sensor
from interlock_lifecycle._start import open_run
from interlock_lifecycle._words import JobEvent, RerunReason
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import make_event, owner_detail
from interlock_lifecycle.sensors._accounted import name_record, request_time_of, took_into_account
from interlock_lifecycle.sensors._arrival import SensorFacts, record_marker, run_key_of, was_overwritten
from interlock_lifecycle.sensors._baseline import watching_rule
from interlock_lifecycle.sensors._dormant import Waiting, decide_dormant, is_dormant
from interlock_lifecycle.sensors._kept import kept_from_start, opening_row
from interlock_lifecycle.sensors._postrun import decide_post_run
from interlock_lifecycle.sensors._repeated import brings_repeated_hour, first_part_began, note_rest

SensorDecision: TypeAlias = StartRun | NoteDormant | NoteRest | RequestRerun | NoteAfterRun | Announce | Ignore


def decide_sensor(
    sensor: Sensor, config: PipelineConfig, facts: SensorFacts, *, execution_timeout: timedelta
) -> SensorDecision:
    """Decide on a sensor whose trigger condition holds. `sensor.written_at` (UTC) is the time of the decision.

    The stream-router calls it for each such record. An excluded day only prevents the begin of a date. Results:

    - `StartRun`: the date has no run, and the day is not excluded. The date begins.
    - `NoteDormant`: the date has no run, and the day is excluded. The date keeps the row and waits.
    - `NoteRest`: the run is under way, and the row brings the rest of a repeated hour.
    - `RequestRerun`: the run is completed, and the row is late data, drift, or the rest of a repeated hour.
    - `NoteAfterRun`: the same while another rerun request waits, or judged post-run rules.
    - `Announce`: the run failed for good (LATE_DATA_ARRIVAL with the command that reruns it), a sensor drifted while
      the job is under way, or the date is excluded itself (PIPELINE_EXCLUDED).
    - `Ignore`: the run has seen the record or will see it, a newer write has precedence, the record was answered
      already, or the date has a run under the schedule that the pipeline had before.
    """
    key, run = run_key_of(sensor, config), facts.run
    if run is None:
        return _first_record(key, sensor, config, facts, execution_timeout)
    if run.status is RunStatus.FAILED_FINAL:
        return _after_failure(key, sensor, run, config)
    if watching_rule(config, sensor.key) is not None:
        return decide_post_run(sensor, config, facts)
    if run.status is RunStatus.RUNNING:
        return note_rest(sensor, run, config.zone) or Ignore("the run is under way and reads its sensors itself")
    if took_into_account(run, sensor):
        return Ignore("the run took this sensor into account")
    if was_overwritten(sensor, facts.sensors.get(sensor.key), run.seen, config):
        return Ignore("a newer write of this sensor was seen, or follows on the stream")
    is_rest = brings_repeated_hour(key.date, config.zone, first_part_began(run), sensor.written_at)
    if is_rest and not facts.has_asked and not (facts.request is not None and facts.request.waits):
        return RequestRerun(key, RerunReason.REPEATED_HOUR, request_time_of(sensor), None, (), facts.request)
    return _late_data(key, sensor, run, facts, config)


def _first_record(
    key: RunKey, sensor: Sensor, config: PipelineConfig, facts: SensorFacts, execution_timeout: timedelta
) -> StartRun | NoteDormant | Announce | Ignore:
    """Decide on the trigger of a date without a run under the present schedule."""
    if facts.other_run is not None and facts.other_run.stands:
        return Ignore("the date has a run under the schedule that the pipeline had before")
    if is_dormant(sensor, config, facts.exclusions):
        waiting = Waiting(facts.exclusions, facts.kept, facts.sensors, facts.is_reported)
        return decide_dormant(key, sensor, config, waiting)
    opening = opening_row(sensor.key, sensor.fields, sensor.written_at, config)
    return open_run(
        key,
        decided_at=sensor.written_at,
        execution_timeout=execution_timeout,
        arrived_at=None if facts.has_arrival else sensor.written_at,
        kept=kept_from_start(facts.kept, opening, config),
    )


def _after_failure(key: RunKey, sensor: Sensor, run: Run, config: PipelineConfig) -> Announce | Ignore:
    """Data for a run that failed for good starts nothing. The event states once per run how to rerun the date."""
    if run.closed_at is not None and sensor.written_at < run.closed_at.replace(microsecond=0):
        return Ignore("the run failed for good after this record. A rerun request can restart it")
    hint = f"when the data is correct, run interlock rerun {key.pipeline_id} {key.date}"
    event = make_event(
        EventType.LATE_DATA_ARRIVAL,
        key,
        sensor.written_at,
        source=f"sensor after {run.run_token}",
        attempt=run.attempt,
        run_token=run.run_token,
        message=f"sensor {sensor.key} was updated after the run had failed for good. No rerun starts by itself: {hint}",
        detail={
            "sensorKey": sensor.key,
            "runStatus": str(RunStatus.FAILED_FINAL),
            "actionHint": hint,
            **owner_detail(config),
        },
    )
    marker = f"late-after-failure#{key.schedule_id}#{run.run_token}#{key.date}"
    return Announce(key.pipeline_id, (event,), marker=marker, at=sensor.written_at)


def _late_data(
    key: RunKey, sensor: Sensor, run: Run, facts: SensorFacts, config: PipelineConfig
) -> RequestRerun | NoteAfterRun | Ignore:
    """Late data requests a rerun. While another request waits, it is only reported and logged.

    If that request is rejected, the late data makes a request of its own.
    """
    if facts.has_asked:
        return Ignore("this sensor has requested its rerun already")
    event = make_event(
        EventType.LATE_DATA_ARRIVAL,
        key,
        sensor.written_at,
        source=name_record(sensor),
        run_token=run.run_token,
        message=f"sensor {sensor.key} was updated after the run had completed",
        detail={"sensorKey": sensor.key, **owner_detail(config)},
    )
    asked_at = request_time_of(sensor)
    entry = JobEntry(key, sensor.written_at, JobEvent.LATE_DATA_ARRIVAL, run_token=run.run_token, requested_at=asked_at)
    if facts.request is not None and facts.request.waits:
        marker = record_marker(key, sensor)
        return NoteAfterRun(run, (event,), False, marker, sensor.written_at, entry, waiting=facts.request)
    return RequestRerun(key, RerunReason.LATE_DATA, asked_at, entry, (event,), facts.request)
