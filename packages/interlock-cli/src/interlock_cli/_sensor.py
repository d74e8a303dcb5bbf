"""interlock sensor put: a sensor row, as an external process would write it."""

import json
from decimal import Decimal
from typing import Any

import click

from interlock_cli._deployment import deployment, deployment_options
from interlock_cli._output import CliError, console, print_json
from interlock_lifecycle import is_reserved
from interlock_store import to_wire


@click.group()
def sensor() -> None:
    """Write sensor readings."""


@sensor.command()
@click.argument("pipeline")
@click.argument("key")
@click.argument("fields", nargs=-1, required=True, metavar="FIELD=VALUE...")
@deployment_options
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def put(
    pipeline: str, key: str, fields: tuple[str, ...], environment: str, endpoint_url: str | None, as_json: bool
) -> None:
    """Write one sensor row: KEY of PIPELINE with its fields. Values are JSON, so text needs quotes.

    \b
    Examples:
      interlock sensor put bronze-orders landing count=1203 complete=true
      interlock sensor put bronze-orders 'landing#2026-03-03T07' 'date="2026-03-03"' 'hour="07"' count=88
    """
    data = _read_fields(fields)
    if not key or is_reserved(key):
        raise CliError(f"sensor key {key!r} is {'written by Interlock itself' if key else 'empty'}")
    store = deployment(environment, endpoint_url).store()
    if not store.config(pipeline).exists:
        known = ", ".join(store.pipelines()[:10]) or "none"
        raise CliError(f"there is no pipeline {pipeline!r} in {environment!r}; known: {known}")
    store.put_sensor(pipeline, key, data)
    if as_json:
        print_json({"pipeline": pipeline, "key": key, "data": data})
    else:
        console().print(f"[green]written[/] {pipeline} SENSOR#{key}")


def _read_fields(fields: tuple[str, ...]) -> dict[str, Any]:
    """All fields, or one error that names every wrong one."""
    data: dict[str, Any] = {}
    problems = []
    for text in fields:
        name, sign, value = text.partition("=")
        if not sign or not name:
            problems.append(f"{text!r} is not FIELD=VALUE")
            continue
        try:
            data[name] = json.loads(value, parse_float=Decimal, parse_constant=_refuse_constant)
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


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
