"""Calls DynamoDB with the names, parameters, answers and errors of boto3's client, and without its model."""

import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from time import sleep as wait
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import msgspec
from botocore.exceptions import BotoCoreError, ChecksumError, ClientError, ConnectionClosedError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from interlock_store._client._connections import Answer, Connections
from interlock_store._client._retries import ATTEMPTS, Failure, RetryQuota, delay_before_retry
from interlock_store._client._server import Server
from interlock_store._client._signing import Signer

_VERSION = "DynamoDB_20120810"
_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 10.0
_LEAST_SECONDS = 0.05
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class DynamoClient:
    """A client of one server, for any number of threads. Numbers and binary values stay as they are on the wire.

    `bound` limits calls to the time that an invocation has left. `sleep` waits between two requests of a call, and
    `now` returns the time of a signature.
    """

    def __init__(
        self,
        server: Server,
        *,
        trace: Callable[[], str | None] = lambda: None,
        sleep: Callable[[float], None] = wait,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._server = server
        self._connections = Connections(server.url, server.ca_file)
        self._signer = Signer(server.host, server.region)
        self._quota = RetryQuota()
        self._trace = trace
        self._sleep = sleep
        self._now = now
        self._remaining: Callable[[], timedelta] | None = None

    def bound(self, remaining: Callable[[], timedelta] | None) -> None:
        """From now on each call of each thread ends within the remaining time. None: within the client's own limits."""
        self._remaining = remaining

    def get_item(self, **request: Any) -> dict[str, Any]:
        """One row by its key."""
        return self._call("GetItem", request)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """Rows by their keys."""
        return self._call("BatchGetItem", request)

    def query(self, **request: Any) -> dict[str, Any]:
        """A page of the rows of one partition."""
        return self._call("Query", request)

    def scan(self, **request: Any) -> dict[str, Any]:
        """A page of the rows of a table."""
        return self._call("Scan", request)

    def put_item(self, **request: Any) -> dict[str, Any]:
        """Write one row."""
        return self._call("PutItem", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        """Change one row."""
        return self._call("UpdateItem", request)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        """Delete one row."""
        return self._call("DeleteItem", request)

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        """Write several rows or none. The token makes a repeated request harmless if an answer was lost."""
        return self._call("TransactWriteItems", {"ClientRequestToken": str(uuid4()), **request})

    def close(self) -> None:
        """Close the idle connections."""
        self._connections.close()

    def _call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request until it succeeds, a retry cannot help, or attempts, quota or time are used up."""
        body = msgspec.json.encode(request)
        identity, cost, attempt = str(uuid4()), None, 1
        while True:
            try:
                found = self._attempt(operation, body, f"attempt={attempt}; max={ATTEMPTS}", identity)
            except (ClientError, NoConnection, HTTPClientError, ChecksumError) as error:
                failure = _failure_of(error)
                delay = delay_before_retry(failure, attempt)
                if not failure.may_pass or attempt == ATTEMPTS or not self._has_time_for(delay):
                    raise
                cost = self._quota.take(failure)
                if cost is None:
                    raise
            else:
                self._quota.give_back(cost)
                return found
            self._sleep(delay)
            attempt += 1

    def _has_time_for(self, delay: float) -> bool:
        return self._remaining is None or delay + _LEAST_SECONDS < self._remaining().total_seconds()

    def _attempt(self, operation: str, body: bytes, count: str, identity: str) -> dict[str, Any]:
        headers = self._signer.headers(self._server.keys(), f"{_VERSION}.{operation}", body, self._now())
        headers |= {"user-agent": "interlock-store", "amz-sdk-invocation-id": identity, "amz-sdk-request": count}
        trace = self._trace()
        if trace:
            headers["x-amzn-trace-id"] = quote(trace, safe="-=;:+&[]{}\"',")
        total = _ANSWER_SECONDS
        if self._remaining is not None:
            total = max(min(total, self._remaining().total_seconds()), _LEAST_SECONDS)
        answer = self._connections.post(headers, body, connect=_CONNECT_SECONDS, total=total)
        self._check_sum(answer)
        if answer.status >= 300:
            raise _error_of(answer, operation)
        return self._read(answer)

    def _check_sum(self, answer: Answer) -> None:
        expected = answer.headers.get("x-amz-crc32")
        actual = str(zlib.crc32(answer.body))
        if expected is not None and expected != actual:
            raise ChecksumError(checksum_type="crc32", expected_checksum=expected, actual_checksum=actual)

    def _read(self, answer: Answer) -> dict[str, Any]:
        try:
            return msgspec.json.decode(answer.body, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            # Half an answer, or the page of a proxy: a retry may bring the answer.
            raise ConnectionClosedError(endpoint_url=self._server.url, error=error) from error


def _failure_of(error: ClientError | BotoCoreError) -> Failure:
    if not isinstance(error, ClientError):
        return Failure()
    answer = error.response["ResponseMetadata"]
    wish = answer["HTTPHeaders"].get("x-amz-retry-after", "")
    seconds = int(wish) / 1000 if wish.isdecimal() else None
    return Failure(answer["HTTPStatusCode"], error.response["Error"].get("Code", ""), seconds)


def _error_of(answer: Answer, operation: str) -> ClientError:
    """The error in an answer, as botocore's parser for JSON reads it."""
    content = _content_of_error(answer)
    code = str(content.get("__type", answer.status)).partition(":")[0].rpartition("#")[2]
    message = content.get("message", content.get("Message", ""))
    response: dict[str, Any] = {
        "Error": {"Message": message, "Code": code},
        "ResponseMetadata": {
            "RequestId": answer.headers.get("x-amzn-requestid", ""),
            "HTTPStatusCode": answer.status,
            "HTTPHeaders": answer.headers,
        },
    }
    response |= {name: content[name] for name in ("CancellationReasons", "Item") if name in content}
    return ClientError(response, operation)  # type: ignore[arg-type]


def _content_of_error(answer: Answer) -> dict[str, Any]:
    """The fields of an error. The page of a proxy has only the name of its status."""
    body = answer.body.strip()
    if answer.status >= 500 and (not body or body.startswith(b"<html>")):
        return {"message": _PHRASES.get(answer.status, "")}
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except msgspec.MsgspecError:
        return {"message": answer.body.decode(errors="replace")}
