"""interlock status: shows the state, the reason and the deadlines of each date of each pipeline."""

import textwrap
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import click
from msgspec import to_builtins
from msgspec.structs import replace

from interlock_cli._deployment._deployment import Deployment, deployment, deployment_options
from interlock_cli._deployment._unknown import known_pipeline
from interlock_cli._output._called import as_called
from interlock_cli._output._console import (
    Cell,
    CliError,
    Output,
    Part,
    console,
    error_console,
    show_moment,
    show_span,
    table,
)
from interlock_cli._output._foreign import shown as shown_text
from interlock_cli._output._form import Form, print_rows, row_output
from interlock_cli._pipelines._pause import wire_pause
from interlock_cli._runs._end import wait_for_end
from interlock_cli._runs._status_choice import EXCLUDED, FAILURES, STATES, UNREADABLE, read_choice
from interlock_cli._signals._dead_letters import count_dead_letters
from interlock_config import glob_matches
from interlock_lifecycle.reports import Progress, RunReport, SlaReport
from interlock_sla import Clock
from interlock_store import ExcludedToday, PipelineStatus, Store, UnreadableStatus, read_statuses

_Row: TypeAlias = tuple[str, str, Part, str, Cell]
_NARROW = 100
"""The number of columns from which the reasons are a column of the table."""

_INDENT = "  "
_WATCH_SECONDS = 5
_MOST_DATES = 1000
_WHOLE = ("pipeline", "date", "state")
_PAUSED = "paused"
_COLUMNS = (
    "pipeline",
    "date",
    "progress",
    "attempt",
    "reason",
    "until",
    "held_since",
    "next_look",
    "zone",
    "problem",
    "sla",
)
_MOST_ALERTS = 1000
"""Alerts that are counted exactly."""

_COLOURS = {
    Progress.COMMITTED: "cyan",
    Progress.HELD: "yellow",
    Progress.EVALUATING: "cyan",
    Progress.RUNNING: "blue",
    Progress.COMPLETED: "green",
    Progress.FAILED: "red",
    Progress.NOT_BEGUN: "yellow",
}


@click.command()
@click.argument("pipeline", required=False)
@click.option(
    "--last", default=8, show_default=True, type=click.IntRange(1, _MOST_DATES), help="Number of dates to show."
)
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(STATES),
    metavar="NAME",
    help=f"Only dates in this state. Repeatable. One of {', '.join(STATES)}.",
)
@click.option("--since", metavar="DATE", help="Only dates from this one on, and runs that are not closed.")
@click.option("--owner", metavar="NAME", help="Only pipelines of this owner.")
@click.option(
    "--fail-on", metavar="KINDS", help=f"End with exit code 1 if a shown date is one of these: {', '.join(FAILURES)}."
)
@click.option("--watch", is_flag=True, help="Show it again every 5 seconds until Ctrl-C. It needs a terminal.")
@click.option(
    "--wait", metavar="DATE", help="Wait for the end of the run of this date, then show it. Exit code 1 if it failed."
)
@deployment_options
@row_output()
def status(
    pipeline: str | None,
    last: int,
    states: tuple[str, ...],
    since: str | None,
    owner: str | None,
    fail_on: str | None,
    watch: bool,
    wait: str | None,
    environment: str,
    endpoint_url: str | None,
    form: Form,
) -> None:
    """Show the state, the reason and the deadlines of each date.

    PIPELINE is an id or a pattern with * and ?. The newest dates are shown. A run that is not closed is always shown,
    however old, and so is a failed run among the newest 31 dates. A pipeline whose today is excluded, or that is
    paused, says so. A pipeline that was removed is shown by its id, and while a run of it is not closed.

    Deadlines are in the pipeline's zone and in UTC, with the time left or overdue, or as met or breached. A date that
    should have begun and has no run is shown too, with the last values of the sensor that triggers it. A row that
    cannot be read is reported in its line, and does not hide the other rows.

    The last lines count the messages in the dead-letter queues and the alerts that wait for their targets. In JSON and
    CSV they are on standard error, and only if a message waits or a queue cannot be read.

    \b
    Examples:
      interlock status
      interlock status 'gold-*' --last 30 --state held --state failed
      interlock status --owner data-platform --fail-on held,failed,breached
      interlock status gold-orders --wait 2026-03-03
      interlock status --json | jq '.[].runs[] | select(.progress == "held")'
      interlock status --json | jq '.[].runs[] | select(any(.sla[]; .overdue))'
    """
    chosen = read_choice(states, since, owner, fail_on)
    if watch and (form is not Form.TABLE or not console().is_terminal):
        raise click.UsageError("--watch needs a terminal, and excludes --output and --json.")
    where = deployment(environment, endpoint_url)
    store = where.store()
    names = _names(store, pipeline, environment)
    if wait is not None:
        date = wait_for_end(store, pipeline, wait)
        chosen, last = replace(chosen, only=date), _MOST_DATES

    def look(now: datetime) -> list[PipelineStatus]:
        found = list(read_statuses(store, where.overview(), names, last, now, with_troubles=True))
        chosen.check_owner(found)
        return [one for status in found if (one := chosen.narrowed(status)) is not None]

    if watch:
        _watch(look)
        return
    now = datetime.now(UTC)
    found = look(now)
    is_table = form is Form.TABLE
    if is_table:
        print_statuses(found, now)
    elif form is Form.CSV:
        print_rows(form, _COLUMNS, (row for one in found for row in _flat_rows(one, now)))
    else:
        print_rows(form, (), (wire_status(one, now) for one in found))
    _print_waiting(console() if is_table else error_console(), where, store, all_of_it=is_table)
    if chosen.fails(found):
        click.get_current_context().exit(1)


