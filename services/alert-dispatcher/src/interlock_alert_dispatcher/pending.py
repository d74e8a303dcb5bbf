"""Keeps the alerts that Slack did not take, as rows of the events table in the order in which they will be posted."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.leases import Key, read_moment
from interlock_alert_dispatcher.slack import LONGEST_WAIT
from interlock_alert_dispatcher.text import severity_of
from interlock_dlq import MalformedRecord
from interlock_telemetry import get_logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_log = get_logger(__name__)

PARTITION = "PENDING_ALERTS"
"""The partition of the pending alerts of the default channel. interlock-store counts its rows."""

_TARGET = "TARGET#"
_NAMED = "namedAt"
_FOR_STATE = "forState"
_LAST_RANK = 9
"""The place behind every severity."""

_SETTLED = timedelta(minutes=15)
"""Longer than any invocation of the function."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SKEW = timedelta(minutes=1)
"""The most by which the clocks of two processes differ."""
# The keys of alerts begin with a digit, those of the other rows with a letter. ":" is the character behind the digits.
_BEHIND_ALERTS = ":"
_LONGEST_KEY = 1024
"""The most bytes of a sort key."""


class Pending(Struct, frozen=True):
    """A row of the line: its key, and the row in DynamoDB's notation. Another process may have written it."""

    key: Key
    row: Mapping[str, Any]

    @property
    def body(self) -> str:
        """The body of the alert's queue message. Raises MalformedRecord if the row has none."""
        value = self.row.get("body", {}).get("S")
        if not isinstance(value, str):
            raise MalformedRecord("not a pending alert: the row has no text as its body")
        return value

    @property
    def has_body(self) -> bool:
        """Whether the row has the body of a queue message, valid or not."""
        return "S" in self.row.get("body", {})

    @property
    def is_for_state(self) -> bool:
        """Whether the alert is not posted, because its route leads elsewhere. Only the head states it."""
        return self.row.get(_FOR_STATE) == {"BOOL": True}

    @property
    def pipeline(self) -> str:
        """The id of the alert's pipeline, "" if the row has none."""
        text: str = self.row.get("pipelineId", {}).get("S", "")
        return text


