"""interlock events: prints the events so far, newest last, and new events with --follow."""

import heapq
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from typing import Any

import click
from msgspec import Struct

from interlock_cli._deployment._deployment import deployment, deployment_options
from interlock_cli._deployment._unknown import known_pipeline
from interlock_cli._output._console import CliError, Part, console, error_console, print_json
from interlock_cli._output._form import Form, RowPrinter, row_output
from interlock_cli._output._near import near_names
from interlock_cli._output._times import Times, not_after
from interlock_cli._signals._event_rows import read_event, written_at
from interlock_lifecycle.events import EVENT_KINDS, EventType, Severity
from interlock_sla import ExecutionDateError, parse_execution_date
from interlock_store import Store

INFRASTRUCTURE = "INFRASTRUCTURE"
"""The pipeline id of events about Interlock itself."""

_NEWEST = 20
_WEEK, _AHEAD = timedelta(days=7), timedelta(days=31)
_CLOCKS_APART = timedelta(minutes=5)
"""The event of a component whose clock is ahead belongs to a period until now."""

COLUMNS = (
    "timestamp",
    "eventType",
    "pipelineId",
    "scheduleId",
    "date",
    "message",
    "eventId",
    "runToken",
    "detail",
    "unreadable",
)
"""The columns of events in CSV."""

_POLL_SECONDS = 1.0
_TYPE_WIDTH = 26
_NO_TIME = "no time".ljust(len("2026-03-03 07:00:00Z"))
_OVERLAP_MS = 60_000
"""Each poll reads this period again, since events reach the table slightly out of order."""

_COLOURS = {
    Severity.CRITICAL: "red",
    Severity.WARNING: "yellow",
    Severity.NOTICE: "cyan",
    Severity.GOOD: "green",
    Severity.PROGRESS: "default",
}


@click.command()
@click.argument("pipeline", required=False)
@click.option("--last", type=click.IntRange(0, 10000), help="Number of past events. Default: 20, or all of a period.")
@click.option("--date", metavar="DATE", help="Only events of this date: YYYY-MM-DD, or YYYY-MM-DDTHH.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only events of this type. Repeatable.")
@click.option("--since", metavar="TIME", help="Begin of the period: a date, a time, or a length of time (7d).")
@click.option("--until", metavar="TIME", help="End of the period, in the same forms. Default: now.")
@click.option("--follow", "-f", is_flag=True, help="Stay and print new events until Ctrl-C.")
@deployment_options
@row_output(json_means=Form.JSONL)
def events(
    pipeline: str | None,
    last: int | None,
    date: str | None,
    types: tuple[str, ...],
    since: str | None,
    until: str | None,
    follow: bool,
    environment: str,
    endpoint_url: str | None,
    form: Form,
) -> None:
    """Print events, oldest first, times in UTC.

    With --date, --type, --since or --until, all events of a period that have the date and a type are printed. The
    period begins 31 days before the date of --date, otherwise 7 days before now. A time without a zone is in UTC.

    A row that is not an event as Interlock writes it is marked as unreadable, with its problem. In JSON, `unreadable`
    has the problem and `raw` the invalid values.

    \b
    Examples:
      interlock events --last 50
      interlock events gold-orders --follow
      interlock events gold-orders --date 2026-03-03
      interlock events --type SLA_BREACH --since 36h
      interlock events -o jsonl | jq -r .eventType
    """
    chosen = _read_choice(date, types, since, until, datetime.now(UTC))
    if follow and until is not None:
        raise click.UsageError("--follow and --until exclude each other.")
    if follow and form is Form.JSON:
        raise click.UsageError("--output json needs an end, and --follow has none: use --output jsonl.")
    store = deployment(environment, endpoint_url).store()
    if pipeline is not None and pipeline != INFRASTRUCTURE:
        known_pipeline(store, pipeline, environment)
    feed = EventFeed(store, pipeline, chosen)
    if follow:
        feed.begin()
    has_period = not (date is None and not types and since is None and until is None)
    rows = feed.of_period(last) if has_period else feed.newest(_NEWEST if last is None else last)
    if form is Form.JSON:
        print_json([read_event(row).wire for row in rows])
        return
    printer = None if form is Form.TABLE else RowPrinter(form, COLUMNS)
    try:
        _print_all(feed, rows, printer, follow=follow)
    except KeyboardInterrupt:
        # Ctrl-C is the end of --follow, also while the first events are printed.
        if not follow:
            raise


def _print_all(feed: "EventFeed", rows: Iterable[dict[str, Any]], printer: RowPrinter | None, *, follow: bool) -> None:
    if printer is not None:
        printer.header()
    is_empty = True
    for row in rows:
        is_empty = False
        _print(row, printer)
    if follow and is_empty and error_console().is_terminal:
        error_console().line(("dim", "no such event so far; new ones follow, until Ctrl-C"))
    while follow:
        time.sleep(_POLL_SECONDS)
        for row in feed.fresh():
            _print(row, printer)


class Choice(Struct, frozen=True):
    """The chosen events: those of a period (UTC), a date and some types. An empty set of types means all."""

    since: datetime
    until: datetime
    date: str | None = None
    types: frozenset[str] = frozenset()

    def has(self, row: Mapping[str, Any]) -> bool:
        """Whether the row has the date and a type. The sort key names the type of a row without `eventType`."""
        kind = str(row.get("eventType", str(row["SK"]).split("#", 2)[1:2]))
        return (self.date is None or row.get("date") == self.date) and (not self.types or kind in self.types)


