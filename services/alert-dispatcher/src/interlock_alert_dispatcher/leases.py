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
_OUTCOME = "outcome"
"""How the work ended, for a row without a `threadTs`."""

OUTCOMES = frozenset({"delivered", "logged", "quiet", "silenced", "suppressed"})
_TS = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}")
"""The form of a ts of Slack."""

_LEASE = "leaseUntil"
_UNSURE = "unsure"
"""The reason why an earlier holder may have done the work."""

_SINCE = "since"
_OWN = frozenset({"PK", "SK", _DONE, _OUTCOME, _SINCE, "leasedBy"})
"""The texts that are of no use without an end of the work or a lease."""

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


def key_at(sk: str, place: str) -> str:
    """The sort key of a row of one target. The default channel has the place ""."""
    return f"{sk}#{place}" if place else sk


class Lease(Struct, frozen=True):
    """The right to do the work of a row. After its end another Lambda may take the row over.

    `texts` are the row's texts before. `is_repeat`: an earlier holder may have done the work, and did not note it.
    `since` is the time of the first such holder (UTC), if the row has it.
    """

    key: Key
    holder: str
    texts: Mapping[str, str] = {}

    @property
    def is_repeat(self) -> bool:
        """Whether the work may have been done before."""
        return "leasedBy" in self.texts or _UNSURE in self.texts

    @property
    def unsure(self) -> str:
        """The reason why the work may have been done before."""
        return self.texts.get(_UNSURE) or "its function ended during the post"

    @property
    def since(self) -> datetime | None:
        """The time of the first attempt, None if it is unreadable."""
        return read_moment(self.texts.get(_SINCE))


class Done(Struct, frozen=True):
    """The work was done before. `texts` are the row's texts."""

    key: Key
    texts: Mapping[str, str]

    @property
    def outcome(self) -> str:
        """How the work ended without a thread, "" with one."""
        return self.texts.get(_OUTCOME, "")


class Held(Struct, frozen=True):
    """Another Lambda holds the row, at most until its lease runs out."""

    key: Key


