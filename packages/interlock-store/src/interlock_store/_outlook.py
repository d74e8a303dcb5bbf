"""Reads the existing rows of a pipeline and finds the dates that would stop it. It writes nothing."""

from datetime import datetime

from interlock_config import PipelineConfig
from interlock_lifecycle import RunKey, RunStatus
from interlock_lifecycle.reports import DateHold, date_to_judge, held_by_dates, unreadable_triggers
from interlock_sla import Exclusions, ExecutionDate
from interlock_store._overview import Overview
from interlock_store._rows import MalformedRow, key_of_row
from interlock_store._store import Store

_OVER = (RunStatus.COMPLETED, RunStatus.FAILED_FINAL)
_NEWEST = 5
"""The number of newest rows that are read: trigger rows, and the trigger's sensor rows with a period in their key."""


def newest_date(store: Store, config: PipelineConfig) -> ExecutionDate | None:
    """The date of the pipeline's newest trigger row with a readable key, rows of older tools included."""
    overview = Overview(store._tables, store.names)
    for row in overview.newest_run_rows(config.id, config.schedule_id, _NEWEST):
        try:
            return key_of_row(row["PK"], row["SK"]).date
        except MalformedRow:
            continue
    return None


def _open_date(store: Store, config: PipelineConfig, date: ExecutionDate | None) -> ExecutionDate | None:
    """The date if its run is not over, otherwise the newest earlier date whose run is not over. None without one."""
    rows = Overview(store._tables, store.names).newest_run_rows(config.id, config.schedule_id, _NEWEST)
    is_over = {}
    for row in rows:
        try:
            is_over[key_of_row(row["PK"], row["SK"]).date] = row.get("status") in _OVER
        except MalformedRow:
            continue
    if date is None or not is_over.get(date, False):
        return date
    return max((one for one, over in is_over.items() if not over), default=None)


def date_holds(
    store: Store, config: PipelineConfig, newest: ExecutionDate | None, exclusions: Exclusions, now: datetime
) -> list[DateHold]:
    """The parts that existing rows would stop by their dates: rules of the newest open date, and triggers of any date.

    A date whose run is over is not judged, since nothing of it is held. newest: the result of `newest_date`. now: an
    aware time. The number of reads does not grow with the number of rows.
    """
    found: list[DateHold] = []
    date = _open_date(store, config, date_to_judge(config, newest, exclusions, now))
    if date is not None:
        readings = store.readings(RunKey(config.id, config.schedule_id, date), config.validation.rules)
        found += held_by_dates(config, date, readings.rows, readings.kept)
    trigger = config.trigger_rule
    if trigger is not None:
        overview = Overview(store._tables, store.names)
        rows = store.sensor_rows(config.id, (trigger.key,)) | overview.newest_periods(config.id, trigger.key, _NEWEST)
        found += unreadable_triggers(rows)
    return found
