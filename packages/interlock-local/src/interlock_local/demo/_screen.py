"""Shows the replay: the lines so far, and below them a grid of the runs and the holds with their reasons."""

from collections.abc import Mapping, Set
from datetime import UTC, datetime

from rich.console import Group
from rich.live import Live
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from interlock_lifecycle.reports import Progress, RunReport
from interlock_local._terminal import Output, Part
from interlock_local.demo._script import BRONZE, DRY_RUN, GOLD, SILVER

_MARKS = {
    Progress.COMMITTED: ("·", "cyan"),
    Progress.HELD: ("H", "yellow"),
    Progress.EVALUATING: ("e", "cyan"),
    Progress.RUNNING: ("R", "blue"),
    Progress.COMPLETED: ("✓", "green"),
    Progress.FAILED: ("✗", "red"),
}
_WOULD_RUN = ("w", "magenta")
_SHOWN_HOLDS = 4
_HOUR_COLUMNS = 3
_OTHER_COLUMNS = 45
"""Columns of the day, the pipeline and the run of the day, with their padding."""

_TICK = 3
"""Each third hour has its number above a narrow grid."""


class Screen:
    """The lines of the replay, and on a terminal a live picture below them. A context manager."""

    def __init__(self, out: Output, hours: Mapping[str, tuple[str, ...]]) -> None:
        self._out = out
        self._hours = hours
        self._reports: dict[tuple[str, str], RunReport] = {}
        self._would_run: Set[str] = frozenset()
        self._note = ""
        self._began = datetime.now(UTC)
        self._live: Live | None = None

    def __enter__(self) -> "Screen":
        self._began = datetime.now(UTC)
        if self._out.is_terminal:
            self._live = self._out.live(self._picture())
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def say(self, *parts: Part) -> None:
        """Print one line with the time since the start."""
        self._out.line(("dim", f"{self._elapsed():5.1f} s"), " ", *parts)

    def show(self, reports: Mapping[tuple[str, str], RunReport], would_run: Set[str], note: str) -> None:
        """Show the state of each run, the hours that the dry run would have run, and a line about the roster."""
        self._reports, self._would_run, self._note = dict(reports), would_run, note
        if self._live is not None:
            self._live.update(self._picture())

    def _elapsed(self) -> float:
        return (datetime.now(UTC) - self._began).total_seconds()

    def _picture(self) -> Group:
        note = Text(self._note, style="dim", overflow="ellipsis", no_wrap=True)
        return Group(Rule(style="dim"), self._grid(), self._legend(), note, *self._holds())

    def _grid(self) -> Table:
        columns = max(len(hours) for hours in self._hours.values())
        return self._wide() if self._out.width >= _OTHER_COLUMNS + _HOUR_COLUMNS * columns else self._narrow()

    def _narrow(self) -> Table:
        """One character per hour, for a terminal of 80 columns. It shows no number of an attempt."""
        shown = Table(box=None, pad_edge=False)
        first = next(iter(self._hours.values()))
        ticks = "".join(f"{hour:<{_TICK}}" for hour in first[::_TICK])
        for heading in ("day", "pipeline", ticks, "day's run"):
            shown.add_column(heading, no_wrap=True)
        for day, hours in self._hours.items():
            for name in (BRONZE, DRY_RUN, SILVER):
                marks = Text()
                for hour in hours:
                    marks.append_text(self._mark(name, f"{day}T{hour}")[:1])
                gold = self._mark(GOLD, day) if name == SILVER else Text("")
                shown.add_row(day if name == BRONZE else "", name, marks, gold)
        return shown

    def _wide(self) -> Table:
        shown = Table(box=None, pad_edge=False)
        shown.add_column("day")
        shown.add_column("pipeline")
        columns = max(len(hours) for hours in self._hours.values())
        first = next(iter(self._hours.values()))
        for position in range(columns):
            shown.add_column(first[position] if position < len(first) else "")
        shown.add_column("day's run")
        for day, hours in self._hours.items():
            for name in (BRONZE, DRY_RUN, SILVER):
                cells = [self._mark(name, f"{day}T{hour}") for hour in hours]
                gold = self._mark(GOLD, day) if name == SILVER else Text("")
                padding = [Text("")] * (columns - len(cells))
                shown.add_row(day if name == BRONZE else "", name, *cells, *padding, gold)
        return shown

    def _mark(self, pipeline: str, date: str) -> Text:
        if pipeline == DRY_RUN and date in self._would_run:
            return Text(*_WOULD_RUN)
        report = self._reports.get((pipeline, date))
        if report is None:
            return Text("-", style="dim")
        mark, colour = _MARKS[report.progress]
        return Text(mark + (str(report.attempt) if report.attempt else ""), style=colour)

    def _legend(self) -> Text:
        text = Text(f"{self._elapsed():.0f} s   ", style="dim")
        for progress, (mark, colour) in _MARKS.items():
            text.append(f"{mark} ", style=colour).append(f"{progress}  ", style="dim")
        return text.append(f"{_WOULD_RUN[0]} ", style=_WOULD_RUN[1]).append("would run", style="dim")

    def _holds(self) -> list[Text]:
        held = [(one, report) for one, report in self._reports.items() if report.progress is Progress.HELD]
        return [
            Text.assemble(("held ", "yellow"), f"{pipeline} {date}: {report.reason}", overflow="ellipsis", no_wrap=True)
            for (pipeline, date), report in held[:_SHOWN_HOLDS]
        ]
