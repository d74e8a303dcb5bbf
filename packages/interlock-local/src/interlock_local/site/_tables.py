"""The four tables of a deployment: their keys, indexes, streams and protection."""

import contextlib
from typing import Any

from interlock_local.site._site import Site
from interlock_store import PROJECTED

TABLES = ("control", "joblog", "rerun", "events")
"""The tables of a deployment."""


class Tables:
    """Creates and updates the tables."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def create(self) -> dict[str, str]:
        """Create the four tables, and return the stream ARN of each table with a stream."""
        client = self._site.clients("dynamodb")
        streams = {}
        for table in TABLES:
            name = self._site.name(table)
            with contextlib.suppress(client.exceptions.ResourceInUseException):
                client.create_table(**_table(name, table))
            client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
            self._add_indexes(name, _table(name, table))
            self._protect_table(name)
            stream = client.describe_table(TableName=name)["Table"].get("LatestStreamArn")
            if stream:
                streams[table] = stream
        return streams

    def _add_indexes(self, name: str, shape: dict[str, Any]) -> None:
        """Add the indexes that a table of an older version lacks. DynamoDB adds one at a time."""
        client = self._site.clients("dynamodb")
        for index in shape.get("GlobalSecondaryIndexes", ()):
            found = client.describe_table(TableName=name)["Table"].get("GlobalSecondaryIndexes", [])
            if index["IndexName"] not in {one["IndexName"] for one in found}:
                client.update_table(
                    TableName=name,
                    AttributeDefinitions=shape["AttributeDefinitions"],
                    GlobalSecondaryIndexUpdates=[{"Create": index}],
                )

    def _protect_table(self, name: str) -> None:
        """Enable time to live and backups, also for a table whose deployment was interrupted."""
        client = self._site.clients("dynamodb")
        lives = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"]
        if lives not in {"ENABLED", "ENABLING"}:
            client.update_time_to_live(
                TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"}
            )
        client.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )


_INDEXES = {
    "control": {"GSI1": (("GSI1PK", "S"), ("GSI1SK", "S")), "GSI2": (("GSI2PK", "S"), ("GSI2SK", "S"))},
    "events": {"GSI1": (("eventType", "S"), ("timestamp", "N"))},
}


def _table(name: str, table: str) -> dict[str, Any]:
    """The shape of one table (docs/reference/rows.md §1)."""
    keys = {"PK": "S", "SK": "S"}
    indexes = _INDEXES.get(table, {})
    attributes = [*keys.items(), *(attribute for index in indexes.values() for attribute in index)]
    shape: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
        "SSESpecification": {"Enabled": True},
        "AttributeDefinitions": [{"AttributeName": one, "AttributeType": kind} for one, kind in attributes],
        "KeySchema": _key_schema("PK", "SK"),
    }
    if indexes:
        shape["GlobalSecondaryIndexes"] = [_index(index, *(one for one, _ in keys)) for index, keys in indexes.items()]
    if table in {"control", "joblog"}:
        shape["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    return shape


def _index(name: str, hash_key: str, range_key: str) -> dict[str, Any]:
    names = PROJECTED.get(name)
    projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": [*names]} if names else {"ProjectionType": "ALL"}
    return {"IndexName": name, "KeySchema": _key_schema(hash_key, range_key), "Projection": projection}


def _key_schema(hash_key: str, range_key: str) -> list[dict[str, str]]:
    return [{"AttributeName": hash_key, "KeyType": "HASH"}, {"AttributeName": range_key, "KeyType": "RANGE"}]
