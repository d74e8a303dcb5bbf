"""interlock events: prints the events so far, newest last, and new events with --follow."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from interlock_cli._deployment import deployment, deployment_options
from interlock_cli._output import CliError, console, print_json_line
from interlock_lifecycle.events import EVENT_KINDS, Severity
from interlock_store import Store

INFRASTRUCTURE = "INFRASTRUCTURE"
"""The pipeline id of events about Interlock itself."""

_POLL_SECONDS = 1.0
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
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document per line.")
def events(
    pipeline: str | None, last: int, follow: bool, environment: str, endpoint_url: str | None, as_json: bool
) -> None:
    """Print events, oldest first, times in UTC.

    \b
    Examples:
      interlock events --last 50
      interlock events gold-orders --follow
      interlock events --json | jq -r .eventType
    """
    store = deployment(environment, endpoint_url).store()
    if pipeline not in {None, INFRASTRUCTURE} and not store.config(str(pipeline)).exists:
        raise CliError(f"there is no pipeline {pipeline!r} in {environment!r}")
    feed = EventFeed(store, pipeline)
    for row in feed.newest(last):
        _print(row, as_json)
    try:
        while follow:
            time.sleep(_POLL_SECONDS)
            for row in feed.fresh():
                _print(row, as_json)
    except KeyboardInterrupt:
        return


class EventFeed:
    """The events of one pipeline or of all pipelines. Each event comes once."""

    def __init__(self, store: Store, pipeline: str | None) -> None:
        self._store = store
        self._pipeline = pipeline
        self._seen: set[tuple[str, str]] = set()
        self._since = int(datetime.now(UTC).timestamp() * 1000)

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
            self._since = max(self._since, int(str(row["SK"]).partition("#")[0]))
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


def _print(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json_line(_plain(row))
        return
    at = datetime.fromtimestamp(int(row["timestamp"]) / 1000, UTC)
    name = str(row["eventType"])
    out = console()
    out.print(f"{at:%Y-%m-%d %H:%M:%S}Z [{colour_of(name)}]{name:<26}[/] ", end="")
    where = " ".join(str(row[part]) for part in ("pipelineId", "date") if row.get(part))
    out.print(f"{where}  {row.get('message', '')}", markup=False, soft_wrap=True)


def colour_of(event_type: str) -> str:
    """The colour of an event type in a terminal, by its severity in the event catalogue. Unknown types are warnings."""
    kinds = {str(kind): found.severity for kind, found in EVENT_KINDS.items()}
    return _COLOURS[kinds.get(event_type, Severity.WARNING)]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in row.items() if name not in {"PK", "SK", "ttl"}}
    plain["timestamp"] = int(row["timestamp"])
    if isinstance(row.get("detail"), str):
        plain["detail"] = json.loads(row["detail"])
    return plain
