"""The rows that show where each alert is (docs/reference/alerts.md §10). It reads only."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from interlock_store._dynamo import DynamoTables
from interlock_store._rows import INDEX
from interlock_store._store import Store
from interlock_store._tables import TableNames
from interlock_store._values import from_wire
from interlock_store._write import Item


class AlertRecords:
    """Reads the events of some types, and the rows of their alerts."""

    def __init__(self, client: Any, names: TableNames) -> None:
        self._client = client
        self._table = names.events
        self._tables = DynamoTables(client)
        self._store = Store(self._tables, names)

    def events(self, event_type: str, since: datetime) -> Iterator[Item]:
        """The events of a type since a time, oldest first. The index lags behind the table by up to some seconds."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": INDEX,
            "KeyConditionExpression": "eventType = :type AND #timestamp >= :since",
            "ExpressionAttributeNames": {"#timestamp": "timestamp"},
            "ExpressionAttributeValues": {
                ":type": {"S": event_type},
                ":since": {"N": str(round(since.timestamp() * 1000))},
            },
        }
        while True:
            page = self._client.query(**request)
            yield from (from_wire(row) for row in page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def rows(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Item]:
        """The rows of the events table that exist among the keys."""
        return self._tables.get_many(self._table, keys)

    def beginning_with(self, pk: str, prefix: str) -> list[Item]:
        """The rows of a partition whose sort keys begin with a text."""
        return list(self._tables.query(self._table, pk, prefix=prefix))

    def waiting(self) -> dict[tuple[str, str], str]:
        """The pending alerts: by the name of the target ("" for the default channel) and the event id, the reason."""
        found = {}
        for row in self._store.pending_alert_rows():
            target = str(row["PK"]).partition("#")[2]
            found[target, str(row["SK"]).split(":", 2)[-1]] = str(row.get("reason") or "")
        return found