def _names(store: Store, pipeline: str | None, environment: str) -> list[str] | None:
    """The ids that the argument names. None for all pipelines. Raises CliError if it names none."""
    if pipeline is None:
        return None
    if not set(pipeline) & set("*?"):
        known_pipeline(store, pipeline, environment)
        return [pipeline]
    found = [name for name in store.pipelines() if glob_matches(pipeline, name)]
    if not found:
        raise CliError(f"{pipeline!r} matches no pipeline of {environment!r}")
    return found


def _watch(look: Callable[[datetime], list[PipelineStatus]]) -> None:
    """Show the status again and again. Ctrl-C is its end."""
    try:
        while True:
            now = datetime.now(UTC)
            found = look(now)
            click.clear()
            print_statuses(found, now)
            console().line(("dim", f"{now:%H:%M:%S}Z, again in {_WATCH_SECONDS} s, until Ctrl-C"))
            time.sleep(_WATCH_SECONDS)
    except KeyboardInterrupt:
        return


def _flat_rows(one: PipelineStatus, now: datetime) -> Iterator[dict[str, Any]]:
    """A row per date, and rows for a pause and an excluded day. A pipeline without any of these has one row."""
    wire = wire_status(one, now)
    whole = {"pipeline": wire["pipeline"], "zone": wire["zone"], "problem": wire["problem"]}
    rows = list(wire["runs"])
    if (pause := one.pause(now)) is not None:
        rows.append({"progress": _PAUSED, "reason": str(pause), "until": wire["paused"]["until"]})
    if (excluded := _excluded_alone(one)) is not None:
        rows.append({"date": str(excluded.day), "progress": EXCLUDED, "reason": _say_excluded(excluded)})
    for row in rows or [{}]:
        yield {**whole, **row}


def print_statuses(found: list[PipelineStatus], now: datetime) -> None:
    """Print a table that is readable at 100 columns. In a narrower terminal each reason has lines of its own."""
    out = console()
    if not found:
        out.line("no pipelines yet, or none with these options")
        return
    rows = [row for one in found for row in _rows(one, now)]
    if out.width < _NARROW:
        _print_narrow(out, rows)
        return
    shown = table("pipeline", "date", "state", "attempt", "reason and deadlines", whole=_WHOLE)
    for row in rows:
        shown.add_row(*row)
    out.table(shown)


def _print_narrow(out: Output, rows: list[_Row]) -> None:
    for pipeline, date, state, attempt, reason in rows:
        out.line(pipeline, " " * bool(date), date, " ", state, f" attempt {attempt}" if attempt else "")
        for line in reason if isinstance(reason, list) else [[reason]] if reason else []:
            text = "".join(part if isinstance(part, str) else part[1] for part in line)
            if out.width - len(_INDENT) >= len(text):
                out.line(_INDENT, *line)
                continue
            for piece in textwrap.wrap(shown_text(text), out.width - len(_INDENT), subsequent_indent="  "):
                out.line(_INDENT, piece)


def _rows(one: PipelineStatus, now: datetime) -> Iterator[_Row]:
    excluded, pause = _excluded_alone(one), one.pause(now)
    if not one.stored.exists:
        yield one.pipeline, "", ("yellow", "removed"), "", f"{one.problem}, and its rows stay"
    elif one.problem:
        yield one.pipeline, "", ("red", "config invalid"), "", one.problem
    elif pause is None and not one.dates and excluded is None:
        yield _without_dates(one)
    if pause is not None:
        yield one.pipeline, "", ("yellow", _PAUSED), "", str(pause)
    for line in one.dates:
        yield _cells(one, line, now)
    if excluded is not None:
        yield one.pipeline, excluded.day.isoformat(), ("cyan", EXCLUDED), "", _say_excluded(excluded)


def _excluded_alone(one: PipelineStatus) -> ExcludedToday | None:
    """The excluded day, if it has no line as a date."""
    excluded = one.excluded
    if excluded is None or any(line.date == excluded.day.isoformat() for line in one.dates):
        return None
    return excluded


