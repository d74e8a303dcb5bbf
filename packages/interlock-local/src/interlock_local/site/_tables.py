"""The four tables of a deployment: their keys, indexes, streams and protection."""

import contextlib
from typing import Any

from interlock_local.site._site import Site

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
            self._protect_table(name)
            stream = client.describe_table(TableName=name)["Table"].get("LatestStreamArn")
            if stream:
                streams[table] = stream
        return streams

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


def _table(name: str, table: str) -> dict[str, Any]:
    """The shape of one table (docs/reference/rows.md §1)."""
    keys = {"PK": "S", "SK": "S"}
    index: tuple[tuple[str, str], ...] = ()
    if table == "control":
        index = (("GSI1PK", "S"), ("GSI1SK", "S"))
    elif table == "events":
        index = (("eventType", "S"), ("timestamp", "N"))
    attributes = [*keys.items(), *index]
    shape: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
        "SSESpecification": {"Enabled": True},
        "AttributeDefinitions": [{"AttributeName": one, "AttributeType": kind} for one, kind in attributes],
        "KeySchema": _key_schema("PK", "SK"),
    }
    if index:
        schema = _key_schema(*(one for one, _ in index))
        projection = {"ProjectionType": "ALL"}
        shape["GlobalSecondaryIndexes"] = [{"IndexName": "GSI1", "KeySchema": schema, "Projection": projection}]
    if table in {"control", "joblog"}:
        shape["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    return shape


def _key_schema(hash_key: str, range_key: str) -> list[dict[str, str]]:
    return [{"AttributeName": hash_key, "KeyType": "HASH"}, {"AttributeName": range_key, "KeyType": "RANGE"}]
