"""The direct client and boto3's in standard mode under the same faults of network and server."""

import itertools
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ChecksumError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.retries import standard
from hypothesis import given
from hypothesis import strategies as st

from interlock_store import DynamoClient, DynamoTables, Keys, Server, TransactionRejected
from interlock_store._client import _dynamo_client
from interlock_store._client._retries import Failure, RetryQuota, delay_before_retry
from interlock_store._write import Expect, Put

ITEM = b'{"Item":{"PK":{"S":"a"},"SK":{"S":"1"},"n":{"N":"7"}}}'
RACE = b'{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled",' + (
    b'"CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed","Message":"no"}]}'
)

Answerer = Callable[[socket.socket], bool]
"""Answers one request on a socket. The result is whether the connection stays open."""


def answer(body: bytes = ITEM, status: int = 200, **headers: str) -> Answerer:
    """A whole answer with the checksum of DynamoDB."""
    lines = {"content-length": str(len(body)), "x-amz-crc32": str(zlib.crc32(body))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())

    def send(sock: socket.socket) -> bool:
        sock.sendall(head.encode() + b"\r\n" + body)
        return lines.get("connection") != "close"

    return send


def error(code: str, status: int = 400, **headers: str) -> Answerer:
    return answer(f'{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"why"}}'.encode(), status, **headers)


def reset(sock: socket.socket) -> bool:
    """The connection is reset after the request."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def close(sock: socket.socket) -> bool:
    """The connection is closed after the request, as a server does that restarts."""
    return False


def truncate(sock: socket.socket) -> bool:
    """Half of the body."""
    sock.sendall(f"HTTP/1.1 200 OK\r\ncontent-length: {len(ITEM)}\r\n\r\n".encode() + ITEM[:20])
    return False


def garble(sock: socket.socket) -> bool:
    """An answer that is not HTTP."""
    sock.sendall(b"\x00\x01 not http\r\n\r\n")
    return False


def drip(sock: socket.socket) -> bool:
    """A byte each tenth of a second."""
    sock.sendall(f"HTTP/1.1 200 OK\r\ncontent-length: {len(ITEM)}\r\n\r\n".encode())
    for byte in ITEM:
        time.sleep(0.1)
        try:
            sock.sendall(bytes([byte]))
        except OSError:
            return False
    return True


def hang(sock: socket.socket) -> bool:
    """No answer until the client closes the connection."""
    sock.recv(1)
    return False


def raw(*parts: bytes, ends: bool = False) -> Answerer:
    """These bytes, in packets of their own."""

    def send(sock: socket.socket) -> bool:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            sock.sendall(part)
            time.sleep(0.01)
        return not ends

    return send


class FaultyServer:
    """A server whose n-th request gets the n-th answer of a script. The last answer repeats."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.script: list[Answerer] = [answer()]
        self.requests: list[bytes] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, sock.makefile("rb") as stream:
            goes_on = True
            while goes_on:
                try:
                    request = _read_request(stream)
                    if request is None:
                        return
                    self.requests.append(request)
                    goes_on = self.script[min(len(self.requests), len(self.script)) - 1](sock)
                except OSError:
                    return
            sock.shutdown(socket.SHUT_RDWR) if goes_on else None

    def drop_connections(self) -> None:
        """Close each open connection."""
        for sock in self._open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        time.sleep(0.05)

    def stop(self) -> None:
        self._listener.close()
        self.drop_connections()


def _read_request(stream: Any) -> bytes | None:
    head, length = b"", 0
    for line in iter(stream.readline, b"\r\n"):
        if not line:
            return None
        head += line
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head + b"\r\n" + stream.read(length)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    yield made
    made.stop()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of both clients, which take no time."""
    found: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", found.append)
    return found


def direct(server: FaultyServer, pauses: list[float] | None = None) -> DynamoClient:
    keys = Keys("AKID", "secret")
    sleep = time.sleep if pauses is None else pauses.append
    return DynamoClient(Server(server.url, "us-east-1", lambda: keys), sleep=sleep)


def of_boto3(server: FaultyServer) -> Any:
    """boto3's client in standard mode with the numbers of attempts and delays of DynamoDB."""
    return boto3.Session().client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=server.url,
        aws_access_key_id="AKID",
        aws_secret_access_key="secret",
        config=Config(proxies={}, read_timeout=1, connect_timeout=1, retries={"mode": "standard"}),
    )


def ask(client: Any) -> Any:
    return client.get_item(TableName="t", Key={"PK": {"S": "a"}, "SK": {"S": "1"}})["Item"]["n"]


