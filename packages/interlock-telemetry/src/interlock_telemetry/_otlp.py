"""Sends spans and metrics over OTLP. It is imported only with an endpoint, since the SDK is slow to import."""

# mypy: disable-error-code="import-not-found,unused-ignore"
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from interlock_telemetry._metrics import INSTRUMENTS, Instrument, Kind, Metric

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


class OtlpExporter:
    """Exports with its own providers, so that the global providers of a host application stay unchanged."""

    def __init__(self, service: str, endpoint: str, *, over_grpc: bool) -> None:
        resource = _resource(service, os.environ)
        spans, metrics = _exporters(endpoint, over_grpc)
        self._traces = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._traces.add_span_processor(BatchSpanProcessor(spans))
        # Lambda freezes between invocations, so flush() exports and the timer must not.
        reader = PeriodicExportingMetricReader(metrics, export_interval_millis=float("inf"))
        self._metrics = MeterProvider(resource=resource, metric_readers=[reader], shutdown_on_exit=False)
        self._tracer = self._traces.get_tracer("interlock")
        self._record = _recorders(self._metrics.get_meter("interlock"))

    def span(self, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[object]:
        """A current span, which records an error that leaves the block."""
        block: AbstractContextManager[object] = self._tracer.start_as_current_span(name, attributes=dict(attributes))
        return block

    def measure(self, metric: Metric, value: float, attributes: Mapping[str, str]) -> None:
        """Record by the metric's kind."""
        self._record[metric](value, dict(attributes))

    def flush(self, timeout: timedelta) -> None:
        """Send spans, then metrics. Raises the exporter's errors."""
        milliseconds = round(timeout.total_seconds() * 1000)
        self._traces.force_flush(milliseconds)
        self._metrics.force_flush(milliseconds)

    def shutdown(self) -> None:
        """Stop the exporting threads. Only tests need it, since a Lambda is frozen."""
        self._traces.shutdown()
        self._metrics.shutdown()


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


def _recorders(meter: Any) -> dict[Metric, Any]:
    return {metric: _recorder(meter, metric, instrument) for metric, instrument in INSTRUMENTS.items()}


def _recorder(meter: Any, metric: Metric, instrument: Instrument) -> Any:
    text = {"unit": instrument.unit, "description": instrument.description}
    match instrument.kind:
        case Kind.COUNTER:
            return meter.create_counter(metric, **text).add
        case Kind.HISTOGRAM:
            return meter.create_histogram(metric, **text).record
        case Kind.UP_DOWN_COUNTER:
            return meter.create_up_down_counter(metric, **text).add
        case Kind.GAUGE:
            return meter.create_gauge(metric, **text).set


def _resource(service: str, variables: Mapping[str, str]) -> Resource:
    """The attributes of the process, by OpenTelemetry's conventions for FaaS and cloud resources.

    The SDK adds those of OTEL_RESOURCE_ATTRIBUTES. A function's instance is its log stream.
    """
    attributes = {"service.name": service, "service.namespace": "interlock"}
    if "AWS_LAMBDA_FUNCTION_NAME" in variables:
        attributes |= {"cloud.provider": "aws", "cloud.platform": "aws_lambda"}
        found = {name: variables[variable] for name, variable in _FUNCTION.items() if variable in variables}
        attributes |= found
    return Resource.create(attributes)
