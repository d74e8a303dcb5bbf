"""Leases rows of the events table, so that two Lambdas do not do the same work twice."""

import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from interlock_telemetry import get_logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LENGTH = timedelta(seconds=30)
_DONE = "threadTs"
_TS = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}")
"""The form of a ts of Slack."""

_LEASE = "leaseUntil"
_FARTHEST = timedelta(hours=1)
"""No lease is that long. A lease that ends later was written by another process."""

_log = get_logger(__name__)


class Key(Struct, frozen=True):
    """A row's key in the events table."""

    pk: str
    sk: str

    def wire(self) -> dict[str, dict[str, str]]:
        """The key in DynamoDB's notation."""
        return {"PK": {"S": self.pk}, "SK": {"S": self.sk}}


class Lease(Struct, frozen=True):
    """The right to do the work of a row. After its end another Lambda may take the row over."""

    key: Key
    holder: str


class Done(Struct, frozen=True):
    """The work was done before. `texts` are the row's texts."""

    key: Key
    texts: Mapping[str, str]


class Held(Struct, frozen=True):
    """Another Lambda holds the row, at most until its lease runs out."""

    key: Key


class LeasedRows:
    """Rows of the events table that are leased and then done (with a `threadTs`). They expire after `keep`.

    A lease that a crashed holder neither finishes nor releases can be taken over after its end. Other processes may
    write the table: a row whose `threadTs` or `leaseUntil` is unreadable counts as free.
    """

    def __init__(self, client: "DynamoDBClient", table: str, keep: timedelta, *, length: timedelta = LENGTH) -> None:
        self._client = client
        self._table = table
        self._keep = keep
        self._length = length

    def take(self, key: Key, now: datetime) -> Lease | Done | Held:
        """Lease the row, unless it is done or another Lambda holds it."""
        free = f"attribute_not_exists({_DONE}) AND (attribute_not_exists({_LEASE}) OR {_LEASE} < :now)"
        if lease := self._lease(key, now, free, {":now": {"N": _milliseconds(now)}}):
            return lease
        row = self._read(key)
        if done := _done(key, row):
            return done
        if unreadable := dict(_unreadable(row, now)):
            # The condition compares the unreadable values, so that only one of two Lambdas gets the row.
            _log.warning("lease_row_unreadable", row=key.sk, values=str(unreadable)[:500])
            same = " AND ".join(f"{name} = :old{name}" for name in unreadable)
            olds = {f":old{name}": value for name, value in unreadable.items()}
            return self._lease(key, now, same, olds) or Held(key)
        return Held(key)

    def find(self, key: Key) -> Done | None:
        """The row, if it is done. The read is consistent."""
        return _done(key, self._read(key))

    def _lease(self, key: Key, now: datetime, condition: str, values: Mapping[str, Any]) -> Lease | None:
        holder = secrets.token_hex(8)
        ours = {
            ":holder": {"S": holder},
            ":until": {"N": _milliseconds(now + self._length)},
            ":ttl": {"N": self._ttl(now)},
        }
        update = f"SET {_LEASE} = :until, leasedBy = :holder, #ttl = :ttl REMOVE {_DONE}"
        return Lease(key, holder) if self._update(key, update, condition, {**ours, **values}) else None

    def _read(self, key: Key) -> Mapping[str, Any]:
        return self._client.get_item(TableName=self._table, Key=key.wire(), ConsistentRead=True).get("Item", {})

    def finish(self, lease: Lease, now: datetime, thread_ts: str, **texts: str) -> bool:
        """Mark the leased row as done. The result is False if another Lambda took the row over after the lease."""
        written = {_DONE: thread_ts, "createdAt": now.astimezone(UTC).isoformat(), **texts}
        assignments = ", ".join(f"{name} = :{name}" for name in written)
        values = {f":{name}": {"S": value} for name, value in written.items()}
        values |= {":holder": {"S": lease.holder}, ":ttl": {"N": self._ttl(now)}}
        update = f"SET {assignments}, #ttl = :ttl REMOVE leaseUntil, leasedBy"
        return self._update(lease.key, update, "leasedBy = :holder", values)

    def release(self, lease: Lease) -> None:
        """Release the row, so that the next Lambda need not wait for the end of the lease."""
        self._delete(lease.key, "leasedBy = :value", lease.holder)

    def forget(self, done: Done) -> None:
        """Delete a done row, so that its work may be done again. A row that was done again meanwhile stays."""
        self._delete(done.key, f"{_DONE} = :value", done.texts[_DONE])

    def _update(self, key: Key, update: str, condition: str, values: Mapping[str, Any]) -> bool:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=key.wire(),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#ttl": "ttl"},
                ExpressionAttributeValues=values,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _delete(self, key: Key, condition: str, value: str) -> None:
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=key.wire(),
                ConditionExpression=condition,
                ExpressionAttributeValues={":value": {"S": value}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def _ttl(self, now: datetime) -> str:
        return str(round((now + self._keep).timestamp()))

    def ping(self) -> None:
        """Raise unless the table accepts writes. The update's condition never holds, so it writes nothing."""
        values = {":ttl": {"N": "0"}}
        self._update(Key("INTERLOCK", "PING"), "SET #ttl = :ttl", "attribute_exists(PK)", values)


def _milliseconds(moment: datetime) -> str:
    return str(round(moment.timestamp() * 1000))


def _done(key: Key, row: Mapping[str, Any]) -> Done | None:
    if not _TS.fullmatch(_text(row, _DONE)):
        return None
    return Done(key, {name: value["S"] for name, value in row.items() if "S" in value})


def _unreadable(row: Mapping[str, Any], now: datetime) -> Iterator[tuple[str, Any]]:
    """The attributes of a row that is not done that would keep it from being leased for good."""
    if _DONE in row:
        yield _DONE, row[_DONE]
    if _LEASE in row and ("N" not in row[_LEASE] or Decimal(row[_LEASE]["N"]) > int(_milliseconds(now + _FARTHEST))):
        yield _LEASE, row[_LEASE]


def _text(row: Mapping[str, Any], name: str) -> str:
    text: str = row.get(name, {}).get("S", "")
    return text
