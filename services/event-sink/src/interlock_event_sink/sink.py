"""Puts each event into the events table once, however often it is delivered."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from interlock_event_sink.event import BusEvent
from interlock_event_sink.row import row_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class EventSink:
    """The events table. `keep` is how long rows live."""

    def __init__(self, client: "DynamoDBClient", table: str, keep: timedelta) -> None:
        self._client = client
        self._table = table
        self._keep = keep

    def write(self, event: BusEvent) -> bool:
        """Store the event; False when it was there already. Whatever DynamoDB refuses is raised."""
        return self._put(row_of(event, self._keep), "attribute_not_exists(PK)")

    def ping(self) -> None:
        """Raise unless the table takes writes from us: a put whose condition never holds, so nothing is written."""
        self._put({"PK": {"S": "INTERLOCK"}, "SK": {"S": "PING"}}, "attribute_exists(PK)")

    def _put(self, row: Mapping[str, Any], condition: str) -> bool:
        try:
            self._client.put_item(TableName=self._table, Item=row, ConditionExpression=condition)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True
