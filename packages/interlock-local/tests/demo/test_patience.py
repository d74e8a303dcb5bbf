"""The patience of the demo runs out without progress only."""

from interlock_local.demo._patience import Patience


def test_patience_lasts_as_long_as_progress_is_made() -> None:
    now = [0.0]
    patience = Patience(30.0, lambda: now[0])
    for seen in range(10):
        now[0] += 29.0
        patience.note(seen)
        assert not patience.is_over


def test_patience_runs_out_without_a_change() -> None:
    now = [0.0]
    patience = Patience(30.0, lambda: now[0])
    patience.note(1)
    for quiet, is_over in ((29.9, False), (30.0, True)):
        now[0] = quiet
        patience.note(1)
        assert (patience.quiet, patience.is_over) == (quiet, is_over)
