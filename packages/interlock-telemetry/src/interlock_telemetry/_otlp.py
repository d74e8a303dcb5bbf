"""Sends spans and metrics with the SDK of OpenTelemetry. It is imported only with an endpoint, since it is slow."""

# mypy: disable-error-code="import-not-found,unused-ignore"
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from threading import local
from typing import Any
from uuid import uuid4

from opentelemetry.context import Context
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace import SpanKind as OtelKind

from interlock_telemetry._exporter import Attributes, SpanKind
from interlock_telemetry._metrics import INSTRUMENTS, Instrument, Kind, Metric
from interlock_telemetry._runs import BoundRun
from interlock_telemetry._traces import place_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS: Mapping[SpanKind, OtelKind] = {"internal": OtelKind.INTERNAL, "server": OtelKind.SERVER}

_FUNCTION = {
    "cloud.region": "AWS_REGION",
    "faas.name": "AWS_LAMBDA_FUNCTION_NAME",
    "faas.version": "AWS_LAMBDA_FUNCTION_VERSION",
    "faas.instance": "AWS_LAMBDA_LOG_STREAM_NAME",
    "service.instance.id": "AWS_LAMBDA_LOG_STREAM_NAME",
}

# Many instances of a function export the same counters. Their increments can be added up, and their totals cannot.
_DELTA: dict[type, AggregationTemporality] = dict.fromkeys(
    (Counter, Histogram, ObservableCounter), AggregationTemporality.DELTA
)


class _Ids(RandomIdGenerator):
    """Random ids, or the given ids for the next span of this thread."""

    def __init__(self) -> None:
        self._given = local()

    def give(self, trace_id: int, span_id: int) -> None:
        """Use these ids for the next span of this thread. A trace id of 0 is not used: the parent gives it."""
        self._given.trace_id, self._given.span_id = trace_id, span_id

    def generate_span_id(self) -> int:
        """The given id, once, or a random id."""
        return self._taken("span_id") or super().generate_span_id()

    def generate_trace_id(self) -> int:
        """The given id, once, or a random id."""
        return self._taken("trace_id") or super().generate_trace_id()

    def _taken(self, name: str) -> int:
        found: int = self._given.__dict__.pop(name, 0)
        return found


def over_otlp(service: str, endpoint: str, *, over_grpc: bool) -> "OtelExporter":
    """The exporter to a collector."""
    rejections: list[str] = []
    spans, metrics = (_noting(exporter, rejections) for exporter in _exporters(endpoint, over_grpc))
    # Lambda freezes between invocations, so flush() exports and the timer must not.
    reader = PeriodicExportingMetricReader(metrics, export_interval_millis=float("inf"))
    return OtelExporter(service, spans, reader, rejections)


class CollectorRejects(Exception):
    """The collector did not take spans or metrics."""


def _noting(exporter: Any, rejections: list[str]) -> Any:
    """The exporter, which notes its failures. The SDK drops the result of an export, also in `force_flush`."""
    export = exporter.export

    def noted(*arguments: Any, **options: Any) -> Any:
        result = export(*arguments, **options)
        if result.name != "SUCCESS":
            rejections.append(type(exporter).__name__)
        return result

    exporter.export = noted
    return exporter