def outcome(client: Any) -> Any:
    """The answer, or the type of the error with its code and message."""
    try:
        return ask(client)
    except ClientError as failed:
        return ClientError, failed.response["Error"], failed.response["ResponseMetadata"]["HTTPStatusCode"]
    except Exception as failed:  # noqa: BLE001 (the errors of two clients are compared)
        return type(failed)


FAULTS: dict[str, Answerer] = {
    "reset": reset,
    "closed": close,
    "truncated": truncate,
    "not HTTP": garble,
    "500": answer(b"", 500),
    "502 of a proxy": answer(b"<html>bad gateway</html>", 502),
    "503": error("ServiceUnavailable", 503),
    "504": answer(b"", 504),
    "throttled": error("ThrottlingException"),
    "throughput": error("ProvisionedThroughputExceededException"),
    "limit": error("RequestLimitExceeded"),
    "in progress": error("TransactionInProgressException"),
    "internal": error("InternalServerError", 500),
    "wrong checksum": answer(x_amz_crc32="1"),
    "expired": error("ExpiredTokenException"),
    "clock skew": error("InvalidSignatureException"),
    "unknown key": error("UnrecognizedClientException"),
    "no table": error("ResourceNotFoundException"),
    "invalid": error("ValidationException"),
    "no code": answer(b'{"Message":"why"}', 400),
    "no JSON": answer(b"why", 400),
    "404": answer(b"", 404),
    "301": answer(b"", 301),
}


FORMS: dict[str, Answerer] = {
    "in packets": raw(b"HTTP/1.1 200 O", b"K\r\nContent-Le", b"ngth: %d\r\n\r\n" % len(ITEM), ITEM[:9], ITEM[9:]),
    "in chunks": raw(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (9, ITEM[:9], len(ITEM) - 9, ITEM[9:]),
    ),
    "after an early one": raw(
        b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 54\r\n\r\n" + ITEM
    ),
    "until the end": raw(b"HTTP/1.1 200 OK\r\n\r\n", ITEM, ends=True),
    "until the end, by HTTP 1.0": raw(b"HTTP/1.0 200 OK\r\n\r\n", ITEM, ends=True),
}