def _without_dates(one: PipelineStatus) -> _Row:
    config = one.stored.config
    if config is not None and config.dry_run:
        return (
            one.pipeline,
            "",
            ("dim", "dry run"),
            "",
            as_called(f"starts nothing; decisions: interlock history {one.pipeline}"),
        )
    return one.pipeline, "", ("dim", "no runs yet"), "", ""


def _say_excluded(excluded: ExcludedToday) -> str:
    following = excluded.next_open_day
    end = "no day of the next year is open" if following is None else f"until {following:%A} {following}"
    return f"{excluded.day:%A} ({excluded.reason}), {end}"


def _print_waiting(out: Output, where: Deployment, store: Store, *, all_of_it: bool) -> None:
    """Print the dead letters of each queue and the waiting alerts. `all_of_it`: also that none waits."""
    letters = count_dead_letters(where)
    if not letters.are_fine or all_of_it:
        out.line(("dim" if letters.are_fine else "yellow", letters.sentence))
    waiting = store.pending_alerts(_MOST_ALERTS)
    if waiting:
        number = f"{waiting:,} or more" if waiting == _MOST_ALERTS else f"{waiting:,}"
        out.line(("yellow", f"alerts wait: {number}"))


def _cells(one: PipelineStatus, report: RunReport | UnreadableStatus, now: datetime) -> _Row:
    if isinstance(report, UnreadableStatus):
        return one.pipeline, report.date, ("red", UNREADABLE), "", report.reason
    return (
        one.pipeline,
        report.date,
        (_COLOURS[report.progress], str(report.progress)),
        str(report.attempt) if report.attempt else "",
        [*_reason(report, now), *_wait(one, report, now), *_sla(one, report, now)],
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
    if one.stored.config is None:
        return
    zone = one.stored.config.zone
    for clock in report.sla:
        name = "" if clock.clock is Clock.ABSOLUTE else "relative: "
        yield [
            f"{name}by {show_moment(clock.breach_at, zone, now=now)}: ",
            *_standing(clock, report.progress, zone, now),
        ]
        if clock.moved_from is not None:
            yield [f"  moved over excluded days from {show_moment(clock.moved_from, zone, utc_too=False, now=now)}"]


def _standing(clock: SlaReport, progress: Progress, zone: ZoneInfo, now: datetime) -> list[Part]:
    if _is_ahead_or_over(clock, progress) and clock.counts:
        span = _span(clock.breach_at, now)
        return [("red", span) if clock.overdue else span]
    if clock.judged_at is None:
        return [("dim", "not judged")]
    word, colour = ("met", "green") if clock.verdict == "met" else ("breached", "red")
    return [(colour, word), f" {show_moment(clock.judged_at, zone, utc_too=False, now=now)}"]


def _span(moment: datetime, now: datetime) -> str:
    seconds = (moment - now).total_seconds()
    return f"{show_span(seconds)} left" if seconds > 0 else f"{show_span(-seconds)} over"


def wire_status(one: PipelineStatus, now: datetime) -> dict[str, Any]:
    """The status as JSON: times in UTC, deadlines also in the pipeline's zone, seconds left (negative if overdue)."""
    zone = one.stored.config.zone if one.stored.config is not None else None
    runs = [_wire_line(line, zone, now) for line in one.dates]
    return {
        "pipeline": one.pipeline,
        "problem": one.problem,
        "zone": str(zone) if zone else None,
        "paused": None if (pause := one.pause(now)) is None else wire_pause(one.pipeline, pause),
        "excluded_today": None if one.excluded is None else to_builtins(one.excluded),
        "runs": runs,
    }


def _wire_line(line: RunReport | UnreadableStatus, zone: ZoneInfo | None, now: datetime) -> dict[str, Any]:
    if isinstance(line, RunReport):
        return _wire_run(line, zone, now)
    return {
        "date": line.date,
        "progress": UNREADABLE,
        "attempt": None,
        "reason": line.reason,
        "until": None,
        "held_since": None,
        "next_look": None,
        "sla": [],
    }


def _wire_run(report: RunReport, zone: ZoneInfo | None, now: datetime) -> dict[str, Any]:
    wire: dict[str, Any] = to_builtins(report)
    for entry, clock in zip(wire["sla"], report.sla, strict=True):
        entry["breach_at_local"] = clock.breach_at.astimezone(zone).isoformat() if zone else None
        entry["seconds_left"] = (
            round((clock.breach_at - now).total_seconds())
            if _is_ahead_or_over(clock, report.progress) and clock.counts
            else None
        )
    return wire


def _is_ahead_or_over(clock: SlaReport, progress: Progress) -> bool:
    return clock.verdict == "open" and progress is not Progress.COMPLETED
