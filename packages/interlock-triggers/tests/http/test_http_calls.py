"""HTTP requests on the wire: retries, breaker, bounds, deadlines, TLS."""

import datetime
import ipaddress
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec.structs import replace
from trigger_peers.server import LONG, Answer, Outcome, Request, Server, Target, wait_for

from interlock_triggers import (
    Attempt,
    Breakers,
    Category,
    CheckFailed,
    Clients,
    Started,
    StartRejected,
    StartUnconfirmed,
    Timing,
    TriggerError,
    check,
    start,
)

DAILY = Attempt("p", "cron", "2026-03-03", 0, "k-1")
RESUMED = Attempt("p", "cron", "2026-03-03", 0, "k-1", resumed=True)
HOURLY = Attempt("p", "stream", "2026-03-03T07", 0, "k-1")


class Scripted(Target):
    """Answers from a list, then with 200. An entry is an outcome or the name of a fault."""

    def __init__(self, *script: Outcome | str) -> None:
        super().__init__()
        self._script = list(script)

    def is_start(self, request: Request) -> bool:
        return True

    def meet(self, request: Request) -> Outcome:
        with self.lock:
            self.requests.append(request)
            step = self._script.pop(0) if self._script else Answer(200, b"{}")
        if isinstance(step, str):
            self.choose = lambda request, is_start: step
            self.requests.pop()
            return super().meet(request)
        return step

    def handle(self, request: Request) -> Answer:
        return Answer(200, b"{}")


class Naps:
    """A clock that moves only during sleeps."""

    def __init__(self, dice: float = 0.5) -> None:
        self.taken: list[float] = []
        self.timing = Timing(sleep=self.taken.append, dice=lambda: dice)


def _start(server: Server, *, attempt: Attempt = DAILY, seconds: float = 60.0, **more: Any) -> Started:
    clients = more.pop("clients", None)
    naps = more.pop("naps", None) or Naps()
    clients = clients or Clients(allowed_hosts="127.0.0.1", environment={}, timing=naps.timing)
    return start("http", {"url": f"{server.url}/run"} | more, attempt, until=time.time() + seconds, clients=clients)


@pytest.mark.parametrize(
    ("config", "attempt", "method", "body", "content_type"),
    [
        ({}, DAILY, "POST", b'{"par_day": "20260303"}', "application/json"),
        ({}, HOURLY, "POST", b'{"par_day": "20260303", "par_hour": "07"}', "application/json"),
        ({"method": "PUT"}, DAILY, "PUT", b'{"par_day": "20260303"}', "application/json"),
        ({"method": "GET"}, DAILY, "GET", b"", None),
        ({"method": "DELETE"}, DAILY, "DELETE", b"", None),
        ({"body": {"a": [1, True]}}, DAILY, "POST", b'{"a": [1, true]}', "application/json"),
        ({"body": ["x"]}, DAILY, "POST", b'["x"]', "application/json"),
        ({"body": '{"a":1}'}, DAILY, "POST", b'{"a":1}', "application/json"),
        ({"body": "a=1"}, DAILY, "POST", b"a=1", "text/plain; charset=utf-8"),
        ({"body": ""}, DAILY, "POST", b"", "text/plain; charset=utf-8"),
        ({"body": "a=1", "headers": {"content-type": "x/y"}}, DAILY, "POST", b"a=1", "x/y"),
    ],
)
def test_the_sent_request(
    config: dict[str, Any], attempt: Attempt, method: str, body: bytes, content_type: str | None
) -> None:
    with Server(target := Scripted()) as server:
        _start(server, attempt=attempt, **config)
    (request,) = target.requests
    assert (request.method, request.path, request.body) == (method, "/run", body)
    assert request.header("Content-Type") == content_type
    assert request.header("Idempotency-Key") == "k-1"


@pytest.mark.parametrize(
    ("headers", "sent"), [({}, "00-1-2-01"), ({"Traceparent": "own"}, "own"), ({"X-Other": "a"}, "00-1-2-01")]
)
def test_a_job_gets_the_trace_context_of_its_attempt(headers: dict[str, str], sent: str) -> None:
    with Server(target := Scripted()) as server:
        _start(server, attempt=replace(DAILY, traceparent="00-1-2-01"), headers=headers)
        _start(server, attempt=DAILY)
    assert [request.header("traceparent") for request in target.requests] == [sent, None]


