"""Puts each event into the events table once, even if it is delivered repeatedly."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from interlock_event_sink.event import BusEvent
from interlock_event_sink.row import row_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class EventSink:
    """The events table. `keep` is the lifetime of its rows."""

    def __init__(self, client: "DynamoDBClient", table: str, keep: timedelta) -> None:
        self._client = client
        self._table = table
        self._keep = keep

    def write(self, event: BusEvent) -> bool:
        """Store the event. The result is False if it was stored before. Raises DynamoDB's errors."""
        return self._put(row_of(event, self._keep), "attribute_not_exists(PK)")

    def ping(self) -> None:
        """Raise unless the table accepts writes. The put's condition never holds, so it writes nothing."""
        self._put({"PK": {"S": "INTERLOCK"}, "SK": {"S": "PING"}}, "attribute_exists(PK)")

    def _put(self, row: Mapping[str, Any], condition: str) -> bool:
        try:
            self._client.put_item(TableName=self._table, Item=row, ConditionExpression=condition)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True