@pytest.fixture
def standard_of_dynamodb(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore's standard mode with the attempts and delays of DynamoDB. Other releases do not have them."""
    if not hasattr(standard, "NEW_RETRIES_ENABLED"):
        pytest.skip("this botocore has no numbers for DynamoDB")
    monkeypatch.setattr(standard, "NEW_RETRIES_ENABLED", True)


@pytest.mark.usefixtures("standard_of_dynamodb")
@pytest.mark.parametrize("times", [1, 3, 9])
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_have_the_outcome_of_boto3(fault: str, times: int, server: FaultyServer, pauses: list[float]) -> None:
    server.script = [FAULTS[fault]] * times + [answer()]
    expected, asked_by_boto3, paused_by_boto3 = outcome(of_boto3(server)), len(server.requests), len(pauses)
    server.requests.clear()
    pauses.clear()
    found = outcome(direct(server, pauses))
    assert len(server.requests) == asked_by_boto3
    assert len(pauses) == paused_by_boto3
    if fault == "wrong checksum" and times == 9:
        # DEVIATES: boto3 returns the last answer although its checksum is wrong.
        assert found is ChecksumError
        return
    assert found == expected


@pytest.mark.usefixtures("standard_of_dynamodb")
@pytest.mark.parametrize(
    "code",
    [
        *standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES,
        *standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES,
    ],
)
def test_codes_that_are_retried_are_those_of_botocore(code: str, server: FaultyServer, pauses: list[float]) -> None:
    server.script = [error(code), answer()]
    assert ask(direct(server, pauses)) == ask(of_boto3(server))
    assert Failure(400, code).is_throttling == (code in standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES)


@pytest.mark.usefixtures("standard_of_dynamodb")
@given(
    code=st.sampled_from(["ThrottlingException", "InternalServerError"]),
    attempt=st.integers(1, 9),
    jitter=st.floats(0, 1),
    wish=st.none() | st.integers(0, 60_000),
)
def test_delays_are_those_of_botocore(code: str, attempt: int, jitter: float, wish: int | None) -> None:
    headers = {} if wish is None else {"x-amz-retry-after": str(wish)}
    adapter = standard.RetryEventAdapter()
    backoff = standard.ExponentialBackoff(
        random=lambda: jitter, service_name="dynamodb", throttling_detector=standard.ThrottlingErrorDetector(adapter)
    )
    http = type("Http", (), {"headers": headers, "status_code": 400})()
    context = standard.RetryContext(attempt, parsed_response={"Error": {"Code": code}}, http_response=http)
    failure = Failure(400, code, None if wish is None else wish / 1000)
    assert delay_before_retry(failure, attempt, lambda: jitter) == pytest.approx(backoff.delay_amount(context))


@pytest.mark.usefixtures("standard_of_dynamodb")
def test_conflict_of_replicas_is_retried_as_boto3_does(server: FaultyServer, pauses: list[float]) -> None:
    server.script = [error("ReplicatedWriteConflictException"), answer(b"{}")] * 2
    for client in (of_boto3(server), direct(server, pauses)):
        client.put_item(TableName="t", Item={"PK": {"S": "a"}, "SK": {"S": "1"}})
    assert len(server.requests) == 4


def test_server_names_the_delay_before_a_retry(server: FaultyServer, pauses: list[float]) -> None:
    server.script = [error("ThrottlingException", x_amz_retry_after="4000"), answer()]
    ask(direct(server, pauses))
    assert 4 <= pauses[0] <= 5


def test_quota_limits_the_retries_of_all_calls(server: FaultyServer, pauses: list[float]) -> None:
    server.script = [answer(b"", 500)]
    client = direct(server, pauses)
    for _ in range(40):
        with pytest.raises(ClientError):
            ask(client)
    # 500 points and 14 for each retry: 35 retries in addition to the 40 first requests.
    assert len(server.requests) == 40 + 35
    server.script = [answer()]
    ask(client)
    assert client._quota._left == 500 - 35 * 14 + 1


@given(st.lists(st.sampled_from(["throttled", "failed", "ok", "ok after a retry"])))
def test_quota_stays_within_its_bounds(events: list[str]) -> None:
    quota = RetryQuota()
    for event in events:
        if event == "ok":
            quota.give_back(None)
            continue
        cost = quota.take(Failure(400, "ThrottlingException") if event == "throttled" else Failure(500))
        if event == "ok after a retry":
            quota.give_back(cost)
        assert 0 <= quota._left <= 500


# --- connections --------------------------------------------------------------------------------------------------


def test_calls_share_one_connection(server: FaultyServer) -> None:
    client = direct(server)
    for _ in range(5):
        ask(client)
    assert server.connections == 1


def test_connection_that_the_server_closed_is_not_used_again(server: FaultyServer) -> None:
    pauses: list[float] = []
    client = direct(server, pauses)
    ask(client)
    server.drop_connections()
    ask(client)
    assert (server.connections, len(server.requests), pauses) == (2, 2, [])


def test_connection_with_unread_bytes_is_not_used_again(server: FaultyServer) -> None:
    def more(sock: socket.socket) -> bool:
        answer()(sock)
        time.sleep(0.1)
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        return True

    server.script = [more, answer()]
    client = direct(server)
    ask(client)
    time.sleep(0.3)
    assert ask(client) == {"N": "7"}
    assert server.connections == 2


@pytest.mark.parametrize("more", [b"H", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"], ids=["a byte", "another"])
def test_connection_with_bytes_after_its_answer_is_left(more: bytes, server: FaultyServer) -> None:
    whole = f"HTTP/1.1 200 OK\r\ncontent-length: {len(ITEM)}\r\n\r\n".encode() + ITEM
    server.script = [raw(whole + more), answer()]
    client = direct(server)
    assert ask(client) == ask(client) == {"N": "7"}
    assert (server.connections, len(server.requests)) == (2, 2)


@pytest.mark.parametrize("form", FORMS)
def test_answer_is_read_in_each_form_of_http(form: str, server: FaultyServer) -> None:
    server.script = [FORMS[form]]
    client = direct(server)
    assert ask(client) == ask(client) == {"N": "7"}
    assert (server.connections, len(server.requests)) == (2 if "until the end" in form else 1, 2)
    assert ask(of_boto3(server)) == {"N": "7"}


@pytest.mark.parametrize("is_late", [False, True], ids=["at once", "later"])
def test_answer_may_end_the_connection(is_late: bool, server: FaultyServer) -> None:
    head = f"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {len(ITEM)}\r\n\r\n"
    server.script = [raw(head.encode() + ITEM, ends=not is_late)]
    client = direct(server)
    assert ask(client) == ask(client) == {"N": "7"}
    assert (server.connections, len(server.requests)) == (2, 2)


def test_threads_get_their_own_answers(server: FaultyServer) -> None:
    numbers = itertools.count()

    def echo(sock: socket.socket) -> bool:
        number = next(numbers)
        time.sleep(0.002)
        return answer(f'{{"Item":{{"n":{{"N":"{number}"}}}}}}'.encode())(sock)

    server.script = [echo]
    client = direct(server)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: ask(client)["N"], range(200)))
    assert sorted(map(int, found)) == list(range(200))
    assert server.connections <= 8


def test_rejected_connection_is_retried_and_reported(server: FaultyServer, pauses: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        server.url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(EndpointConnectionError, match=server.url):
        ask(direct(server, pauses))
    assert len(pauses) == 3


def test_unknown_host_is_reported_as_boto3_reports_it(pauses: list[float]) -> None:
    client = DynamoClient(Server("http://host.invalid", "us-east-1", lambda: Keys("a", "b")), sleep=pauses.append)
    with pytest.raises(EndpointConnectionError):
        ask(client)


def test_full_backlog_is_a_timeout_of_the_connection(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    monkeypatch.setattr(_dynamo_client, "_CONNECT_SECONDS", 0.1)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client = DynamoClient(Server(url, "us-east-1", lambda: Keys("a", "b")), sleep=pauses.append)
        with pytest.raises(ConnectTimeoutError):
            ask(client)
        assert len(pauses) == 3
        for sock in waiting:
            sock.close()


# --- the end of an invocation -------------------------------------------------------------------------------------


def left(seconds: float) -> Callable[[], timedelta]:
    """The remaining time of an invocation that ends so many seconds from now, at least 50 ms."""
    ends_at = time.monotonic() + seconds
    return lambda: timedelta(seconds=max(ends_at - time.monotonic(), 0.05))


@pytest.mark.parametrize("fault", [hang, drip], ids=["silent", "slow"])
def test_no_call_outlives_the_invocation(fault: Answerer, server: FaultyServer) -> None:
    server.script = [fault]
    tables = DynamoTables(direct(server))
    began = time.monotonic()
    with tables.within(left(0.5)), pytest.raises(ReadTimeoutError):
        tables.get("t", "a", "1")
    assert 0.4 < time.monotonic() - began < 2


def test_retry_that_would_begin_too_late_is_not_sent(server: FaultyServer, pauses: list[float]) -> None:
    server.script = [error("ThrottlingException", x_amz_retry_after="4000"), answer()]
    tables = DynamoTables(direct(server, pauses))
    with tables.within(left(1)), pytest.raises(ClientError):
        tables.get("t", "a", "1")
    assert (len(server.requests), pauses) == (1, [])


def test_next_call_does_not_have_the_time_of_the_last(server: FaultyServer) -> None:
    def slow(sock: socket.socket) -> bool:
        time.sleep(0.3)
        return answer()(sock)

    server.script = [slow]
    tables = DynamoTables(direct(server))
    with tables.within(left(0)), pytest.raises(ReadTimeoutError):
        tables.get("t", "a", "1")
    assert tables.get("t", "a", "1") is not None
    with tables.within(left(9)):
        assert tables.get("t", "a", "1") is not None


# --- transactions -------------------------------------------------------------------------------------------------


def test_repeated_transaction_has_the_same_token(server: FaultyServer, pauses: list[float]) -> None:
    server.script = [reset, answer(b"{}"), answer(b"{}")]
    tables = DynamoTables(direct(server, pauses))
    writes = [Put("t", {"PK": "a", "SK": "1"}), Put("t", {"PK": "a", "SK": "2"})]
    tables.transact(writes)
    tables.transact(writes)
    lost, repeated, another = (request.partition(b"\r\n\r\n")[2] for request in server.requests)
    assert lost == repeated != another


def test_reasons_of_a_cancelled_transaction_are_those_of_boto3(server: FaultyServer) -> None:
    server.script = [answer(RACE, 400)]
    writes = [Put("t", {"PK": "a", "SK": "1"}), Put("t", {"PK": "a", "SK": "2"}, Expect(exists=False))]
    for client in (of_boto3(server), direct(server)):
        with pytest.raises(TransactionRejected) as raised:
            DynamoTables(client).transact(writes)
        assert raised.value.indexes == (1,)


def test_lone_surrogate_is_rejected_before_it_is_sent(server: FaultyServer) -> None:
    with pytest.raises(ValueError, match="surrogates"):
        DynamoTables(direct(server)).transact([Put("t", {"PK": "a", "SK": "\ud800"})])
    assert server.requests == []


def test_answer_that_is_not_json_is_a_fault_of_the_network(server: FaultyServer, pauses: list[float]) -> None:
    server.script = [answer(b"[1]"), answer(b"{half"), answer()]
    assert ask(direct(server, pauses)) == {"N": "7"}
    server.script = [answer(b"\xff")]
    with pytest.raises(ConnectionClosedError):
        ask(direct(server, pauses))


def test_credentials_cannot_add_a_header(server: FaultyServer) -> None:
    client = DynamoClient(Server(server.url, "us-east-1", lambda: Keys("AKID", "secret", "token\r\nx-other: 1")))
    with pytest.raises(ValueError, match="line break"):
        ask(client)
    assert server.requests == []