class LeasedRows:
    """Rows of the events table that are leased and then done, with a `threadTs` or an `outcome`.

    They expire after `keep`. A lease that a crashed holder neither finishes nor releases can be taken over after its
    end. Other processes may write the table: a row whose `threadTs`, `outcome` or `leaseUntil` is unreadable counts as
    free.
    """

    def __init__(self, client: "DynamoDBClient", table: str, keep: timedelta, *, length: timedelta = LENGTH) -> None:
        self._client = client
        self._table = table
        self._keep = keep
        self._length = length

    def take(self, key: Key, now: datetime) -> Lease | Done | Held:
        """Lease the row, unless it is done or another Lambda holds it."""
        undone = f"attribute_not_exists({_DONE}) AND attribute_not_exists({_OUTCOME})"
        free = f"{undone} AND (attribute_not_exists({_LEASE}) OR {_LEASE} < :now)"
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
            ":since": {"S": now.astimezone(UTC).isoformat()},
            ":ttl": {"N": self._ttl(now)},
        }
        sets = f"{_LEASE} = :until, leasedBy = :holder, {_SINCE} = if_not_exists({_SINCE}, :since), #ttl = :ttl"
        before = self._update(key, f"SET {sets} REMOVE {_DONE}, {_OUTCOME}", condition, {**ours, **values})
        return None if before is None else Lease(key, holder, _texts(before))

    def _read(self, key: Key) -> Mapping[str, Any]:
        return self._client.get_item(TableName=self._table, Key=key.wire(), ConsistentRead=True).get("Item", {})

    def row(self, key: Key) -> Mapping[str, Any]:
        """The row in DynamoDB's notation, empty without one. The read is consistent."""
        return self._read(key)

    def swap(
        self, key: Key, name: str, old: Mapping[str, Any] | None, new: str, now: datetime
    ) -> Mapping[str, Any] | None:
        """Replace a text of the row if it is still `old` (None: absent).

        The result is the row before the change in DynamoDB's notation, None if another writer has changed the text.
        """
        condition = f"attribute_not_exists({name})" if old is None else f"{name} = :old"
        values: dict[str, Any] = {":new": {"S": new}, ":ttl": {"N": self._ttl(now)}}
        values |= {} if old is None else {":old": old}
        return self._update(key, f"SET {name} = :new, #ttl = :ttl", condition, values)

    def finish(self, lease: Lease, now: datetime, thread_ts: str, **texts: str) -> bool:
        """Mark the leased row as done. The result is False if another Lambda took the row over after the lease."""
        return self._finish(lease, now, {_DONE: thread_ts, **texts})

    def end(self, lease: Lease, now: datetime, outcome: str, **texts: str) -> bool:
        """Mark the leased row as done without a post, with one of OUTCOMES. The result is that of `finish`.

        If an earlier holder may have posted, the row keeps the reason: the alert is not certainly unposted.
        """
        kept = {_UNSURE: lease.unsure} if lease.is_repeat else {}
        return self._finish(lease, now, {_OUTCOME: outcome, **kept, **texts})

    def _finish(self, lease: Lease, now: datetime, texts: Mapping[str, str]) -> bool:
        written = {"createdAt": now.astimezone(UTC).isoformat(), **texts}
        assignments = ", ".join(f"{name} = :{name}" for name in written)
        values = {f":{name}": {"S": value} for name, value in written.items()}
        values |= {":holder": {"S": lease.holder}, ":ttl": {"N": self._ttl(now)}}
        removed = ", ".join(name for name in (_LEASE, "leasedBy", _UNSURE, _SINCE) if name not in written)
        update = f"SET {assignments}, #ttl = :ttl REMOVE {removed}"
        return self._update(lease.key, update, "leasedBy = :holder", values) is not None

    def note(self, lease: Lease, now: datetime, thread_ts: str, **texts: str) -> None:
        """Mark the row as done after a post. A failure is only logged, because the message is in Slack."""
        self._note(lease, now, {_DONE: thread_ts, **texts})

    def note_end(self, lease: Lease, now: datetime, outcome: str, **texts: str) -> None:
        """Mark the row as done without a thread, after a target took the alert. A failure is only logged."""
        self._note(lease, now, {_OUTCOME: outcome, **texts})

    def _note(self, lease: Lease, now: datetime, texts: Mapping[str, str]) -> None:
        try:
            if self._finish(lease, now, texts):
                return
            reason = "its lease had run out"
        except Exception as error:  # noqa: BLE001 - the target has the message, and only the note is missing
            reason = f"{type(error).__name__}: {error}"
        _log.error("post_not_noted", row=lease.key.sk, ts=texts.get(_DONE), reason=reason)

    def give_back(self, lease: Lease, now: datetime, *, unsure: str = "") -> None:
        """Release the row, so that the next Lambda need not wait for the end of the lease.

        `unsure` is the reason if the work may have been done all the same. A failure is only logged: the error that led
        here matters more, and the lease runs out by itself.
        """
        try:
            if unsure or lease.is_repeat:
                self._keep_unsure(lease, now, unsure or lease.unsure)
            else:
                self.release(lease)
        except Exception as error:  # noqa: BLE001 - see above
            _log.warning("lease_not_released", row=lease.key.sk, reason=f"{type(error).__name__}: {error}")

    def release(self, lease: Lease) -> None:
        """Release a row whose work was not done. Its other texts stay."""
        if lease.texts.keys() - _OWN:
            self._update(lease.key, f"REMOVE {_LEASE}, leasedBy, {_SINCE}", *_held(lease))
        else:
            self._delete(lease.key, *_held(lease))

    def forget(self, done: Done) -> None:
        """Take the end from a done row, so that its work may be done again. Its other texts stay.

        A row that was done again meanwhile stays as it is.
        """
        end = _DONE if _DONE in done.texts else _OUTCOME
        self._update(done.key, f"REMOVE {end}, {_SINCE}", f"{end} = :old", {":old": {"S": done.texts[end]}})

    def _keep_unsure(self, lease: Lease, now: datetime, reason: str) -> None:
        condition, held = _held(lease)
        values = {**held, ":unsure": {"S": reason[:300]}, ":ttl": {"N": self._ttl(now)}}
        self._update(lease.key, f"SET {_UNSURE} = :unsure, #ttl = :ttl REMOVE {_LEASE}, leasedBy", condition, values)

    def _update(self, key: Key, update: str, condition: str, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The row before the update, None if the condition does not hold."""
        names: dict[str, Any] = {"ExpressionAttributeNames": {"#ttl": "ttl"}} if "#ttl" in update else {}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=key.wire(),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_OLD",
                **names,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return answer.get("Attributes", {})

    def _delete(self, key: Key, condition: str, values: Mapping[str, Any]) -> None:
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=key.wire(),
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
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
    if not _TS.fullmatch(_text(row, _DONE)) and _text(row, _OUTCOME) not in OUTCOMES:
        return None
    return Done(key, _texts(row))


def is_begun(key: Key, row: Mapping[str, Any]) -> bool:
    """Whether a row in DynamoDB's notation is done, or a holder of it may have done its work."""
    return _done(key, row) is not None or "leasedBy" in row or _UNSURE in row


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: value["S"] for name, value in row.items() if "S" in value}


def _held(lease: Lease) -> tuple[str, dict[str, Any]]:
    """The condition that the lease still holds, with its values."""
    return "leasedBy = :holder", {":holder": {"S": lease.holder}}


def read_moment(text: object) -> datetime | None:
    """The time in a text (UTC), or None for anything else, such as a time without a zone."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return None if moment is None or moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _unreadable(row: Mapping[str, Any], now: datetime) -> Iterator[tuple[str, Any]]:
    """The unreadable attributes of a row that is not done. With them, its lease would never end."""
    for name in (_DONE, _OUTCOME):
        if name in row:
            yield name, row[name]
    if _LEASE in row and ("N" not in row[_LEASE] or Decimal(row[_LEASE]["N"]) > int(_milliseconds(now + _FARTHEST))):
        yield _LEASE, row[_LEASE]


def _text(row: Mapping[str, Any], name: str) -> str:
    text: str = row.get(name, {}).get("S", "")
    return text
