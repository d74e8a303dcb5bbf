"""The conditions that a row is as it was read, so that of two invocations one commits."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from interlock_lifecycle import RecordBreach, Run, RunStatus
from interlock_store._rows import format_time, intent_row, pipeline_pk, rest_row, run_sk
from interlock_store._write import FENCE, NOTHING_THERE, Check, Expect, Item, Update, Write


def held_by_execution(run: Run) -> Expect:
    """The fence: the row is RUNNING and belongs to this execution."""
    return Expect(equals={"status": str(RunStatus.RUNNING), "runToken": run.run_token})


def held_with_rest(run: Run) -> Expect:
    """Like `held_by_execution`. The row must also have no newer note of a repeated hour."""
    if run.rest is None:
        return Expect(equals=held_by_execution(run).equals, absent=("restOfHour",))
    return Expect(equals={**held_by_execution(run).equals, "restOfHour": rest_row(run.rest)})


def unchanged(run: Run) -> Expect:
    """The row is as it was read. An invocation of an ended execution may still commit its intent or its pass."""
    known = {
        "jobIntent": intent_row(run.job_intent) if run.job_intent else None,
        "evaluatedAt": format_time(run.evaluated_at) if run.evaluated_at else None,
        "restOfHour": rest_row(run.rest) if run.rest else None,
    }
    equals = {name: value for name, value in known.items() if value is not None}
    absent = tuple(name for name, value in known.items() if value is None)
    return Expect(equals={**held_by_execution(run).equals, **equals}, absent=absent)


def on_run(
    run: Run, control: str, changes: Item, *, remove: Iterable[str] = (), expect: Expect | None = None
) -> Update:
    """A change of a trigger row, which the execution of `run` must still own."""
    return Update(
        control,
        pipeline_pk(run.key.pipeline_id),
        run_sk("TRIGGER", run.key),
        set=changes,
        remove=tuple(remove),
        expect=expect or held_by_execution(run),
        role=FENCE,
    )


def not_started(run: Run) -> Expect:
    """The fence of a run whose execution is not started yet."""
    before = run.started_token
    return Expect(
        equals={**held_by_execution(run).equals, **({"startedToken": before} if before else {})},
        absent=() if before else ("startedToken",),
    )


_MOST_DIGITS = 30
"""The digits of a number that a condition may surely carry."""


def comparable(row: Mapping[str, Any], *names: str) -> Item:
    """The values of these names that a condition may carry. Values of other writers may be of any type and size."""
    found = {name: row[name] for name in names if name in row}
    return {name: value for name, value in found.items() if _is_comparable(value)}


def _is_comparable(value: Any) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite() and len(value.as_tuple().digits) <= _MOST_DIGITS
    return isinstance(value, str | bool)


def run_as_read(decision: RecordBreach, control: str) -> list[Write]:
    """The condition that the run of a breached date is as it was read."""
    key, run = decision.key, decision.run
    expect = NOTHING_THERE
    if run is not None:
        expect = Expect(equals={"status": str(run.status), **({"runToken": run.run_token} if run.run_token else {})})
    return [Check(control, pipeline_pk(key.pipeline_id), run_sk("TRIGGER", key), expect)]
