"""Times the flush of telemetry against broken collectors: interlock-telemetry and the plain OpenTelemetry SDK.

`uv run nox -s bench` prints the figures and asserts nothing. Each cell is one process with four invocations, as a
warm Lambda has them. An invocation makes one span and three measurements and then flushes. The plain side is a
BatchSpanProcessor and a PeriodicExportingMetricReader with a flush of 2 s each at the end of the invocation.

Columns: the time that the first flush adds, the longest flush after it, and the number of threads other than the main
one after the last flush. Times are in milliseconds.
"""

import argparse
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from rich.console import Console
from rich.table import Table

INVOCATIONS = 4
SLOW = 1.0
"""The seconds after which the slow collector answers."""


def with_interlock(endpoint: str) -> list[float]:
    """The seconds of each flush of interlock-telemetry."""
    import os

    from interlock_telemetry import Metric, configure_logging, flush, instrument, measure, span

    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    configure_logging("watchdog")
    instrument("watchdog")
    took = []
    for _ in range(INVOCATIONS):
        with span("tick", check="pending"):
            measure(Metric.RECORDS_PROCESSED, 3, service="watchdog")
            measure(Metric.POOL_ACTIVE, 1)
            measure(Metric.BREAKER_STATE, 2, target="slack")
        took.append(_seconds(flush))
    return took


def with_plain_sdk(endpoint: str) -> list[float]:
    """The seconds of each flush of the providers of the SDK."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    traces = TracerProvider(shutdown_on_exit=False)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{endpoint}/v1/metrics"))
    metrics = MeterProvider([reader], shutdown_on_exit=False)
    meter = metrics.get_meter("bench")
    records, active, breaker = (meter.create_counter(name) for name in ("records", "active", "breaker"))

    def flush() -> None:
        traces.force_flush(2000)
        metrics.force_flush(2000)

    took = []
    for _ in range(INVOCATIONS):
        with traces.get_tracer("bench").start_as_current_span("tick"):
            records.add(3)
            active.add(1)
            breaker.add(2)
        took.append(_seconds(flush))
    return took


def _seconds(flush: object) -> float:
    started = time.monotonic()
    try:
        flush()  # type: ignore[operator]
    except Exception as error:  # noqa: BLE001 - the plain metric reader raises a failed export
        print(type(error).__name__, file=sys.stderr)
    return time.monotonic() - started


SIDES = {"interlock": with_interlock, "plain SDK": with_plain_sdk}


@contextmanager
def away() -> Iterator[str]:
    """A port at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def silent() -> Iterator[str]:
    """A server that accepts connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def answering(status: int, body: bytes = b"", *, after: float = 0) -> Iterator[str]:
    """A server that gives each request this answer, after this number of seconds."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(after)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


COLLECTORS = {
    "works": lambda: answering(200),
    "away": away,
    "silent": silent,
    f"slow ({SLOW:g} s)": lambda: answering(200, after=SLOW),
    "rejects (400)": lambda: answering(400),
    "overloaded (503)": lambda: answering(503),
    "answers garbage": lambda: answering(200, b"\xff\x00<html>"),
}


def measured(side: str, endpoint: str) -> tuple[list[float], int]:
    """The seconds of each flush in a process of its own, and the threads other than the main one."""
    command = [sys.executable, __file__, "--side", side, "--endpoint", endpoint]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=timedelta(minutes=10).seconds)
    took, threads = json.loads(answer.stdout)
    return took, threads


def main() -> None:
    """Print the table, or with `--side` measure one cell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--endpoint")
    chosen = parser.parse_args()
    if chosen.side:
        import os

        took = SIDES[chosen.side](chosen.endpoint)
        print(json.dumps([took, threading.active_count() - 1]), flush=True)
        os._exit(0)  # an exporter that still retries must not delay the measurement
    table = Table("collector", "side", *("first (ms)", "later (ms)", "threads"))
    for name, start in COLLECTORS.items():
        for side in SIDES:
            with start() as endpoint:
                took, threads = measured(side, endpoint)
            table.add_row(name, side, f"{took[0] * 1000:.0f}", f"{max(took[1:]) * 1000:.0f}", str(threads))
    Console().print(table)


if __name__ == "__main__":
    main()
