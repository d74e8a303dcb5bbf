"""Traces and metrics: no effect without an endpoint, real OTLP over HTTP with an endpoint."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

WORK = """
import json, os, sys, time
from datetime import timedelta
from interlock_telemetry import Metric, bind_correlation, configure_logging, flush, instrument, measure, span, stage
configure_logging("watchdog")
instrument("watchdog")
def work():
    with bind_correlation("c-1"), span("tick", check="pending"), stage("read", limit=timedelta(seconds=LIMIT)):
        measure(Metric.RECORDS_PROCESSED, 3, service="watchdog")
        measure(Metric.POOL_ACTIVE, 1)
        measure(Metric.BREAKER_STATE, 2, target="slack")
    started = time.monotonic()
    flush(timedelta(seconds=FLUSH))
    return time.monotonic() - started
each = [work() for _ in range(TIMES)]
took = max(each)
imported = sorted(name for name in sys.modules if name.startswith("opentelemetry"))[:1]
print(json.dumps({"imported": imported, "took": took, "each": each}), flush=True)
os._exit(0)  # an exporter that still retries must not delay the test
"""

needs_sdk = pytest.mark.skipif(
    importlib.util.find_spec("opentelemetry") is None, reason="the otlp extra is not installed"
)


def run(
    times: int = 1, seconds: float = 5, limit: float = 60, **variables: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run WORK in a separate process.

    Returns its output (`imported`: an imported OpenTelemetry module, `took`: the longest flush) and its log lines.
    """
    script = WORK.replace("TIMES", str(times)).replace("FLUSH", str(seconds)).replace("LIMIT", str(limit))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environment = {**kept, **variables}
    answer = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    logged = [json.loads(line) for line in answer.stderr.splitlines() if line.startswith("{")]
    return json.loads(answer.stdout), logged


class Collector:
    """Accepts OTLP requests and keeps their bodies by path."""

    def __init__(self) -> None:
        self.received: dict[str, list[bytes]] = {}
        self.status, self.delay = 200, 0.0
        received, collector = self.received, self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    import gzip

                    body = gzip.decompress(body)
                received.setdefault(self.path, []).append(body)
                time.sleep(collector.delay)
                self.send_response(collector.status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_request(self, code: object = "-", size: object = "-") -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    yield found
    found.close()


def test_nothing_is_imported_or_logged_without_endpoint() -> None:
    for variables in ({}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}):
        said, logged = run(**variables)
        assert (said["imported"], logged) == ([], [])


