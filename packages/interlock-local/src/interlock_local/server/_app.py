"""The ASGI application: rejects foreign requests, answers the stack's own questions, and passes on the rest."""

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import msgspec

from interlock_local.server._access import Access, Rejection, Request
from interlock_local.server._direct import answer_directly, is_direct
from interlock_local.server._durable import EXIT_NOT_DURABLE, Answer, DurableServer, request_of
from interlock_local.server._journal import Asked, Change, Contents, Journal, unread_changes
from interlock_local.server._snapshots import INTERVAL, Snapshots, release_messages
from interlock_local.server._tables import ServerTables

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

# The zip of a function is the largest body.
_LARGEST_BODY = 80 * 1024 * 1024
# A journal that is this many times larger than after its last compaction is compacted again while the server runs.
_GROWTH = 4


class Kept:
    """The files of a data directory: the journal, the snapshots, and the positions of the stream pump.

    The running server compacts a journal of more than ``compacted_above`` bytes that has grown to four times its size.
    """

    def __init__(self, home: Path, *, compacted_above: int) -> None:
        self.compacted_above = compacted_above
        self.journal = Journal(home / "journal.jsonl")
        self.state = home / "state"
        self.positions = home / "stream-positions.json"

    def prepare(self) -> None:
        """Make the files ready for the server, which reads them when it starts.

        The journal replaces the server's own file of the tables, which is older after a crash. Executions ended with
        the former server. Without their file they are unknown, and the watchdog continues their runs.
        """
        if self.journal.exists():
            (self.state / "dynamodb.json").unlink(missing_ok=True)
        (self.state / "stepfunctions.json").unlink(missing_ok=True)
        release_messages(self.state)

    def unread(self, contents: Contents) -> dict[str, list[Change]]:
        """Per table the stream records of a journal that the pump has not handled."""
        places = _positions(self.positions)
        return {table: unread_changes(changes, places.get(table)) for table, changes in contents.streams.items()}


