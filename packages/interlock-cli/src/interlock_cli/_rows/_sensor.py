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
from interlock_cli._output._near import near_names
from interlock_cli._rows._sensor_rows import get_sensor, list_sensors
from interlock_config import PipelineConfig
from interlock_lifecycle import Sensor
from interlock_lifecycle.runs import rules_to_read
from interlock_lifecycle.sensors import is_reserved, problem_of, reads
from interlock_rules import Check, Rule, UnreadableDate, key_matches, row_date, shown
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
@click.option("--force", is_flag=True, help="Write the row although its date cannot be read, to test your own alarms.")
@deployment_options
@result_output
def put(
    pipeline: str,
    key: str,
    fields: tuple[str, ...],
    bare: bool,
    force: bool,
    environment: str,
    endpoint_url: str | None,
    as_json: bool,
) -> None:
    """Write one sensor row: KEY of PIPELINE with its fields. Values are JSON, so text needs quotes.

    The row also gets the current time as updatedAt, unless a field of that name is given. So each reading differs
    from the reading before. A write that changes nothing makes no stream record and starts nothing. The command then
    prints "unchanged".

    A row whose date cannot be read is an error, since it would count for no run and replace the row before it. A key
    that no rule and no trigger reads, and a missing field that one reads, are warnings.

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
    now = datetime.now(UTC)
    data = _read_row(key, fields)
    if not bare:
        data.setdefault("updatedAt", now.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    store = deployment(environment, endpoint_url).store()
    stored = store.config(pipeline)
    if not stored.exists:
        raise unknown_pipeline(store, pipeline, environment)
    row = Sensor(pipeline, key, data, now)
    warnings = _check_date(row, stored.config, force=force)
    if stored.config is not None:
        warnings += _unread(row, stored.config)
    _answer(row, warnings, changed=store.change_sensor(pipeline, key, data), as_json=as_json)


def _check_date(row: Sensor, config: PipelineConfig | None, *, force: bool) -> list[str]:
    """The warnings about the date of a row. Raises CliError for a row that counts for no run, unless it is forced.

    The date of reference data (anyDate) has no meaning.
    """
    if config is not None and _rules_of(row, config) and not reads(row.key, config):
        return []
    if isinstance(named := row_date(row.key, row.fields), UnreadableDate):
        # The part of a key that is like a date does not show which key it is.
        is_part = named.field == "key"
        text = f"key is {shown(row.key)}, whose part {shown(named.value)} {named.problem}" if is_part else str(named)
        if not force:
            raise CliError(f"{text}; the row would count for no run (--force writes it)")
        return [f"{text}; the row opens no run and counts for no run"]
    outside = problem_of(row, config) if config is not None else None
    return [f"{outside}; the row opens no run, and counts for a requested rerun of its date"] if outside else []


def _unread(row: Sensor, config: PipelineConfig) -> list[str]:
    """The warnings about a key that nothing reads, and about fields that a rule reads and the row does not have."""
    rules = _rules_of(row, config)
    if not rules:
        keys = dict.fromkeys(rule.key for rule in rules_to_read(config))
        near = near_names(row.key.partition("#")[0], keys, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        known = ", ".join(keys) or "no key"
        return [f"no rule and no trigger of {config.id} reads the key {row.key!r}; they read {known}{meant}"]
    fields = dict.fromkeys(_field_of(rule) for rule in rules)
    missing = [name for name in fields if name is not None and name not in row.fields]
    return [f"the row has no field {name!r}, which a rule or the trigger reads" for name in missing]


def _rules_of(row: Sensor, config: PipelineConfig) -> list[Rule]:
    return [rule for rule in rules_to_read(config) if key_matches(rule.key, row.key)]


def _field_of(rule: Rule) -> str | None:
    return rule.field or ("updatedAt" if rule.check in (Check.AGE_LT, Check.AGE_GT) else None)


def _answer(row: Sensor, warnings: list[str], *, changed: bool, as_json: bool) -> None:
    result = "written" if changed else "unchanged"
    if as_json:
        answer = {"pipeline": row.pipeline_id, "key": row.key, "data": row.fields, "result": result}
        print_json({**answer, "warning": "; ".join(warnings)} if warnings else answer)
        return
    out = console()
    out.line(("green" if changed else "yellow", result), f" {row.pipeline_id} SENSOR#{row.key}")
    for warning in warnings:
        out.line(("yellow", "warning:"), " ", warning)
    if not changed:
        out.line(_WHY_NOTHING_STARTS)


def _read_row(key: str, fields: tuple[str, ...]) -> dict[str, Any]:
    """All fields of a row. Raises one CliError that names an invalid key and each invalid field."""
    data: dict[str, Any] = {}
    problems = []
    if not key or is_reserved(key):
        problems.append(f"sensor key {key!r} is {'written by Interlock itself' if key else 'empty'}")
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
        raise CliError(*problems)
    return data


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
