"""interlock events: prints the events so far, newest last, and new events with --follow."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from interlock_cli._deployment import deployment, deployment_options
from interlock_cli._event_rows import read_event, written_at
from interlock_cli._form import Form, RowPrinter, row_output
from interlock_cli._output import CliError, Part, console, print_json
from interlock_lifecycle.events import EVENT_KINDS, Severity
from interlock_store import Store

INFRASTRUCTURE = "INFRASTRUCTURE"
"""The pipeline id of events about Interlock itself."""

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
@click.option("--last", default=20, show_default=True, type=click.IntRange(0, 10000), help="Number of past events.")
@click.option("--follow", "-f", is_flag=True, help="Stay and print new events until Ctrl-C.")
@deployment_options
@row_output(json_means=Form.JSONL)
def events(
    pipeline: str | None, last: int, follow: bool, environment: str, endpoint_url: str | None, form: Form
) -> None:
    """Print events, oldest first, times in UTC.

    A row that is not an event as Interlock writes it is marked as unreadable, with its problem. In JSON, `unreadable`
    has the problem and `raw` the invalid values.

    \b
    Examples:
      interlock events --last 50
      interlock events gold-orders --follow
      interlock events -o jsonl | jq -r .eventType
    """
    if follow and form is Form.JSON:
        raise click.UsageError("--output json needs an end, and --follow has none: use --output jsonl.")
    store = deployment(environment, endpoint_url).store()
    if pipeline not in {None, INFRASTRUCTURE} and not store.config(str(pipeline)).exists:
        raise CliError(f"there is no pipeline {pipeline!r} in {environment!r}")
    feed = EventFeed(store, pipeline)
    if form is Form.JSON:
        print_json([read_event(row).wire for row in feed.newest(last)])
        return
    printer = None if form is Form.TABLE else RowPrinter(form, COLUMNS)
    try:
        if printer is not None:
            printer.header()
        for row in feed.newest(last):
            _print(row, printer)
        while follow:
            time.sleep(_POLL_SECONDS)
            for row in feed.fresh():
                _print(row, printer)
    except KeyboardInterrupt:
        # Ctrl-C is the end of --follow, also while the first events are printed.
        if not follow:
            raise


class EventFeed:
    """The events of one pipeline or of all pipelines. Each event comes once."""

    def __init__(self, store: Store, pipeline: str | None) -> None:
        self._store = store
        self._pipeline = pipeline
        self._seen: set[tuple[str, str]] = set()
        self._since = _milliseconds_now()

    def newest(self, count: int) -> list[dict[str, Any]]:
        """The newest events, oldest first."""
        rows = [row for name in self._pipelines() for row in self._store.events(name, newest=count)] if count else []
        rows.sort(key=lambda row: str(row["SK"]))
        return [row for row in rows[-count:] if self._is_new(row)] if count else []

    def fresh(self) -> Iterator[dict[str, Any]]:
        """The events that arrived since the last call."""
        after = str(self._since - _OVERLAP_MS)
        rows = [row for name in self._pipelines() for row in self._store.events(name, after=after)]
        rows.sort(key=lambda row: str(row["SK"]))
        for row in rows:
            # A row of the future must not hide the events until then.
            self._since = max(self._since, min(written_at(row) or 0, _milliseconds_now()))
            if self._is_new(row):
                yield row

    def _pipelines(self) -> list[str]:
        return [self._pipeline] if self._pipeline is not None else [*self._store.pipelines(), INFRASTRUCTURE]

    def _is_new(self, row: dict[str, Any]) -> bool:
        identity = (str(row["PK"]), str(row["SK"]))
        if identity in self._seen:
            return False
        self._seen.add(identity)
        return True


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
    console().line(f"{at} ", kind, f" {where}  ", *mark, event.message)


def colour_of(event_type: str) -> str:
    """The colour of an event type in a terminal, by its severity in the event catalogue. Unknown types are warnings."""
    kinds = {str(kind): found.severity for kind, found in EVENT_KINDS.items()}
    return _COLOURS[kinds.get(event_type, Severity.WARNING)]
