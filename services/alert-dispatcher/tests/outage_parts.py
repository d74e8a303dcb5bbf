"""One process of the alert-dispatcher, and an events table in memory that is fast with thousands of rows."""

import re
from bisect import bisect_left, bisect_right
from datetime import timedelta
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from interlock_alert_dispatcher.alert import read_alert
from interlock_alert_dispatcher.delivery import Alerts, Delivery
from interlock_alert_dispatcher.dispatch import Dispatcher
from interlock_alert_dispatcher.drain import LEASE, Drain, Drained
from interlock_alert_dispatcher.fanout import AllDrains, Drains, Fanout, Target, Targets
from interlock_alert_dispatcher.leases import LeasedRows
from interlock_alert_dispatcher.pending import PendingAlerts
from interlock_alert_dispatcher.plans import Plans
from interlock_alert_dispatcher.routing import Routing
from interlock_alert_dispatcher.slack import Slack
from interlock_alert_dispatcher.tokens import FixedToken
from interlock_config import decode_alerts_yaml
from interlock_dlq import NullRouter

Row = dict[str, Any]
TABLE = "test-interlock-events"
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


ON_CALL = "C2"
RULES = decode_alerts_yaml(
    """
version: 1
targets: {on-call: {slack: C2000000}, team: {slack: C1000000}}
routes: [{match: {severity: [critical]}, to: [on-call], continue: true}, {to: [team]}]
"""
)
_KEEP = timedelta(days=90)


def message_of(text: str) -> str:
    """The event's message in the text of a reply: the last line before the next step."""
    return [line for line in text.splitlines() if not line.startswith("→")][-1]


def _parts(
    table: Any, slack: Any, clock: Any, channel: str, place: str, token: str = "xoxb-1", **options: Any
) -> tuple[Slack, Dispatcher]:
    posting = Slack(FixedToken(token), channel, base_url=slack.url, trip_after=5, rest=MINUTE, now=clock.now)
    rows = LeasedRows(table, TABLE, _KEEP)
    return posting, Dispatcher(posting, rows, now=clock.now, sleep=clock.sleep, quiet=False, place=place, **options)


class Lambda:
    """One process of the alert-dispatcher, with the options of its Dispatcher."""

    def __init__(self, table: Any, slack: Any, clock: Any, token: str = "xoxb-1", **options: Any) -> None:
        self.clock = clock
        self.letters = NullRouter()
        self.pending = PendingAlerts(table, TABLE)
        channel, dispatcher = _parts(table, slack, clock, "C1", "", token, **options)
        self.delivery: Alerts = Delivery(dispatcher, self.pending, now=clock.now, letters=self.letters)
        leases = LeasedRows(table, TABLE, _KEEP, length=LEASE)
        self._drain: Drains = Drain(channel, dispatcher, self.pending, leases, self.letters, now=clock.now)

    def take(self, body: str) -> None:
        self.delivery.deliver(read_alert({"body": body}), body, self.clock.deadline())

    def tick(self) -> Drained:
        return self._drain.run(self.clock.deadline())


class Routed(Lambda):
    """One process of the alert-dispatcher that posts the critical alerts to the channel ON_CALL too."""

    def __init__(self, table: Any, slack: Any, clock: Any) -> None:
        self.letters, self._table, self._slack, self.clock = NullRouter(), table, slack, clock
        targets = Targets(lambda: Routing(RULES), self._target)
        self.delivery = Fanout(targets, Plans(table, TABLE, _KEEP, now=clock.now))
        self._drain = AllDrains(targets, lambda: ["on-call", "team"], lambda name: None, now=clock.now)

    def _target(self, name: str, *_: Any) -> Target:
        channel, place = (ON_CALL, ON_CALL) if name == "on-call" else ("C1", "")
        slack, dispatcher = _parts(self._table, self._slack, self.clock, channel, place)
        pending = PendingAlerts(self._table, TABLE, name)
        leases = LeasedRows(self._table, TABLE, _KEEP, length=LEASE)
        drain = Drain(slack, dispatcher, pending, leases, self.letters, now=self.clock.now)
        delivery = Delivery(dispatcher, pending, now=self.clock.now, letters=self.letters)
        return Target(channel, delivery, drain, place=place, follow=delivery.follow)


