"""The monitor of the watchdog: a report that is lost is logged and counted, and raises no error."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from interlock_controller.watch import DeadMan
from interlock_controller.watch import _dead_man as module
from interlock_telemetry import InvocationDeadline, Metric, bind_deadline

SECRET = "5f6d4c1e-token"


class Monitor:
    """A monitor on loopback. It keeps the paths of its requests, and answers with `status`."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.status = 200
        monitor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                monitor.paths.append(self.path)
                self.send_response(monitor.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_request(self, code: object = "-", size: object = "-") -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/{SECRET}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def monitor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Monitor]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    found = Monitor()
    yield found
    found.close()


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> list[Metric]:
    found: list[Metric] = []
    monkeypatch.setattr(module, "measure", found.append)
    return found


def test_report_is_a_get(monitor: Monitor, failures: list[Metric]) -> None:
    DeadMan(monitor.url).report()
    assert monitor.paths == [f"/{SECRET}"]
    assert failures == []


def test_without_a_monitor_nothing_is_sent(failures: list[Metric]) -> None:
    DeadMan(None).report()
    assert failures == []


@pytest.mark.parametrize("status", [404, 500])
def test_rejecting_monitor_is_logged_and_counted(
    monitor: Monitor, failures: list[Metric], caplog: pytest.LogCaptureFixture, status: int
) -> None:
    monitor.status = status
    DeadMan(monitor.url).report()
    assert monitor.paths == [f"/{SECRET}"]
    assert failures == [Metric.DEAD_MAN_FAILURES]
    (record,) = [record for record in caplog.records if record.getMessage() == "dead_man_not_reached"]
    assert record.__dict__["fields"] == {"reason": f"HTTP {status}"}


def test_silent_monitor_ends_with_the_invocation(failures: list[Metric]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        began = time.monotonic()
        with bind_deadline(InvocationDeadline.after(timedelta(seconds=1))):
            DeadMan(url).report()
        assert time.monotonic() - began < module.TIMEOUT.total_seconds()
    assert failures == [Metric.DEAD_MAN_FAILURES]


def test_unreachable_monitor_is_logged_without_its_url(
    failures: list[Metric], caplog: pytest.LogCaptureFixture
) -> None:
    watched = DeadMan(f"http://127.0.0.1:1/{SECRET}")
    watched.report()
    assert failures == [Metric.DEAD_MAN_FAILURES]
    logged = json.dumps([str(record.__dict__) for record in caplog.records]) + repr(watched)
    assert "dead_man_not_reached" in logged
    assert SECRET not in logged
