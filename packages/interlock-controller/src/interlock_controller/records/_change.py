"""Reads a stream record: the changed row, its new image and the time of the change."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from interlock_store import from_wire


class MalformedRecord(ValueError):
    """A stream record that no retry can process."""


class Change(Struct, frozen=True):
    """One change of one row. `row` is its new image, None if it was deleted. `at` is the stream's time (UTC)."""

    pk: str
    sk: str
    row: Mapping[str, Any] | None
    at: datetime


def read_change(record: Mapping[str, Any]) -> Change:
    """Read a DynamoDB stream record as Lambda receives it. Raises MalformedRecord."""
    try:
        body = record["dynamodb"]
        keys = from_wire(body["Keys"])
        at = datetime.fromtimestamp(float(body["ApproximateCreationDateTime"]), UTC)
        row = from_wire(body["NewImage"]) if "NewImage" in body else None
        return Change(str(keys["PK"]), str(keys["SK"]), row, at)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise MalformedRecord(f"not a stream record of Interlock: {type(error).__name__}: {error}") from error


def event_runs(records: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """The outbox rows among stream records, in their order: a list for each run of records that are next to each other.

    Records that cannot be read end a run.
    """
    runs: list[list[Mapping[str, Any]]] = [[]]
    for record in records:
        row = _event_row(record)
        if row is not None:
            runs[-1].append(row)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _event_row(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    try:
        is_event = str(record["dynamodb"]["Keys"]["SK"]["S"]).startswith("EVENT#")
        return read_change(record).row if is_event else None
    except (KeyError, TypeError, MalformedRecord):
        return None
