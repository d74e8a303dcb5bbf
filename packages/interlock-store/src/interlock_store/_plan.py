"""The writes of each decision: one list, which is committed as a whole or not at all."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias, assert_never

from msgspec import UNSET
from msgspec.structs import replace

from interlock_lifecycle import (
    Announce,
    AnswerDryRun,
    AnsweredRequest,
    CloseRun,
    CommitIntent,
    CountedRejections,
    Decision,
    DryRun,
    ExpireTrigger,
    JobEntry,
    JobIntent,
    KeepRows,
    KeptRows,
    MarkStarted,
    NoteAfterRun,
    NoteArrival,
    NoteDormant,
    NoteHeld,
    NoteRest,
    ObserveRun,
    OpenAttempt,
    OpenWait,
    PassEvaluation,
    RecordBreach,
    RecordStart,
    RecoverRun,
    RegisterWait,
    Rejections,
    RejectRerun,
    RejectSensor,
    RepairRun,
    ReportRejections,
    RequestRerun,
    RerunEntry,
    Run,
    RunKey,
    RunStatus,
    StandingRequest,
    StartRun,
    Verdict,
    Wait,
    WaitForSlot,
    WithdrawIntent,
)
from interlock_lifecycle.waits import name_of_job
from interlock_sla import Clock
from interlock_store._rows import (
    CONFIG,
    LOOKING,
    PENDING,
    POSTRUN,
    REJECTIONS_READ,
    RUNNING,
    UNREADABLE_VERSION,
    WAITING,
    closed_row,
    counter_row,
    day_of_marker,
    day_of_run,
    day_of_verdict,
    dry_run_row,
    entry_row,
    event_row,
    format_time,
    held_row,
    intent_row,
    job_row,
    kept_row,
    marker_row,
    milliseconds,
    pipeline_pk,
    repaired_row,
    reports_row,
    rerun_marker,
    rerun_row,
    rest_row,
    run_row,
    run_sk,
    slot_row,
    verdict_changes,
    wait_row,
    waiting_place,
)
from interlock_store._tables import TableNames
from interlock_store._write import (
    ANYTHING,
    ARRIVAL,
    COUNT,
    FENCE,
    LOG,
    NOTHING_THERE,
    Check,
    Delete,
    Expect,
    Item,
    Put,
    Update,
    Write,
)

_Step: TypeAlias = (
    StartRun
    | MarkStarted
    | WaitForSlot
    | OpenWait
    | NoteHeld
    | RegisterWait
    | PassEvaluation
    | CommitIntent
    | RecordStart
    | WithdrawIntent
    | NoteRest
    | CloseRun
    | OpenAttempt
    | RecoverRun
)


def plan(decision: Decision, names: TableNames) -> list[Write]:
    """The writes of a decision. The fence comes first, the events come last."""
    events = () if isinstance(decision, CommitIntent | WithdrawIntent) else decision.events
    return [*_writes(decision, names), *(Put(names.control, event_row(event)) for event in events)]


def _writes(decision: Decision, names: TableNames) -> list[Write]:
    control = names.control
    match decision:
        case RejectRerun():
            return _reject_rerun(decision, names)
        case ReportRejections():
            return _count_rejection(decision.counted, control)
        case RequestRerun():
            return _request_rerun(decision, names)
        case NoteAfterRun():
            return _note_after_run(decision, names)
        case ObserveRun() | NoteArrival() | AnswerDryRun():
            return _dry_run_writes(decision, control)
        case KeepRows() | RejectSensor():
            return [_keep(decision, control) if isinstance(decision, KeepRows) else _reject_sensor(decision, control)]
        case NoteDormant():
            return _note_dormant(decision, control)
        case ExpireTrigger() | RecordBreach() | RepairRun():
            return _judged_writes(decision, control)
        case Announce():
            return _mark(decision, control)
        case _:
            return _run_writes(decision, names)


def _run_writes(decision: _Step, names: TableNames) -> list[Write]:
    """The writes of decisions that move a run on, from its first row to its close."""
    control = names.control
    match decision:
        case StartRun():
            arrival = _arrival(decision.run.key, decision.arrived_at, control)
            opened = Put(control, run_row(decision.run), NOTHING_THERE, FENCE)
            return [opened, *arrival, *_open_kept(decision.run.key, decision.kept, decision.run.committed_at, control)]
        case MarkStarted() | WaitForSlot():
            return _start_or_wait(decision, control)
        case OpenWait() | NoteHeld() | RegisterWait():
            return _wait_writes(decision, control)
        case PassEvaluation():
            return _pass(decision, control)
        case CommitIntent() | RecordStart() | WithdrawIntent():
            return _intent_writes(decision, names)
        case NoteRest():
            noted: Item = {"restOfHour": rest_row(decision.rest)}
            return [_on_run(decision.run, control, noted, expect=_held_with_rest(decision.run))]
        case CloseRun():
            return _close(decision, names)
        case OpenAttempt():
            return _open_attempt(decision, names)
        case RecoverRun():
            return _recover(decision.before, decision.after, control)
        case _:
            assert_never(decision)


def _judged_writes(decision: ExpireTrigger | RecordBreach | RepairRun, control: str) -> list[Write]:
    match decision:
        case ExpireTrigger():
            row = Put(control, closed_row(decision.run), NOTHING_THERE, FENCE)
            return [row, *_judge(decision.run.key, decision.judged, decision, control)]
        case RecordBreach():
            return [*_judge(decision.key, decision.judged, decision, control), *_run_as_read(decision, control)]
        case RepairRun():
            return _repair(decision, control)
        case _:
            assert_never(decision)


def _dry_run_writes(decision: ObserveRun | NoteArrival | AnswerDryRun, control: str) -> list[Write]:
    match decision:
        case ObserveRun():
            return _observe(decision, control)
        case NoteArrival():
            arrival = _arrival(decision.key, decision.arrived_at, control)
            return [*arrival, *_open_kept(decision.key, decision.kept, decision.arrived_at, control)]
        case AnswerDryRun():
            return _answer_dry_run(decision, control)
        case _:
            assert_never(decision)


def _intent_writes(decision: CommitIntent | RecordStart | WithdrawIntent, names: TableNames) -> list[Write]:
    control = names.control
    match decision:
        case CommitIntent():
            return [_set_intent(decision.run, control, intent_row(decision.intent)), *_unpaused(decision, control)]
        case RecordStart():
            intended = _set_intent(decision.run, control, intent_row(decision.intent))
            return [intended, *_follow_by_events(decision.run, decision.intent, decision.wait, control)]
        case WithdrawIntent():
            return [_set_intent(decision.run, control, None), _log(decision.entry, names)]
        case _:
            assert_never(decision)


def _unpaused(decision: CommitIntent, control: str) -> list[Write]:
    """The condition that the pipeline was not paused since its config was read."""
    pause = decision.pause_as_read
    if pause is UNSET:
        return []
    expect = Expect(absent=("pausedUntil",)) if pause is None else Expect(equals={"pausedUntil": pause})
    return [Check(control, pipeline_pk(decision.run.key.pipeline_id), CONFIG, expect)]


def _wait_writes(decision: OpenWait | NoteHeld | RegisterWait, control: str) -> list[Write]:
    match decision:
        case OpenWait():
            return _open_wait(decision, control)
        case NoteHeld():
            held: Item = {"held": held_row(decision.wait.held), **reports_row(decision.wait)}
            return [_on_wait(decision.run.key, control, held, Expect(equals={"runToken": decision.run.run_token}))]
        case RegisterWait():
            return [_register(decision.wait, control)]
        case _:
            assert_never(decision)


def _open_wait(decision: OpenWait, control: str) -> list[Write]:
    """The new row. The row of an earlier execution is as it was read, and a corrupted one is replaced in any case."""
    run, before = decision.run, decision.before
    held = Check(control, pipeline_pk(run.key.pipeline_id), run_sk("TRIGGER", run.key), _held(run), FENCE)
    expect = NOTHING_THERE if before is None else Expect(equals={"runToken": before.run_token})
    if before is not None and not before.is_whole:
        expect = ANYTHING
    lease = run.lease_until or run.committed_at
    writes: list[Write] = [held, Put(control, wait_row(decision.wait, lease), expect)]
    job = name_of_job(decision.job)
    return writes if job is None else [*writes, Put(control, job_row(job, run.key, lease))]


def _register(wait: Wait, control: str) -> Update:
    """The execution waits from now on, if the row is as its look has read it."""
    look_at = format_time(wait.look_at) if wait.look_at is not None else None
    changes: Item = {
        "registrations": wait.registrations + 1,
        "taskToken": wait.task_token,
        "lookAt": look_at,
        "GSI1PK": LOOKING,
        "GSI1SK": look_at,
    }
    known = {"runToken": wait.run_token, "wakes": wait.wakes, "registrations": wait.registrations}
    # The wakes so far were looked at.
    return replace(_on_wait(wait.key, control, changes, Expect(equals=known)), remove=("wokenAt",))


def _on_wait(key: RunKey, control: str, changes: Item, expect: Expect) -> Update:
    return Update(control, pipeline_pk(key.pipeline_id), run_sk("WAIT", key), set=changes, expect=expect, role=FENCE)


def _follow_by_events(run: Run, intent: JobIntent, wait: Wait | None, control: str) -> list[Write]:
    """The rows of a job that is followed by events: the wait of its run, and the name by which an event finds it."""
    job = name_of_job(intent)
    if wait is None or job is None:
        return []
    lease = run.lease_until or run.committed_at
    return [Put(control, wait_row(wait, lease)), Put(control, job_row(job, run.key, lease))]


def _end_wait(key: RunKey, control: str) -> Delete:
    return Delete(control, pipeline_pk(key.pipeline_id), run_sk("WAIT", key))


def _pass(decision: PassEvaluation, control: str) -> list[Write]:
    held = Expect(equals=_held(decision.run).equals, absent=("evaluatedAt",))
    noted: Item = {"evaluatedAt": format_time(decision.evaluated_at), "evaluatedSensors": decision.seen}
    passed = _on_run(decision.run, control, noted, expect=held)
    kept = [] if decision.kept is None else [_kept(decision.run.key, decision.kept, decision.evaluated_at, control)]
    ended = [_end_wait(decision.run.key, control)] if decision.ends_wait else []
    return [passed, *_baseline(decision.run.key, decision.baseline, control), *kept, *ended]


def _open_kept(key: RunKey, kept: KeptRows, at: datetime, control: str) -> list[Write]:
    """The kept rows of a new date. They replace those of an earlier run of the date.

    A date that waited on an excluded day begins on the version of its kept rows by which it was judged.
    """
    if kept.version > 1:
        return [_kept(key, kept, at, control)]
    return [Put(control, kept_row(key, kept, at))] if kept.rows else []


def _kept(key: RunKey, kept: KeptRows, at: datetime, control: str) -> Put:
    """The next version of the rows that a date keeps. The write fails if another version exists."""
    before = kept.version - 1
    expect = Expect(equals={"version": before}) if before else NOTHING_THERE
    if before == UNREADABLE_VERSION:
        expect = ANYTHING
    return Put(control, kept_row(key, kept, at), expect)


def _keep(decision: KeepRows, control: str) -> Put:
    return _kept(decision.key, decision.kept, decision.at, control)


def _note_dormant(decision: NoteDormant, control: str) -> list[Write]:
    """The kept rows of a date that waits. The write fails if the date has begun."""
    key, marker = decision.key, decision.marker
    begun = Check(control, pipeline_pk(key.pipeline_id), run_sk("TRIGGER", key), NOTHING_THERE)
    writes: list[Write] = [_kept(key, decision.kept, decision.at, control), begun]
    if marker is not None:
        writes.append(Put(control, marker_row(key.pipeline_id, marker, decision.at), NOTHING_THERE))
    return writes


def _reject_sensor(decision: RejectSensor, control: str) -> Put:
    row = marker_row(decision.pipeline_id, decision.marker, decision.after.reported_at)
    return Put(control, {**row, "count": decision.after.count}, _rejections_as_read(decision.before))


def _rejections_as_read(before: Rejections | None) -> Expect:
    if before is None:
        return NOTHING_THERE
    absent = tuple(name for name in REJECTIONS_READ if name not in before.as_read) if before.as_read else ()
    return Expect(exists=True, equals=before.as_read, absent=absent)


def _arrival(key: RunKey, arrived_at: datetime | None, control: str) -> list[Write]:
    if arrived_at is None:
        return []
    row: Item = {
        "PK": pipeline_pk(key.pipeline_id),
        "SK": f"SENSOR#first-sensor-arrival#{key.date}",
        "data": {"arrivedAt": format_time(arrived_at)},
    }
    return [Put(control, row, NOTHING_THERE, ARRIVAL)]


def _held(run: Run) -> Expect:
    """The fence: the row is RUNNING and belongs to this execution."""
    return Expect(equals={"status": str(RunStatus.RUNNING), "runToken": run.run_token})


def _held_with_rest(run: Run) -> Expect:
    """Like `_held`. The row must also have no newer note of a repeated hour."""
    if run.rest is None:
        return Expect(equals=_held(run).equals, absent=("restOfHour",))
    return Expect(equals={**_held(run).equals, "restOfHour": rest_row(run.rest)})


def _unchanged(run: Run) -> Expect:
    """The row is as it was read. An invocation of an ended execution may still commit its intent or its pass."""
    known = {
        "jobIntent": intent_row(run.job_intent) if run.job_intent else None,
        "evaluatedAt": format_time(run.evaluated_at) if run.evaluated_at else None,
        "restOfHour": rest_row(run.rest) if run.rest else None,
    }
    equals = {name: value for name, value in known.items() if value is not None}
    absent = tuple(name for name, value in known.items() if value is None)
    return Expect(equals={**_held(run).equals, **equals}, absent=absent)


def _on_run(
    run: Run, control: str, changes: Item, *, remove: Iterable[str] = (), expect: Expect | None = None
) -> Update:
    return Update(
        control,
        pipeline_pk(run.key.pipeline_id),
        run_sk("TRIGGER", run.key),
        set=changes,
        remove=tuple(remove),
        expect=expect or _held(run),
        role=FENCE,
    )


def _not_started(run: Run) -> Expect:
    """The fence of a run whose execution is not started yet."""
    before = run.started_token
    return Expect(
        equals={**_held(run).equals, **({"startedToken": before} if before else {})},
        absent=() if before else ("startedToken",),
    )


def _start_or_wait(decision: MarkStarted | WaitForSlot, control: str) -> list[Write]:
    """The start of an execution takes a slot of the pipeline."""
    if isinstance(decision, WaitForSlot):
        return [_wait_for_slot(decision.run, control)]
    return [_mark_started(decision, control), Put(control, slot_row(decision.run, decision.lease_until))]


def _wait_for_slot(run: Run, control: str) -> Update:
    """The run leaves the pending index. It does not expire while it waits."""
    place: Item = {"GSI1PK": WAITING, "GSI1SK": waiting_place(run)}
    return _on_run(run, control, place, remove=("ttl",), expect=_not_started(run))


def _recover(before: Run, after: Run, control: str) -> list[Write]:
    """The run keeps the slot of its date. That of an earlier version, or whose slot was deleted, takes one."""
    writes: list[Write] = [Put(control, run_row(after), _unchanged(before)), _end_wait(after.key, control)]
    return writes if after.lease_until is None else [*writes, Put(control, slot_row(after, after.lease_until))]


def _free_slot(key: RunKey, control: str) -> Delete:
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
    return _on_run(run, control, changes, expect=_not_started(run))


def _set_intent(run: Run, control: str, intent: str | None) -> Update:
    before = intent_row(run.job_intent) if run.job_intent else None
    expect = Expect(
        equals={**_held(run).equals, **({"jobIntent": before} if before else {})},
        absent=() if before else ("jobIntent",),
    )
    day = day_of_run(run.key, RunStatus.RUNNING, has_job=intent is not None)
    if intent is None:
        return _on_run(run, control, day, remove=("jobIntent",), expect=expect)
    return _on_run(run, control, {"jobIntent": intent, **day}, expect=expect)


def _baseline(key: RunKey, baseline: dict[str, Item] | None, control: str) -> list[Write]:
    if baseline is None:
        return []
    return [Put(control, {**_baseline_key(key), "data": baseline})]


def _baseline_key(key: RunKey) -> Item:
    return {"PK": pipeline_pk(key.pipeline_id), "SK": f"SENSOR#postrun-baseline#{key.date}"}


def _log(entry: JobEntry, names: TableNames) -> Put:
    return Put(names.joblog, entry_row(entry), NOTHING_THERE, LOG)


def _count(rerun: RerunEntry, names: TableNames, number: int = 0) -> Put:
    return Put(names.rerun, rerun_row(rerun, number), NOTHING_THERE, COUNT)


def _close(decision: CloseRun, names: TableNames) -> list[Write]:
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
    writes: list[Write] = [_on_run(run, names.control, changes, remove=remove, expect=_held_with_rest(run))]
    writes += [_free_slot(run.key, names.control), _end_wait(run.key, names.control)]
    if decision.entry is not None:
        writes.append(_log(decision.entry, names))
    if decision.follow_up is not None:
        writes += _follow_up(decision.follow_up, decision.entry, names)
    writes += _judge(run.key, decision.judged, decision, names.control)
    return [*writes, *_baseline(run.key, decision.baseline, names.control)]


def _follow_up(asked: RequestRerun, closing: JobEntry | None, names: TableNames) -> list[Write]:
    """The rerun request of a close. If another request waits, its log entry and a note for that request's answer."""
    entry, standing = asked.entry, asked.replaces
    if entry is None or standing is None:
        return _request_rerun(asked, names)
    if closing is not None and milliseconds(entry.at) == milliseconds(closing.at):
        entry = replace(entry, at=entry.at + timedelta(milliseconds=1))
    return [_log(entry, names), _note_on_waiting(asked.key, standing, asked.requested_at, names.control)]


