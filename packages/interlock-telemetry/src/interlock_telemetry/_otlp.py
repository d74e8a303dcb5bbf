"""Sends spans and metrics over OTLP. It is imported only with an endpoint, since the SDK is slow to import."""

# mypy: disable-error-code="import-not-found,unused-ignore"
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from interlock_telemetry._metrics import Metric


class OtlpExporter:
    """Exports with its own providers, so that the global providers of a host application stay unchanged."""

    def __init__(self, service: str, endpoint: str, *, over_grpc: bool) -> None:
        resource = Resource.create({"service.name": service, "service.namespace": "interlock"})
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

        return GrpcSpans(endpoint=endpoint), GrpcMetrics(endpoint=endpoint)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    base = endpoint.rstrip("/")
    return OTLPSpanExporter(endpoint=f"{base}/v1/traces"), OTLPMetricExporter(endpoint=f"{base}/v1/metrics")


def _recorders(meter: Any) -> dict[Metric, Any]:
    return {
        Metric.RECORDS_PROCESSED: meter.create_counter(Metric.RECORDS_PROCESSED).add,
        Metric.DLQ_ROUTED: meter.create_counter(Metric.DLQ_ROUTED).add,
        Metric.RULES_EVALUATED: meter.create_counter(Metric.RULES_EVALUATED).add,
        Metric.STAGE_DURATION: meter.create_histogram(Metric.STAGE_DURATION, unit="s").record,
        Metric.STAGE_OVERRUNS: meter.create_counter(Metric.STAGE_OVERRUNS).add,
        Metric.POOL_ACTIVE: meter.create_up_down_counter(Metric.POOL_ACTIVE).add,
        Metric.BREAKER_STATE: meter.create_gauge(Metric.BREAKER_STATE).set,
        Metric.ALERTS_PENDING: meter.create_gauge(Metric.ALERTS_PENDING).set,
    }
