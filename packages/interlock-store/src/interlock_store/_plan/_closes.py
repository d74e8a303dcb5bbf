"""The writes of a close, a verdict and a repair."""

from datetime import timedelta

from msgspec.structs import replace

from interlock_lifecycle import (
    CloseRun,
    ExpireTrigger,
    JobEntry,
    RecordBreach,
    RepairRun,
    RequestRerun,
    RunKey,
    Verdict,
)
from interlock_sla import Clock
from interlock_store._plan._fences import comparable, held_with_rest, on_run
from interlock_store._plan._jobs import new_baseline
from interlock_store._plan._reruns import log_entry, note_on_waiting, request_rerun
from interlock_store._plan._starts import free_slot
from interlock_store._plan._waiting import end_wait
from interlock_store._rows import (
    POSTRUN,
    day_of_run,
    day_of_verdict,
    format_time,
    intent_row,
    milliseconds,
    pipeline_pk,
    repaired_row,
    run_sk,
    verdict_changes,
)
from interlock_store._tables import TableNames
from interlock_store._write import FENCE, Expect, Item, Put, Update, Write


def close_run(decision: CloseRun, names: TableNames) -> list[Write]:
    """The close of an attempt: its row, its slot, its log entry, the verdict, and the request of the next attempt."""
    run = decision.run
    changes: Item = {
        "status": str(decision.status),
        "closedAt": format_time(decision.closed_at),
        **day_of_run(run.key, decision.status, has_job=False),
    }
    if decision.intent is not None:
        changes["jobIntent"] = intent_row(decision.intent)
    if decision.reason:
        changes["closeReason"] = decision.reason
    remove = ["ttl", "GSI1PK", "GSI1SK"]
    if decision.awaits_post_run:
        changes |= {"GSI1PK": POSTRUN, "GSI1SK": format_time(decision.closed_at)}
        remove = ["ttl"]
    writes: list[Write] = [on_run(run, names.control, changes, remove=remove, expect=held_with_rest(run))]
    writes += [free_slot(run.key, names.control), end_wait(run.key, names.control)]
    if decision.entry is not None:
        writes.append(log_entry(decision.entry, names))
    if decision.follow_up is not None:
        writes += _follow_up(decision.follow_up, decision.entry, names)
    writes += judge_clocks(run.key, decision.judged, decision, names.control)
    return [*writes, *new_baseline(run.key, decision.baseline, names.control)]


def _follow_up(asked: RequestRerun, closing: JobEntry | None, names: TableNames) -> list[Write]:
    """The rerun request of a close. If another request waits, its log entry and a note for that request's answer."""
    entry, standing = asked.entry, asked.replaces
    if entry is None or standing is None:
        return request_rerun(asked, names)
    if closing is not None and milliseconds(entry.at) == milliseconds(closing.at):
        entry = replace(entry, at=entry.at + timedelta(milliseconds=1))
    return [log_entry(entry, names), note_on_waiting(asked.key, standing, asked.requested_at, names.control)]


def judge_clocks(
    key: RunKey, judged: Verdict, decision: CloseRun | ExpireTrigger | RecordBreach | RepairRun, control: str
) -> list[Write]:
    """The verdict row. Each clock is judged once, so the row must be as it was read."""
    if not decision.verdicts:
        return []
    expect = Expect(
        equals={str(clock): value for clock, value in judged.corrupted.items()},
        absent=tuple(str(clock) for clock in Clock if clock not in (*judged.clocks, *judged.corrupted)),
    )
    changes = verdict_changes(decision.verdicts) | day_of_verdict(key, decision.verdicts)
    return [Update(control, pipeline_pk(key.pipeline_id), run_sk("VERDICT", key), set=changes, expect=expect)]


_FENCED_BY = ("status", "attempt", "runToken", "startedToken", "leaseUntil", "jobIntent", "closedAt")
"""The attributes of a corrupted trigger row that must be as they were read when the row is repaired."""


def repair_run(decision: RepairRun, control: str) -> list[Write]:
    """The whole row in place of the corrupted one. A value that a condition may not carry is not compared."""
    row = decision.before.as_read
    absent = tuple(name for name in _FENCED_BY if name not in row)
    expect = Expect(exists=True, equals=comparable(row, *_FENCED_BY), absent=absent)
    item = repaired_row(decision.after, awaits_post_run=decision.awaits_post_run)
    key = decision.after.key
    return [
        Put(control, item, expect, FENCE),
        free_slot(key, control),
        end_wait(key, control),
        *judge_clocks(key, decision.judged, decision, control),
    ]