def _judge(
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


_MOST_DIGITS = 30
"""The digits of a number that a condition may surely carry."""


def _repair(decision: RepairRun, control: str) -> list[Write]:
    """The whole row in place of the corrupted one. A value that a condition may not carry is not compared."""
    row = decision.before.as_read
    absent = tuple(name for name in _FENCED_BY if name not in row)
    expect = Expect(exists=True, equals=_comparable(row, *_FENCED_BY), absent=absent)
    item = repaired_row(decision.after, awaits_post_run=decision.awaits_post_run)
    key = decision.after.key
    return [
        Put(control, item, expect, FENCE),
        _free_slot(key, control),
        _end_wait(key, control),
        *_judge(key, decision.judged, decision, control),
    ]


def _comparable(row: Mapping[str, Any], *names: str) -> Item:
    """The values of these names that a condition may carry. Values of other writers may be of any type and size."""
    found = {name: row[name] for name in names if name in row}
    return {name: value for name, value in found.items() if _is_comparable(value)}


def _is_comparable(value: Any) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite() and len(value.as_tuple().digits) <= _MOST_DIGITS
    return isinstance(value, str | bool)


def _run_as_read(decision: RecordBreach, control: str) -> list[Write]:
    key, run = decision.key, decision.run
    expect = NOTHING_THERE
    if run is not None:
        expect = Expect(equals={"status": str(run.status), **({"runToken": run.run_token} if run.run_token else {})})
    return [Check(control, pipeline_pk(key.pipeline_id), run_sk("TRIGGER", key), expect)]


def _open_attempt(decision: OpenAttempt, names: TableNames) -> list[Write]:
    before, after = decision.before, decision.after
    expect = NOTHING_THERE
    if before is not None:
        token = {"runToken": before.run_token} if before.run_token else {}
        expect = Expect(equals={"status": str(before.status), **token})
    writes: list[Write] = [
        Put(names.control, run_row(after), expect, FENCE),
        _count(decision.rerun, names),
        _log(decision.entry, names),
        _end_wait(after.key, names.control),
    ]
    if decision.request is not None:
        writes += _answer(after.key, decision.request, names.control)
        stale = _baseline_key(after.key)
        writes.append(Delete(names.control, stale["PK"], stale["SK"]))
    return writes


def _answer(key: RunKey, request: AnsweredRequest, control: str, role: str = "") -> list[Write]:
    """The answer of a request, written once. Its row leaves the pending index, unless it is that of a newer request."""
    name = rerun_marker(key, request.identity)
    writes: list[Write] = [Put(control, marker_row(key.pipeline_id, name, request.at), NOTHING_THERE, role)]
    if request.stands:
        row = Update(
            control,
            pipeline_pk(key.pipeline_id),
            run_sk("RERUN_REQUEST", key),
            set={"handledAt": format_time(request.at), "outcome": request.outcome},
            remove=("GSI1PK", "GSI1SK"),
            expect=request_as_read(request.requested_at, request.noted),
        )
        writes.append(row)
    return writes


def _reject_rerun(decision: RejectRerun, names: TableNames) -> list[Write]:
    """The answer of a rejected request. The late data that waited with it takes its row over."""
    key, request, follow_up, control = decision.key, decision.request, decision.follow_up, names.control
    logged = [*_count_rejection(decision.counted, control)]
    if decision.entry is not None:
        logged.append(_log(decision.entry, names))
    if follow_up is None:
        return [*_answer(key, request, control, FENCE), *logged]
    expect = request_as_read(request.requested_at, request.noted)
    answered = _answer(key, replace(request, stands=False), control, FENCE)
    return [*answered, Put(control, _own_request(follow_up), expect), *logged]


def _count_rejection(counted: CountedRejections | None, control: str) -> list[Write]:
    """The counter of rejections, on condition that it is as it was read."""
    if counted is None:
        return []
    return [Put(control, counter_row(counted), _rejections_as_read(counted.before))]


ANY_NOTE = object()
"""A rerun request's row may have any lateData."""


def request_as_read(requested_at: Any, noted: Any = ANY_NOTE, *absent: str) -> Expect:
    """The condition that a rerun request's row is as it was read. Values are compared as they are stored."""
    known = {"requestedAt": requested_at} | ({} if noted is ANY_NOTE else {"lateData": noted})
    equals = {name: value for name, value in known.items() if value is not UNSET}
    missing = tuple(name for name, value in known.items() if value is UNSET)
    return Expect(exists=None if equals else True, equals=equals, absent=(*missing, *absent))


def _own_request(decision: RequestRerun) -> Item:
    return {
        "PK": pipeline_pk(decision.key.pipeline_id),
        "SK": run_sk("RERUN_REQUEST", decision.key),
        "reason": decision.reason,
        "requestedAt": format_time(decision.requested_at),
        "requestedBy": "interlock",
        "GSI1PK": PENDING,
        "GSI1SK": format_time(decision.requested_at),
    }


def _request_rerun(decision: RequestRerun, names: TableNames) -> list[Write]:
    expect = NOTHING_THERE if decision.replaces is None else request_as_read(decision.replaces.requested_at)
    writes: list[Write] = [Put(names.control, _own_request(decision), expect)]
    if decision.entry is not None:
        writes.append(_log(decision.entry, names))
    if decision.settles is not None:
        writes.append(_post_run(decision.settles, names.control, settled=True))
    return writes


def _post_run(run: Run, control: str, *, settled: bool) -> Write:
    """The completed run is as it was read. It leaves the post-run index once no sensor is awaited."""
    token = {"runToken": run.run_token} if run.run_token else {}
    expect = Expect(equals={"status": str(RunStatus.COMPLETED), **token})
    pk, sk = pipeline_pk(run.key.pipeline_id), run_sk("TRIGGER", run.key)
    if not settled:
        return Check(control, pk, sk, expect)
    return Update(control, pk, sk, remove=("GSI1PK", "GSI1SK"), expect=expect)


def _note_after_run(decision: NoteAfterRun, names: TableNames) -> list[Write]:
    writes = [_post_run(decision.run, names.control, settled=decision.settled)]
    if decision.marker is not None and decision.at is not None:
        mark = marker_row(decision.run.key.pipeline_id, decision.marker, decision.at)
        writes.append(Put(names.control, mark, NOTHING_THERE, FENCE))
    if decision.entry is not None:
        writes.append(_log(decision.entry, names))
    if decision.waiting is not None and decision.at is not None:
        writes.append(_note_on_waiting(decision.run.key, decision.waiting, decision.at, names.control))
    return writes


def _note_on_waiting(key: RunKey, standing: StandingRequest, at: datetime, control: str) -> Update:
    """The note on a request that still waits. Its answer reads the note. The row enters the pending index again."""
    return Update(
        control,
        pipeline_pk(key.pipeline_id),
        run_sk("RERUN_REQUEST", key),
        set={"lateData": format_time(at), "GSI1PK": PENDING, "GSI1SK": format_time(at)},
        expect=request_as_read(standing.requested_at, standing.noted, "handledAt"),
    )


def _observe(decision: ObserveRun, control: str) -> list[Write]:
    dry_run, at = decision.dry_run, decision.dry_run.triggered_at
    assert at is not None
    row = dry_run_row(dry_run, at)
    return [
        _update_dry_run(row, control, _not_observed(dry_run), FENCE),
        *_arrival(dry_run.key, decision.arrived_at, control),
        *_open_kept(dry_run.key, decision.kept, at, control),
        *_baseline(dry_run.key, decision.baseline, control),
    ]


def _not_observed(dry_run: DryRun) -> Expect:
    """The date was not observed yet. A corrupted observation must be as it was read."""
    if "data" not in dry_run.corrupted:
        return Expect(absent=("data",))
    return Expect(exists=True, equals=_comparable(dry_run.corrupted, "data"))


def _update_dry_run(row: Item, control: str, expect: Expect, role: str = "") -> Update:
    changes = {name: value for name, value in row.items() if name not in {"PK", "SK"}}
    return Update(control, row["PK"], row["SK"], set=changes, expect=expect, role=role)


def _answer_dry_run(decision: AnswerDryRun, control: str) -> list[Write]:
    """The answer of a dry run, written once and counted on the DRY_RUN# row as it was read."""
    key = decision.after.key
    writes: list[Write] = []
    if decision.request is not None:
        writes += _answer(key, decision.request, control, FENCE)
    if decision.marker is not None:
        row = marker_row(key.pipeline_id, decision.marker, decision.at)
        writes.append(Put(control, row, NOTHING_THERE, FENCE))
    writes += _count_rejection(decision.counted, control)
    if decision.after != decision.before:
        writes.append(_update_dry_run(dry_run_row(decision.after, decision.at), control, _dry_run_as_read(decision)))
    return writes


def _dry_run_as_read(decision: AnswerDryRun) -> Expect:
    before = decision.before
    if before == DryRun(before.key):
        return NOTHING_THERE
    counted = {"reruns": list(before.reruns), "retries": before.retries}
    known = {name: value for name, value in counted.items() if name not in (*before.uncounted, *before.corrupted)}
    corrupted = _comparable(before.corrupted, *counted)
    return Expect(exists=True, equals={**known, **corrupted}, absent=before.uncounted)


def _mark(decision: Announce, control: str) -> list[Write]:
    if decision.marker is None or decision.at is None:
        return []
    row = marker_row(decision.pipeline_id, decision.marker, decision.at)
    return [Put(control, {**row, **day_of_marker(decision.pipeline_id, decision.marker)}, NOTHING_THERE, FENCE)]