class LocalServer:
    """The server of one local stack. With ``kept`` it restores its state at the start and keeps each write."""

    def __init__(self, app: App, access: Access, kept: Kept | None) -> None:
        self._app = app
        self._access = access
        self._kept = kept
        self._tables = ServerTables()
        self._durable = DurableServer(self._serve, self._tables, kept.journal) if kept is not None else None
        self._snapshots = Snapshots(kept.state, kept.journal) if kept is not None else None
        self._has_roles = access.has_roles
        self._asked: list[Asked] = []
        self._unread: dict[str, list[Change]] = {}
        self._keeping: asyncio.Task[None] | None = None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await _send(send, await self._answer(scope, receive))

    # The life of the process

    async def _live(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Restore the state before the start is complete, and close the journal after the server's own end."""

        async def restored(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                await self._restore()
            if message["type"] == "lifespan.shutdown.complete":
                await self._close()
            await send(message)

        await self._app(scope, receive, restored)

    async def _restore(self) -> None:
        if self._kept is None:
            return
        try:
            contents = self._kept.journal.read()
            if self._kept.journal.exists():
                await self._tables.restore(contents)
            else:
                # A directory of an earlier version has its tables in the server's own files.
                contents = await self._tables.everything()
            self._unread = self._kept.unread(contents)
            self._kept.journal.open(contents, self._unread)
        except Exception as error:  # noqa: BLE001 (whatever it is, a server with half of its state must not answer)
            log.critical("Error: the state cannot be restored: %s", error)
            logging.shutdown()
            os._exit(EXIT_NOT_DURABLE)
        if contents.bytes_torn:
            log.warning("the last line of the journal was cut by a crash (%d bytes)", contents.bytes_torn)
        self._asked = contents.asked
        self._keeping = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        assert self._kept is not None
        assert self._snapshots is not None
        assert self._durable is not None
        compacted_at = max(self._kept.compacted_above, self._kept.journal.size * _GROWTH)
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                async with self._durable.lock:
                    # Requests of the former process are in no snapshot until they are repeated.
                    self._snapshots.save(is_whole=not self._asked)
                    if self._kept.journal.size > compacted_at:
                        self._compact()
                        compacted_at = max(self._kept.compacted_above, self._kept.journal.size * _GROWTH)
                await asyncio.to_thread(self._kept.journal.sync)
            except Exception as error:  # noqa: BLE001 (without this task nothing is kept any more)
                log.critical("Error: the state of the local stack cannot be kept: %s: %s", type(error).__name__, error)
                logging.shutdown()
                os._exit(EXIT_NOT_DURABLE)

    def _compact(self) -> None:
        assert self._kept is not None
        self._kept.journal.close()
        contents = self._kept.journal.read()
        self._kept.journal.open(contents, self._kept.unread(contents))

    async def _close(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping
        if self._kept is not None:
            assert self._snapshots is not None
            self._snapshots.save(is_whole=not self._asked)
            self._kept.journal.close()

    # Requests

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive) -> Answer:
        body = await _body(receive)
        if body is None:
            return _rejected(Rejection("RequestEntityTooLargeException", "The request is too large."))
        request = _request(scope, body)
        if rejection := self._access.rejection_of(request, datetime.now(UTC)):
            return _rejected(rejection)
        if request.path.startswith("/_interlock/"):
            return await self._own(request)
        if self._durable is not None:
            return await self._durable.answer(request)
        return await self._serve(request)

    async def _own(self, request: Request) -> Answer:
        """The questions of the stack's own process about the state before a crash."""
        match request.method, request.path:
            case "GET", "/_interlock/backlog":
                table = parse_qs(request.query).get("table", [""])[0]
                return _json(200, {"Records": [_record(change) for change in self._unread.get(table, [])]})
            case "POST", "/_interlock/repeat" if self._durable is not None:
                return _json(200, await self._repeat())
            case _:
                return _json(404, {"message": "There is no such question."})

    async def _repeat(self) -> dict[str, int]:
        """Send the requests again whose effect no snapshot has. Their answers went to the former process."""
        assert self._durable is not None
        accepted = 0
        async with self._durable.lock:
            asked, self._asked = self._asked, []
            for one in asked:
                answer = await self._serve(request_of(one))
                accepted += answer.status < 300
                if answer.status >= 300:
                    log.warning("a repeated request was not accepted: %s %s", answer.status, answer.body[:300])
        return {"repeated": len(asked), "accepted": accepted}

    async def _serve(self, request: Request) -> Answer:
        """The answer of the server behind to a request."""
        # With roles, its routing checks the permissions.
        if not self._has_roles and is_direct(request):
            return await answer_directly(request)
        parts: list[bytes] = []
        head: dict[str, Any] = {}
        given = False

        async def receive() -> Message:
            nonlocal given
            if given:
                return {"type": "http.disconnect"}
            given = True
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        await self._app(_scope(request), receive, send)
        return Answer(head.get("status", 500), list(head.get("headers", [])), b"".join(parts))


def _record(change: Change) -> dict[str, Any]:
    """A change as GetRecords returns it."""
    assert change.note is not None
    record: dict[str, Any] = {
        "ApproximateCreationDateTime": change.note.at,
        "Keys": change.key,
        "SequenceNumber": change.note.number,
        "StreamViewType": "NEW_IMAGE",
    }
    if not change.is_deleted:
        record["NewImage"] = msgspec.json.decode(change.image)
    return {
        "eventID": change.note.id,
        "eventName": change.note.name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": record,
    }


def _positions(path: Path) -> dict[str, str]:
    """The last handled stream record of each table. Without a readable file all records count as unread."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(table): str(number) for table, number in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        log.warning("%s is not readable, so all kept stream records are delivered again: %s", path, error)
        return {}


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None if it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > _LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            break
    return b"".join(parts)


def _request(scope: MutableMapping[str, Any], body: bytes) -> Request:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    return Request(scope["method"], raw.decode("latin-1"), scope["query_string"].decode("latin-1"), headers, body)


def _scope(request: Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http",
        "method": request.method,
        "path": unquote(request.path),
        "raw_path": request.path.encode("latin-1"),
        "query_string": request.query.encode("latin-1"),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }


def _rejected(rejection: Rejection) -> Answer:
    answer = _json(403, {"__type": rejection.code, "message": rejection.message})
    answer.headers.append((b"x-amzn-errortype", rejection.code.encode()))
    return answer


def _json(status: int, value: Any) -> Answer:
    return Answer(status, [(b"content-type", b"application/x-amz-json-1.0")], msgspec.json.encode(value))


async def _send(send: Send, answer: Answer) -> None:
    headers = [(name, value) for name, value in answer.headers if not name.lower().startswith(b"access-control-")]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