class Refused(ClientError):
    """The condition of a write does not hold."""

    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "ConditionalCheckFailedException"}}, "Write")


class _Exceptions:
    ConditionalCheckFailedException = Refused


class MemoryTable:
    """A table in memory that is fast with thousands of rows. It knows the requests of the alert-dispatcher only."""

    exceptions = _Exceptions()

    def __init__(self) -> None:
        self._partitions: dict[str, dict[str, Row]] = {}
        self._sorted: dict[str, list[str]] = {}

    def get_item(self, *, Key: Row, **_: Any) -> Row:  # noqa: N803 - boto3's names
        row = self._row(Key)
        return {"Item": dict(row)} if row is not None else {}

    def update_item(self, *, Key: Row, UpdateExpression: str, **request: Any) -> Row:  # noqa: N803 - boto3's names
        names = request.get("ExpressionAttributeNames", {})
        values = request.get("ExpressionAttributeValues", {})
        row = self._row(Key)
        self._check(request.get("ConditionExpression"), row, values)
        changed = dict(row or Key)
        sets, _, removed = f" {UpdateExpression}".partition(" REMOVE ")
        for part in filter(None, re.split(r", (?![^(]*\))", sets.removeprefix(" SET "))):
            name, _, value = part.partition(" = ")
            name = names.get(name, name)
            if value.startswith("if_not_exists("):
                changed.setdefault(name, values[value.rpartition(", ")[2].rstrip(")")])
            else:
                changed[name] = values[value]
        for name in filter(None, removed.split(", ")):
            changed.pop(name, None)
        self._put(changed)
        return {"Attributes": dict(changed if request.get("ReturnValues") == "ALL_NEW" else row or {})}

    def delete_item(self, *, Key: Row, **request: Any) -> Row:  # noqa: N803 - boto3's names
        row = self._row(Key)
        self._check(request.get("ConditionExpression"), row, request.get("ExpressionAttributeValues", {}))
        if row is not None:
            del self._partitions[Key["PK"]["S"]][Key["SK"]["S"]]
            keys = self._sorted[Key["PK"]["S"]]
            del keys[bisect_left(keys, Key["SK"]["S"])]
        return {}

    def query(self, *, KeyConditionExpression: str, ExpressionAttributeValues: Row, **request: Any) -> Row:  # noqa: N803 - boto3's names
        assert KeyConditionExpression == "PK = :pk AND SK < :end"
        pk, end = (ExpressionAttributeValues[name]["S"] for name in (":pk", ":end"))
        keys = self._sorted.get(pk, [])
        after = request["ExclusiveStartKey"]["SK"]["S"] if "ExclusiveStartKey" in request else ""
        left = keys[bisect_right(keys, after) : bisect_left(keys, end)]
        found = left[: request.get("Limit")]
        more = {"LastEvaluatedKey": {"PK": {"S": pk}, "SK": {"S": found[-1]}}} if len(found) < len(left) else {}
        return {"Items": [dict(self._partitions[pk][key]) for key in found], "Count": len(found), **more}

    def _row(self, key: Row) -> Row | None:
        return self._partitions.get(key["PK"]["S"], {}).get(key["SK"]["S"])

    def _put(self, row: Row) -> None:
        pk, sk = row["PK"]["S"], row["SK"]["S"]
        keys = self._sorted.setdefault(pk, [])
        place = bisect_left(keys, sk)
        if place == len(keys) or keys[place] != sk:
            keys.insert(place, sk)
        self._partitions.setdefault(pk, {})[sk] = row

    def _check(self, condition: str | None, row: Row | None, values: Row) -> None:
        if condition is not None and not all(self._holds(part, row or {}, values) for part in condition.split(" AND ")):
            raise Refused

    def _holds(self, condition: str, row: Row, values: Row) -> bool:
        if condition.startswith("("):
            return any(self._holds(part, row, values) for part in condition.strip("()").split(" OR "))
        if absent := re.fullmatch(r"attribute_not_exists\((\w+)\)?", condition):
            return absent[1] not in row
        name, operator, value = condition.split(" ")
        if name not in row:
            return False
        ((_, left),), ((_, right),) = row[name].items(), values[value].items()
        if operator == "<":
            # DynamoDB compares only values of one type.
            return row[name].keys() == values[value].keys() and Decimal(left) < Decimal(right)
        assert operator == "="
        return bool(left == right)
