"""The writes of a passed evaluation and of a job's start."""

from msgspec import UNSET

from interlock_lifecycle import CommitIntent, PassEvaluation, Run, RunKey, RunStatus
from interlock_store._plan._fences import held_by_execution, on_run
from interlock_store._plan._kept import kept_version
from interlock_store._plan._waiting import end_wait
from interlock_store._rows import CONFIG, day_of_run, format_time, intent_row, pipeline_pk
from interlock_store._write import Check, Expect, Item, Put, Update, Write


def unpaused(decision: CommitIntent, control: str) -> list[Write]:
    """The condition that the pipeline was not paused since its config was read."""
    pause = decision.pause_as_read
    if pause is UNSET:
        return []
    expect = Expect(absent=("pausedUntil",)) if pause is None else Expect(equals={"pausedUntil": pause})
    return [Check(control, pipeline_pk(decision.run.key.pipeline_id), CONFIG, expect)]


def pass_evaluation(decision: PassEvaluation, control: str) -> list[Write]:
    """The passed evaluation, once per execution, with the rows that it read and kept."""
    held = Expect(equals=held_by_execution(decision.run).equals, absent=("evaluatedAt",))
    noted: Item = {"evaluatedAt": format_time(decision.evaluated_at), "evaluatedSensors": decision.seen}
    passed = on_run(decision.run, control, noted, expect=held)
    kept = (
        [] if decision.kept is None else [kept_version(decision.run.key, decision.kept, decision.evaluated_at, control)]
    )
    ended = [end_wait(decision.run.key, control)] if decision.ends_wait else []
    return [passed, *new_baseline(decision.run.key, decision.baseline, control), *kept, *ended]


def set_intent(run: Run, control: str, intent: str | None) -> Update:
    """The intent of a start as JSON, in place of the one that was read. None removes it."""
    before = intent_row(run.job_intent) if run.job_intent else None
    expect = Expect(
        equals={**held_by_execution(run).equals, **({"jobIntent": before} if before else {})},
        absent=() if before else ("jobIntent",),
    )
    day = day_of_run(run.key, RunStatus.RUNNING, has_job=intent is not None)
    if intent is None:
        return on_run(run, control, day, remove=("jobIntent",), expect=expect)
    return on_run(run, control, {"jobIntent": intent, **day}, expect=expect)


def new_baseline(key: RunKey, baseline: dict[str, Item] | None, control: str) -> list[Write]:
    """The rows of the post-run sensors at the start, with which later rows are compared."""
    if baseline is None:
        return []
    return [Put(control, {**baseline_key(key), "data": baseline})]


def baseline_key(key: RunKey) -> Item:
    """The key of the baseline of a date."""
    return {"PK": pipeline_pk(key.pipeline_id), "SK": f"SENSOR#postrun-baseline#{key.date}"}
