"""The writes of reruns, their requests and answers, and of what is noted after a run."""

from datetime import datetime
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from interlock_lifecycle import (
    AnsweredRequest,
    JobEntry,
    NoteAfterRun,
    OpenAttempt,
    RejectRerun,
    RequestRerun,
    RerunEntry,
    Run,
    RunKey,
    RunStatus,
    StandingRequest,
)
from interlock_store._plan._jobs import baseline_key
from interlock_store._plan._rejections import count_rejection
from interlock_store._plan._waiting import end_wait
from interlock_store._rows import (
    PENDING,
    entry_row,
    format_time,
    marker_row,
    pipeline_pk,
    rerun_marker,
    rerun_row,
    run_row,
    run_sk,
)
from interlock_store._tables import TableNames
from interlock_store._write import COUNT, FENCE, LOG, NOTHING_THERE, Check, Delete, Expect, Item, Put, Update, Write


def log_entry(entry: JobEntry, names: TableNames) -> Put:
    """An entry of the job log. The store moves it to the next free millisecond."""
    return Put(names.joblog, entry_row(entry), NOTHING_THERE, LOG)


def _count(rerun: RerunEntry, names: TableNames, number: int = 0) -> Put:
    return Put(names.rerun, rerun_row(rerun, number), NOTHING_THERE, COUNT)


def open_attempt(decision: OpenAttempt, names: TableNames) -> list[Write]:
    """The next attempt of a date, with its entry in the budget and the answer of its request."""
    before, after = decision.before, decision.after
    expect = NOTHING_THERE
    if before is not None:
        token = {"runToken": before.run_token} if before.run_token else {}
        expect = Expect(equals={"status": str(before.status), **token})
    writes: list[Write] = [
        Put(names.control, run_row(after), expect, FENCE),
        _count(decision.rerun, names),
        log_entry(decision.entry, names),
        end_wait(after.key, names.control),
    ]
    if decision.request is not None:
        writes += answer_request(after.key, decision.request, names.control)
        stale = baseline_key(after.key)
        writes.append(Delete(names.control, stale["PK"], stale["SK"]))
    return writes


def answer_request(key: RunKey, request: AnsweredRequest, control: str, role: str = "") -> list[Write]:
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


def reject_rerun(decision: RejectRerun, names: TableNames) -> list[Write]:
    """The answer of a rejected request. The late data that waited with it takes its row over."""
    key, request, follow_up, control = decision.key, decision.request, decision.follow_up, names.control
    logged = [*count_rejection(decision.counted, control)]
    if decision.entry is not None:
        logged.append(log_entry(decision.entry, names))
    if follow_up is None:
        return [*answer_request(key, request, control, FENCE), *logged]
    expect = request_as_read(request.requested_at, request.noted)
    answered = answer_request(key, replace(request, stands=False), control, FENCE)
    return [*answered, Put(control, _own_request(follow_up), expect), *logged]


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


def request_rerun(decision: RequestRerun, names: TableNames) -> list[Write]:
    """The request of a rerun, in the row that held no other request."""
    expect = NOTHING_THERE if decision.replaces is None else request_as_read(decision.replaces.requested_at)
    writes: list[Write] = [Put(names.control, _own_request(decision), expect)]
    if decision.entry is not None:
        writes.append(log_entry(decision.entry, names))
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


def note_after_run(decision: NoteAfterRun, names: TableNames) -> list[Write]:
    """A note about a completed run: a marker, a log entry, or a note on the request that waits."""
    writes = [_post_run(decision.run, names.control, settled=decision.settled)]
    if decision.marker is not None and decision.at is not None:
        mark = marker_row(decision.run.key.pipeline_id, decision.marker, decision.at)
        writes.append(Put(names.control, mark, NOTHING_THERE, FENCE))
    if decision.entry is not None:
        writes.append(log_entry(decision.entry, names))
    if decision.waiting is not None and decision.at is not None:
        writes.append(note_on_waiting(decision.run.key, decision.waiting, decision.at, names.control))
    return writes


def note_on_waiting(key: RunKey, standing: StandingRequest, at: datetime, control: str) -> Update:
    """The note on a request that still waits. Its answer reads the note. The row enters the pending index again."""
    return Update(
        control,
        pipeline_pk(key.pipeline_id),
        run_sk("RERUN_REQUEST", key),
        set={"lateData": format_time(at), "GSI1PK": PENDING, "GSI1SK": format_time(at)},
        expect=request_as_read(standing.requested_at, standing.noted, "handledAt"),
    )
