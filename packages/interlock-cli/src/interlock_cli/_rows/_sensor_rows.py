"""interlock sensor list and get: the sensor rows of a pipeline, with their dates and ages."""

import heapq
from collections.abc import Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import click

from interlock_cli._deployment._deployment import deployment, deployment_options
from interlock_cli._deployment._unknown import known_pipeline
from interlock_cli._output._console import console, print_json, show_age, show_moment, table
from interlock_cli._output._errors import OutputError
from interlock_cli._output._form import Form, print_rows, result_output, row_output
from interlock_cli._pipelines._pause import zone_of
from interlock_lifecycle.sensors import is_reserved
from interlock_rules import UnreadableDate, row_date, shown, updated_at
from interlock_sla import ExecutionDate
from interlock_store import StoredConfig

_Fields = Mapping[str, object]

_OLDEST = datetime.min.replace(tzinfo=UTC)
_COLUMNS = ("key", "date", "problem", "updated_at", "data")
"""The columns of sensor rows in CSV."""


@click.command(name="list")
@click.argument("pipeline")
@click.option("--key", "prefix", default="", metavar="PREFIX", help="Only rows whose key begins with this text.")
@click.option(
    "--last", default=50, show_default=True, type=click.IntRange(1, 10000), help="Most rows to show, the newest ones."
)
@click.option("--all", "every", is_flag=True, help="Also rows that Interlock writes itself, such as baselines.")
@deployment_options
@row_output()
def list_sensors(
    pipeline: str, prefix: str, last: int, every: bool, environment: str, endpoint_url: str | None, form: Form
) -> None:
    """List the newest sensor rows of PIPELINE in the order of their keys.

    A row is as new as its updatedAt, and without it as the date that it names. A row without either is the oldest. Each
    row has the date that it names, the time of its writing, and its fields.

    \b
    Examples:
      interlock sensor list bronze-orders
      interlock sensor list bronze-orders --key 'landing#2026-03' --json
    """
    store = deployment(environment, endpoint_url).store()
    stored = known_pipeline(store, pipeline, environment)
    rows = ((key, fields) for key, fields in store.sensors_by_key(pipeline, prefix) if every or not is_reserved(key))
    newest = heapq.nlargest(last + 1, rows, key=lambda row: _newness(*row))
    found = sorted(newest[:last], key=lambda row: row[0])
    if form is not Form.TABLE:
        print_rows(form, _COLUMNS, (wire_sensor(key, fields) for key, fields in found))
        return
    _print_rows(found, stored, datetime.now(UTC))
    if len(newest) > last:
        console().line(("yellow", "more rows:"), " show the older ones with --last or --key")


@click.command(name="get")
@click.argument("pipeline")
@click.argument("key")
@deployment_options
@result_output
def get_sensor(pipeline: str, key: str, environment: str, endpoint_url: str | None, as_json: bool) -> None:
    """Show one sensor row: KEY of PIPELINE. The exit code is 1 if there is no such row.

    \b
    Examples:
      interlock sensor get bronze-orders landing
      interlock sensor get bronze-orders landing --json | jq .data.count
    """
    store = deployment(environment, endpoint_url).store()
    stored = known_pipeline(store, pipeline, environment)
    fields = store.sensor_rows(pipeline, (key,)).get(key)
    if fields is None:
        raise OutputError(f"{pipeline} has no sensor row {key!r}")
    if as_json:
        print_json(wire_sensor(key, fields))
        return
    out = console()
    date, written = _date(key, fields), _written(fields, stored, datetime.now(UTC))
    out.line(f"{pipeline} SENSOR#{key}, {date}{f', written {written}' if written else ''}")
    for name, value in fields.items():
        out.line(f"  {name}: {shown(value)}")


def _newness(key: str, fields: _Fields) -> tuple[datetime, datetime]:
    """The time by which a row is newer than another, and the begin of its date (UTC)."""
    named = row_date(key, fields)
    begin = datetime.combine(named.day, time(named.hour or 0), UTC) if isinstance(named, ExecutionDate) else _OLDEST
    return updated_at(fields) or begin, begin


def _print_rows(rows: list[tuple[str, _Fields]], stored: StoredConfig, now: datetime) -> None:
    out = console()
    if not rows:
        out.line("no sensor rows")
        return
    made = table("key", "date", "written", "fields", whole=("date",))
    for key, fields in rows:
        data = ", ".join(f"{name}={shown(value)}" for name, value in fields.items() if name != "updatedAt")
        made.add_row(key, _date(key, fields), _written(fields, stored, now), data)
    out.table(made)


def _date(key: str, fields: _Fields) -> str:
    named = row_date(key, fields)
    if named is None:
        return "no date"
    return "unreadable" if isinstance(named, UnreadableDate) else str(named)


def _written(fields: _Fields, stored: StoredConfig, now: datetime) -> str:
    at = updated_at(fields)
    if at is None:
        return ""
    seconds = (now - at).total_seconds()
    age = f"{show_age(seconds)} ago" if seconds >= 0 else f"{show_age(-seconds)} ahead"
    return f"{show_moment(at.replace(microsecond=0), zone_of(stored), utc_too=False, now=now)} ({age})"


def wire_sensor(key: str, fields: _Fields) -> dict[str, Any]:
    """The row as JSON: its key, its date, its time (UTC) and its fields."""
    named, at = row_date(key, fields), updated_at(fields)
    return {
        "key": key,
        "date": None if named is None or isinstance(named, UnreadableDate) else str(named),
        "problem": str(named) if isinstance(named, UnreadableDate) else None,
        "updated_at": None if at is None else at.isoformat(),
        "data": {name: _plain(value) for name, value in fields.items()},
    }


def _plain(value: Any) -> Any:
    """The value with numbers of JSON. A number that no float has exactly becomes a text with all its digits."""
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            return int(value)
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_plain(inner) for inner in value), key=str)
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
