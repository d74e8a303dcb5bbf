"""Prints the status of pipelines for people: a line per date with its reason and its deadlines."""

import textwrap
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from interlock_cli._output._called import as_called
from interlock_cli._output._console import Cell, Output, Part, console, show_moment, show_span, table
from interlock_cli._output._counted import counted
from interlock_cli._output._foreign import shown as shown_text
from interlock_cli._runs._status_choice import BY_URGENCY, EXCLUDED, UNREADABLE, kinds_of
from interlock_cli._runs._status_rows import DRY_RUN, PAUSED, REMOVED, excluded_alone, is_ahead_or_over, say_excluded
from interlock_lifecycle.reports import Progress, RunReport, SlaReport
from interlock_sla import Clock
from interlock_store import PipelineStatus, UnreadableStatus

_NARROW = 100
"""The number of columns from which the reasons are a column of the table."""

_INDENT = "  "
_WHOLE = ("pipeline", "date", "state")
_COLOURS = {
    Progress.COMMITTED: "cyan",
    Progress.HELD: "yellow",
    Progress.EVALUATING: "cyan",
    Progress.RUNNING: "blue",
    Progress.COMPLETED: "green",
    Progress.FAILED: "red",
    Progress.NOT_BEGUN: "yellow",
}


class _Row(Struct, frozen=True):
    """One line of the table. urgency: its most urgent state, of BY_URGENCY."""

    pipeline: str
    date: str
    state: Part
    attempt: str
    reason: Cell
    urgency: str


def print_statuses(found: list[PipelineStatus], now: datetime) -> None:
    """Print a table that is readable at 100 columns. In a narrower terminal each reason has lines of its own."""
    _print(console(), _all_rows(found, now))


def print_fitting(out: Output, found: list[PipelineStatus], now: datetime, below: int) -> None:
    """Print the most urgent rows that fit into the terminal above `below` further lines, in the order of the table.

    The last line has the number of lines that do not fit.
    """
    rows = _all_rows(found, now)
    by_urgency = sorted(range(len(rows)), key=lambda place: BY_URGENCY.index(rows[place].urgency))

    def first(number: int) -> list[_Row]:
        """The most urgent rows, in the order of the table."""
        return [rows[place] for place in sorted(by_urgency[:number])]

    def lines(number: int) -> int:
        return out.lines_of(lambda: _print(out, first(number)))

    # The cursor is on a line of its own, below all others.
    room, whole = out.height - below - 1, lines(len(rows))
    if whole <= room:
        _print(out, rows)
        return
    room -= out.lines_of(lambda: out.line(_more(whole)))
    # Each row has a line, so a longer search finds no more.
    number = bisect_right(range(1, min(len(rows), room) + 1), room, key=lines)
    _print(out, first(number))
    out.line(("yellow", _more(whole - lines(number))))


def _more(lines: int) -> str:
    return f"{counted(lines, 'more line')}: make the terminal higher, or choose with --state"


def _all_rows(found: list[PipelineStatus], now: datetime) -> list[_Row]:
    return [row for one in found for row in _rows(one, now)]


def _print(out: Output, rows: Sequence[_Row]) -> None:
    if not rows:
        out.line("no pipelines yet, or none with these options")
    elif out.width < _NARROW:
        _print_narrow(out, rows)
    else:
        made = table("pipeline", "date", "state", "attempt", "reason and deadlines", whole=_WHOLE)
        for row in rows:
            made.add_row(row.pipeline, row.date, row.state, row.attempt, row.reason)
        out.table(made)


def _print_narrow(out: Output, rows: Sequence[_Row]) -> None:
    for row in rows:
        attempt, reason = f" attempt {row.attempt}" if row.attempt else "", row.reason
        out.line(row.pipeline, " " * bool(row.date), row.date, " ", row.state, attempt)
        for line in reason if isinstance(reason, list) else [[reason]] if reason else []:
            text = "".join(part if isinstance(part, str) else part[1] for part in line)
            if out.width - len(_INDENT) >= len(text):
                out.line(_INDENT, *line)
                continue
            for piece in textwrap.wrap(shown_text(text), out.width - len(_INDENT), subsequent_indent="  "):
                out.line(_INDENT, piece)


