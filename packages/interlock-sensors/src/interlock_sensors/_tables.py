"""Writes rows to DynamoDB, each only if the table does not have its content already."""

from __future__ import annotations

from ._values import content

TYPE_CHECKING = False  # the module typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from ._rows import Row

_TRIES = 9
_MOST_READ, _MOST_WRITTEN = 100, 25  # the rows in one BatchGetItem and in one BatchWriteItem
_AT_ONCE = 4


class NotWritten(Exception):
    """DynamoDB throttled a batch at every try. `requests` has the requests that it did not answer.

    Other rows of the batch are written. The same call again writes the remaining rows only.
    """

    def __init__(self, requests: list[Any]) -> None:
        super().__init__(f"DynamoDB throttled {len(requests)} rows of a batch at each of {_TRIES} tries")
        self.requests = requests


class DynamoTables:
    """The tables behind a client of botocore or boto3."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, table: str, row: Row, unchanged: Callable[[Row, Row], bool]) -> bool:
        """Write a row, or return False if the row in the table is unchanged."""
        old = self._added(table, row)
        if old is None or unchanged(old, row):
            return old is None
        self._client.put_item(TableName=table, Item=row)
        return True

    def add(self, table: str, row: Row) -> bool:
        """Add a row whose sort key ends with a number, under the next free number. False: the row is there already."""
        while (old := self._added(table, row)) is not None:
            if content({"M": old}) == content({"M": row}):
                return False
            head, _, number = row["SK"]["S"].rpartition("#")
            row = {**row, "SK": {"S": f"{head}#{int(number) + 1}"}}
        return True

    def put_many(self, table: str, rows: Sequence[Row], unchanged: Callable[[Row, Row], bool]) -> int:
        """Write the rows that are changed, in batches, and return their number. Raises NotWritten."""
        from concurrent.futures import ThreadPoolExecutor

        chunks = [rows[start : start + _MOST_READ] for start in range(0, len(rows), _MOST_READ)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return sum(pool.map(lambda chunk: self._put_chunk(table, chunk, unchanged), chunks))

    def _added(self, table: str, row: Row) -> Row | None:
        """Write a row if its key is free, or else return the row that is there."""
        condition = {"ConditionExpression": "attribute_not_exists(PK)"}
        taken = self._client.exceptions.ConditionalCheckFailedException
        try:
            self._client.put_item(TableName=table, Item=row, ReturnValuesOnConditionCheckFailure="ALL_OLD", **condition)
        except taken as error:
            return dict(error.response.get("Item") or {})
        return None

    def _put_chunk(self, table: str, rows: Sequence[Row], unchanged: Callable[[Row, Row], bool]) -> int:
        names = {"#d": "data", "#t": "ttl"}
        request = {"ProjectionExpression": "PK, SK, #d, #t", "ExpressionAttributeNames": names, "ConsistentRead": True}
        keys = [{name: row[name] for name in ("PK", "SK")} for row in rows]
        answers = _answers(self._client.batch_get_item, "UnprocessedKeys", {table: {"Keys": keys, **request}})
        found = {name_of(old): old for answer in answers for old in answer["Responses"].get(table, [])}
        changed = [row for row in rows if name_of(row) not in found or not unchanged(found[name_of(row)], row)]
        for start in range(0, len(changed), _MOST_WRITTEN):
            puts = [{"PutRequest": {"Item": row}} for row in changed[start : start + _MOST_WRITTEN]]
            list(_answers(self._client.batch_write_item, "UnprocessedItems", {table: puts}))
        return len(changed)


def name_of(row: Row) -> str:
    """The keys of a row as one text."""
    return f"{row['PK']['S']} / {row['SK']['S']}"


def _answers(call: Callable[..., Any], unprocessed: str, rest: dict[str, Any]) -> Iterator[Any]:
    """The answers to a batch and to its unprocessed parts, within about 12 seconds of waiting."""
    import random
    import time

    for attempt in range(_TRIES):
        time.sleep(min(0.05 * 2**attempt, 5) * random.uniform(0.5, 1) if attempt else 0)  # noqa: S311
        answer = call(RequestItems=rest)
        yield answer
        rest = answer.get(unprocessed) or {}
        if not rest:
            return
    raise NotWritten([one for part in rest.values() for one in (part["Keys"] if isinstance(part, dict) else part)])
