"""interlock history: prints the events of a pipeline in a period, or the verdict of each date in it."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from interlock_cli._deployment._deployment import Deployment, deployment, deployment_options
from interlock_cli._deployment._unknown import known_pipeline
from interlock_cli._output._console import CliError, Output, Part, console, show_moment
from interlock_cli._output._form import Form, print_rows, row_output
from interlock_cli._output._times import NOW, Times, not_after
from interlock_cli._signals._event_rows import EventRow, read_event
from interlock_cli._signals._events import COLUMNS, INFRASTRUCTURE, colour_of, no_type
from interlock_lifecycle import RunKey, Verdict
from interlock_lifecycle.events import EventType
from interlock_sla import ExecutionDateError, Outcome, parse_execution_date

_WEEK = "7d"
_VERDICT_COLUMNS = ("pipeline", "schedule", "date", "clocks", "unreadable")
_DATE_WIDTH = len("2026-03-03T07")


@click.command()
@click.argument("pipeline")
@click.option("--verdict", is_flag=True, help="Print one line per date of the events, with its verdict.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Print only events of this type. Repeatable.")
@click.option("--since", default=_WEEK, show_default=True, metavar="TIME", help="Begin of the period.")
@click.option("--until", default=NOW, show_default="now", metavar="TIME", help="End of the period.")
@deployment_options
@row_output()
def history(
    pipeline: str,
    verdict: bool,
    types: tuple[str, ...],
    since: str,
    until: str,
    environment: str,
    endpoint_url: str | None,
    form: Form,
) -> None:
    """Print the events of a pipeline in a period, oldest first.

    Times are in the zone of the pipeline and in UTC. TIME is a date, a time, or a length of time before now (36h, 7d).
    A date or a time without a zone is in the zone of the pipeline, and --until includes a whole date. With --verdict
    each date of the events has one line with the verdict of each SLA clock.

    \b
    Examples:
      interlock history gold-orders --since 7d
      interlock history gold-orders --since 2026-02-01 \\
        --type SLA_BREACH --type RETRY_EXHAUSTED
      interlock history orders --verdict --since 2026-02-01 --until 2026-02-28
      interlock history gold-orders -o jsonl | jq -r .eventType
    """
    where, now = deployment(environment, endpoint_url), datetime.now(UTC)
    store = where.store()
    stored = store.config(pipeline) if pipeline == INFRASTRUCTURE else known_pipeline(store, pipeline, environment)
    zone = stored.config.zone if stored.config is not None else ZoneInfo("UTC")
    begin, end = _period(since, until, types, Times(now, zone))
    rows = (row for row in store.event_history(pipeline, begin, end) if not types or _type_of(row) in types)
    if verdict:
        _print_verdicts(where, pipeline, rows, zone, now, form)
    else:
        _print_events((read_event(row) for row in rows), zone, now, form)


def _period(since: str, until: str, types: Iterable[str], times: Times) -> tuple[datetime, datetime]:
    """The begin and the end of the period (UTC). Raises CliError for all invalid options at once."""
    known = {str(kind) for kind in EventType}
    problems = [f"--type {kind}: {no_type(kind, known)}" for kind in types if kind not in known]
    begin, end = times.begin(since), times.end(until)
    for name, text, found in (("--since", since, begin), ("--until", until, end)):
        if found is None:
            problems.append(f"{name} {text}: {times.allowed}")
    if begin is not None and end is not None and begin > end:
        problems.append(f"--since {since}: {not_after(until)}")
    if problems or begin is None or end is None:
        raise CliError(*problems)
    return begin, end


def _type_of(row: Mapping[str, Any]) -> str:
    """The event type in the sort key of a row."""
    return str(row["SK"]).split("#", 2)[1] if "#" in str(row["SK"]) else ""


def _print_events(events: Iterable[EventRow], zone: ZoneInfo, now: datetime, form: Form) -> None:
    if form is not Form.TABLE:
        print_rows(form, COLUMNS, (event.wire for event in events))
        return
    out, is_empty = console(), True
    for event in events:
        is_empty = False
        _print_event(out, event, zone, now)
    if is_empty:
        out.line("no events in this period")


def _print_event(out: Output, event: EventRow, zone: ZoneInfo, now: datetime) -> None:
    at = show_moment(event.at.replace(microsecond=0), zone, now=now) if event.at is not None else "no time"
    mark: list[Part] = [("red", f"unreadable ({event.problem})"), " "] if event.problem else []
    date_part = f" {event.date}" if event.date else ""
    out.paragraph(f"{at} ", (colour_of(event.type), event.type), date_part, "  ", *mark, event.message)


def _print_verdicts(
    where: Deployment, pipeline: str, rows: Iterable[Mapping[str, Any]], zone: ZoneInfo, now: datetime, form: Form
) -> None:
    keys = sorted(_dates(pipeline, rows), key=lambda key: (str(key.date), key.schedule_id))
    verdicts = where.overview().verdicts(keys)
    found = [(key, verdicts.get(key)) for key in keys]
    if form is not Form.TABLE:
        print_rows(form, _VERDICT_COLUMNS, (_wire_verdict(key, verdict) for key, verdict in found))
        return
    out = console()
    for key, verdict in found:
        out.line(f"{key.date!s:<{_DATE_WIDTH}} {key.schedule_id}  ", *_verdict_parts(verdict, zone, now))
    if not found:
        out.line("no dates in this period")


def _dates(pipeline: str, rows: Iterable[Mapping[str, Any]]) -> set[RunKey]:
    """The dates that the events name. A row that names none has no verdict."""
    found = set()
    for row in rows:
        schedule, named = row.get("scheduleId"), row.get("date")
        if isinstance(schedule, str) and isinstance(named, str):
            try:
                found.add(RunKey(pipeline, schedule, parse_execution_date(named)))
            except ExecutionDateError:
                continue
    return found


def _verdict_parts(verdict: Verdict | None, zone: ZoneInfo, now: datetime) -> Iterator[Part]:
    """The outcome of each clock: `relative met, deadline 03-04 10:00 CET (09:00Z)`."""
    clocks = verdict.clocks if verdict is not None else {}
    broken = verdict.corrupted if verdict is not None else {}
    if not clocks and not broken:
        yield ("dim", "no verdict")
    for place, (clock, one) in enumerate(clocks.items()):
        word = ("green", "met") if one.outcome is Outcome.MET else ("red", "breached")
        yield f"{', ' if place else ''}{clock} "
        yield word
        yield f", deadline {show_moment(one.deadline.replace(microsecond=0), zone, now=now)}"
    for clock in broken:
        yield ("red", f" {clock} unreadable")


def _wire_verdict(key: RunKey, verdict: Verdict | None) -> dict[str, Any]:
    clocks = verdict.clocks if verdict is not None else {}
    return {
        "pipeline": key.pipeline_id,
        "schedule": key.schedule_id,
        "date": str(key.date),
        "clocks": {
            str(clock): {"outcome": str(one.outcome), "deadline": one.deadline.isoformat(), "at": one.at.isoformat()}
            for clock, one in clocks.items()
        },
        "unreadable": {str(clock): str(value) for clock, value in (verdict.corrupted if verdict else {}).items()},
    }