def test_header_values_may_be_numbers_and_booleans() -> None:
    with Server(target := Scripted()) as server:
        _start(server, headers={"X-Count": 3, "X-Force": True})
    assert target.requests[0].header("X-Count") == "3"
    assert target.requests[0].header("X-Force") == "true"


NO_VERDICTS = (300, 301, 304, 400, 401, 402, 403, 404, 409, 410, 422, 429)
"""Answers to a repeated start that leave the first one open."""


@pytest.mark.parametrize("script", [["500"], ["503", "500"], ["cut-after", "cut-before"], ["throttle-wait"]])
def test_temporary_failures_are_retried_with_one_key(script: list[str]) -> None:
    with Server(target := Scripted(*script)) as server:
        _start(server)
    assert len(target.requests) == len(script) + 1
    assert {request.header("Idempotency-Key") for request in target.requests} == {"k-1"}


@pytest.mark.parametrize(
    ("script", "tries", "error", "category"),
    [
        (["500"] * 5, 3, StartRejected, Category.TRANSIENT),
        (["503"] * 5, 3, StartRejected, Category.TRANSIENT),
        (["cut-after"] * 5, 3, StartUnconfirmed, Category.TRANSIENT),
        (["cut-after", "500", "500"], 3, StartUnconfirmed, Category.TRANSIENT),
        (["502-after"] * 3, 3, StartUnconfirmed, Category.TRANSIENT),
        ([Answer(400)] * 2, 1, StartRejected, Category.PERMANENT),
        ([Answer(401)] * 2, 1, StartRejected, Category.PERMANENT),
        ([Answer(404)] * 2, 1, StartRejected, Category.PERMANENT),
        ([Answer(409)] * 2, 1, StartRejected, Category.PERMANENT),
        ([Answer(304)] * 2, 1, StartRejected, Category.PERMANENT),
        ([Answer(429)] * 2, 1, StartRejected, Category.TRANSIENT),
        *((["cut-after", Answer(status)], 2, StartUnconfirmed, Category.TRANSIENT) for status in NO_VERDICTS),
        *((["502-after", Answer(status)], 2, StartUnconfirmed, Category.TRANSIENT) for status in NO_VERDICTS),
    ],
)
def test_retries_and_their_combined_result(
    script: list[Any], tries: int, error: type[TriggerError], category: Category
) -> None:
    with Server(target := Scripted(*script)) as server, pytest.raises(TriggerError) as raised:
        _start(server)
    assert len(target.requests) == tries
    assert type(raised.value) is error
    assert raised.value.category is category


@pytest.mark.parametrize("status", NO_VERDICTS)
def test_no_rejection_of_a_resumed_start_rejects_the_first(status: int) -> None:
    with Server(target := Scripted(Answer(status))) as server, pytest.raises(StartUnconfirmed):
        _start(server, attempt=RESUMED)
    assert len(target.requests) == 1


SEE_OTHER = Answer(303, b"", {"Location": "/outcome"})


@pytest.mark.parametrize("status", [300, 400, 404, 409, 410, 422, 429, 500, 502, 503])
def test_an_accepted_request_is_neither_rejected_nor_repeated(status: int) -> None:
    """303: the server accepted the request, and no answer at the address of its outcome can reject it."""
    target = Scripted(SEE_OTHER, Answer(status, b"", {"Retry-After": "0"}))
    with Server(target) as server, pytest.raises(StartUnconfirmed) as unconfirmed:
        _start(server)
    assert [request.method for request in target.requests] == ["POST", "GET"]
    assert str(status) in str(unconfirmed.value)


def test_a_303_without_location_stays_unconfirmed() -> None:
    with Server(target := Scripted(Answer(303))) as server, pytest.raises(StartUnconfirmed):
        _start(server)
    assert len(target.requests) == 1


