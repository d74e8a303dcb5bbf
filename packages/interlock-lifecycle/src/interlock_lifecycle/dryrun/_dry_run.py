"""Dry runs: the time at which the job would have been triggered, and the decisions that would have followed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import (
    Announce,
    AnswerDryRun,
    DryRun,
    Ignore,
    KeptRows,
    NoteArrival,
    NoteDormant,
    ObserveRun,
)
from interlock_lifecycle._moment import rfc3339, say_length
from interlock_lifecycle._run import JobEntry, RunKey, Sensor
from interlock_lifecycle._words import JobEvent
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import Event, make_event, owner_detail
from interlock_lifecycle.runs._close import may_retry
from interlock_lifecycle.runs._evaluate import rules_to_read
from interlock_lifecycle.sensors._accounted import may_be_overwritten, name_record, rows_seen, was_seen
from interlock_lifecycle.sensors._arrival import is_overtaken, run_key_of, triggers, was_overwritten
from interlock_lifecycle.sensors._baseline import (
    baseline_to_write,
    drift_detail,
    drift_message,
    drift_of,
    take_baseline,
    watching_rule,
)
from interlock_lifecycle.sensors._dormant import Waiting, decide_dormant, is_dormant
from interlock_lifecycle.sensors._kept import kept_from_start, opening_row
from interlock_lifecycle.sensors._postrun import is_read_for, reports_on
from interlock_lifecycle.sensors._repeated import brings_repeated_hour
from interlock_lifecycle.slas._sla import deadlines_of, moved_detail
from interlock_rules import select_rows
from interlock_sla import Exclusions, ExecutionDate

DryRunDecision: TypeAlias = ObserveRun | NoteArrival | NoteDormant | Announce | Ignore


class DryRunFacts(Struct, frozen=True):
    """The date's DRY_RUN# row, its first arrival, its baseline, and the named sensors' rows as they are now."""

    dry_run: DryRun
    arrived_at: datetime | None
    exclusions: Exclusions
    baseline: Mapping[str, object]
    sensors: Mapping[str, Mapping[str, object]]
    kept: KeptRows = KeptRows()
    is_reported: bool = False
    """Whether the excluded day of the record was reported for its date. It is read only on such a day."""

    @property
    def has_begun(self) -> bool:
        """Whether a live pipeline would have a run of the date."""
        return self.arrived_at is not None or self.dry_run.triggered_at is not None


def decide_dry_run(sensor: Sensor, config: PipelineConfig, facts: DryRunFacts) -> DryRunDecision:
    """Decide on a sensor's record of a dry run, by the conditions of a live run.

    The stream-router calls it for each sensor that the pipeline reads. The trigger must hold first, then all rules
    within the evaluation window. An excluded day only prevents the begin of a date. Results:

    - `ObserveRun`: all rules hold, and the job would be triggered now.
    - `NoteArrival`: the trigger came, and its rules do not hold yet.
    - `NoteDormant`: the trigger came on an excluded day, and the date waits.
    - `Announce`: late data or drift came after the job would have been triggered.
    - `Ignore`: the trigger did not come yet, a rule does not hold, the window is over, the record changes nothing, or
      it was seen.
    """
    key = run_key_of(sensor, config)
    if not facts.has_begun and triggers(sensor, config) and is_dormant(sensor, config, facts.exclusions):
        waiting = Waiting(facts.exclusions, facts.kept, facts.sensors, facts.is_reported)
        return decide_dormant(key, sensor, config, waiting)
    if facts.dry_run.triggered_at is not None:
        return _afterwards(sensor, config, key, facts.dry_run.triggered_at, facts)
    if not _is_triggered(sensor, config, facts):
        return Ignore("the trigger has not come yet")
    return _evaluate(key, sensor, config, facts)


def begin_dry_run(
    key: RunKey, sensor: Sensor, config: PipelineConfig, facts: DryRunFacts
) -> ObserveRun | NoteArrival | Ignore:
    """Begin a date that waited on an excluded day at `sensor.written_at`, like a live date (`judge_dormant`)."""
    return Ignore("the date has begun") if facts.has_begun else _evaluate(key, sensor, config, facts)


def decide_waiting_dry_run(
    key: RunKey, sensor: Sensor, config: PipelineConfig, facts: DryRunFacts
) -> ObserveRun | NoteArrival | Announce | Ignore:
    """Decide on a sensor's record for a date that it does not name.

    The stream-router calls it for each date of a dry run that waits for its rules, and for each other date for which a
    post-run record counts. A live run reads all of its rules' sensors by itself, whatever date they name. A sensor
    without fields is a row that was deleted or lost its data. It may have hidden another row. Results:

    - `ObserveRun`: the date waited, all rules hold, and its job would be triggered now.
    - `Announce`: the date has begun, and the post-run record drifted.
    - `Ignore`: the date does not wait, a rule does not hold, or the record changes nothing.
    """
    triggered_at = facts.dry_run.triggered_at
    if triggered_at is not None and sensor.fields and reports_on(sensor, config, key):
        if not is_read_for(sensor, config, key, facts.sensors, facts.kept):
            return Ignore("the rules read a row with precedence over this one")
        return _afterwards(sensor, config, key, triggered_at, facts, other=key.date)
    if facts.arrived_at is None or triggered_at is not None:
        return Ignore("the date does not wait")
    return _evaluate(key, sensor, config, facts)


def _evaluate(
    key: RunKey, sensor: Sensor, config: PipelineConfig, facts: DryRunFacts
) -> ObserveRun | NoteArrival | Ignore:
    now = sensor.written_at
    arrived_at = facts.arrived_at or now
    if now > arrived_at + timedelta(seconds=config.schedule.evaluation.window.total_seconds()):
        return Ignore("the evaluation window is over")
    selected = select_rows(facts.sensors, config.validation.rules, key.date, _kept(sensor, config, facts).rows)
    evaluation = config.rules.evaluate(selected.fields, now, selected.notes)
    if evaluation.passed:
        return _observe(sensor, config, key, facts, arrived_at)
    if facts.arrived_at is None:
        return NoteArrival(key, now, kept=_kept(sensor, config, facts))
    return Ignore(evaluation.explain())


def _kept(sensor: Sensor, config: PipelineConfig, facts: DryRunFacts) -> KeptRows:
    """The rows that the date keeps. A date that this sensor begins keeps the same rows as a live run."""
    if facts.arrived_at is not None:
        return facts.kept
    return kept_from_start(facts.kept, opening_row(sensor.key, sensor.fields, sensor.written_at, config), config)


def _is_triggered(sensor: Sensor, config: PipelineConfig, facts: DryRunFacts) -> bool:
    """Whether a live run of this date would be under way: its trigger comes now, or came before.

    The trigger's row is not read. Without the date in its key, it may still be another date's.
    """
    return facts.arrived_at is not None or triggers(sensor, config)


def _observe(
    sensor: Sensor, config: PipelineConfig, key: RunKey, facts: DryRunFacts, arrived_at: datetime
) -> ObserveRun:
    now = sensor.written_at
    source = name_record(sensor)
    would = make_event(
        EventType.DRY_RUN_WOULD_TRIGGER,
        key,
        now,
        source=source,
        message=f"the trigger and all rules hold: the {config.job.type} job would be triggered",
        detail={
            "triggeredAt": rfc3339(now),
            "sensorKey": sensor.key,
            "jobType": str(config.job.type),
            **owner_detail(config),
        },
    )
    events = [would]
    projection = project_sla(config, key, now, arrived_at, facts.exclusions)
    if projection is not None:
        events.append(_projected(config, projection, key, now, source))
    events.append(_completed(config, projection, key, now, source, len(events)))
    kept, written = _kept(sensor, config, facts), {sensor.key: sensor.fields} if sensor.fields else {}
    rows = {**facts.sensors, **written}
    read = select_rows(rows, rules_to_read(config), key.date, kept.rows)
    dry_run = replace(facts.dry_run, triggered_at=now, seen=rows_seen(rows, read, kept.rows, key.date))
    baseline = baseline_to_write(take_baseline(config, key, facts.sensors, kept.rows))
    begins = facts.arrived_at is None
    return ObserveRun(
        dry_run, arrived_at if begins else None, baseline, tuple(events), kept=kept if begins else KeptRows()
    )


def _completed(
    config: PipelineConfig, projection: dict[str, Any] | None, key: RunKey, now: datetime, source: str, ordinal: int
) -> Event:
    completed: dict[str, Any] = {"triggeredAt": rfc3339(now), "slaStatus": "n/a"}
    if projection is not None:
        completed |= {
            "slaStatus": projection["status"],
            "estimatedCompletion": projection["estimatedCompletion"],
            "deadline": projection["deadline"],
        }
    return make_event(
        EventType.DRY_RUN_COMPLETED,
        key,
        now,
        source=source,
        ordinal=ordinal,
        deadline=completed.get("deadline"),
        message=f"the dry run of {key.date} is complete: SLA {completed['slaStatus']}",
        detail={**completed, **owner_detail(config)},
    )


def project_sla(
    config: PipelineConfig, key: RunKey, triggered_at: datetime, arrived_at: datetime, exclusions: Exclusions
) -> dict[str, Any] | None:
    """The judgement of the SLA if the job took its expectedDuration (without one: no time). None without an SLA.

    The nearer deadline of both clocks counts. `movedFrom` is present if excluded days moved it. `marginSeconds` is the
    time left until the deadline, negative if it is missed.
    """
    deadlines = deadlines_of(config, key.date, arrived_at, exclusions)
    if not deadlines or config.sla is None:
        return None
    expected = config.sla.expected_duration
    estimated = triggered_at + timedelta(seconds=expected.total_seconds()) if expected is not None else triggered_at
    nearest = min(deadlines, key=lambda found: found.breach_at)
    breach_at = nearest.breach_at
    return {
        "status": "met" if estimated < breach_at else "breach",
        "triggeredAt": rfc3339(triggered_at),
        "estimatedCompletion": rfc3339(estimated),
        "expectedDuration": str(expected.text) if expected is not None else "0s",
        "deadline": rfc3339(breach_at),
        "marginSeconds": round((breach_at - estimated).total_seconds()),
        **moved_detail(nearest.moved_from),
    }


def _projected(config: PipelineConfig, projection: dict[str, Any], key: RunKey, now: datetime, source: str) -> Event:
    margin = timedelta(seconds=projection["marginSeconds"])
    side = "left" if margin >= timedelta() else "late"
    return make_event(
        EventType.DRY_RUN_SLA_PROJECTION,
        key,
        now,
        source=source,
        ordinal=1,
        deadline=projection["deadline"],
        message=f"projected SLA status {projection['status']}: {say_length(abs(margin))} {side}",
        detail={**projection, **owner_detail(config)},
    )


def _afterwards(
    sensor: Sensor,
    config: PipelineConfig,
    key: RunKey,
    triggered_at: datetime,
    facts: DryRunFacts,
    other: ExecutionDate | None = None,
) -> Announce | Ignore:
    """Decide on late data and drift after the job would have run, as after a completed run."""
    if was_seen(sensor, triggered_at, facts.dry_run.seen):
        return Ignore("the dry run took this sensor into account")
    if _gives_way(sensor, config, triggered_at, facts, other):
        return Ignore("a newer write of this sensor was seen, or follows on the stream")
    source = name_record(sensor)
    if watching_rule(config, sensor.key) is not None:
        found = drift_of(sensor, config, facts.baseline)
        if found is None:
            return Ignore("the post-run sensor did not drift")
        event = make_event(
            EventType.DRY_RUN_DRIFT,
            key,
            sensor.written_at,
            source=source,
            message=drift_message(found, sensor),
            detail={**drift_detail(found, sensor), **owner_detail(config)},
        )
        return Announce(key.pipeline_id, (event,))
    if not triggers(sensor, config):
        return Ignore("only the trigger's sensor brings late data")
    if brings_repeated_hour(key.date, config.zone, triggered_at, sensor.written_at):
        return Ignore("the row brings the rest of a repeated hour: a live pipeline would run the date again")
    event = make_event(
        EventType.DRY_RUN_LATE_DATA,
        key,
        sensor.written_at,
        source=source,
        message=f"sensor {sensor.key} was updated after the job would have been triggered",
        detail={"sensorKey": sensor.key, "triggeredAt": rfc3339(triggered_at), **owner_detail(config)},
    )
    return Announce(key.pipeline_id, (event,))


def _gives_way(
    sensor: Sensor, config: PipelineConfig, triggered_at: datetime, facts: DryRunFacts, other: ExecutionDate | None
) -> bool:
    """Whether a newer write supersedes the record, by the rules of a live run."""
    now_there = facts.sensors.get(sensor.key)
    if watching_rule(config, sensor.key) is not None:
        return is_overtaken(sensor, now_there, config, other)
    if not may_be_overwritten(sensor, triggered_at):
        return False
    return was_overwritten(sensor, now_there, facts.dry_run.seen, config)


class FailureFacts(Struct, frozen=True):
    """The facts by which an external job's failure is judged. `handled`: it was judged already."""

    dry_run: DryRun
    exclusions: Exclusions
    handled: bool = False


