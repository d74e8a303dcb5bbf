"""Post-run sensors: drift, which requests a rerun, verdicts of the post-run rules, and missing sensors."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import Announce, Ignore, KeptRows, NoteAfterRun, RequestRerun
from interlock_lifecycle._run import JobEntry, Run, RunKey, RunStatus, Sensor
from interlock_lifecycle._words import JobEvent, RerunReason
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import Event, make_event, owner_detail
from interlock_lifecycle.sensors._accounted import name_record, request_time_of, took_into_account
from interlock_lifecycle.sensors._arrival import SensorFacts, date_of, is_overtaken, record_marker, run_key_of
from interlock_lifecycle.sensors._baseline import drift_detail, drift_message, drift_of, watching_rule
from interlock_lifecycle.sensors._kept import dated_rules
from interlock_rules import Drift, Selection, candidate_keys, counts_for, key_matches, row_date, select_rows, updated_at
from interlock_sla import ExecutionDate

PostRunDecision: TypeAlias = RequestRerun | NoteAfterRun | Announce | Ignore


def day_of_report(sensor: Sensor, config: PipelineConfig) -> RunKey | None:
    """The daily run for which an hour's post-run record counts too. None for every other record."""
    own = run_key_of(sensor, config)
    day = replace(own, date=ExecutionDate(own.date.day))
    return day if own != day and reports_on(sensor, config, day) else None


def reports_on(sensor: Sensor, config: PipelineConfig, key: RunKey) -> bool:
    """Whether a post-run rule of this run may read the record: its key and its date both count for the run."""
    rule = watching_rule(config, sensor.key)
    if rule is None or sensor.key not in candidate_keys(rule.key, key.date):
        return False
    return counts_for(date_of(row_date(sensor.key, sensor.fields), sensor.written_at, config), key.date)


def decide_post_run(
    sensor: Sensor, config: PipelineConfig, facts: SensorFacts, other: RunKey | None = None
) -> PostRunDecision:
    """Decide on a post-run sensor's record, by the state of its date's run (docs/reference/sensors.md §6).

    The stream-router calls it for each record that a post-run rule reads. other: another run for which the record
    counts (`reports_on`), which is the day of an hour or an hour of a day. `facts` are those of that run. Results:

    - `RequestRerun`: the completed run drifted, and no rerun request waits.
    - `NoteAfterRun`: the completed run drifted on an excluded date or while a request waits, or its post-run rules are
      judged. POST_RUN_DRIFT, POST_RUN_PASSED or POST_RUN_FAILED is emitted once per record.
    - `Announce`: the run drifted while its job is under way. POST_RUN_DRIFT_INFLIGHT is emitted.
    - `Ignore`: the date has no completed run, the run saw the record, a newer write or another row has precedence, the
      record has requested its rerun already, the sensor did not drift, or other sensors are awaited first.
    """
    key, run = other or run_key_of(sensor, config), facts.run
    if run is None or run.status is RunStatus.FAILED_FINAL:
        return Ignore("no completed run to compare with")
    if is_overtaken(sensor, facts.sensors.get(sensor.key), config, other.date if other is not None else None):
        return Ignore("a newer write of this sensor follows on the stream")
    if other is not None and not is_read_for(sensor, config, other, facts.sensors, facts.kept):
        return Ignore("the rules read a row with precedence over this one")
    found = drift_of(sensor, config, facts.baseline)
    if run.is_running and run.evaluated_at is None:
        # The baseline is that of an earlier attempt. A redelivered record does not report on this one.
        return Ignore("the run is under way and has not read its sensors yet")
    if took_into_account(run, sensor):
        return Ignore("the run took this sensor into account")
    if run.is_running:
        return _in_flight(sensor, config, key, run, found)
    if found is not None:
        return _drifted(sensor, config, key, run, found, facts)
    if not _is_after(sensor, run):
        return Ignore("the sensor came before the run's end and did not drift")
    return _judge(sensor, config, key, run, facts)


def is_read_for(
    sensor: Sensor, config: PipelineConfig, key: RunKey, rows: Mapping[str, Mapping[str, object]], kept: KeptRows
) -> bool:
    """Whether the post-run rule of a run reads this record, and not a row with precedence over it."""
    rule = watching_rule(config, sensor.key)
    if rule is None:
        return False
    selected = select_rows({**rows, sensor.key: sensor.fields}, (rule,), key.date, kept.rows)
    return selected.sources.get(rule.row_name) == sensor.key and rule.row_name not in selected.kept


def _in_flight(sensor: Sensor, config: PipelineConfig, key: RunKey, run: Run, found: Drift | None) -> Announce | Ignore:
    if found is None:
        return Ignore("the run is under way and its post-run sensors did not drift")
    return Announce(key.pipeline_id, (_event(EventType.POST_RUN_DRIFT_INFLIGHT, sensor, config, key, run, found),))