def _rows(one: PipelineStatus, now: datetime) -> Iterator[_Row]:
    excluded, pause = excluded_alone(one), one.pause(now)
    if not one.stored.exists:
        words = f"{one.problem}, and its rows stay"
        yield _Row(one.pipeline, "", ("yellow", REMOVED), "", words, Progress.NOT_BEGUN)
    elif one.problem:
        yield _Row(one.pipeline, "", ("red", "config invalid"), "", one.problem, UNREADABLE)
    elif pause is None and not one.dates and excluded is None:
        yield _without_dates(one)
    if pause is not None:
        yield _Row(one.pipeline, "", ("yellow", PAUSED), "", str(pause), Progress.HELD)
    for line in one.dates:
        yield _cells(one, line, now)
    if excluded is not None:
        words = say_excluded(excluded)
        yield _Row(one.pipeline, excluded.day.isoformat(), ("cyan", EXCLUDED), "", words, EXCLUDED)


def _without_dates(one: PipelineStatus) -> _Row:
    config = one.stored.config
    if config is not None and config.dry_run:
        words = as_called(f"starts nothing; decisions: interlock history {one.pipeline}")
        return _Row(one.pipeline, "", ("dim", DRY_RUN), "", words, EXCLUDED)
    return _Row(one.pipeline, "", ("dim", "no runs yet"), "", "", EXCLUDED)


def _cells(one: PipelineStatus, report: RunReport | UnreadableStatus, now: datetime) -> _Row:
    if isinstance(report, UnreadableStatus):
        return _Row(one.pipeline, report.date, ("red", UNREADABLE), "", report.reason, UNREADABLE)
    return _Row(
        one.pipeline,
        report.date,
        (_COLOURS[report.progress], str(report.progress)),
        str(report.attempt) if report.attempt else "",
        [*_reason(report, now), *_wait(one, report, now), *_sla(one, report, now)],
        min(kinds_of(report), key=BY_URGENCY.index),
    )


def _reason(report: RunReport, now: datetime) -> Iterator[list[Part]]:
    left = f"{_span(report.until, now)}" if report.until else ""
    if report.reason or left:
        yield [report.reason, f" ({left})" if left else ""]


def _wait(one: PipelineStatus, report: RunReport, now: datetime) -> Iterator[list[Part]]:
    """Since when a run is held, and when it looks without a wake: `held since 03-04 09:00 CET, looks by 09:30`."""
    zone = one.stored.config.zone if one.stored.config is not None else ZoneInfo("UTC")
    words = []
    if report.held_since is not None:
        words.append(f"held since {show_moment(report.held_since, zone, now=now)}")
    if report.next_look is not None:
        what = "its job's end" if report.progress is Progress.RUNNING else "a row"
        words.append(f"waits for {what}, looks by {show_moment(report.next_look, zone, utc_too=False, now=now)}")
    if words:
        yield [("dim", "; ".join(words))]


def _sla(one: PipelineStatus, report: RunReport, now: datetime) -> Iterator[list[Part]]:
    """One line per clock: `by 03-04 10:00 CET (09:00Z): 2h05m left`. A deadline that moved has a second line."""
    # A verdict stays, also without a config.
    zone = one.stored.config.zone if one.stored.config is not None else ZoneInfo("UTC")
    for clock in report.sla:
        name = "" if clock.clock is Clock.ABSOLUTE else "relative: "
        yield [
            f"{name}by {show_moment(clock.breach_at, zone, now=now)}: ",
            *_standing(clock, report.progress, zone, now),
        ]
        if clock.moved_from is not None:
            yield [f"  moved over excluded days from {show_moment(clock.moved_from, zone, utc_too=False, now=now)}"]


def _standing(clock: SlaReport, progress: Progress, zone: ZoneInfo, now: datetime) -> list[Part]:
    if is_ahead_or_over(clock, progress) and clock.counts:
        span = _span(clock.breach_at, now)
        return [("red", span) if clock.overdue else span]
    if clock.judged_at is None:
        return [("dim", "not judged")]
    word, colour = ("met", "green") if clock.verdict == "met" else ("breached", "red")
    return [(colour, word), f" {show_moment(clock.judged_at, zone, utc_too=False, now=now)}"]


def _span(moment: datetime, now: datetime) -> str:
    seconds = (moment - now).total_seconds()
    return f"{show_span(seconds)} left" if seconds > 0 else f"{show_span(-seconds)} over"
