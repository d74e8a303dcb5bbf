"""interlock sensor: put writes a row as an external process would, list and get show rows."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import click

from interlock_cli._deployment._deployment import deployment, deployment_options
from interlock_cli._deployment._unknown import unknown_pipeline
from interlock_cli._output._console import CliError, console, print_json
from interlock_cli._output._form import result_output
from interlock_cli._rows._sensor_rows import get_sensor, list_sensors
from interlock_lifecycle.sensors import is_reserved
from interlock_rules import UnreadableDate, row_date
from interlock_store import to_wire

_WHY_NOTHING_STARTS = (
    "The row already has exactly these fields. DynamoDB makes no stream record of a write that changes nothing, "
    "so the write starts nothing. A new reading needs another date, or another time such as updatedAt."
)


@click.group()
def sensor() -> None:
    """Write and read sensor rows."""


sensor.add_command(list_sensors)
sensor.add_command(get_sensor)


@sensor.command()
@click.argument("pipeline")
@click.argument("key")
@click.argument("fields", nargs=-1, required=True, metavar="FIELD=VALUE...")
@click.option("--no-timestamp", "bare", is_flag=True, help="Write the fields as they are, without updatedAt.")
@deployment_options
@result_output
def put(
    pipeline: str,
    key: str,
    fields: tuple[str, ...],
    bare: bool,
    environment: str,
    endpoint_url: str | None,
    as_json: bool,
) -> None:
    """Write one sensor row: KEY of PIPELINE with its fields. Values are JSON, so text needs quotes.

    The row also gets the current time as updatedAt, unless a field of that name is given. So each reading differs
    from the reading before. A write that changes nothing makes no stream record and starts nothing. The command then
    prints "unchanged".

    \b
    Examples:
      interlock sensor put bronze-orders landing count=1203 complete=true
      interlock sensor put bronze-orders 'landing#2026-03-03T07' \\
        'date="2026-03-03"' 'hour="07"' count=88
      interlock sensor put bronze-orders landing count=1203 \\
        'updatedAt="2026-03-03T07:00:00Z"'
      interlock sensor put bronze-orders landing --no-timestamp \\
        'date="2026-03-03"' complete=true
    """
    data = _read_fields(fields)
    if not key or is_reserved(key):
        raise CliError(f"sensor key {key!r} is {'written by Interlock itself' if key else 'empty'}")
    if not bare:
        data.setdefault("updatedAt", datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    store = deployment(environment, endpoint_url).store()
    if not store.config(pipeline).exists:
        raise unknown_pipeline(store, pipeline, environment)
    _answer(pipeline, key, data, changed=store.change_sensor(pipeline, key, data), as_json=as_json)


def _answer(pipeline: str, key: str, data: dict[str, Any], *, changed: bool, as_json: bool) -> None:
    result = "written" if changed else "unchanged"
    named = row_date(key, data)
    warning = f"{named}; the row opens no run and counts for no run" if isinstance(named, UnreadableDate) else None
    if as_json:
        answer = {"pipeline": pipeline, "key": key, "data": data, "result": result}
        print_json(answer if warning is None else {**answer, "warning": warning})
        return
    out = console()
    out.line(("green" if changed else "yellow", result), f" {pipeline} SENSOR#{key}")
    if warning is not None:
        out.line(("yellow", "warning:"), " ", warning)
    if not changed:
        out.line(_WHY_NOTHING_STARTS)


def _read_fields(fields: tuple[str, ...]) -> dict[str, Any]:
    """All fields. Raises one CliError that names each invalid field."""
    data: dict[str, Any] = {}
    problems = []
    for text in fields:
        name, sign, value = text.partition("=")
        if not sign or not name:
            problems.append(f"{text!r} is not FIELD=VALUE")
            continue
        try:
            data[name] = json.loads(value, parse_float=Decimal, parse_constant=_reject_constant)
            to_wire({name: data[name]})
        except ArithmeticError:
            problems.append(
                f"{name}={value}: the number is too large or too exact for DynamoDB (38 digits, up to 1e125)"
            )
        except ValueError:
            problems.append(f"{name}={value}: {value!r} is not JSON (text needs quotes: '{name}=\"{value}\"')")
    if problems:
        raise CliError("; ".join(problems))
    return data


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
