"""The previous attempt's job: whose end is known, nobody asks for it again."""

import pytest
from run_bench import GLUE, Bench, Board

from interlock_triggers import Category, CheckFailed, State, Status


@pytest.mark.parametrize("since", [Status(State.RUNNING, None), CheckFailed(Category.TRANSIENT, "no answer", "glue")])
def test_a_job_that_has_ended_is_not_asked_for_by_the_next_attempt(since: Status | Exception) -> None:
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
