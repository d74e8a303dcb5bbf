"""The writes of a waiting execution."""

from msgspec.structs import replace

from interlock_lifecycle import JobIntent, OpenWait, Run, RunKey, Wait
from interlock_lifecycle.waits import name_of_job
from interlock_store._plan._fences import held_by_execution
from interlock_store._rows import LOOKING, format_time, job_row, pipeline_pk, run_sk, wait_row
from interlock_store._write import ANYTHING, FENCE, NOTHING_THERE, Check, Delete, Expect, Item, Put, Update, Write


def open_wait(decision: OpenWait, control: str) -> list[Write]:
    """The new row. The row of an earlier execution is as it was read, and a corrupted one is replaced in any case."""
    run, before = decision.run, decision.before
    held = Check(control, pipeline_pk(run.key.pipeline_id), run_sk("TRIGGER", run.key), held_by_execution(run), FENCE)
    expect = NOTHING_THERE if before is None else Expect(equals={"runToken": before.run_token})
    if before is not None and not before.is_whole:
        expect = ANYTHING
    lease = run.lease_until or run.committed_at
    writes: list[Write] = [held, Put(control, wait_row(decision.wait, lease), expect)]
    job = name_of_job(decision.job)
    return writes if job is None else [*writes, Put(control, job_row(job, run.key, lease))]


def register_wait(wait: Wait, control: str) -> Update:
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
    return replace(on_wait(wait.key, control, changes, Expect(equals=known)), remove=("wokenAt",))


def on_wait(key: RunKey, control: str, changes: Item, expect: Expect) -> Update:
    """A change of a WAIT# row, which is as it was read."""
    return Update(control, pipeline_pk(key.pipeline_id), run_sk("WAIT", key), set=changes, expect=expect, role=FENCE)


def follow_by_events(run: Run, intent: JobIntent, wait: Wait | None, control: str) -> list[Write]:
    """The rows of a job that is followed by events: the wait of its run, and the name by which an event finds it."""
    job = name_of_job(intent)
    if wait is None or job is None:
        return []
    lease = run.lease_until or run.committed_at
    return [Put(control, wait_row(wait, lease)), Put(control, job_row(job, run.key, lease))]


def end_wait(key: RunKey, control: str) -> Delete:
    """The end of a wait."""
    return Delete(control, pipeline_pk(key.pipeline_id), run_sk("WAIT", key))