def _drifted(
    sensor: Sensor, config: PipelineConfig, key: RunKey, run: Run, found: Drift, facts: SensorFacts
) -> RequestRerun | NoteAfterRun | Ignore:
    event = _event(EventType.POST_RUN_DRIFT, sensor, config, key, run, found)
    complete = not awaited(config, run, facts.sensors, facts.kept, sensor)
    if facts.has_asked:
        return Ignore("this sensor has requested its rerun already")
    if facts.exclusions.excludes(key.date.day):
        return NoteAfterRun(run, (event,), complete, record_marker(key, sensor), sensor.written_at)
    if facts.request is not None and facts.request.waits:
        entry = JobEntry(
            key,
            sensor.written_at,
            JobEvent.LATE_DATA_ARRIVAL,
            error=event.message,
            run_token=run.run_token,
            requested_at=request_time_of(sensor),
        )
        marker = record_marker(key, sensor)
        return NoteAfterRun(run, (event,), complete, marker, sensor.written_at, entry, waiting=facts.request)
    settles = run if complete else None
    return RequestRerun(key, RerunReason.DATA_DRIFT, request_time_of(sensor), None, (event,), facts.request, settles)


def _judge(sensor: Sensor, config: PipelineConfig, key: RunKey, run: Run, facts: SensorFacts) -> NoteAfterRun | Ignore:
    """Judge the post-run rules at the time of the record. A sensor that has not come is waited for."""
    rules = config.post_run_rules
    assert rules is not None
    rows = {**facts.sensors, sensor.key: sensor.fields}
    selected = select_rows(rows, rules.rules, key.date, facts.kept.rows)
    evaluation = rules.evaluate(selected.fields, sensor.written_at, selected.notes)
    broken = [rule for rule, finding in zip(rules.rules, evaluation.findings, strict=True) if not finding.passed]
    if broken and not any(rule.row_name in selected.fields for rule in broken):
        return Ignore(f"the run waits for the post-run sensors {', '.join(dict.fromkeys(rule.key for rule in broken))}")
    event = make_event(
        EventType.POST_RUN_PASSED if evaluation.passed else EventType.POST_RUN_FAILED,
        key,
        sensor.written_at,
        source=name_record(sensor),
        attempt=run.attempt,
        run_token=run.run_token,
        message=evaluation.explain(),
        detail={"sensorKey": sensor.key, **owner_detail(config)},
    )
    # The rows of other sensors change, so the record's marker limits it to one report.
    complete = not awaited(config, run, facts.sensors, facts.kept, sensor)
    return NoteAfterRun(run, (event,), complete, record_marker(key, sensor), sensor.written_at)


def miss_post_run(config: PipelineConfig, run: Run, missing: tuple[str, ...], now: datetime) -> NoteAfterRun:
    """Report the post-run sensors that did not come within sensorTimeout, once per attempt. The wait ends."""
    assert config.post_run is not None
    event = make_event(
        EventType.POST_RUN_SENSOR_MISSING,
        run.key,
        now,
        source=f"post-run {run.run_token}",
        attempt=run.attempt,
        run_token=run.run_token,
        message=f"{', '.join(missing)} did not report within {config.post_run.sensor_timeout} after the run's end",
        detail={"sensorKeys": list(missing), "source": "watchdog", **owner_detail(config)},
    )
    marker = f"post-run-missing#{run.key.schedule_id}#{run.attempt}#{run.key.date}"
    return NoteAfterRun(run, (event,), settled=True, marker=marker, at=now)


def awaited(
    config: PipelineConfig,
    run: Run,
    sensors: Mapping[str, Mapping[str, object]],
    kept: KeptRows,
    arrived: Sensor | None = None,
) -> tuple[str, ...]:
    """The post-run sensors that are still missing (docs/reference/sensors.md §6).

    A sensor that the trigger or a validation rule reads too is present if a row counts for the date, since no producer
    writes it again after the run. Any other is present if its row was written after the job's start, or has no time.
    Its row without a date must also be of a day that counts for the run: `decide_post_run` judged it for the day of
    its writing only. arrived: a sensor whose record is being decided.
    """
    rules = config.post_run_rules
    if rules is None:
        return ()
    selected = select_rows(sensors, rules.rules, run.key.date, kept.rows)
    shared = {rule.key for rule in dated_rules(config)}
    is_report = arrived is not None and _is_after(arrived, run)
    missing = (
        rule.key
        for rule in rules.rules
        if not (is_report and arrived is not None and key_matches(rule.key, arrived.key))
        and not _is_there(selected, rule.row_name, config, run, is_shared=rule.key in shared)
    )
    return tuple(dict.fromkeys(missing))


def _is_after(sensor: Sensor, run: Run) -> bool:
    """Whether a record came after the run's end. Stream times are whole seconds."""
    return run.closed_at is None or sensor.written_at >= run.closed_at.replace(microsecond=0)


def _is_there(selected: Selection, row_name: str, config: PipelineConfig, run: Run, *, is_shared: bool) -> bool:
    fields = selected.fields.get(row_name)
    if fields is None or is_shared:
        return fields is not None
    stamp, intent = updated_at(fields), run.job_intent
    started_at = (intent.started_at or intent.committed_at) if intent is not None else run.closed_at
    if stamp is not None and started_at is not None and stamp <= started_at:
        return False
    written_at = stamp or run.closed_at  # without a time the row counts as written at the run's end
    named = row_date(selected.sources[row_name], fields)
    return written_at is None or counts_for(date_of(named, written_at, config), run.key.date)


def _event(event_type: EventType, sensor: Sensor, config: PipelineConfig, key: RunKey, run: Run, found: Drift) -> Event:
    return make_event(
        event_type,
        key,
        sensor.written_at,
        source=name_record(sensor),
        attempt=run.attempt,
        run_token=run.run_token,
        message=drift_message(found, sensor),
        detail={**drift_detail(found, sensor), **owner_detail(config)},
    )