_EVERYTHING = Choice(datetime.fromtimestamp(0, UTC), datetime(9000, 1, 1, tzinfo=UTC))


def _read_choice(
    date: str | None, types: tuple[str, ...], since: str | None, until: str | None, now: datetime
) -> Choice:
    """The choice that the options make. Raises one CliError for all invalid options."""
    problems: list[str] = []
    known = {str(kind) for kind in EventType}
    problems += [f"--type is {kind!r}, {no_type(kind, known)}" for kind in types if kind not in known]
    begin = now - _WEEK
    if date is not None:
        try:
            wanted = parse_execution_date(date)
            begin, date = datetime.combine(wanted.day, clock(), UTC) - _AHEAD, str(wanted)
        except ExecutionDateError as error:
            problems.append(f"--date: {error}")
    first, end, times = begin, now + _CLOCKS_APART, Times(now)
    for name, text in (("--since", since), ("--until", until)):
        read = times.end if name == "--until" else times.begin
        found = None if text is None else read(text)
        if text is not None and found is None:
            problems.append(f"{name} is {text!r}, {times.allowed}")
        if found is not None:
            first, end = (found, end) if name == "--since" else (first, found)
    if since is not None and until is not None and first > end:
        problems.append(f"--since is {since!r}, {not_after(until)}")
    if problems:
        raise CliError(*problems)
    return Choice(first, end, date, frozenset(types))


def no_type(text: str, known: Iterable[str]) -> str:
    """The problem of an unknown event type, as the end of a sentence."""
    near = near_names(text, known)
    hint = f"did you mean {' or '.join(near)}?" if near else "docs/reference/events.md lists all"
    return f"must be an event type, such as {EventType.SLA_BREACH}; {hint}"


class EventFeed:
    """The events of one pipeline or of all pipelines. Each event comes once."""

    def __init__(self, store: Store, pipeline: str | None, choice: Choice = _EVERYTHING) -> None:
        self._store = store
        self._choice = choice
        self._pipeline = pipeline
        self._seen: set[tuple[str, str]] = set()
        self._before: set[tuple[str, str]] = set()
        self._since = _milliseconds_now()

    def begin(self) -> None:
        """Leave the events that exist now out of `fresh`. Call it before the past events are read."""
        self._before = {_identity(row) for row in self._recent()}

    def newest(self, count: int) -> list[dict[str, Any]]:
        """The newest events, oldest first."""
        rows = [row for name in self._pipelines() for row in self._store.events(name, newest=count)] if count else []
        rows.sort(key=lambda row: str(row["SK"]))
        return [row for row in rows[-count:] if self._is_new(row)] if count else []

    def of_period(self, last: int | None = None) -> Iterator[dict[str, Any]]:
        """The chosen events of the period, oldest first. last: only the newest ones."""
        choice = self._choice
        found = (self._store.event_history(name, choice.since, choice.until) for name in self._pipelines())
        rows = (row for row in heapq.merge(*found, key=lambda row: str(row["SK"])) if choice.has(row))
        for row in rows if last is None else deque(rows, maxlen=last):
            if self._is_new(row):
                yield row

    def fresh(self) -> Iterator[dict[str, Any]]:
        """The events that arrived since the last call."""
        for row in self._recent():
            # A row of the future must not hide the events until then.
            self._since = max(self._since, min(written_at(row) or 0, _milliseconds_now()))
            if self._is_new(row) and _identity(row) not in self._before and self._choice.has(row):
                yield row

    def _recent(self) -> list[dict[str, Any]]:
        after = str(self._since - _OVERLAP_MS)
        rows = [row for name in self._pipelines() for row in self._store.events(name, after=after)]
        rows.sort(key=lambda row: str(row["SK"]))
        return rows

    def _pipelines(self) -> list[str]:
        return [self._pipeline] if self._pipeline is not None else [*self._store.pipelines(), INFRASTRUCTURE]

    def _is_new(self, row: dict[str, Any]) -> bool:
        identity = _identity(row)
        if identity in self._seen:
            return False
        self._seen.add(identity)
        return True


def _identity(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row["PK"]), str(row["SK"])


def _milliseconds_now() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)


def _print(row: dict[str, Any], printer: RowPrinter | None) -> None:
    event = read_event(row)
    if printer is not None:
        printer.print(event.wire)
        return
    at = f"{event.at:%Y-%m-%d %H:%M:%S}Z" if event.at is not None else _NO_TIME
    where = " ".join(text for text in (event.pipeline, event.date) if text)
    mark: list[Part] = [("red", f"unreadable ({event.problem})"), " "] if event.problem else []
    kind = (colour_of(event.type), f"{event.type:<{_TYPE_WIDTH}}")
    console().paragraph(f"{at} ", kind, f" {where}  ", *mark, event.message)


def colour_of(event_type: str) -> str:
    """The colour of an event type in a terminal, by its severity in the event catalogue. Unknown types are warnings."""
    kinds = {str(kind): found.severity for kind, found in EVENT_KINDS.items()}
    return _COLOURS[kinds.get(event_type, Severity.WARNING)]
