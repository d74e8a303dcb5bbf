"""The writes of a dry run."""

from interlock_lifecycle import AnswerDryRun, DryRun, ObserveRun
from interlock_store._plan._fences import comparable
from interlock_store._plan._jobs import new_baseline
from interlock_store._plan._kept import open_kept_rows
from interlock_store._plan._rejections import count_rejection
from interlock_store._plan._reruns import answer_request
from interlock_store._plan._starts import first_arrival
from interlock_store._rows import dry_run_row, marker_row
from interlock_store._write import FENCE, NOTHING_THERE, Expect, Item, Put, Update, Write


def observe(decision: ObserveRun, control: str) -> list[Write]:
    """The first observation of a date: the time at which its job would have started."""
    dry_run, at = decision.dry_run, decision.dry_run.triggered_at
    assert at is not None
    row = dry_run_row(dry_run, at)
    return [
        _update_dry_run(row, control, _not_observed(dry_run), FENCE),
        *first_arrival(dry_run.key, decision.arrived_at, control),
        *open_kept_rows(dry_run.key, decision.kept, at, control),
        *new_baseline(dry_run.key, decision.baseline, control),
    ]


def _not_observed(dry_run: DryRun) -> Expect:
    """The date was not observed yet. A corrupted observation must be as it was read."""
    if "data" not in dry_run.corrupted:
        return Expect(absent=("data",))
    return Expect(exists=True, equals=comparable(dry_run.corrupted, "data"))


def _update_dry_run(row: Item, control: str, expect: Expect, role: str = "") -> Update:
    changes = {name: value for name, value in row.items() if name not in {"PK", "SK"}}
    return Update(control, row["PK"], row["SK"], set=changes, expect=expect, role=role)


def answer_dry_run(decision: AnswerDryRun, control: str) -> list[Write]:
    """The answer of a dry run, written once and counted on the DRY_RUN# row as it was read."""
    key = decision.after.key
    writes: list[Write] = []
    if decision.request is not None:
        writes += answer_request(key, decision.request, control, FENCE)
    if decision.marker is not None:
        row = marker_row(key.pipeline_id, decision.marker, decision.at)
        writes.append(Put(control, row, NOTHING_THERE, FENCE))
    writes += count_rejection(decision.counted, control)
    if decision.after != decision.before:
        writes.append(_update_dry_run(dry_run_row(decision.after, decision.at), control, _dry_run_as_read(decision)))
    return writes


def _dry_run_as_read(decision: AnswerDryRun) -> Expect:
    before = decision.before
    if before == DryRun(before.key):
        return NOTHING_THERE
    counted = {"reruns": list(before.reruns), "retries": before.retries}
    known = {name: value for name, value in counted.items() if name not in (*before.uncounted, *before.corrupted)}
    corrupted = comparable(before.corrupted, *counted)
    return Expect(exists=True, equals={**known, **corrupted}, absent=before.uncounted)
