"""Corrupted rerun rows hold up no close, and they count against the budget."""

from typing import Any

import pytest
from run_bench import GLUE, Bench, Board

from interlock_lifecycle import RunStatus
from interlock_store._write import Put
from interlock_triggers import Category, State, Status


def bench_with(board: Board, **rerun: Any) -> Bench:
    """A run with a started job, and one such rerun row of its date."""
    bench = Bench(GLUE, board)
    row = {"PK": "PIPELINE#bronze", "SK": "RERUN#stream#2026-03-03#0", **rerun}
    bench.store._tables.transact([Put(bench.store.names.rerun, row)])
    assert bench.ask("evaluate").status == "passed"
    bench.ask("trigger")
    return bench


@pytest.mark.parametrize("triggered_at", ["yesterday", 1772539200, None])
@pytest.mark.parametrize("mode", ["complete-trigger", "infra-failure"])
def test_a_rerun_row_without_a_time_does_not_hold_up_a_close(mode: str, triggered_at: object) -> None:
    board = Board()
    bench = bench_with(board, reason="manual", triggeredAt=triggered_at)
    board.status = Status(State.SUCCEEDED, None)
    if mode == "complete-trigger":
        assert bench.complete(bench.ask("check-job")).status == "succeeded"
    else:
        assert bench.ask(mode, failure={"Error": "x", "Cause": "y"}).status == "failed"
    assert bench.run.status is not RunStatus.RUNNING


@pytest.mark.parametrize(("reason", "status"), [("job-fail-retry", "failed"), ("manual", "retrying")])
def test_a_rerun_row_without_a_time_counts_by_its_reason(reason: str, status: str) -> None:
    board = Board()
    bench = bench_with(board, reason=reason, triggeredAt="yesterday")
    board.status = Status(State.FAILED, Category.TRANSIENT, "bad luck")
    assert bench.complete(bench.ask("check-job")).status == status
