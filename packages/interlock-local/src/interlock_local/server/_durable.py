"""Keeps each write to the tables: the journal has its changes before its answer leaves the server."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

from interlock_local.server._access import Request
from interlock_local.server._journal import Asked, Journal, TableDropped, TableMade, Written
from interlock_local.server._tables import STREAM_TARGET, TABLE_TARGET, ServerTables

log = logging.getLogger(__name__)

EXIT_NOT_DURABLE = 70

_DEFINES = frozenset({"CreateTable", "UpdateTable"})
_ITEM_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
# The writes of these operations would be lost at a crash, so they are rejected.
_NOT_KEPT = frozenset(
    {
        "BatchExecuteStatement",
        "ExecuteStatement",
        "ExecuteTransaction",
        "ImportTable",
        "RestoreTableFromBackup",
        "RestoreTableToPointInTime",
    }
)
# Requests whose effect is in a snapshot only after a second. They may be repeated: each is idempotent, or its messages
# are handled idempotently.
_REPEATED_TARGETS = frozenset(
    {
        "AWSEvents.PutEvents",
        "AmazonSQS.SendMessage",
        "AmazonSQS.SendMessageBatch",
        "secretsmanager.CreateSecret",
        "secretsmanager.DeleteSecret",
        "secretsmanager.PutSecretValue",
        "secretsmanager.UpdateSecret",
    }
)
# The form of older clients of SQS.
_REPEATED_ACTIONS = frozenset({"SendMessage", "SendMessageBatch"})
_FORM = "application/x-www-form-urlencoded"
_KEPT_HEADERS = ("content-type", "host", "x-amz-target")


class Answer(Struct, frozen=True):
    """An HTTP answer: its status, its headers and its body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


Serve = Callable[[Request], Awaitable[Answer]]


class DurableServer:
    """Passes requests to the server, and writes the changes of each write to the journal before its answer.

    One request to the tables at a time, so that the order of the journal is the order of the writes, and no reader
    sees a write that a crash could take back.
    """

    def __init__(self, serve: Serve, tables: ServerTables, journal: Journal) -> None:
        self._serve = serve
        self._tables = tables
        self._journal = journal
        self.lock = asyncio.Lock()

    async def answer(self, request: Request) -> Answer:
        """The server's answer, after its effect is in the journal. Without the journal the process ends."""
        target, _, operation = request.headers.get("x-amz-target", "").partition(".")
        if target in (TABLE_TARGET, STREAM_TARGET):
            async with self.lock:
                return await self._on_tables(request, operation if target == TABLE_TARGET else "")
        if is_repeated(request):
            try:
                asked = asked_of(request)
            except UnicodeDecodeError:
                return _rejected("SerializationException", "The body is not UTF-8.")
            async with self.lock:
                with _kept():
                    self._journal.append(asked)
                return await self._serve(request)
        return await self._serve(request)

    async def _on_tables(self, request: Request, operation: str) -> Answer:
        if operation in _NOT_KEPT:
            text = f"The local stack does not support {operation}, since it could not restore its writes."
            return _rejected("UnknownOperationException", text)
        answer = await self._serve(request)
        # A request with status 400 changed nothing.
        if answer.status != 400 and (operation in _DEFINES or operation == "DeleteTable" or operation in _ITEM_WRITES):
            with _kept():
                await self._keep(operation, msgspec.json.decode(request.body))
        return answer

    async def _keep(self, operation: str, body: dict[str, Any]) -> None:
        if operation in _DEFINES:
            self._journal.append(TableMade(await self._tables.learn(_table_name(body["TableName"]))))
        elif operation == "DeleteTable":
            self._tables.forget(_table_name(body["TableName"]))
            self._journal.append(TableDropped(_table_name(body["TableName"])))
        elif changes := await self._tables.changes(written_items(operation, body)):
            self._journal.append(Written(changes))


def written_items(operation: str, body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The table of each item that a request writes, with its key or the whole item, in the order of the request."""
    match operation:
        case "PutItem":
            yield _table_name(body["TableName"]), body["Item"]
        case "UpdateItem" | "DeleteItem":
            yield _table_name(body["TableName"]), body["Key"]
        case "BatchWriteItem":
            for table, requests in body["RequestItems"].items():
                for request in requests:
                    put = request.get("PutRequest")
                    yield _table_name(table), put["Item"] if put else request["DeleteRequest"]["Key"]
        case "TransactWriteItems":
            for action in body["TransactItems"]:
                for kind, one in action.items():
                    if kind != "ConditionCheck":
                        yield _table_name(one["TableName"]), one["Item"] if kind == "Put" else one["Key"]


def is_repeated(request: Request) -> bool:
    """Whether a start after a crash repeats this request if no snapshot has its effect."""
    if request.headers.get("x-amz-target") in _REPEATED_TARGETS:
        return True
    if request.headers.get("content-type", "").startswith(_FORM):
        action = parse_qs(request.body.decode("utf-8", "replace")).get("Action", [""])[0]
        return action in _REPEATED_ACTIONS
    return request.method in {"POST", "PUT", "DELETE"} and request.path.startswith("/schedules/")


def asked_of(request: Request) -> Asked:
    """The line of the journal for a request that may be repeated. Raises UnicodeDecodeError."""
    headers = {name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers}
    return Asked(request.method, request.path, headers, request.body.decode(), request.query)


def request_of(asked: Asked) -> Request:
    """The request to repeat."""
    return Request(asked.method, asked.path, asked.query, asked.headers, asked.body.encode())


def _table_name(name: str) -> str:
    """The name of a table, of which requests may give the ARN instead."""
    return name.rpartition("table/")[2]


def _rejected(code: str, text: str) -> Answer:
    body = msgspec.json.encode({"__type": code, "message": text})
    return Answer(400, [(b"content-type", b"application/x-amz-json-1.0")], body)


class _kept:  # noqa: N801 (used as a statement: `with _kept():`)
    """Ends the process if the block fails: the server has a write that the journal does not have."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            _end(error)


def _end(error: Exception) -> NoReturn:
    log.critical("Error: the journal of the local stack cannot be kept: %s: %s", type(error).__name__, error)
    logging.shutdown()
    os._exit(EXIT_NOT_DURABLE)
