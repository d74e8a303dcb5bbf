"""A server that answers 500: each call of each Lambda sends the same few requests with every version of boto3."""

import importlib
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import monotonic

import pytest
from deadlines.surroundings import Context
from deadlines.test_remaining_time import BOTO3, VARIABLES

DIRECT_REQUESTS = 4
"""The requests of one call of the direct client of the tables."""
BOTO3_REQUESTS = 3
"""The requests of one call of an `aws_client`."""
BOUND = 15.0
"""The seconds after which a test fails. boto3's own limits, 10 requests, took 25.8 seconds."""


@pytest.fixture
def failing() -> Iterator[tuple[str, Counter[str]]]:
    """The URL of the server, and the number of requests by operation."""
    requests: Counter[str] = Counter()

    class Fails(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            requests[self.headers["X-Amz-Target"].partition(".")[2]] += 1
            self.send_response(500)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """The log of the tests has no lines of this server."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Fails)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", requests
    server.shutdown()
    server.server_close()
    thread.join(5)


_CONTROLLER = ("stream-router", "orchestrator", "sla-monitor", "watchdog")
_OTHERS = ("DescribeEventBus", "DescribeStateMachine")
"""The calls of a ping that do not go to a table."""


@pytest.mark.parametrize(
    ("service", "variables", "expected"),
    [
        ("stream-router", {}, DIRECT_REQUESTS),
        ("stream-router", BOTO3, BOTO3_REQUESTS),
        ("orchestrator", {}, DIRECT_REQUESTS),
        ("orchestrator", BOTO3, BOTO3_REQUESTS),
        ("sla-monitor", {}, DIRECT_REQUESTS),
        ("sla-monitor", BOTO3, BOTO3_REQUESTS),
        ("watchdog", {}, DIRECT_REQUESTS),
        ("watchdog", BOTO3, BOTO3_REQUESTS),
        ("event-sink", {}, BOTO3_REQUESTS),
        ("alert-dispatcher", {}, BOTO3_REQUESTS),
    ],
)
def test_failing_table_gets_few_requests_per_call(
    service: str,
    variables: dict[str, str],
    expected: int,
    failing: tuple[str, "Counter[str]"],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, requests = failing
    for name, value in {**VARIABLES, "AWS_ENDPOINT_URL": url, **variables}.items():
        monkeypatch.setenv(name, value)
    handle = importlib.import_module(f"interlock_{service.replace('-', '_')}.handler").handle
    handle.reset()
    began = monotonic()
    answer = handle({"__ping__": True}, Context(60))
    took = monotonic() - began
    handle.reset()
    assert answer["status"] == "degraded"
    of_the_tables = {name: count for name, count in requests.items() if name not in _OTHERS}
    assert of_the_tables
    # A ping of the controller queries the job log and the reruns, each once.
    calls = {"Query": 2} if service in _CONTROLLER else {}
    assert of_the_tables == {name: expected * calls.get(name, 1) for name in of_the_tables}
    assert {requests[name] for name in _OTHERS} <= {0, BOTO3_REQUESTS}
    assert took < BOUND
