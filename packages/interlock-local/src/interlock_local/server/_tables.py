"""Reads and writes the tables of the server in its own process: item images, stream records and definitions."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec
from ministack.services import dynamodb, dynamodb_streams
from msgspec import Raw

from interlock_local.server._journal import DELETED, Change, Contents, StreamNote, item_key

TABLE_TARGET = "DynamoDB_20120810"
STREAM_TARGET = "DynamoDBStreams_20120810"

# The server keeps an iterator for 15 minutes, and reads at most this number of records at once.
_PAGE = 1000
_BATCH = 25
# What a definition repeats of a table's description.
_REPEATED = ("AttributeDefinitions", "KeySchema", "StreamSpecification", "DeletionProtectionEnabled")


class ServerError(RuntimeError):
    """The server did not carry out a call that the journal depends on."""


class ServerTables:
    """The tables of the server in this process. All calls are for its event loop, between two requests."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[str, ...]] = {}
        self._streams: dict[str, str] = {}
        self._iterators: dict[str, str] = {}
        self._places: dict[str, str] = {}

    async def restore(self, contents: Contents) -> None:
        """Create the tables of a journal with their newest items. Their streams begin after this.

        Raises:
            ServerError: the server did not accept a table or an item.
        """
        for name, definition in contents.tables.items():
            still = {key: value for key, value in definition.items() if key != "StreamSpecification"}
            await _call("CreateTable", still)
            images = [change.image for change in contents.items.get(name, {}).values()]
            for start in range(0, len(images), _BATCH):
                puts = [{"PutRequest": {"Item": image}} for image in images[start : start + _BATCH]]
                answer = await _call("BatchWriteItem", {"RequestItems": {name: puts}})
                if answer.get("UnprocessedItems"):
                    raise ServerError(f"the server did not restore all items of {name}")
            if "StreamSpecification" in definition:
                await _call(
                    "UpdateTable", {"TableName": name, "StreamSpecification": definition["StreamSpecification"]}
                )
            await self.learn(name)

    async def everything(self) -> Contents:
        """All tables and items that the server has now."""
        found = Contents({}, {}, {}, [])
        for name in (await _call("ListTables", {}))["TableNames"]:
            found.tables[name] = await self.learn(name)
            items = found.items.setdefault(name, {})
            page: dict[str, Any] = {}
            while True:
                answer = await _call("Scan", {"TableName": name, **page})
                for item in answer["Items"]:
                    key = self.key_of(name, item)
                    items[item_key(key)] = Change(name, key, Raw(msgspec.json.encode(item)))
                if "LastEvaluatedKey" not in answer:
                    break
                page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return found

    async def learn(self, name: str) -> dict[str, Any]:
        """Note the keys and the stream of a table, and return a definition that creates it again."""
        shape = (await _call("DescribeTable", {"TableName": name}))["Table"]
        self._keys[name] = tuple(one["AttributeName"] for one in shape["KeySchema"])
        enabled = shape.get("StreamSpecification", {}).get("StreamEnabled")
        stream = shape["LatestStreamArn"] if enabled else None
        # An altered table usually keeps its stream, whose records are in the journal already.
        if stream != self._streams.get(name):
            for known in (self._streams, self._iterators, self._places):
                known.pop(name, None)
            if stream is not None:
                self._streams[name] = stream
                self._iterators[name] = await _iterator(stream, None)
        definition: dict[str, Any] = {"TableName": name, "BillingMode": "PAY_PER_REQUEST"}
        definition |= {key: shape[key] for key in _REPEATED if shape.get(key)}
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
            if shape.get(kind):
                wanted = ("IndexName", "KeySchema", "Projection")
                definition[kind] = [{key: index[key] for key in wanted} for index in shape[kind]]
        return definition

    def forget(self, name: str) -> None:
        """Drop what is known of a deleted table."""
        for known in (self._keys, self._streams, self._iterators, self._places):
            known.pop(name, None)

    def key_of(self, table: str, item: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The key attributes of an item. Raises KeyError if the table is not known."""
        return {name: item[name] for name in self._keys[table]}

    async def changes(self, written: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Change]:
        """The items as they are now after a request that wrote them, each with its stream record if it has one.

        ``written`` has the table and the key (or the whole item) of each item in the order of the request.
        """
        changes: dict[tuple[str, bytes], Change] = {}
        for table, item in written:
            key = self.key_of(table, item)
            changes[table, item_key(key)] = Change(table, key, await _image(table, key))
        for table in {table for table, _ in changes}:
            for key, note in await self._new_records(table):
                before = changes.get((table, item_key(key)))
                # A record of another item would be a surprise. Its image is read too, and never guessed.
                image = before.image if before is not None else await _image(table, key)
                changes[table, item_key(key)] = Change(table, key, image, note)
        # The server numbers the records in the order in which it wrote the items.
        return sorted(changes.values(), key=lambda change: change.note.number if change.note else "")

    async def _new_records(self, table: str) -> list[tuple[dict[str, dict[str, Any]], StreamNote]]:
        found: list[tuple[dict[str, dict[str, Any]], StreamNote]] = []
        while iterator := self._iterators.get(table):
            answer = await self._page(table, iterator)
            if answer is None:
                continue
            if next_iterator := answer.get("NextShardIterator"):
                self._iterators[table] = next_iterator
            for record in answer["Records"]:
                change = record["dynamodb"]
                at = float(change["ApproximateCreationDateTime"])
                note = StreamNote(record["eventID"], record["eventName"], change["SequenceNumber"], at)
                self._places[table] = note.number
                found.append((change["Keys"], note))
            if len(answer["Records"]) < _PAGE:
                break
        return found

    async def _page(self, table: str, iterator: str) -> dict[str, Any] | None:
        """The next records, or None after an expired iterator was replaced."""
        status, answer = await _ask(STREAM_TARGET, "GetRecords", {"ShardIterator": iterator, "Limit": _PAGE})
        if status == 200:
            return answer
        if "ExpiredIterator" not in str(answer.get("__type")):
            raise ServerError(f"the stream of {table} cannot be read: {answer}")
        shape = (await _call("DescribeTable", {"TableName": table}))["Table"]
        self._iterators[table] = await _iterator(shape["LatestStreamArn"], self._places.get(table))
        return None


async def _image(table: str, key: dict[str, Any]) -> Raw:
    answer = await _call("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})
    return Raw(msgspec.json.encode(answer["Item"])) if "Item" in answer else DELETED


async def _iterator(stream: str, after: str | None) -> str:
    status, answer = await _ask(STREAM_TARGET, "DescribeStream", {"StreamArn": stream})
    shards = answer["StreamDescription"]["Shards"] if status == 200 else []
    if len(shards) != 1:
        raise ServerError(f"the stream {stream} has {len(shards)} shards, and the journal expects one")
    place = {"StreamArn": stream, "ShardId": shards[0]["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    if after is not None:
        place |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
    status, answer = await _ask(STREAM_TARGET, "GetShardIterator", place)
    if status != 200:
        raise ServerError(f"the stream {stream} cannot be read: {answer}")
    return cast(str, answer["ShardIterator"])


async def _call(operation: str, body: dict[str, Any]) -> dict[str, Any]:
    status, answer = await _ask(TABLE_TARGET, operation, body)
    if status != 200:
        raise ServerError(f"{operation} failed: {answer}")
    return answer


async def _ask(target: str, operation: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    service = dynamodb if target == TABLE_TARGET else dynamodb_streams
    headers = {"x-amz-target": f"{target}.{operation}", "content-type": "application/x-amz-json-1.0"}
    status, _, answer = await service.handle_request("POST", "/", headers, msgspec.json.encode(body), {})
    return status, msgspec.json.decode(answer)
