"""Keeps the targets of each alert as a row, so that each delivery of an alert has the same targets."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.leases import Key
from interlock_telemetry import get_logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_log = get_logger(__name__)


class Plans:
    """The rows `ROUTE#<event id>`. They expire after `keep`. `interlock alerts audit` reads them."""

    def __init__(self, client: "DynamoDBClient", table: str, keep: timedelta, *, now: Callable[[], datetime]) -> None:
        self._client = client
        self._table = table
        self._keep = keep
        self._now = now

    def keep(self, alert: Alert, targets: Mapping[str, str]) -> list[str]:
        """Write the targets of an alert, unless the row has some. The result is the names of the targets of the row.

        `targets` has the place of each name, which ends the keys of its rows.
        """
        key = Key(f"PIPELINE#{alert.pipeline_id}", f"ROUTE#{alert.id}")
        values: dict[str, Any] = {
            ":targets": {"S": msgspec.json.encode(dict(targets)).decode()},
            ":ttl": {"N": str(round((self._now() + self._keep).timestamp()))},
        }
        answer = self._client.update_item(
            TableName=self._table,
            Key=key.wire(),
            UpdateExpression="SET targets = if_not_exists(targets, :targets), #ttl = :ttl",
            ExpressionAttributeNames={"#ttl": "ttl"},
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )
        kept = _read(answer.get("Attributes", {}).get("targets", {}).get("S"))
        if not kept:
            _log.warning("plan_unreadable", row=key.sk)
        return kept or list(targets)


def _read(text: str | None) -> list[str]:
    try:
        return list(msgspec.json.decode(text or "{}", type=dict[str, str]))
    except (msgspec.DecodeError, UnicodeError):
        return []
