"""interlock history: prints the events of a pipeline in a period, or the verdict of each date in it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from interlock_cli._deployment import Deployment, deployment, deployment_options
from interlock_cli._event_rows import EventRow, read_event
from interlock_cli._events import INFRASTRUCTURE, colour_of
from interlock_cli._output import CliError, Output, Part, console, print_json, print_json_line, show_moment
from interlock_lifecycle import RunKey, Verdict
from interlock_lifecycle.events import EventType
from interlock_sla import DurationError, ExecutionDateError, Outcome, parse_duration, parse_execution_date

_WEEK = "168h"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_FORMS = "a date (2026-03-03), a time (2026-03-03T07:00 or with a zone) or a length of time before now (36h)"
_DATE_WIDTH = len("2026-03-03T07")


@click.command()
@click.argument("pipeline")
@click.option("--verdict", is_flag=True, help="Print one line per date of the events, with its verdict.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Print only events of this type. Repeatable.")
@click.option("--since", default=_WEEK, show_default=True, metavar="TIME", help="Begin of the period.")
@click.option("--until", default="0s", show_default="now", metavar="TIME", help="End of the period.")
@click.option(
    "--output",
    "-o",
    "form",
    default="table",
    show_default=True,
    type=click.Choice(["table", "json", "jsonl"]),
    help="Lines for people, one JSON document, or one JSON document per line.",
)
@deployment_options
def history(
    pipeline: str,
    verdict: bool,
    types: tuple[str, ...],
    since: str,
    until: str,
    form: str,
    environment: str,
    endpoint_url: str | None,
) -> None:
    """Print the events of a pipeline in a period, oldest first.

    Times are in the zone of the pipeline and in UTC. TIME is a date, a time, or a length of time before now. A date or
    a time without a zone is in the zone of the pipeline, and --until includes a whole date. With --verdict each date
    of the events has one line with the verdict of each SLA clock.

    \b
    Examples:
      interlock history gold-orders --since 36h
      interlock history gold-orders --type SLA_BREACH --type RETRY_EXHAUSTED --since 2026-02-01
      interlock history gold-orders --verdict --since 2026-02-01 --until 2026-02-28
      interlock history gold-orders -o jsonl | jq -r .eventType
    """
    where, now = deployment(environment, endpoint_url), datetime.now(UTC)
    store = where.store()
    stored = store.config(pipeline)
    if pipeline != INFRASTRUCTURE and not stored.exists:
        raise CliError(f"there is no pipeline {pipeline!r} in {environment!r}")
    zone = stored.config.zone if stored.config is not None else ZoneInfo("UTC")
    begin, end = _period(since, until, types, zone, now)
    rows = (row for row in store.event_history(pipeline, begin, end) if not types or _type_of(row) in types)
    if verdict:
        _print_verdicts(where, pipeline, rows, zone, form)
    else:
        _print_events((read_event(row) for row in rows), zone, form)


def _period(since: str, until: str, types: Iterable[str], zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """The begin and the end of the period (UTC). Raises CliError for all invalid options at once."""
    known = {str(kind) for kind in EventType}
    unknown = [kind for kind in types if kind not in known]
    problems = [f"--type is {kind!r}, must be an event type, such as {EventType.SLA_BREACH}" for kind in unknown]
    begin, end = _moment(since, zone, now, whole_day=False), _moment(until, zone, now, whole_day=True)
    for name, text, found in (("--since", since, begin), ("--until", until, end)):
        if found is None:
            problems.append(f"{name} is {text!r}, must be {_FORMS}")
    if begin is not None and end is not None and begin > end:
        problems.append(f"--since is {since!r}, must not be after --until {until!r}")
    if problems or begin is None or end is None:
        raise CliError(*problems)
    return begin, end


def _moment(text: str, zone: ZoneInfo, now: datetime, *, whole_day: bool) -> datetime | None:
    """A time of the command line in UTC, None for an invalid text. `whole_day`: a date means its last moment."""
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=whole_day)
            at = datetime.combine(day, time(), zone).astimezone(UTC)
            return at - timedelta(milliseconds=1) if whole_day else at
        if "-" in text[1:]:
            found = datetime.fromisoformat(text)
            return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
        return now - parse_duration(text)
    except (ValueError, OverflowError, DurationError):
        return None


def _type_of(row: Mapping[str, Any]) -> str:
    """The event type in the sort key of a row."""
    return str(row["SK"]).split("#", 2)[1] if "#" in str(row["SK"]) else ""


def _print_events(events: Iterable[EventRow], zone: ZoneInfo, form: str) -> None:
    if form == "json":
        print_json([event.wire for event in events])
        return
    out, is_empty = console(), True
    for event in events:
        is_empty = False
        if form == "jsonl":
            print_json_line(event.wire)
        else:
            _print_event(out, event, zone)
    if form == "table" and is_empty:
        out.line("no events in this period")


def _print_event(out: Output, event: EventRow, zone: ZoneInfo) -> None:
    at = show_moment(event.at.replace(microsecond=0), zone) if event.at is not None else "no time"
    mark: list[Part] = [("red", f"unreadable ({event.problem})"), " "] if event.problem else []
    date_part = f" {event.date}" if event.date else ""
    out.line(f"{at} ", (colour_of(event.type), event.type), date_part, "  ", *mark, event.message)


def _print_verdicts(
    where: Deployment, pipeline: str, rows: Iterable[Mapping[str, Any]], zone: ZoneInfo, form: str
) -> None:
    keys = sorted(_dates(pipeline, rows), key=lambda key: (str(key.date), key.schedule_id))
    verdicts = where.overview().verdicts(keys)
    found = [(key, verdicts.get(key)) for key in keys]
    if form == "json":
        print_json([_wire_verdict(key, verdict) for key, verdict in found])
        return
    out = console()
    for key, verdict in found:
        if form == "jsonl":
            print_json_line(_wire_verdict(key, verdict))
        else:
            out.line(f"{key.date!s:<{_DATE_WIDTH}} {key.schedule_id}  ", *_verdict_parts(verdict, zone))
    if form == "table" and not found:
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


def _verdict_parts(verdict: Verdict | None, zone: ZoneInfo) -> Iterator[Part]:
    """The outcome of each clock: `relative met, deadline 03-04 10:00 CET (09:00Z)`."""
    clocks = verdict.clocks if verdict is not None else {}
    broken = verdict.corrupted if verdict is not None else {}
    if not clocks and not broken:
        yield ("dim", "no verdict")
    for place, (clock, one) in enumerate(clocks.items()):
        word = ("green", "met") if one.outcome is Outcome.MET else ("red", "breached")
        yield f"{', ' if place else ''}{clock} "
        yield word
        yield f", deadline {show_moment(one.deadline.replace(microsecond=0), zone)}"
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
