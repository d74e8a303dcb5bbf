"""interlock why: explains one date of a pipeline, as it is or as it would be with other sensor rows."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import click
from msgspec import to_builtins

from interlock_cli._deployment._deployment import deployment, deployment_options
from interlock_cli._deployment._unknown import known_pipeline
from interlock_cli._output._console import CliError, console, print_json, show_moment
from interlock_cli._output._form import result_output
from interlock_cli._output._times import INSTANTS, Times
from interlock_cli._pipelines._pause import zone_of
from interlock_cli._runs._why_lines import print_explanation
from interlock_lifecycle.reports import Explanation, explain_assumed
from interlock_lifecycle.sensors import is_reserved
from interlock_sla import ExecutionDate, ExecutionDateError, parse_execution_date
from interlock_store import StoredConfig, read_date, to_wire
from interlock_telemetry import zone_database

_Fields = Mapping[str, object]


@click.command()
@click.argument("pipeline")
@click.argument("date")
@click.option("--at", metavar="TIME", help="Explain the date at this moment: a date, a time, or a length (+2h, -30m).")
@click.option(
    "--sensor",
    "sensors",
    multiple=True,
    metavar="KEY=JSON",
    help="Explain the date as if this row were written at that moment. It replaces the row that exists. Repeatable.",
)
@deployment_options
@result_output
def why(
    pipeline: str,
    date: str,
    at: str | None,
    sensors: tuple[str, ...],
    environment: str,
    endpoint_url: str | None,
    as_json: bool,
) -> None:
    """Explain the state of PIPELINE for DATE, with or without a run.

    DATE is YYYY-MM-DD, or YYYY-MM-DDTHH for an hourly run. The explanation has the schedule, the trigger, each rule
    with the row that it reads, the attempts that are left, the deadlines, and the change that lets the date go on. The
    functions that decide in the controller make it. The command writes nothing.

    With --sensor and --at it is the answer to a question: would this row let the run start? An assumed row gets the
    time of --at as updatedAt, unless it has that field, as with `interlock sensor put`. All other rows are read as they
    are now. For a time to come, no other row changes until then: deadlines pass, and an evaluation window ends.

    \b
    Examples:
      interlock why bronze-orders 2026-03-03
      interlock why bronze-orders 2026-03-03 \\
        --sensor 'landing={"date": "2026-03-03", "count": 1203}'
      interlock why bronze-orders 2026-03-03 --at +2h
      interlock why bronze-orders 2026-03-03T07 --json \\
        | jq '.rules[] | select(.passed | not)'
    """
    store, now = deployment(environment, endpoint_url).store(), datetime.now(UTC)
    stored = known_pipeline(store, pipeline, environment)
    wanted, moment, rows = _read(date, at, sensors, stored, now)
    facts = read_date(store, pipeline, wanted)
    if at is not None and facts.run is not None and moment < facts.run.committed_at:
        began = show_moment(facts.run.committed_at.replace(microsecond=0), zone_of(stored))
        before = f"before attempt {facts.run.attempt} of {wanted} began ({began})"
        raise CliError(f"--at is {at!r}, {before}; its events are in: interlock events {pipeline} --date {wanted}")
    explanation = explain_assumed(facts, rows, moment, now)
    if as_json:
        print_json({**wire_explanation(explanation), "zone_database": str(zone_database())})
    else:
        print_explanation(console(), explanation, f"{zone_database()} (of this command)")


def wire_explanation(explanation: Explanation) -> dict[str, Any]:
    """The explanation as JSON: times in UTC, deadlines also in the pipeline's zone."""
    wire: dict[str, Any] = to_builtins(explanation)
    zone = ZoneInfo(explanation.zone)
    for entry, clock in zip(wire["sla"], explanation.sla, strict=True):
        entry["breach_at_local"] = clock.breach_at.astimezone(zone).isoformat()
    return wire


def _read(
    date: str, at: str | None, sensors: tuple[str, ...], stored: StoredConfig, now: datetime
) -> tuple[ExecutionDate, datetime, dict[str, _Fields]]:
    """The date, the moment (UTC) and the assumed rows. Raises one CliError for all invalid arguments."""
    zone = stored.config.zone if stored.config is not None else ZoneInfo("UTC")
    problems: list[str] = []
    wanted = None
    try:
        wanted = parse_execution_date(date)
    except ExecutionDateError as error:
        problems.append(str(error))
    moment = now if at is None else Times(now, zone).instant(at)
    if moment is None:
        problems.append(f"--at is {at!r}, {INSTANTS}")
    rows: dict[str, _Fields] = {}
    for text in sensors:
        found = _read_row(text, moment or now)
        if isinstance(found, str):
            problems.append(f"--sensor is {text!r}, {found}")
        else:
            rows[found[0]] = found[1]
    if problems or wanted is None or moment is None:
        raise CliError(*problems)
    return wanted, moment, rows


def _read_row(text: str, moment: datetime) -> tuple[str, _Fields] | str:
    """The key and the fields of an assumed row, or the problem of the text."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        return "must be KEY=JSON, such as 'landing={\"count\": 3}'"
    if is_reserved(key):
        return f"the key {key!r} is written by Interlock itself"
    try:
        fields = json.loads(value, parse_float=Decimal, parse_constant=_reject_constant)
        if not isinstance(fields, dict) or not fields:
            return "its value must be a JSON object with at least one field"
        to_wire(fields)
    except ArithmeticError:
        return "a number is too large or too exact for DynamoDB (38 digits, up to 1e125)"
    except ValueError as error:
        return f"its value is not JSON: {error}"
    stamp = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return key, {"updatedAt": stamp, **fields}


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
