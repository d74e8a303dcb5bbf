"""Reads a stream record: the changed row, its new image and the time of the change."""

from collections.abc import Mapping
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
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise MalformedRecord(f"not a stream record of Interlock: {type(error).__name__}: {error}") from error
