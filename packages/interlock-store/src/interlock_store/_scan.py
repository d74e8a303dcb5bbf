"""Reads the whole control table, for the migration alone. No Lambda may scan, and no other module does."""

import json
from collections.abc import Iterator
from typing import Any, Protocol

from msgspec import Struct

from interlock_store._client import TableClient
from interlock_store._memory import MemoryTables
from interlock_store._values import from_wire
from interlock_store._write import Item

_KINDS = ("TRIGGER#", "RERUN_REQUEST#", "VERDICT#")
_ATTRIBUTES = (
    "PK",
    "SK",
    "GSI1PK",
    "GSI1SK",
    "GSI2PK",
    "GSI2SK",
    "absolute",
    "attempt",
    "config",
    "createdAt",
    "handledAt",
    "leaseUntil",
    "relative",
    "runToken",
    "startedToken",
    "status",
    "ttl",
)
"""The attributes that the migration reads. The sensors' data and the jobs' configs stay in the table."""


class Position(Struct, frozen=True):
    """The position of a scan: the key of the last row that was read. `parse_position` reads its `str()`."""

    pk: str
    sk: str

    def __str__(self) -> str:
        return json.dumps([self.pk, self.sk], ensure_ascii=False)


def parse_position(text: str) -> Position:
    """The position that an interrupted migration printed. Raises ValueError for any other text."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not (isinstance(found, list) and len(found) == 2 and all(isinstance(part, str) and part for part in found)):
        raise ValueError(f'{text!r} is not a position. A position is ["<partition key>", "<sort key>"]')
    return Position(*found)


class ScanPage(Struct, frozen=True):
    """One page of a scan.

    It has the CONFIG, TRIGGER#, VERDICT# and RERUN_REQUEST# rows with the attributes of the migration, the number of
    rows that were read for them, and the position after the page, None at the end.
    """

    rows: tuple[Item, ...]
    looked_at: int
    position: Position | None


class RowScan(Protocol):
    """A reader of a whole table."""

    def pages(self, table: str, after: Position | None = None) -> Iterator[ScanPage]:
        """The pages after a position, strongly consistent, in the table's own order."""


class DynamoScan:
    """Scans on DynamoDB. `page_size`: the number of rows read per page, for tests. By default a page is 1 MB."""

    def __init__(self, client: TableClient, page_size: int | None = None) -> None:
        self._client = client
        self._page_size = page_size

    def pages(self, table: str, after: Position | None = None) -> Iterator[ScanPage]:
        """The pages after a position."""
        request = _request(table)
        if self._page_size is not None:
            request["Limit"] = self._page_size
        while True:
            if after is not None:
                request["ExclusiveStartKey"] = {"PK": {"S": after.pk}, "SK": {"S": after.sk}}
            answer = self._client.scan(**request)
            last = answer.get("LastEvaluatedKey")
            after = Position(str(last["PK"]["S"]), str(last["SK"]["S"])) if last else None
            yield ScanPage(tuple(from_wire(row) for row in answer["Items"]), answer["ScannedCount"], after)
            if after is None:
                return


def _request(table: str) -> dict[str, Any]:
    names = {f"#a{at}": name for at, name in enumerate(_ATTRIBUTES)}
    kinds = {f":k{at}": {"S": kind} for at, kind in enumerate(_KINDS)}
    wanted = ["#a1 = :config", *(f"begins_with(#a1, {place})" for place in kinds)]
    return {
        "TableName": table,
        "ConsistentRead": True,
        "ProjectionExpression": ", ".join(names),
        "FilterExpression": " OR ".join(wanted),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {":config": {"S": "CONFIG"}, **kinds},
    }


class MemoryScan:
    """Scans of the in-memory twin, in the order of the keys."""

    def __init__(self, tables: MemoryTables, page_size: int = 1000) -> None:
        self._tables = tables
        self._page_size = page_size

    def pages(self, table: str, after: Position | None = None) -> Iterator[ScanPage]:
        """The pages after a position. Each is read on demand."""
        while True:
            rows = self._tables.rows_of(table)
            left = [row for row in rows if after is None or (row["PK"], row["SK"]) > (after.pk, after.sk)]
            page = left[: self._page_size]
            more = len(left) > len(page)
            after = Position(page[-1]["PK"], page[-1]["SK"]) if more else None
            yield ScanPage(tuple(_narrowed(row) for row in page if _is_wanted(row)), len(page), after)
            if not more:
                return


def _is_wanted(row: Item) -> bool:
    return row["SK"] == "CONFIG" or str(row["SK"]).startswith(_KINDS)


def _narrowed(row: Item) -> Item:
    return {name: value for name, value in row.items() if name in _ATTRIBUTES}