class PendingAlerts:
    """The pending alerts of one target, most severe first, then oldest by the time of their events.

    `target` is "" for the default channel. The partition of another target is named in a row of PARTITION, so that its
    alerts are found after the target has left the routing. The rows have no lifetime: only the post of an alert deletes
    its row.
    """

    def __init__(self, client: "DynamoDBClient", table: str, target: str = "") -> None:
        self._client = client
        self._table = table
        self.target = target
        self.partition = f"PENDING_ALERTS#{target}" if target else PARTITION
        self._name = Key(PARTITION, f"{_TARGET}{target}")
        self._quiet = Key(self.partition, "QUIET")
        self._tried = Key(self.partition, "TRIED")
        self.drain = Key(self.partition, "DRAIN")
        """The row whose lease lets one invocation at a time post pending alerts."""

    def put(self, alert: Alert, body: str, reason: str, now: datetime, *, for_state: bool = False) -> None:
        """Keep an alert. Its message may be deleted from the queue once this has returned. A repetition is harmless.

        An alert `for_state` is not posted: only the head of its thread is updated, after all posts.
        """
        texts = {"body": body, "reason": reason[:1000], "alertType": alert.type, "pipelineId": alert.pipeline_id}
        values: dict[str, Any] = {f":{name}": {"S": text} for name, text in texts.items()}
        values[":now"] = {"S": now.astimezone(UTC).isoformat()}
        if self.target:
            self._name_partition(now)
        names = [*texts, _FOR_STATE] if for_state else [*texts]
        values |= {f":{_FOR_STATE}": {"BOOL": True}} if for_state else {}
        self._update(
            self._key_of(alert, for_state=for_state),
            ", ".join([*(f"#{name} = :{name}" for name in names), "#since = if_not_exists(#since, :now)"]),
            {f"#{name}": name for name in (*names, "since")},
            values,
        )

    def first(self, count: int) -> list[Pending]:
        """The next `count` alerts to post. The read is consistent."""
        return list(islice(self.line(count), count))

    def line(self, page: int, *, after: str = "") -> Iterator[Pending]:
        """The alerts in the order in which they are posted, from the first one behind the sort key `after`.

        One read has at most `page` alerts, and fewer if their texts are long. The reads are consistent.
        """
        start = {"ExclusiveStartKey": Key(self.partition, after).wire()} if after else {}
        for answer in self._pages(ConsistentRead=True, Limit=page, **start):
            for row in answer["Items"]:
                yield Pending(Key(row["PK"]["S"], row["SK"]["S"]), row)

    def is_empty(self) -> bool:
        """Whether no alert is pending. The read is consistent."""
        return not self.first(1)

    def remove(self, pending: Pending) -> None:
        """Forget an alert that was posted, or that a dead letter keeps."""
        self._client.delete_item(TableName=self._table, Key=pending.key.wire())

    def count(self) -> int:
        """The number of pending alerts."""
        return sum(page["Count"] for page in self._pages(Select="COUNT"))

    def note_tried(self, pending: Pending) -> None:
        """Note the alert that was tried last, so that the next invocation tries another alert."""
        self._update(self._tried, "#after = :after", {"#after": "after"}, {":after": {"S": pending.key.sk}})

    def last_tried(self) -> str:
        """The sort key of the alert that was tried last. An unreadable one counts as none."""
        row = self._client.get_item(TableName=self._table, Key=self._tried.wire(), ConsistentRead=True).get("Item", {})
        after: str = row.get("after", {}).get("S", "")
        return after if after < _BEHIND_ALERTS and len(after.encode()) <= _LONGEST_KEY else ""

    def note_quiet(self, until: datetime) -> None:
        """Note that Slack asks for no message before `until`, for the next invocation."""
        self._update(self._quiet, "#until = :until", {"#until": "until"}, {":until": {"S": until.isoformat()}})

    def quiet_until(self, now: datetime) -> datetime | None:
        """The time before which Slack asked for no message. It may be past.

        An unreadable time counts as none, and so does a time further ahead than any wait that is kept. Slack is then
        asked once, and repeats its wait if it still holds.
        """
        row = self._client.get_item(TableName=self._table, Key=self._quiet.wire(), ConsistentRead=True).get("Item")
        if row is None:
            return None
        until = read_moment(row.get("until", {}).get("S"))
        if until is None or until - now > LONGEST_WAIT + _SKEW:
            _log.warning("quiet_unreadable", until=str(row.get("until"))[:200])
            return None
        return until

    def _pages(self, **wanted: Any) -> Iterator[Mapping[str, Any]]:
        request = {**self._request(), **wanted}
        while True:
            page = self._client.query(**request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _request(self) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "KeyConditionExpression": "PK = :pk AND SK < :end",
            "ExpressionAttributeValues": {":pk": {"S": self.partition}, ":end": {"S": _BEHIND_ALERTS}},
        }

    def _update(self, key: Key, assignments: str, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=key.wire(),
            UpdateExpression=f"SET {assignments}",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )

    def _key_of(self, alert: Alert, *, for_state: bool) -> Key:
        milliseconds = round(max(alert.at, _EPOCH).timestamp() * 1000)
        if for_state:
            return Key(self.partition, f"{_LAST_RANK}:{milliseconds:013d}:{alert.id}:state")
        return Key(self.partition, f"{severity_of(alert).rank}:{milliseconds:013d}:{alert.id}")

    def retire(self, now: datetime) -> None:
        """Delete the name of a partition without alerts, unless it was named within the last minutes.

        A process that named it before then has written its alert or has ended, so no alert stays in an unnamed
        partition.
        """
        row = self._client.get_item(TableName=self._table, Key=self._name.wire(), ConsistentRead=True).get("Item")
        if row is None:
            return
        named = read_moment(row.get(_NAMED, {}).get("S"))
        if named is None:
            # A row of an earlier version has no such time.
            self._name_partition(now)
        elif now - named > _SETTLED and self.is_empty():
            self._delete_name(row[_NAMED])

    def _delete_name(self, named: Any) -> None:
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=self._name.wire(),
                ConditionExpression=f"{_NAMED} = :named",
                ExpressionAttributeValues={":named": named},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def _name_partition(self, now: datetime) -> None:
        """The row is written before each alert, so that no alert is in an unnamed partition."""
        self._update(
            self._name,
            f"#since = if_not_exists(#since, :now), {_NAMED} = :now",
            {"#since": "since"},
            {":now": {"S": now.astimezone(UTC).isoformat()}},
        )


def targets_that_waited(client: "DynamoDBClient", table: str) -> list[str]:
    """The names of all targets that may have pending alerts, without the default channel. The read is consistent."""
    request: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "PK = :pk AND begins_with(SK, :prefix)",
        "ExpressionAttributeValues": {":pk": {"S": PARTITION}, ":prefix": {"S": _TARGET}},
        "ConsistentRead": True,
    }
    names: list[str] = []
    while True:
        page = client.query(**request)
        names += [row["SK"]["S"].removeprefix(_TARGET) for row in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return [name for name in names if name]
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
