"""interlock onboard: compares the record of a dry run with the old job, and lists the points before a change over."""

import textwrap
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from interlock_cli._deployment._deployment import deployment, deployment_options
from interlock_cli._deployment._unknown import unknown_pipeline
from interlock_cli._output._console import CliError, Output, Part, console, print_json, show_moment, show_span
from interlock_cli._output._counted import counted
from interlock_cli._output._form import result_output
from interlock_cli._signals._event_rows import read_event
from interlock_cli._trials._onboarding import (
    MOST_DAYS,
    Checklist,
    Facts,
    Observed,
    Result,
    begin_of,
    checklist,
    listed,
    wire_date,
)
from interlock_lifecycle import RunKey

NOT_READY = 3
"""The exit code of a checklist with open points."""

_LABEL = 12
_READY = "remove dryRun: true, and push the file after the old schedule is stopped (docs/how-to/onboard-in-dry-run.md)"
_STYLES = {Result.AGREES: "green", Result.NOT_EVALUATED: "red"}


@click.command()
@click.argument("pipeline")
@click.option(
    "--days",
    type=click.IntRange(1, MOST_DAYS),
    default=7,
    show_default=True,
    help="Days with dates that must agree before the pipeline goes live.",
)
@deployment_options
@result_output
def onboard(pipeline: str, days: int, environment: str, endpoint_url: str | None, as_json: bool) -> None:
    """Compare the dry run of PIPELINE with its old job, and list the open points.

    For each date the output shows when Interlock would have started the job, and the outcome that the old job reported
    (report_job of interlock-sensors). A date without an evaluation, an unknown outcome and too few days are open
    points. The exit code is 0 if the pipeline can go live, and 3 with open points.

    \b
    Examples:
      interlock onboard orders
      interlock onboard orders --days 14 -e prod
      interlock onboard orders --json | jq -r '.open[].text'
    """
    where, now = deployment(environment, endpoint_url), datetime.now(UTC)
    store = where.store()
    stored = store.config(pipeline)
    if not stored.exists:
        raise unknown_pipeline(store, pipeline, environment)
    config = stored.config
    if config is None:
        raise CliError(f"the config of {pipeline} cannot be read: {stored.problem}")
    if not config.dry_run:
        raise CliError(f"{pipeline} is no dry run: its file needs dryRun: true, which starts no job")
    facts = Facts(
        config,
        stored.exclusions,
        now,
        tuple(read_event(row) for row in store.event_history(pipeline, begin_of(now), now)),
        created_at=stored.created_at,
        changed_at=stored.changed_at,
        is_paused=stored.pause is not None and stored.pause.holds(now),
        periodic=stored.periodic,
    )
    found = checklist(
        facts,
        days,
        outcomes=lambda date: store.entries(RunKey(pipeline, config.schedule_id, date)),
        arrival=lambda date: store.arrived_at(RunKey(pipeline, config.schedule_id, date)),
    )
    if as_json:
        print_json(_wire(pipeline, found))
    else:
        _print(console(), pipeline, found, config.zone)
    click.get_current_context().exit(0 if found.is_ready else NOT_READY)


def _next(found: Checklist) -> str:
    return _READY if found.is_ready else found.points[0].next_step


def _wire(pipeline: str, found: Checklist) -> dict[str, Any]:
    return {
        "pipeline": pipeline,
        "ready": found.is_ready,
        "days": found.days,
        "dates": [wire_date(one) for one in found.dates],
        "open": [
            {"text": one.text, "dates": [str(date) for date in one.dates], "next": one.next_step}
            for one in found.points
        ],
        "notes": list(found.notes),
        "next": _next(found),
    }


def _print(out: Output, pipeline: str, found: Checklist, zone: ZoneInfo) -> None:
    out.line(
        ("bold", pipeline),
        f": dry run, {counted(len(found.dates), 'date')} of the last {counted(found.days, 'day')} with dates",
    )
    for one in found.dates:
        _print_date(out, one, zone)
    for point in found.points:
        dates = f": {listed(point.dates)}" if point.dates else ""
        count = f"{len(point.dates)} of {counted(len(found.dates), 'date')}: " if point.dates else ""
        _labelled(out, "open", f"{count}{point.text}{dates}", "yellow")
        _labelled(out, "", f"next: {point.next_step}", "dim")
    for note in found.notes:
        _labelled(out, "note", note)
    state = "ready" if found.is_ready else f"not ready: {counted(len(found.points), 'open point')}"
    out.line(("green" if found.is_ready else "red", state))
    _labelled(out, "next step", _next(found))


def _print_date(out: Output, one: Observed, zone: ZoneInfo) -> None:
    out.line(("bold", f"{one.date!s:<{_LABEL}}"), (_STYLES.get(one.result, "yellow"), str(one.result)))
    if one.triggered_at is not None:
        margin = ""
        if one.margin is not None:
            side = "before" if one.margin > 0 else "after"
            margin = f", {show_span(abs(one.margin))} {side} the deadline"
        _labelled(out, "would start", f"{show_moment(one.triggered_at.replace(microsecond=0), zone)}{margin}")
    if one.old is not None:
        _labelled(
            out, "old job", f"{one.old.event} {show_moment(one.old.at.replace(microsecond=0), zone)}{_apart(one)}"
        )


def _apart(one: Observed) -> str:
    """The time between the start of the old job and the one of the dry run."""
    started = one.old_started_at
    if started is None or one.triggered_at is None:
        return ""
    seconds = (started - one.triggered_at).total_seconds()
    return f", started {show_span(abs(seconds))} {'later' if seconds >= 0 else 'earlier'}"


def _labelled(out: Output, label: str, text: str, style: str = "") -> None:
    for place, line in enumerate(textwrap.wrap(text, max(out.width - _LABEL - 1, 20), break_on_hyphens=False)):
        part: Part = (style, line) if style else line
        out.line(("dim", f"{label if place == 0 else '':<{_LABEL}}"), part)
