"""`interlock status --watch` in a terminal that is too low: the most urgent rows, and the number of the other lines."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pyte
import pytest
from rich.console import Console

from interlock_cli._output._console import Output
from interlock_cli._runs import _status
from interlock_lifecycle.reports import Progress, RunReport, SlaReport
from interlock_sla import Clock
from interlock_store import PipelineStatus, StoredConfig, UnreadableStatus

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
BREACH = SlaReport(Clock.ABSOLUTE, NOW - timedelta(hours=1), "breach", judged_at=NOW)


def run(
    day: int, progress: Progress = Progress.COMPLETED, reason: str = "", sla: tuple[SlaReport, ...] = ()
) -> RunReport:
    return RunReport(f"2026-03-{day:02}", progress, 0, reason, None, sla)


def status(*dates: RunReport | UnreadableStatus, name: str = "orders", problem: str = "") -> PipelineStatus:
    return PipelineStatus(name, problem, list(dates), StoredConfig(None, problem))


def watched(
    monkeypatch: pytest.MonkeyPatch, found: list[PipelineStatus], columns: int = 80, lines: int = 24
) -> list[str]:
    """The lines of a terminal after the first look, without those above its top."""
    text = StringIO()
    console = Console(file=text, force_terminal=True, width=columns, height=lines, legacy_windows=False)

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_status, "console", lambda: Output(console))
    monkeypatch.setattr("interlock_cli._runs._status.time.sleep", stop)
    _status._watch(lambda _: found)
    screen = pyte.Screen(columns, lines)
    screen.set_mode(pyte.modes.LNM)
    pyte.Stream(screen).feed(text.getvalue())
    assert len(text.getvalue().splitlines()) <= lines - 1
    return [line.rstrip() for line in screen.display if line.strip()]


def test_short_list_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = watched(monkeypatch, [status(*(run(day) for day in range(1, 23)))])
    assert shown[:-1] == [f"orders 2026-03-{day:02} completed" for day in range(1, 23)]
    assert shown[-1].endswith("Z, again in 5 s, until Ctrl-C")


def test_lines_that_do_not_fit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = watched(monkeypatch, [status(*(run(day) for day in range(1, 24)))])
    assert shown[:-2] == [f"orders 2026-03-{day:02} completed" for day in range(1, 22)]
    assert shown[-2] == "2 more lines: make the terminal higher, or choose with --state"


@pytest.mark.parametrize("columns", [80, 120])
def test_most_urgent_rows_stay(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    urgent = [
        run(2, Progress.HELD, "landing: no such sensor has arrived"),
        run(9, Progress.RUNNING, sla=(BREACH,)),
        UnreadableStatus("2026-03-12", "row PIPELINE#a is broken"),
        run(20, Progress.FAILED, "boom"),
        run(25, Progress.NOT_BEGUN),
    ]
    days = {int(one.date[-2:]): one for one in urgent}
    found = [
        status(*(days.get(day, run(day)) for day in range(1, 31))),
        status(name="broken", problem="schedule: invalid"),
        status(*(run(day, Progress.RUNNING) for day in range(1, 31)), name="rates"),
    ]
    shown = watched(monkeypatch, found, columns)
    text = "\n".join(shown)
    for word in (
        "2026-03-02 ",
        "2026-03-09 ",
        "2026-03-12 ",
        "2026-03-20 ",
        "2026-03-25 ",
        "boom",
        "schedule: invalid",
    ):
        assert word in text
    assert "completed" not in text
    assert shown[-2].endswith(" more lines: make the terminal higher, or choose with --state")
    assert len(shown) == 23


@pytest.mark.parametrize(("columns", "lines"), [(20, 10), (30, 5), (120, 3), (80, 1)])
def test_tiny_terminal_keeps_the_count(columns: int, lines: int) -> None:
    found = [status(*(run(day, Progress.HELD, "landing: no such sensor has arrived") for day in range(1, 31)))]
    text = StringIO()
    console = Console(file=text, force_terminal=True, width=columns, height=lines, legacy_windows=False)
    _status.print_fitting(Output(console), found, NOW, below=1)
    assert " more lines: make the terminal higher" in text.getvalue()
