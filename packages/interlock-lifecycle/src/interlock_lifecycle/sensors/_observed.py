"""The rows that an evaluation read, as its event keeps them: bounded in size, and with a mark where a row is cut."""

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle.events._event import LONGEST_TEXT
from interlock_rules import Check, Rule, Selection

MOST_OBSERVED_BYTES = 8 * 1024
"""The limit of the fields of all rows in one event, as JSON. The bus takes events of up to 256 KB."""

_LARGEST_INTEGER = 2**53
"""Readers of JSON that know only floats read integers exactly up to this one."""


class ObservedRow(Struct, frozen=True):
    """The row that a rule read at one instant.

    fields: None if no row counted, and for a row that is cut. source: the row key. cut: the reason why the event lacks
    the fields, empty for a whole row.
    """

    fields: Mapping[str, object] | None
    source: str = ""
    cut: str = ""


class _NotKept(Exception):
    """A value that JSON cannot have exactly, or a text that an event would cut."""


def observed_rules(config: PipelineConfig) -> tuple[Rule, ...]:
    """The rules whose rows an event keeps: the validation rules and the trigger."""
    trigger = (config.trigger_rule,) if config.trigger_rule is not None else ()
    return (*config.validation.rules, *trigger)


def describe_rows(selection: Selection, rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """The row that each rule read, for an event: each row once, in the order of the rules.

    The fields of all rows together have at most 8,192 bytes. A row that does not fit is cut as a whole, with the
    reason, since a part of its fields could decide otherwise than the row.
    """
    room = MOST_OBSERVED_BYTES
    found = []
    for rule in {rule.row_name: rule for rule in rules}.values():
        described: dict[str, Any] = {"key": rule.key}
        if rule.any_date:
            described["anyDate"] = True
        if rule.date_offset:
            described["dateOffset"] = rule.date_offset
        if rule.row_name in selection.fields:
            described["row"] = selection.sources[rule.row_name]
            kept = _kept(selection.fields[rule.row_name], room)
            described |= kept
            room -= _size(kept["data"]) if "data" in kept else 0
        found.append(described)
    return found


def _kept(fields: Mapping[str, object], room: int) -> dict[str, Any]:
    try:
        plain = _plain(fields)
    except _NotKept as problem:
        return {"cut": str(problem)}
    except RecursionError:
        return {"cut": "the row is nested too deeply"}
    size = _size(plain)
    return {"data": plain} if size <= room else {"cut": f"{size} bytes do not fit into the event"}


def plain_row(fields: Mapping[str, object]) -> dict[str, Any] | None:
    """The fields as an event has them, for a comparison. None for a row that an event would cut for its values."""
    try:
        plain: dict[str, Any] = _plain(fields)
    except (_NotKept, RecursionError):
        return None
    return plain


def _size(plain: Any) -> int:
    return len(msgspec.json.encode(plain))


def _plain(value: object) -> Any:
    """The value as JSON has it. Raises _NotKept."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise _NotKept(f"a text of {len(value)} characters does not fit into the event")
        return value
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    raise _NotKept(f"a value of the type {type(value).__name__} has no exact form in JSON")


def _number(value: int | float | Decimal) -> int | float:
    """The number, if every reader of JSON reads it exactly. Raises _NotKept."""
    if math.isfinite(value):
        whole = int(value)
        if value == whole and -_LARGEST_INTEGER <= whole <= _LARGEST_INTEGER:
            return whole
        number = float(value)
        if math.isfinite(number) and (isinstance(value, float) or Decimal(repr(number)) == value):
            return number
    raise _NotKept("a number has no exact form in JSON")


def read_rows(described: object) -> dict[str, ObservedRow] | None:
    """The rows that an event of an evaluation keeps, by the row name of their rules.

    None for an event without rows, as older versions wrote it, and for a value that `describe_rows` never writes.
    """
    try:
        entries = msgspec.convert(described, list[_Described])
    except msgspec.ValidationError:
        return None
    found = {}
    for entry in entries:
        rule = Rule(entry.key, Check.EXISTS, any_date=entry.any_date, date_offset=entry.date_offset)
        found[rule.row_name] = ObservedRow(entry.data, entry.row, entry.cut)
    return found


class _Described(Struct, frozen=True, rename="camel"):
    key: str
    row: str = ""
    data: dict[str, Any] | None = None
    cut: str = ""
    any_date: bool = False
    date_offset: int = 0
