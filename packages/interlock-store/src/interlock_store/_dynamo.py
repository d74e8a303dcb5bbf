"""The tables on DynamoDB: reads by key, and transactions that distinguish failed conditions from other errors."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar, assert_never

from botocore.exceptions import ClientError

from interlock_store._client import DynamoClient, TableClient
from interlock_store._tables import TableBusy, TransactionRejected
from interlock_store._values import from_wire, tagged, to_wire
from interlock_store._write import Check, Delete, Expect, Item, Put, Update, Write

_T = TypeVar("_T")

_PAGE = 100
_TRIES = 8
_PASSING = frozenset(
    {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"}
)


class _Collision(Exception):
    """The transaction collided with another one, and may be tried again."""


class DynamoTables:
    """Tables on DynamoDB or an endpoint with its API. `sleep` waits between the tries on a busy table.

    client: the client of `open_tables`, or boto3's.
    """

    def __init__(self, client: TableClient, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._sleep = sleep

    @contextmanager
    def within(self, remaining: Callable[[], timedelta]) -> Iterator[None]:
        """Let each call of the block, in all threads, end within the remaining time of the invocation.

        Any other client has its own limits.
        """
        client = self._client if isinstance(self._client, DynamoClient) else None
        if client is not None:
            client.bound(remaining)
        try:
            yield
        finally:
            if client is not None:
                client.bound(None)

    def get(self, table: str, pk: str, sk: str) -> Item | None:
        """One row, strongly consistent."""
        answer = self._client.get_item(TableName=table, Key={"PK": {"S": pk}, "SK": {"S": sk}}, ConsistentRead=True)
        found = answer.get("Item")
        return None if found is None else from_wire(found)

    def get_many(self, table: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """The rows that exist among `keys`, strongly consistent. Unprocessed keys are requested again."""
        wanted = list(dict.fromkeys(keys))
        found: dict[tuple[str, str], Item] = {}
        for start in range(0, len(wanted), _PAGE):
            for row in self._get_page(table, wanted[start : start + _PAGE]):
                found[row["PK"], row["SK"]] = row
        return found

    def _get_page(self, table: str, keys: Sequence[tuple[str, str]]) -> Iterator[Item]:
        wire: Any = {table: {"Keys": [{"PK": {"S": pk}, "SK": {"S": sk}} for pk, sk in keys], "ConsistentRead": True}}
        while wire:
            answer = self._answer_page(wire)
            for row in answer.get("Responses", {}).get(table, []):
                yield from_wire(row)
            wire = answer.get("UnprocessedKeys") or {}

    def _answer_page(self, wire: Any) -> Any:
        """One answer with at least one processed key. An entirely unprocessed page is requested again after a wait."""

        def ask() -> Any:
            answer = self._client.batch_get_item(RequestItems=wire)
            if answer.get("UnprocessedKeys") == wire:
                raise _Collision
            return answer

        return _patiently(ask, self._sleep)

    def query(
        self,
        table: str,
        pk: str,
        *,
        prefix: str = "",
        index: str | None = None,
        after: str | None = None,
        up_to: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[Item]:
        """Rows of one partition in the order of their sort key, page by page."""
        request = _query(table, pk, prefix, index, after, up_to)
        request["ScanIndexForward"] = not newest_first
        left = limit
        while left is None or left > 0:
            if left is not None:
                request["Limit"] = left
            answer = self._client.query(**request)
            for row in answer["Items"]:
                yield from_wire(row)
            if left is not None:
                left -= len(answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def transact(self, writes: Sequence[Write]) -> None:
        """All writes or none. Collisions and throttling lead to another try."""
        items = [_wire_write(write) for write in writes]
        if len(items) == 1 and "ConditionCheck" not in items[0]:
            self._write_one(items[0])
            return
        _patiently(lambda: self._transact_once(items), self._sleep)

    def _write_one(self, item: dict[str, Any]) -> None:
        """A single write without a transaction, which costs half as much."""
        operations: dict[str, Any] = {
            "Put": self._client.put_item,
            "Update": self._client.update_item,
            "Delete": self._client.delete_item,
        }
        ((kind, request),) = item.items()

        def write() -> None:
            try:
                operations[kind](**request)
            except ClientError as error:
                code = error.response["Error"].get("Code")
                if code == "ConditionalCheckFailedException":
                    raise TransactionRejected([0]) from None
                if code == "TransactionConflictException":
                    raise _Collision from error
                raise

        _patiently(write, self._sleep)

    def _transact_once(self, items: list[Any]) -> None:
        try:
            self._client.transact_write_items(TransactItems=items)
        except ClientError as error:
            if error.response["Error"].get("Code") != "TransactionCanceledException":
                raise
            reasons = [reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])]
            rejected = [at for at, code in enumerate(reasons) if code == "ConditionalCheckFailed"]
            if rejected:
                raise TransactionRejected(rejected) from None
            if any(code in _PASSING for code in reasons):
                raise _Collision from error
            raise


def _patiently(act: Callable[[], _T], sleep: Callable[[float], None]) -> _T:
    """Repeat a call while it collides. Raises TableBusy after the last try."""
    try:
        return act()
    except _Collision as collision:
        return _again(act, collision, sleep)


def _again(act: Callable[[], _T], collision: _Collision, sleep: Callable[[float], None]) -> _T:
    """Repeat a call whose first try has collided."""
    # Few calls collide, and the import of tenacity takes a noticeable part of a cold start.
    from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    collided = [collision]

    def try_once() -> _T:
        if collided:
            raise collided.pop()
        return act()

    retrying = Retrying(
        retry=retry_if_exception_type(_Collision),
        wait=wait_random_exponential(multiplier=0.05, max=2),
        stop=stop_after_attempt(_TRIES),
        sleep=sleep,
    )
    try:
        return retrying(try_once)
    except RetryError as error:
        raise TableBusy(f"the table was busy {_TRIES} times in a row") from error


def _query(table: str, pk: str, prefix: str, index: str | None, after: str | None, up_to: str | None) -> dict[str, Any]:
    hash_name, range_name = (f"{index}PK", f"{index}SK") if index else ("PK", "SK")
    request: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "#h = :h",
        "ExpressionAttributeNames": {"#h": hash_name},
        "ExpressionAttributeValues": {":h": {"S": pk}},
    }
    if index:
        request["IndexName"] = index
    else:
        request["ConsistentRead"] = True
    bound = _bound(prefix, after, up_to)
    if bound is not None:
        condition, value = bound
        request["KeyConditionExpression"] += f" AND {condition}"
        request["ExpressionAttributeNames"]["#r"] = range_name
        request["ExpressionAttributeValues"][":r"] = {"S": value}
    return request


def _bound(prefix: str, after: str | None, up_to: str | None) -> tuple[str, str] | None:
    if after is not None:
        return "#r > :r", after
    if up_to is not None:
        return "#r <= :r", up_to
    return ("begins_with(#r, :r)", prefix) if prefix else None


class _Expression:
    """Collects the names and values of one write's expressions."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def name(self, attribute: str) -> str:
        placeholder = f"#n{len(self.names)}"
        self.names[placeholder] = attribute
        return placeholder

    def value(self, value: Any) -> str:
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = tagged(value)
        return placeholder

    def condition(self, expect: Expect) -> str:
        terms = [f"{self.name(attribute)} = {self.value(value)}" for attribute, value in expect.equals.items()]
        terms += [f"attribute_not_exists({self.name(attribute)})" for attribute in expect.absent]
        if expect.exists is not None:
            terms.append(f"attribute_{'exists' if expect.exists else 'not_exists'}({self.name('PK')})")
        return " AND ".join(terms)

    def request(self, request: dict[str, Any], expect: Expect) -> dict[str, Any]:
        condition = self.condition(expect)
        if condition:
            request["ConditionExpression"] = condition
        if self.names:
            request["ExpressionAttributeNames"] = self.names
        if self.values:
            request["ExpressionAttributeValues"] = self.values
        return request


def _wire_write(write: Write) -> dict[str, Any]:
    expression = _Expression()
    match write:
        case Put():
            return {"Put": expression.request({"TableName": write.table, "Item": to_wire(write.item)}, write.expect)}
        case Update():
            request = {"TableName": write.table, "Key": _key(write), "UpdateExpression": _changes(write, expression)}
            return {"Update": expression.request(request, write.expect)}
        case Delete():
            return {"Delete": expression.request({"TableName": write.table, "Key": _key(write)}, write.expect)}
        case Check():
            request = {"TableName": write.table, "Key": _key(write)}
            return {"ConditionCheck": expression.request(request, write.expect)}
        case _:
            assert_never(write)


def _key(write: Update | Delete | Check) -> dict[str, Any]:
    return {"PK": {"S": write.pk}, "SK": {"S": write.sk}}


def _changes(write: Update, expression: _Expression) -> str:
    clauses = []
    if write.set:
        pairs = (f"{expression.name(name)} = {expression.value(value)}" for name, value in write.set.items())
        clauses.append("SET " + ", ".join(pairs))
    if write.remove:
        clauses.append("REMOVE " + ", ".join(expression.name(name) for name in write.remove))
    return " ".join(clauses)