@pytest.mark.parametrize("location", ["http://[::1", "http://]/", "http://a b/", "http://h:99999/", "http://[::1%/"])
@pytest.mark.parametrize(
    ("status", "error", "category"),
    [(307, StartRejected, Category.PERMANENT), (303, StartUnconfirmed, Category.TRANSIENT)],
)
@pytest.mark.parametrize("job_type", ["http", "databricks", "airflow"])
def test_an_unreadable_location_does_not_crash(
    job_type: str, status: int, error: type[TriggerError], category: Category, location: str
) -> None:
    target = Scripted(*[Answer(status, b"", {"Location": location})] * 9)
    clients = Clients(allowed_hosts="127.0.0.1", environment={}, timing=Naps().timing)
    with Server(target) as server:
        config = {
            "http": {"url": server.url},
            "databricks": {"workspaceUrl": server.url, "jobId": 1},
            "airflow": {"url": f"{server.url}/api/v2", "dagID": "load"},
        }[job_type]
        with pytest.raises(TriggerError) as raised:
            start(job_type, config, DAILY, until=time.time() + 60, clients=clients)
        if job_type != "http":
            with pytest.raises(CheckFailed):
                check(job_type, config, "1", until=time.time() + 60, clients=clients)
    assert type(raised.value) is error
    assert raised.value.category is category


@pytest.mark.parametrize(("dice", "pause"), [(0.0, 0.1), (0.5, 0.2), (0.999, 0.3)])
def test_pauses_are_200_ms_with_jitter(dice: float, pause: float) -> None:
    naps = Naps(dice)
    with Server(Scripted("500", "500")) as server:
        _start(server, naps=naps)
    assert naps.taken == [pytest.approx(pause, abs=0.001)] * 2


NOON = 1_772_539_200.0
"""2026-03-03T12:00:00Z."""


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("3", 3.0),
        ("0", 0.2),
        ("Tue, 03 Mar 2026 12:00:30 GMT", 30.0),
        ("Tue, 03 Mar 2026 13:00:30 +0100", 30.0),
        ("Tue, 03 Mar 2026 11:59:30 GMT", 0.2),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_throttle_with_retry_after_is_tried_again(status: int, value: str, pause: float) -> None:
    taken: list[float] = []
    timing = Timing(now=lambda: NOON, sleep=taken.append, dice=lambda: 0.5)
    clients = Clients(allowed_hosts="127.0.0.1", environment={}, timing=timing)
    with Server(Scripted(Answer(status, b"", {"Retry-After": value}))) as server:
        start("http", {"url": server.url}, DAILY, until=NOON + 60, clients=clients)
    assert taken == [pytest.approx(pause)]


@pytest.mark.parametrize("value", ["soon", "-1", "", "1e3"])
def test_a_throttle_without_retry_after_is_not_tried_again(value: str) -> None:
    target = Scripted(Answer(429, b"", {"Retry-After": value}))
    with Server(target) as server, pytest.raises(StartRejected) as rejected:
        _start(server)
    assert rejected.value.category is Category.TRANSIENT
    assert len(target.requests) == 1


def test_a_pause_beyond_the_deadline_is_not_taken() -> None:
    naps = Naps()
    with Server(Scripted(Answer(429, b"", {"Retry-After": "60"}))) as server, pytest.raises(StartRejected):
        _start(server, naps=naps, seconds=5)
    assert naps.taken == []


def test_an_error_body_is_cut_and_cleaned() -> None:
    body = b"no\x00 such\r\n\x1b[31mjob\x7f " + "é".encode() * 2000
    with Server(Scripted(Answer(400, body))) as server, pytest.raises(StartRejected) as rejected:
        _start(server)
    message = rejected.value.message
    assert "no such [31mjob é" in message
    assert message.isprintable()
    assert 500 < len(message.rpartition("400: ")[2].encode()) <= 512


Respond = Callable[[socket.socket], None]


class RawServer:
    """Passes each connection to a function."""

    def __init__(self, respond: Respond) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._respond = respond
        self.over = threading.Event()
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "RawServer":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                self._respond(connection)
            except OSError:
                return


