"""A receiver of OTLP over HTTP: it keeps each span and each metric point that the functions export."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec import Struct
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Span(Struct, frozen=True):
    """An exported span. Times are seconds since 1970, ids are hexadecimal, and `parent` is empty for a first span."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    begin: float
    end: float
    problem: str
    attributes: dict[str, str]


class Point(Struct, frozen=True):
    """An exported point of a metric: a number, or the sum of a histogram with the count of its values."""

    service: str
    metric: str
    value: float
    count: int
    attributes: dict[str, str]


class Receiver:
    """Listens on 127.0.0.1. `spans` and `points` grow while it runs."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.points: list[Point] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                receiver.take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_request(self, code: object = "-", size: object = "-") -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, path: str, body: bytes) -> None:
        """Keep the content of one request."""
        if path == "/v1/traces":
            self.spans.extend(_spans(ExportTraceServiceRequest.FromString(body)))
        elif path == "/v1/metrics":
            self.points.extend(_points(ExportMetricsServiceRequest.FromString(body)))

    def trace_of(self, pipeline: str) -> list[Span]:
        """The spans of a pipeline's dates, in the order of their begins."""
        found = [span for span in self.spans if span.attributes.get("interlock.pipeline") == pipeline]
        return sorted(found, key=lambda span: span.begin)


def _spans(request: Any) -> Iterator[Span]:
    for resource in request.resource_spans:
        service = _attributes(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    service,
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.start_time_unix_nano / 1e9,
                    span.end_time_unix_nano / 1e9,
                    span.status.message,
                    _attributes(span.attributes),
                )


def _points(request: Any) -> Iterator[Point]:
    for resource in request.resource_metrics:
        service = _attributes(resource.resource.attributes)["service.name"]
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                for point in getattr(metric, kind).data_points:
                    attributes = _attributes(point.attributes)
                    if kind == "histogram":
                        yield Point(service, metric.name, point.sum, point.count, attributes)
                    else:
                        value = point.as_double if point.WhichOneof("value") == "as_double" else point.as_int
                        yield Point(service, metric.name, float(value), 1, attributes)


def _attributes(attributes: Any) -> dict[str, str]:
    return {found.key: str(getattr(found.value, found.value.WhichOneof("value"))) for found in attributes}