class OtelExporter:
    """Exports with its own providers, so that the global providers of a host application stay unchanged."""

    def __init__(self, service: str, spans: Any, reader: Any, rejections: list[str] | None = None) -> None:
        """`spans` is an exporter of spans, and `reader` a reader of metrics. `rejections` are their failures so far."""
        self._rejections = rejections if rejections is not None else []
        resource = _resource(service, os.environ)
        # All functions of a deployment begin with the same text: prod-interlock-.
        self._namespace = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "").removesuffix(service)
        self._ids = _Ids()
        self._traces = TracerProvider(resource=resource, shutdown_on_exit=False, id_generator=self._ids)
        self._traces.add_span_processor(BatchSpanProcessor(spans))
        self._metrics = MeterProvider(
            resource=resource, metric_readers=[reader], views=_views(), shutdown_on_exit=False
        )
        self._tracer = self._traces.get_tracer("interlock")
        self._record = _recorders(self._metrics.get_meter("interlock"))

    def span(
        self, name: str, attributes: Attributes, run: BoundRun | None, kind: SpanKind
    ) -> AbstractContextManager[object]:
        """A current span, which records an error that leaves the block."""
        options: dict[str, Any] = {"attributes": dict(attributes), "kind": _KINDS[kind]}
        around = get_current_span().get_span_context()
        if run is not None:
            place = place_of(self._namespace, run)
            if around.trace_id != place.trace_id:
                options["context"] = _remote(place.trace_id, place.parent_id)
                options["links"] = [Link(around)] if around.is_valid else []
        block: AbstractContextManager[object] = self._tracer.start_as_current_span(name, **options)
        return block

    def past_span(
        self, name: str, attributes: Attributes, run: BoundRun, start: datetime, end: datetime, problem: str | None
    ) -> None:
        """The span of the run's attempt, or the first span of its date for a run without a token."""
        place = place_of(self._namespace, run)
        is_first = place.attempt_id is None
        self._ids.give(place.trace_id if is_first else 0, place.parent_id)
        context = Context() if is_first else _remote(place.trace_id, place.root_id)
        span = self._tracer.start_span(
            name, context=context, attributes=dict(attributes), start_time=_nanoseconds(start)
        )
        if problem is not None:
            span.set_status(StatusCode.ERROR, problem)
        span.end(_nanoseconds(max(start, end)))

    def traceparent(self, run: BoundRun) -> str:
        """The header of W3C Trace Context for a job of the run."""
        return place_of(self._namespace, run).traceparent

    def measure(self, metric: Metric, value: float, attributes: Mapping[str, str]) -> None:
        """Record by the metric's kind."""
        self._record[metric](value, dict(attributes))

    def flush(self, timeout: timedelta) -> None:
        """Send spans, then metrics. Raises the exporter's errors."""
        milliseconds = round(timeout.total_seconds() * 1000)
        self._rejections.clear()
        self._traces.force_flush(milliseconds)
        self._metrics.force_flush(milliseconds)
        if self._rejections:
            raise CollectorRejects(f"the collector rejects the data of {' and '.join(self._rejections)}")

    def shutdown(self) -> None:
        """Stop the exporting threads. Only tests need it, since a Lambda is frozen."""
        self._traces.shutdown()
        self._metrics.shutdown()


def _remote(trace_id: int, span_id: int) -> Context:
    """A context whose parent is a span of another process."""
    parent = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _nanoseconds(at: datetime) -> int:
    """Nanoseconds since 1970, exact to the microsecond."""
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


def _exporters(endpoint: str, over_grpc: bool) -> tuple[Any, Any]:
    if over_grpc:
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans

        return GrpcSpans(endpoint=endpoint), GrpcMetrics(endpoint=endpoint, preferred_temporality=_DELTA)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    base = endpoint.rstrip("/")
    metrics = OTLPMetricExporter(endpoint=f"{base}/v1/metrics", preferred_temporality=_DELTA)
    return OTLPSpanExporter(endpoint=f"{base}/v1/traces"), metrics


def _views() -> list[View]:
    """The buckets of the histograms. The SDK's own end at 10 seconds."""
    bounds = {metric: instrument.boundaries for metric, instrument in INSTRUMENTS.items() if instrument.boundaries}
    return [
        View(instrument_name=metric, aggregation=ExplicitBucketHistogramAggregation(boundaries))
        for metric, boundaries in bounds.items()
    ]


def _recorders(meter: Any) -> dict[Metric, Any]:
    return {metric: _recorder(meter, metric, instrument) for metric, instrument in INSTRUMENTS.items()}


def _recorder(meter: Any, metric: Metric, instrument: Instrument) -> Any:
    text = {"unit": instrument.unit, "description": instrument.description}
    match instrument.kind:
        case Kind.COUNTER:
            return meter.create_counter(metric, **text).add
        case Kind.HISTOGRAM:
            return meter.create_histogram(metric, **text).record
        case Kind.GAUGE:
            return meter.create_gauge(metric, **text).set


def _resource(service: str, variables: Mapping[str, str]) -> Resource:
    """The attributes of the process, by OpenTelemetry's conventions for FaaS and cloud resources.

    The SDK adds those of OTEL_RESOURCE_ATTRIBUTES. A function's instance is its log stream. With SnapStart, AWS
    does not name the log stream, and the instance has a random name.
    """
    attributes = {"service.name": service, "service.namespace": "interlock"}
    if "AWS_LAMBDA_FUNCTION_NAME" in variables:
        attributes |= {"cloud.provider": "aws", "cloud.platform": "aws_lambda"}
        found = {name: variables[variable] for name, variable in _FUNCTION.items() if variable in variables}
        instance = str(uuid4())
        attributes |= {"faas.instance": instance, "service.instance.id": instance, **found}
    return Resource.create(attributes)
