"""interlock status: shows the state, the reason and the deadlines of each date of each pipeline."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
from msgspec import to_builtins

from interlock_cli._dead_letters import count_dead_letters
from interlock_cli._deployment import Deployment, deployment, deployment_options
from interlock_cli._form import Form, print_rows, row_output
from interlock_cli._output import (
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
from interlock_lifecycle.reports import Progress, RunReport, SlaReport
from interlock_sla import Clock
from interlock_store import PipelineStatus, Store, UnreadableStatus, read_statuses

_WHOLE = ("pipeline", "date", "state")
_UNREADABLE = "unreadable"
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
@click.option("--last", default=8, show_default=True, type=click.IntRange(1, 1000), help="Number of dates to show.")
@deployment_options
@row_output()
def status(pipeline: str | None, last: int, environment: str, endpoint_url: str | None, form: Form) -> None:
    """Show the state, the reason and the deadlines of each date.

    Deadlines are in the pipeline's zone and in UTC, with the time left or overdue, or as met or breached. A date that
    should have begun and has no run is shown too, with the last values of the sensor that triggers it. A row that
    cannot be read is reported in its line, and does not hide the other rows.

    The last lines count the messages in the dead-letter queues and the alerts that wait for their targets. In JSON and
    CSV they are on standard error, and only if a message waits or a queue cannot be read.

    \b
    Examples:
      interlock status
      interlock status gold-orders --last 30
      interlock status --json | jq '.[].runs[] | select(.progress == "held")'
      interlock status --json | jq '.[].runs[] | select(any(.sla[]; .overdue))'
    """
    where, now = deployment(environment, endpoint_url), datetime.now(UTC)
    store = where.store()
    found = list(read_statuses(store, where.overview(), pipeline, last, now))
    if pipeline is not None and not found[0].stored.exists:
        raise CliError(f"there is no pipeline {pipeline!r} in {environment!r}")
    is_table = form is Form.TABLE
    if is_table:
        print_statuses(found, now)
    elif form is Form.CSV:
        print_rows(form, _COLUMNS, (row for one in found for row in _flat_rows(one, now)))
    else:
        print_rows(form, (), (wire_status(one, now) for one in found))
    _print_waiting(console() if is_table else error_console(), where, store, all_of_it=is_table)


def _flat_rows(one: PipelineStatus, now: datetime) -> Iterator[dict[str, Any]]:
    """A row per date, or one row for a pipeline without dates."""
    wire = wire_status(one, now)
    whole = {"pipeline": wire["pipeline"], "zone": wire["zone"], "problem": wire["problem"]}
    for run in wire["runs"] or [{}]:
        yield {**whole, **run}


def print_statuses(found: list[PipelineStatus], now: datetime) -> None:
    """Print a table that is readable at 100 columns."""
    out = console()
    if not found:
        out.line("no pipelines yet; to write pipelines, use: interlock push PATH")
        return
    shown = table("pipeline", "date", "state", "attempt", "reason and deadlines", whole=_WHOLE)
    for one in found:
        if one.problem:
            shown.add_row(one.pipeline, "", ("red", "config invalid"), "", one.problem)
        elif not one.dates:
            shown.add_row(one.pipeline, "", ("dim", "no runs yet"), "", "")
        for line in one.dates:
            shown.add_row(*_cells(one, line, now))
    out.table(shown)


def _print_waiting(out: Output, where: Deployment, store: Store, *, all_of_it: bool) -> None:
    """Print the dead letters of each queue and the waiting alerts. `all_of_it`: also that none waits."""
    letters = count_dead_letters(where)
    if not letters.are_fine or all_of_it:
        out.line(("dim" if letters.are_fine else "yellow", letters.sentence))
    waiting = store.pending_alerts(_MOST_ALERTS)
    if waiting:
        number = f"{waiting:,} or more" if waiting == _MOST_ALERTS else f"{waiting:,}"
        out.line(("yellow", f"alerts wait: {number}"))


def _cells(one: PipelineStatus, report: RunReport | UnreadableStatus, now: datetime) -> tuple[Cell, ...]:
    if isinstance(report, UnreadableStatus):
        return one.pipeline, report.date, ("red", _UNREADABLE), "", report.reason
    return (
        one.pipeline,
        report.date,
        (_COLOURS[report.progress], str(report.progress)),
        str(report.attempt) if report.attempt else "",
        [*_reason(report, now), *_wait(one, report), *_sla(one, report, now)],
    )


def _reason(report: RunReport, now: datetime) -> Iterator[list[Part]]:
    left = f"{_span(report.until, now)}" if report.until else ""
    if report.reason or left:
        yield [report.reason, f" ({left})" if left else ""]


def _wait(one: PipelineStatus, report: RunReport) -> Iterator[list[Part]]:
    """Since when a run is held, and when it looks without a wake: `held since 03-04 09:00 CET, looks by 09:30`."""
    zone = one.stored.config.zone if one.stored.config is not None else ZoneInfo("UTC")
    words = []
    if report.held_since is not None:
        words.append(f"held since {show_moment(report.held_since, zone)}")
    if report.next_look is not None:
        what = "its job's end" if report.progress is Progress.RUNNING else "a row"
        words.append(f"waits for {what}, looks by {show_moment(report.next_look, zone, utc_too=False)}")
    if words:
        yield [("dim", "; ".join(words))]


def _sla(one: PipelineStatus, report: RunReport, now: datetime) -> Iterator[list[Part]]:
    """One line per clock: `by 03-04 10:00 CET (09:00Z): 2h05m left`. A deadline that moved has a second line."""
    if one.stored.config is None:
        return
    zone = one.stored.config.zone
    for clock in report.sla:
        name = "" if clock.clock is Clock.ABSOLUTE else "relative: "
        yield [f"{name}by {show_moment(clock.breach_at, zone)}: ", *_standing(clock, report.progress, zone, now)]
        if clock.moved_from is not None:
            yield [f"  moved over excluded days from {show_moment(clock.moved_from, zone, utc_too=False)}"]


def _standing(clock: SlaReport, progress: Progress, zone: ZoneInfo, now: datetime) -> list[Part]:
    if _is_ahead_or_over(clock, progress):
        span = _span(clock.breach_at, now)
        return [("red", span) if clock.overdue else span]
    if clock.judged_at is None:
        return [("dim", "not judged")]
    word, colour = ("met", "green") if clock.verdict == "met" else ("breached", "red")
    return [(colour, word), f" {show_moment(clock.judged_at, zone, utc_too=False)}"]


def _span(moment: datetime, now: datetime) -> str:
    seconds = (moment - now).total_seconds()
    return f"{show_span(seconds)} left" if seconds > 0 else f"{show_span(-seconds)} over"


def wire_status(one: PipelineStatus, now: datetime) -> dict[str, Any]:
    """The status as JSON: times in UTC, deadlines also in the pipeline's zone, seconds left (negative if overdue)."""
    zone = one.stored.config.zone if one.stored.config is not None else None
    runs = [_wire_line(line, zone, now) for line in one.dates]
    return {"pipeline": one.pipeline, "problem": one.problem, "zone": str(zone) if zone else None, "runs": runs}


def _wire_line(line: RunReport | UnreadableStatus, zone: ZoneInfo | None, now: datetime) -> dict[str, Any]:
    if isinstance(line, RunReport):
        return _wire_run(line, zone, now)
    return {
        "date": line.date,
        "progress": _UNREADABLE,
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
            round((clock.breach_at - now).total_seconds()) if _is_ahead_or_over(clock, report.progress) else None
        )
    return wire


def _is_ahead_or_over(clock: SlaReport, progress: Progress) -> bool:
    return clock.verdict == "open" and progress is not Progress.COMPLETED
