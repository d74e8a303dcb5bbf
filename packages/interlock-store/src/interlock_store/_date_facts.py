"""Reads every fact about one date, for its explanation. It writes nothing."""

from datetime import timedelta

from interlock_config import PipelineConfig
from interlock_lifecycle import Run, RunKey
from interlock_lifecycle.events import EventType
from interlock_lifecycle.reports import DateFacts, Evaluation
from interlock_lifecycle.runs import rules_to_read
from interlock_lifecycle.sensors import read_rows
from interlock_sla import ExecutionDate
from interlock_store._facts import Readings
from interlock_store._store import Store
from interlock_store._trial_records import events_of_dates

_ROUNDING = timedelta(seconds=1)
"""The trigger row may have a coarser time than the key of its event."""


def read_date(store: Store, pipeline_id: str, date: ExecutionDate) -> DateFacts:
    """The facts about a date of a pipeline, with strongly consistent reads. Their number does not depend on history.

    A run under the pipeline's other kind of schedule is read if the date has no run under the present kind. Raises
    MalformedRow for a corrupted trigger row.
    """
    stored = store.config(pipeline_id)
    config = stored.config
    key = RunKey(pipeline_id, config.schedule_id if config is not None else "stream", date)
    run, other_run = store.run(key), store.run(key.under_other_schedule)
    if run is None and other_run is not None:
        key, run, other_run = other_run.key, other_run, None
    readings = store.readings(key, rules_to_read(config)) if config is not None else Readings({}, store.kept(key))
    return DateFacts(
        key=key,
        config=config,
        problem=stored.problem,
        sla=store.sla(key),
        run=run,
        other_run=other_run,
        rows=readings.rows,
        kept=readings.kept,
        wait=store.waits.of_run(key) if run is not None and run.is_running else None,
        slots_taken=_slots_taken(store, config, run),
        created_at=stored.created_at,
        in_force=stored.in_force,
        entries=store.entries(key),
        reruns=store.reruns(key),
        request=store.standing_request(key),
        baseline=store.baseline(key),
        pause=stored.pause,
        evaluation=_evaluation(store, run),
        dry_run=store.dry_run(key) if config is not None and config.dry_run else None,
    )


def _evaluation(store: Store, run: Run | None) -> Evaluation | None:
    """The evaluation that let the job start, or that ended the run, from its event. None if the event has expired."""
    if run is None or (run.is_running and run.job_intent is None):
        return None
    kind, at = EventType.VALIDATION_PASSED, run.evaluated_at
    if at is None:
        kind, at = EventType.VALIDATION_EXHAUSTED, run.closed_at
    if at is None:
        return None
    schedule, date = run.key.schedule_id, run.key.date
    events = events_of_dates(store.event_history(run.key.pipeline_id, at - _ROUNDING, at + _ROUNDING))
    for event in events.get((schedule, date), ()):
        rows = read_rows(event.detail.get("rows")) if event.type == kind and event.attempt == run.attempt else None
        if rows is not None:
            return Evaluation(event.at, rows)
    return None


def _slots_taken(store: Store, config: PipelineConfig | None, run: Run | None) -> int:
    """The taken slots of the pipeline, counted up to its limit. It is read only for a run that waits for a slot."""
    limit = 0 if config is None else config.schedule.max_open_dates
    return len(store.open_dates(config.id, limit)) if config and run and run.waits_for_slot and limit else 0
