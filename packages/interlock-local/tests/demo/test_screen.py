"""The board of the demo in an emulated terminal, 80x24 and 160x50, as a person sees it."""

from collections.abc import Mapping
from io import StringIO

import pyte
import pytest
from rich.console import Console, RenderableType
from rich.live import Live

from interlock_lifecycle.reports import Progress
from interlock_local.demo._screen import Screen
from interlock_local.demo._script import BRONZE, DRY_RUN, GOLD, SILVER

HOURS = tuple(f"{hour:02}" for hour in range(24))
DAYS = {"2026-03-03": HOURS, "2026-03-04": HOURS[:20]}


class Report:
    """A report as the board reads it."""

    def __init__(self, progress: Progress, attempt: int = 0, reason: str = "") -> None:
        self.progress, self.attempt, self.reason = progress, attempt, reason


class Paper:
    """The output of a command, at a terminal of a size."""

    def __init__(self, columns: int, rows: int) -> None:
        self.text = StringIO()
        self.console = Console(file=self.text, force_terminal=True, width=columns, height=rows, legacy_windows=False)
        self.is_terminal, self.width = True, columns

    def line(self, *parts: object) -> None:
        self.console.print("".join(part if isinstance(part, str) else str(part) for part in parts))

    def table(self, made: object) -> None:
        raise AssertionError(made)

    def live(self, picture: RenderableType) -> Live:
        return Live(picture, console=self.console, auto_refresh=False, transient=True)


def seen(columns: int, rows: int) -> list[str]:
    """The lines of an emulated terminal that shows the board."""
    paper = Paper(columns, rows)
    screen = Screen(paper, DAYS)
    reports: Mapping[tuple[str, str], Report] = {
        **{(BRONZE, f"2026-03-03T{hour}"): Report(Progress.COMPLETED) for hour in HOURS[:20]},
        (BRONZE, "2026-03-03T03"): Report(Progress.COMPLETED, attempt=1),
        (BRONZE, "2026-03-03T20"): Report(Progress.HELD, reason="landing: count is 500, needs gte 1000 (500 short)"),
        (BRONZE, "2026-03-03T21"): Report(Progress.FAILED, attempt=2),
        (SILVER, "2026-03-03T00"): Report(Progress.RUNNING),
        (GOLD, "2026-03-03"): Report(Progress.EVALUATING),
    }
    with screen:
        screen.show(reports, {"2026-03-03T01"}, "roster-flights waits for its calendar")  # type: ignore[arg-type]
        assert screen._live is not None
        screen._live.refresh()
        shown = pyte.Screen(columns, rows)
        shown.set_mode(pyte.modes.LNM)
        pyte.Stream(shown).feed(paper.text.getvalue())
    return [line.rstrip() for line in shown.display]


BOARD_80 = f"""\
day         pipeline        00 03 06 09 12 15 18 21   day's run
2026-03-03  {BRONZE}  ✓✓✓✓✓✓✓✓✓✓✓✓✓✓✓✓✓✓✓✓H✗--
            {DRY_RUN}   -w----------------------
            {SILVER}  R-----------------------  e
2026-03-04  {BRONZE}  --------------------
            {DRY_RUN}   --------------------
            {SILVER}  --------------------      -
"""


def test_board_is_whole_in_80_columns() -> None:
    lines = seen(80, 24)
    begin = next(n for n, line in enumerate(lines) if line.startswith("day "))
    assert "\n".join(lines[begin : begin + 7]) + "\n" == BOARD_80
    rest = "\n".join(lines[begin + 7 :])
    assert "held bronze-flights 2026-03-03T20: landing: count is 500" in rest
    assert "roster-flights waits for its calendar" in rest
    assert "would run" in rest


def test_board_of_160_columns_has_the_attempts() -> None:
    lines = seen(160, 50)
    header = next(line for line in lines if line.startswith("day "))
    assert header.split() == ["day", "pipeline", *HOURS, "day's", "run"]
    (row,) = [line for line in lines if line.startswith(f"2026-03-03  {BRONZE}")]
    assert row.split()[2:] == ["✓"] * 3 + ["✓1"] + ["✓"] * 16 + ["H", "✗2", "-", "-"]


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (100, 30), (160, 50)])
def test_no_cell_is_cut_and_the_board_fits(columns: int, rows: int) -> None:
    lines = [line for line in seen(columns, rows) if line]
    assert len(lines) < rows
    board = [line for line in lines if line.startswith(("day", "2026", "  "))]
    assert len(board) == 7
    assert not any("…" in line for line in board)
