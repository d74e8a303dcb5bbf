"""The sensor rows that a date keeps, since rows of other dates replace them in the table."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import KeepRows, KeptRows
from interlock_lifecycle._run import RunKey, Sensor
from interlock_lifecycle.sensors._accounted import CLOCKS_APART
from interlock_rules import KeptRow, Rule, Selection, row_date
from interlock_sla import ExecutionDate, ExecutionDateError

MOST_KEPT_BYTES = 64 * 1024
"""The limit of one date's kept rows. A DynamoDB item has at most 400 KB, and each evaluation reads the row."""


def add_kept(kept: Mapping[str, KeptRow], fresh: Mapping[str, KeptRow]) -> dict[str, KeptRow]:
    """The kept rows of a date with the `fresh` rows. A row that does not fit into 64 KB is noted without its fields."""
    merged = {**kept, **fresh}
    room = MOST_KEPT_BYTES - sum(_size(row) for row_name, row in merged.items() if row_name not in fresh)
    for row_name, row in fresh.items():
        size = _size(row)
        if size > room:
            merged[row_name] = KeptRow(None, row.kept_at, row.exact)
        else:
            room -= size
    return merged


def _size(row: KeptRow) -> int:
    return 0 if row.fields is None else len(msgspec.json.encode(row.fields, enc_hook=str))


def opening_row(sensor_key: str, fields: Mapping[str, object], at: datetime, config: PipelineConfig) -> KeptRows:
    """The kept rows of a new date: the row that opened it.

    A row under a key of its own date is not kept: only rows of that date overwrite it.
    """
    rule, named = config.trigger_rule, row_date(sensor_key, fields)
    if rule is None or not may_be_replaced(sensor_key, rule, named if isinstance(named, ExecutionDate) else None):
        return KeptRows()
    return KeptRows(add_kept({}, {rule.row_name: KeptRow(fields, at)}), 1)


def rows_passed(
    selection: Selection, rules: Iterable[Rule], kept: KeptRows, date: ExecutionDate, at: datetime
) -> KeptRows | None:
    """The kept rows of a date with the rows by which its validation passed. None if it keeps them already.

    A record that was kept after the begin of the evaluation (`at`, UTC) is newer, and stays. Reference data
    (`any_date`) and rows under per-period keys are not kept: each evaluation reads them as they are.
    """
    fresh = {
        rule.row_name: _row_passed(selection, rule, date, at)
        for rule in rules
        if not rule.any_date
        and rule.row_name in selection.sources
        and rule.row_name not in selection.kept
        and may_be_replaced(selection.sources[rule.row_name], rule, date.shifted(rule.date_offset))
    }
    known = {
        row_name: row
        for row_name, row in fresh.items()
        if row_name in kept.rows and (kept.rows[row_name].fields == row.fields or kept.rows[row_name].kept_at > at)
    }
    if len(known) == len(fresh):
        return None
    return KeptRows(
        add_kept(kept.rows, {row_name: row for row_name, row in fresh.items() if row_name not in known}),
        kept.version + 1,
    )


def _row_passed(selection: Selection, rule: Rule, date: ExecutionDate, at: datetime) -> KeptRow:
    fields = selection.fields[rule.row_name]
    named = row_date(selection.sources[rule.row_name], fields)
    return KeptRow(fields, at, exact=named is None or named == date.shifted(rule.date_offset))


def dates_to_keep(sensor: Sensor, config: PipelineConfig) -> dict[RunKey, tuple[str, ...]]:
    """The runs that would lose this record if another date's row replaced it, each with the row names of its rules.

    An hour's row counts for its day's daily run too, until a row names the day itself (`decide_keeping`). A day's row
    also counts for its hours. They keep it at the end of their validation.
    """
    named = row_date(sensor.key, sensor.fields)
    if not isinstance(named, ExecutionDate):
        return {}
    found: dict[RunKey, list[str]] = {}
    for rule in dated_rules(config):
        for date in dict.fromkeys((named, ExecutionDate(named.day))):
            if not may_be_replaced(sensor.key, rule, date):
                continue
            try:
                run = RunKey(config.id, config.schedule_id, date.shifted(-rule.date_offset))
            except ExecutionDateError:
                continue
            found.setdefault(run, []).append(rule.row_name)
    return {run: tuple(dict.fromkeys(row_names)) for run, row_names in found.items()}


def may_be_replaced(sensor_key: str, rule: Rule, date: ExecutionDate | None) -> bool:
    """Whether the rule reads this row for the date, and another date's row may be written under the same key.

    Both apply to the plain key, and for an hour's row under its day's key.
    """
    if sensor_key == rule.key:
        return True
    if date is None or date.hour is None:
        return False
    day = ExecutionDate(date.day)
    return sensor_key in (f"{rule.key}#{day}", f"{rule.key}#{day.compact}")


def dated_rules(config: PipelineConfig) -> tuple[Rule, ...]:
    """The rules that read rows of the run's date: the trigger and the validation rules, without reference data."""
    trigger = (config.trigger_rule,) if config.trigger_rule is not None else ()
    return tuple(rule for rule in (*trigger, *config.validation.rules) if not rule.any_date)


def decide_keeping(sensor: Sensor, key: RunKey, row_names: Iterable[str], kept: KeptRows) -> KeepRows | None:
    """Decide whether a date keeps a record, since the next row under its key may be another date's.

    The stream-router calls it for each run that reads the record (`dates_to_keep`), if the date has begun or waits on
    an excluded day. Results:

    - `KeepRows`: the date keeps no row of the rule yet, the record is newer than the kept row, or it names the date of
      the run itself and the kept row does not.
    - `None`: the date keeps this record or a better one. An older record does not replace a newer kept row. A record
      that does not name the date of the run itself never replaces one that does.
    """
    named = row_date(sensor.key, sensor.fields)
    exact = isinstance(named, ExecutionDate) and named.is_hourly == key.date.is_hourly
    fresh = {}
    for row_name in row_names:
        before = kept.rows.get(row_name)
        if before is None or is_better(sensor, exact, before):
            fresh[row_name] = KeptRow(sensor.fields, sensor.written_at, exact)
    if not fresh:
        return None
    after = KeptRows(add_kept(kept.rows, fresh), kept.version + 1, kept.dormant)
    return KeepRows(key, after, sensor.written_at)


def is_better(sensor: Sensor, exact: bool, before: KeptRow) -> bool:
    """Whether the record replaces the row that its date keeps."""
    if exact != before.exact:
        return exact
    return before.fields != sensor.fields and _is_not_older(sensor, before.kept_at)


def _is_not_older(sensor: Sensor, kept_at: datetime) -> bool:
    """Whether a record is as new as a kept row. Stream times are whole seconds, and clocks differ by up to a second.

    Within that time the record counts as newer.
    """
    return sensor.written_at >= kept_at.replace(microsecond=0) - CLOCKS_APART


def kept_from_start(kept: KeptRows, opening: KeptRows, config: PipelineConfig) -> KeptRows:
    """The kept rows of a date that begins now with the row `opening`.

    A date that waited on an excluded day continues with its kept rows. Other kept rows are left from an earlier run
    of the date, and are replaced.
    """
    if kept.dormant is None:
        return opening
    row_names = {rule.row_name for rule in dated_rules(config)}
    waited = {row_name: row for row_name, row in kept.rows.items() if row_name in row_names}
    fresh = {
        row_name: row
        for row_name, row in opening.rows.items()
        if row_name not in waited or waited[row_name].fields != row.fields
    }
    return KeptRows(add_kept(waited, fresh), kept.version + 1)