def _trickle(beginning: bytes, drop: bytes) -> Respond:
    def respond(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(beginning)
        for _ in range(int(LONG / 0.05)):
            connection.sendall(drop)
            time.sleep(0.05)

    return respond


def _endless(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def test_a_body_without_end_is_not_read_to_its_end() -> None:
    """The status alone decides the success. A long body would only use memory."""
    with RawServer(_endless) as server:
        assert _start(server, seconds=30).status is not None  # type: ignore[arg-type]


SLOW: dict[str, Respond] = {
    "says nothing": lambda connection: connection.recv(65536) and time.sleep(LONG),  # type: ignore[func-returns-value]
    "trickles its status line": _trickle(b"HTTP/1.1 2", b"0"),
    "trickles its headers": _trickle(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
    "trickles a body of known length": _trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"a"),
    "trickles a body of no length": _trickle(b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
    "trickles chunks": _trickle(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "sends 100 Continue forever": _trickle(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


def _left(how: str) -> TriggerError | None:
    """The error of a start at a slow server, which ends the connection long after the deadline."""
    with RawServer(SLOW[how]) as server:
        try:
            _start(server, seconds=2.0)  # type: ignore[arg-type]
        except TriggerError as error:
            return error
        return None


@pytest.fixture(scope="module")
def left() -> dict[str, TriggerError | None]:
    with ThreadPoolExecutor(len(SLOW)) as pool:
        return dict(zip(SLOW, pool.map(_left, SLOW), strict=True))


@pytest.mark.parametrize("how", SLOW)
def test_a_slow_server_is_left_at_the_deadline(how: str, left: dict[str, TriggerError | None]) -> None:
    error = left[how]
    assert isinstance(error, StartUnconfirmed)
    assert error.category is Category.TIMEOUT


def test_a_timeout_shorter_than_the_deadline_bounds_each_try() -> None:
    with RawServer(SLOW["says nothing"]) as server:
        with pytest.raises(StartUnconfirmed):
            _start(server, seconds=LONG, timeout=1.0)  # type: ignore[arg-type]
        assert wait_for(lambda: server.connections == 3)


@pytest.mark.parametrize("timeout", [0, -1, "soon", "", "5x", float("inf"), float("nan")])
def test_an_invalid_timeout_is_rejected(timeout: float | str) -> None:
    with Server(target := Scripted()) as server, pytest.raises(StartRejected) as rejected:
        _start(server, timeout=timeout)
    assert rejected.value.category is Category.PERMANENT
    assert target.requests == []


@pytest.mark.parametrize("timeout", [5, 0.5, "5", "5s", "1m30s", "1.5h", "500ms"])
def test_a_timeout_is_seconds_or_a_duration(timeout: float | str) -> None:
    with Server(Scripted()) as server:
        assert _start(server, timeout=timeout).run_id == "sync"


def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    left, outlasted = threading.Event(), threading.Event()

    def resolver(host: str, port: int) -> list[tuple[Any, ...]]:
        if not left.wait(LONG):
            outlasted.set()
        return []

    clients = Clients(resolver=resolver, environment={})
    with pytest.raises(StartRejected) as rejected:
        start("http", {"url": "http://slow.example/"}, DAILY, until=time.time() + 0.3, clients=clients)
    left.set()
    assert not outlasted.is_set()
    assert "cannot resolve" in str(rejected.value)


def test_a_name_that_does_not_exist_was_not_reached() -> None:
    def resolver(host: str, port: int) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    clients = Clients(resolver=resolver, environment={}, timing=Naps().timing)
    with pytest.raises(StartRejected) as rejected:
        start("http", {"url": "http://gone.example/"}, DAILY, until=time.time() + 60, clients=clients)
    assert rejected.value.category is Category.TRANSIENT
    assert "Name or service not known" in str(rejected.value)


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_the_second_address_is_tried_when_the_first_rejects() -> None:
    with Server(target := Scripted()) as server:
        clients = Clients(
            allowed_hosts="127.0.0.0/8",
            environment={},
            resolver=lambda host, port: [("127.0.0.2", port), ("127.0.0.1", port)],
        )
        _start(server, clients=clients)
    assert len(target.requests) == 1


def test_an_address_that_never_answers_leaves_time_for_the_next() -> None:
    waits: list[float] = []

    def dialer(address: tuple[Any, ...], seconds: float) -> socket.socket:
        waits.append(seconds)
        if address[0] != "127.0.0.1":
            now[0] += seconds
            raise TimeoutError("timed out")
        return socket.create_connection(address[:2], seconds)

    now = [1000.0]
    timing = Timing(now=lambda: now[0], monotonic=lambda: now[0], sleep=lambda seconds: None)
    with Server(target := Scripted()) as server:
        clients = Clients(
            allowed_hosts="127.0.0.0/8",
            environment={},
            timing=timing,
            resolver=lambda host, port: [("127.0.0.2", port), ("127.0.0.3", port), ("127.0.0.1", port)],
            dialer=dialer,
        )
        start("http", {"url": server.url, "timeout": 30}, DAILY, until=1060.0, clients=clients)
    assert waits == [pytest.approx(10), pytest.approx(10), pytest.approx(10)]
    assert len(target.requests) == 1


def test_the_breaker_opens_and_later_admits_a_trial() -> None:
    now = [1000.0]
    timing = Timing(monotonic=lambda: now[0], sleep=lambda seconds: None)
    changes: list[tuple[str, str]] = []
    breakers = Breakers(5, 60.0, lambda host, state: changes.append((host, state)), timing)
    with Server(target := Scripted(*["500"] * 7)) as server:
        host = f"127.0.0.1:{server.port}"
        # The request uses the real clock. Only the breaker's clock stands still.
        clients = Clients(allowed_hosts="127.0.0.1", environment={}, breakers=breakers, timing=Naps().timing)
        for _ in range(2):
            with pytest.raises(StartRejected):
                _start(server, clients=clients)
        assert len(target.requests) == 5
        assert breakers.states() == {host: "open"}
        with pytest.raises(StartRejected) as rejected:
            _start(server, clients=clients)
        assert rejected.value.category is Category.TRANSIENT
        assert "for 60 s" in str(rejected.value)
        assert len(target.requests) == 5
        now[0] += 59
        with pytest.raises(StartRejected):
            _start(server, clients=clients)
        assert len(target.requests) == 5
        now[0] += 2
        with pytest.raises(StartRejected):
            _start(server, clients=clients)
        assert len(target.requests) == 6
        assert breakers.states() == {host: "open"}
        now[0] += 61
        with pytest.raises(StartRejected):
            _start(server, clients=clients)
        now[0] += 61
        _start(server, clients=clients)
        assert breakers.states() == {host: "closed"}
    assert [state for _, state in changes] == [
        *("open", "half-open", "open", "half-open", "open", "half-open", "closed")
    ]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422])
def test_rejections_of_a_request_do_not_open_the_breaker(status: int) -> None:
    clients = Clients(allowed_hosts="127.0.0.1", environment={}, breakers=Breakers(2))
    with Server(target := Scripted(*[Answer(status)] * 6)) as server:
        for _ in range(6):
            with pytest.raises(StartRejected):
                _start(server, clients=clients)
    assert len(target.requests) == 6


def test_a_broken_host_leaves_other_hosts_alone() -> None:
    clients = Clients(allowed_hosts="127.0.0.1", environment={}, breakers=Breakers(1), timing=Naps().timing)
    with Server(Scripted()) as healthy:
        broken = {"url": f"http://127.0.0.1:{_closed_port()}/"}
        for _ in range(2):
            with pytest.raises(StartRejected):
                start("http", broken, DAILY, until=time.time() + 60, clients=clients)
        assert _start(healthy, clients=clients).run_id == "sync"
    assert sorted(clients.breakers.states().values()) == ["closed", "open"]


def test_a_slow_call_does_not_hold_up_another_to_the_same_host() -> None:
    release = threading.Event()

    def respond(connection: socket.socket) -> None:
        request = connection.recv(65536)
        if b"/slow" in request:
            release.wait(LONG)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    clients = Clients(allowed_hosts="127.0.0.1", environment={})
    with RawServer(respond) as server:
        until = time.time() + LONG
        slow = threading.Thread(
            target=start,
            args=("http", {"url": f"{server.url}/slow"}, DAILY),
            kwargs={"until": until, "clients": clients},
        )
        slow.start()
        start("http", {"url": f"{server.url}/quick"}, DAILY, until=until, clients=clients)
        assert slow.is_alive()
        release.set()
        slow.join()


def test_the_state_of_a_breaker_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="interlock_triggers")
    clients = Clients(allowed_hosts="127.0.0.1", environment={}, breakers=Breakers(1), timing=Naps().timing)
    port = _closed_port()
    with pytest.raises(StartRejected):
        start("http", {"url": f"http://127.0.0.1:{port}/"}, DAILY, until=time.time() + 60, clients=clients)
    (record,) = [entry for entry in caplog.records if entry.message == "circuit_breaker_state"]
    assert record.__dict__["host"] == f"127.0.0.1:{port}"
    assert record.__dict__["state"] == "open"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrusted certificate for 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "loopback.pem"
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *form) + built.public_bytes(serialization.Encoding.PEM)
    )
    return file


def _tls_server(target: Target, certificate: Path) -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return Server(target, tls=context)


def test_a_certificate_that_is_not_trusted_is_rejected(certificate: Path) -> None:
    with _tls_server(target := Scripted(), certificate) as server:
        url = f"https://127.0.0.1:{server.port}/"
        clients = Clients(allowed_hosts="127.0.0.1", environment={}, timing=Naps().timing)
        with pytest.raises(StartRejected) as rejected:
            start("http", {"url": url}, DAILY, until=time.time() + 60, clients=clients)
    assert "cannot connect" in str(rejected.value)
    assert "self-signed certificate" in str(rejected.value)
    assert target.requests == []


def test_a_certificate_for_another_name_is_rejected(certificate: Path) -> None:
    trust = ssl.create_default_context(cafile=str(certificate))
    with _tls_server(target := Scripted(), certificate) as server:
        clients = Clients(
            allowed_hosts="other.example",
            environment={},
            trust=trust,
            timing=Naps().timing,
            resolver=lambda host, port: [("127.0.0.1", port)],
        )
        url = f"https://other.example:{server.port}/"
        with pytest.raises(StartRejected):
            start("http", {"url": url}, DAILY, until=time.time() + 60, clients=clients)
    assert target.requests == []


def test_a_trusted_certificate_is_accepted(certificate: Path) -> None:
    trust = ssl.create_default_context(cafile=str(certificate))
    with _tls_server(target := Scripted(), certificate) as server:
        clients = Clients(allowed_hosts="127.0.0.1", environment={}, trust=trust)
        url = f"https://127.0.0.1:{server.port}/run?x=1"
        start("http", {"url": url, "body": {"a": 1}}, DAILY, until=time.time() + 60, clients=clients)
    assert json.loads(target.requests[0].body) == {"a": 1}


def test_the_time_share_of_an_address_bounds_only_connecting(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def respond(connection: socket.socket) -> None:
        time.sleep(1.0)
        with context.wrap_socket(connection, server_side=True) as secured:
            received = b""
            while not received.endswith(b"}"):  # a close with unread bytes would reset the connection
                received += secured.recv(65536)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with RawServer(respond) as server:
        clients = Clients(
            allowed_hosts="127.0.0.0/8",
            environment={},
            trust=ssl.create_default_context(cafile=str(certificate)),
            resolver=lambda host, port: [("127.0.0.1", port), *[("127.0.0.2", port)] * 9],
        )
        url = f"https://127.0.0.1:{server.port}/run"
        start("http", {"url": url, "timeout": 8}, DAILY, until=time.time() + LONG, clients=clients)
        assert server.connections == 1


def test_a_redirect_from_https_to_http_is_rejected(certificate: Path) -> None:
    """A listener on the wire could read the request."""
    trust = ssl.create_default_context(cafile=str(certificate))
    with Server(plain := Scripted()) as other:
        target = Scripted(Answer(307, b"", {"Location": f"{other.url}/run"}))
        with _tls_server(target, certificate) as server:
            clients = Clients(allowed_hosts="127.0.0.1", environment={}, trust=trust)
            url = f"https://127.0.0.1:{server.port}/run"
            with pytest.raises(StartRejected) as rejected:
                start("http", {"url": url}, DAILY, until=time.time() + 60, clients=clients)
    assert rejected.value.category is Category.PERMANENT
    assert "from https to http" in str(rejected.value)
    assert plain.requests == []


def test_a_tls_server_without_handshake_is_left_at_the_deadline() -> None:
    left, outlasted = threading.Event(), threading.Event()

    def respond(connection: socket.socket) -> None:
        if not left.wait(LONG):
            outlasted.set()

    with RawServer(respond) as server:
        clients = Clients(allowed_hosts="127.0.0.1", environment={})
        with pytest.raises(StartRejected):
            start("http", {"url": f"https://127.0.0.1:{server.port}/"}, DAILY, until=time.time() + 0.3, clients=clients)
        left.set()
        assert not outlasted.is_set()


@pytest.mark.parametrize(
    ("until", "error"),
    [(datetime.datetime(2030, 1, 1), ValueError), (datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), StartRejected)],
)
def test_the_deadline_is_an_aware_instant(until: datetime.datetime, error: type[Exception]) -> None:
    with pytest.raises(error):
        start("http", {"url": "http://127.0.0.1/"}, DAILY, until=until, clients=Clients(allowed_hosts="127.0.0.1"))
