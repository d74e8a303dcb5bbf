"""The writes of a date's first arrival, its start, its slot and its recovery."""

from datetime import datetime

from interlock_lifecycle import Announce, MarkStarted, Run, RunKey, WaitForSlot
from interlock_store._plan._fences import not_started, on_run, unchanged
from interlock_store._plan._waiting import end_wait
from interlock_store._rows import (
    RUNNING,
    WAITING,
    day_of_marker,
    format_time,
    marker_row,
    pipeline_pk,
    run_row,
    run_sk,
    slot_row,
    waiting_place,
)
from interlock_store._write import ARRIVAL, FENCE, NOTHING_THERE, Delete, Item, Put, Update, Write


def first_arrival(key: RunKey, arrived_at: datetime | None, control: str) -> list[Write]:
    """The first arrival of a date, written once. None if it is known."""
    if arrived_at is None:
        return []
    row: Item = {
        "PK": pipeline_pk(key.pipeline_id),
        "SK": f"SENSOR#first-sensor-arrival#{key.date}",
        "data": {"arrivedAt": format_time(arrived_at)},
    }
    return [Put(control, row, NOTHING_THERE, ARRIVAL)]


def start_or_wait(decision: MarkStarted | WaitForSlot, control: str) -> list[Write]:
    """The start of an execution takes a slot of the pipeline."""
    if isinstance(decision, WaitForSlot):
        return [_wait_for_slot(decision.run, control)]
    return [_mark_started(decision, control), Put(control, slot_row(decision.run, decision.lease_until))]


def _wait_for_slot(run: Run, control: str) -> Update:
    """The run leaves the pending index. It does not expire while it waits."""
    place: Item = {"GSI1PK": WAITING, "GSI1SK": waiting_place(run)}
    return on_run(run, control, place, remove=("ttl",), expect=not_started(run))


def recover_run(before: Run, after: Run, control: str) -> list[Write]:
    """The run keeps the slot of its date. That of an earlier version, or whose slot was deleted, takes one."""
    writes: list[Write] = [Put(control, run_row(after), unchanged(before)), end_wait(after.key, control)]
    return writes if after.lease_until is None else [*writes, Put(control, slot_row(after, after.lease_until))]


def free_slot(key: RunKey, control: str) -> Delete:
    """The end of a date's slot."""
    return Delete(control, pipeline_pk(key.pipeline_id), run_sk("OPEN", key))


def _mark_started(decision: MarkStarted, control: str) -> Update:
    run = decision.run
    changes: Item = {
        "startedToken": run.run_token,
        "startedAt": format_time(decision.started_at),
        "leaseUntil": format_time(decision.lease_until),
        "GSI1PK": RUNNING,
        "GSI1SK": format_time(decision.lease_until),
    }
    return on_run(run, control, changes, expect=not_started(run))


def mark_once(decision: Announce, control: str) -> list[Write]:
    """The marker of an announcement, written once."""
    if decision.marker is None or decision.at is None:
        return []
    row = marker_row(decision.pipeline_id, decision.marker, decision.at)
    return [Put(control, {**row, **day_of_marker(decision.pipeline_id, decision.marker)}, NOTHING_THERE, FENCE)]