def failure_marker(entry: JobEntry) -> str:
    """The marker of an external failure that was judged."""
    return f"shadow-failure#{entry.key.schedule_id}#{round(entry.at.timestamp() * 1000)}#{entry.key.date}"


def decide_dry_run_failure(
    entry: JobEntry, config: PipelineConfig, facts: FailureFacts, *, at: datetime
) -> AnswerDryRun | Ignore:
    """Decide whether a live run would retry after an external failure, with its budgets (docs/reference/runs.md §7).

    The stream-router calls it for each joblog row of a dry run. Results:

    - `AnswerDryRun`: DRY_RUN_WOULD_RETRY within the budget, otherwise DRY_RUN_RETRY_EXHAUSTED, or PIPELINE_EXCLUDED for
      an excluded date.
    - `Ignore`: the row is not a failure, or it was judged already.
    """
    if entry.event not in (JobEvent.FAIL, JobEvent.TIMEOUT):
        return Ignore("the row is not a failure")
    if facts.handled:
        return Ignore("this failure was judged already")
    key, used = entry.key, facts.dry_run.retries
    allowed, budget = may_retry(config, entry.category, used)
    excluded = facts.exclusions.excludes(key.date.day)
    retries = allowed and not excluded
    if retries:
        event_type, message = EventType.DRY_RUN_WOULD_RETRY, f"retry {used + 1} of {budget} would start"
    elif excluded:
        event_type, message = EventType.PIPELINE_EXCLUDED, f"{key.date} is an excluded date and would get no retry"
    else:
        event_type, message = EventType.DRY_RUN_RETRY_EXHAUSTED, f"no retry left ({used} of {budget} used)"
    event = make_event(
        event_type,
        key,
        at,
        source=f"outcome {entry.at.isoformat()}",
        message=message,
        detail={
            name: value
            for name, value in (("event", entry.event), ("category", entry.category), ("error", entry.error))
            if value is not None
        }
        | owner_detail(config),
    )
    after = replace(facts.dry_run, retries=used + 1) if retries else facts.dry_run
    return AnswerDryRun(facts.dry_run, after, at, (event,), marker=failure_marker(entry))