@pytest.mark.skipif(importlib.util.find_spec("opentelemetry") is not None, reason="the otlp extra is installed")
def test_endpoint_without_extra_is_logged_and_work_goes_on() -> None:
    said, logged = run(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert said["imported"] == []
    assert [line["event"] for line in logged] == ["telemetry_off"]
    assert "interlock-telemetry[otlp]" in logged[0]["reason"]


@needs_sdk
@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "many"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100000")]
)
def test_work_goes_on_if_the_sdk_rejects_a_variable(name: str, value: str) -> None:
    said, logged = run(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", **{name: value})
    assert len(said["each"]) == 1
    assert [line["event"] for line in logged] == ["telemetry_off"]
    assert "OpenTelemetry's SDK cannot start: ValueError: " in logged[0]["reason"]


@needs_sdk
@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_collector_that_rejects_slowly_costs_its_time_once(collector: Collector, status: int) -> None:
    collector.status, collector.delay = status, 0.4
    said, logged = run(times=4, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    events = [line for line in logged if line["event"].startswith("telemetry_")]
    assert [line["event"] for line in events] == ["telemetry_not_sent"]
    assert "the collector rejects the data of OTLPSpanExporter and OTLPMetricExporter" in events[0]["reason"]
    first, *later = said["each"]
    assert first >= 0.8
    assert max(later) < first / 2


@needs_sdk
def test_spans_and_metrics_reach_collector_at_each_flush(collector: Collector) -> None:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    function = {"AWS_LAMBDA_FUNCTION_NAME": "prod-interlock-watchdog", "AWS_REGION": "eu-west-1"}
    _, logged = run(times=2, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **function)
    assert logged == []
    assert {path: len(bodies) for path, bodies in collector.received.items()} == {"/v1/traces": 2, "/v1/metrics": 2}
    trace = ExportTraceServiceRequest.FromString(collector.received["/v1/traces"][0])
    resource = trace.resource_spans[0]
    assert {
        "service.name": "watchdog",
        "service.namespace": "interlock",
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.region": "eu-west-1",
        "faas.name": "prod-interlock-watchdog",
    }.items() <= _attributes(resource.resource.attributes).items()
    spans = {span.name: _attributes(span.attributes) for span in resource.scope_spans[0].spans}
    assert spans["tick"] == {"check": "pending", "correlation_id": "c-1"}
    assert "read" in spans
    metrics = ExportMetricsServiceRequest.FromString(collector.received["/v1/metrics"][1])
    points = {metric.name: metric for metric in metrics.resource_metrics[0].scope_metrics[0].metrics}
    # Each export has the increment since the last one.
    assert points["interlock.records.processed"].sum.data_points[0].as_int == 3
    assert points["interlock.records.processed"].unit == "{record}"
    assert points["interlock.breaker.state"].gauge.data_points[0].as_int == 2
    assert points["interlock.stage.duration"].histogram.data_points[0].count == 1
    assert points["interlock.pool.active"].histogram.data_points[0].max == 1


RUN = """
import json, os, sys
from datetime import UTC, datetime, timedelta
from interlock_telemetry import bind_run, flush, instrument, past_span, span, traceparent
instrument("watchdog")
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
with span("watchdog", kind="server"):
    with bind_run("bronze", "stream", "2026-03-03"):
        past_span("date", NOON, NOON + timedelta(seconds=1), reason="sensor")
    with bind_run("bronze", "stream", "2026-03-03", token="t1", attempt=1):
        with span("evaluate"), span("inner"):
            print(json.dumps(traceparent()))
        past_span("attempt", NOON, NOON + timedelta(hours=1), problem="exit code 1")
    with span("afterwards"):
        pass
with span("later"):
    pass
flush(timedelta(seconds=5))
os._exit(0)
"""


@needs_sdk
def test_invocations_of_a_date_export_one_trace(collector: Collector) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    function = {"AWS_LAMBDA_FUNCTION_NAME": "prod-interlock-watchdog", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    for _ in range(2):
        answer = subprocess.run(
            [sys.executable, "-c", RUN], env={**os.environ, **function}, capture_output=True, text=True, check=True
        )
    requests = [ExportTraceServiceRequest.FromString(body) for body in collector.received["/v1/traces"]]
    exported = [span for request in requests for span in request.resource_spans[0].scope_spans[0].spans]
    spans = [{span.name: span for span in exported[:7]}, {span.name: span for span in exported[7:]}]
    assert [sorted(found) for found in spans] == [
        ["afterwards", "attempt", "date", "evaluate", "inner", "later", "watchdog"]
    ] * 2
    traces = {span.trace_id for found in spans for name, span in found.items() if name not in OWN_TRACE}
    assert len(traces) == 1
    (first, second) = spans
    own = {found[name].trace_id for found in spans for name in ("watchdog", "later")}
    assert len(own | traces) == 5
    assert (first["date"].span_id, first["attempt"].span_id) == (second["date"].span_id, second["attempt"].span_id)
    assert first["date"].parent_span_id == b""
    assert first["attempt"].parent_span_id == first["date"].span_id
    assert second["evaluate"].parent_span_id == first["attempt"].span_id
    assert first["inner"].parent_span_id == first["evaluate"].span_id
    assert first["afterwards"].parent_span_id == first["watchdog"].span_id
    (link,) = first["evaluate"].links
    assert (link.span_id, first["watchdog"].kind) == (first["watchdog"].span_id, 2)
    attempt = first["attempt"]
    assert (attempt.end_time_unix_nano - attempt.start_time_unix_nano, attempt.status.message) == (
        3600 * 10**9,
        "exit code 1",
    )
    assert {"interlock.pipeline": "bronze", "interlock.date": "2026-03-03", "correlation_id": "t1"}.items() <= (
        _attributes(attempt.attributes).items()
    )
    sent = json.loads(answer.stdout)
    assert sent == f"00-{attempt.trace_id.hex()}-{attempt.span_id.hex()}-01"


OWN_TRACE = ("watchdog", "afterwards", "later")


@needs_sdk
def test_a_stage_that_outlasts_its_limit_is_counted(collector: Collector) -> None:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    run(times=2, limit=0, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    metrics = ExportMetricsServiceRequest.FromString(collector.received["/v1/metrics"][1])
    points = {metric.name: metric for metric in metrics.resource_metrics[0].scope_metrics[0].metrics}
    (point,) = points["interlock.stage.overruns"].sum.data_points
    assert (point.as_int, _attributes(point.attributes)) == (1, {"stage": "read"})


@pytest.mark.parametrize(("limit", "logged"), [(0.0, ["stage_overran"]), (60.0, [])])
def test_a_stage_that_outlasts_its_limit_is_logged(limit: float, logged: list[str]) -> None:
    _, lines = run(limit=limit)
    assert [line["event"] for line in lines] == logged
    assert [(line["stage"], line["limit_seconds"]) for line in lines] == [("read", limit)] * len(logged)


@needs_sdk
def test_unavailable_collector_is_logged_without_delay() -> None:
    _, logged = run(seconds=0.5, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    # Either the flush or the exporter gives up first and logs it.
    assert any("telemetry_not_sent" in line["event"] or "while exporting" in line["event"] for line in logged)


@needs_sdk
def test_silent_collector_delays_flush_up_to_timeout() -> None:
    # The exporter alone would wait longer than the test does.
    patient = {"OTEL_EXPORTER_OTLP_TIMEOUT": "3600"}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        said, logged = run(seconds=0.3, OTEL_EXPORTER_OTLP_ENDPOINT=url, **patient)
    assert said["took"] >= 0.3
    assert [line["reason"] for line in logged] == ["the collector did not answer within 0.3s"]


def _attributes(attributes: Any) -> dict[str, str]:
    return {attribute.key: attribute.value.string_value for attribute in attributes}
