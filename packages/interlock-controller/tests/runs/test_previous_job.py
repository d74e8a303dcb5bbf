"""The next attempt does not check a previous job with a known end."""

import pytest
from run_bench import GLUE, Bench, Board

from interlock_triggers import Category, CheckFailed, State, Status


@pytest.mark.parametrize("since", [Status(State.RUNNING, None), CheckFailed(Category.TRANSIENT, "no answer", "glue")])
def test_the_next_attempt_does_not_check_an_ended_job(since: Status | Exception) -> None:
    board = Board()
    bench = Bench(GLUE, board)
    bench.ask("evaluate")
    bench.ask("trigger")
    board.status = Status(State.FAILED, Category.TRANSIENT, "bad luck")
    assert bench.complete(bench.ask("check-job")).status == "retrying"
    bench.mark_started()
    bench.ask("evaluate")
    asked, board.status = len(board.asked), since
    assert bench.ask("trigger").status == "running"
    assert (len(board.asked), len(board.starts)) == (asked, 2)
