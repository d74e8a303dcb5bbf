"""Records traces and metrics, without any cost until OTEL_EXPORTER_OTLP_ENDPOINT names a collector."""

import importlib.util
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta

from interlock_telemetry._correlation import correlation_id
from interlock_telemetry._exporter import Attributes, Exporter, SpanKind
from interlock_telemetry._logs import get_logger
from interlock_telemetry._metrics import Metric
from interlock_telemetry._runs import BoundRun, bound_run

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_METRICS, _EMF = "INTERLOCK_METRICS", "emf"
_log = get_logger(__name__)


_RECORD_COUNTERS = {
    "records_processed": Metric.RECORDS_PROCESSED,
    "dlq_routed": Metric.DLQ_ROUTED,
    "batch_failures": Metric.BATCH_FAILURES,
}


def count_records(service: str) -> Callable[[str, int], None]:
    """The `count` of interlock-dlq's batches: adds its counters of records to this service's metrics."""

    def count(name: str, value: int) -> None:
        if value and name in _RECORD_COUNTERS:
            measure(_RECORD_COUNTERS[name], value, service=service)

    return count


_exporter: Exporter | None = None


def instrument(service: str, *, source: Mapping[str, str] | None = None) -> bool:
    """Start exporting if an endpoint is set, or INTERLOCK_METRICS is `emf`. Returns whether anything is exported.

    Without an endpoint, `emf` writes the metrics to standard output, in CloudWatch's embedded metric format.
    OTLP uses HTTP/protobuf, or gRPC if OTEL_EXPORTER_OTLP_PROTOCOL is `grpc`. The SDK's own variables
    (OTEL_RESOURCE_ATTRIBUTES, headers, timeouts) apply. A missing extra and a variable that the SDK rejects are logged,
    and the service runs without export.
    """
    global _exporter
    variables = os.environ if source is None else source
    endpoint = variables.get(_ENDPOINT)
    if _exporter is None and not endpoint and variables.get(_METRICS) == _EMF:
        from interlock_telemetry._emf import EmfExporter

        _exporter = EmfExporter(service, _deployment_of(service, variables))
    if not endpoint or _exporter is not None:
        return _exporter is not None
    protocol = variables.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    extra = "grpc" if protocol == "grpc" else "otlp"
    if importlib.util.find_spec("opentelemetry") is None:
        _log.warning("telemetry_off", reason=f"{_ENDPOINT} is set, but interlock-telemetry[{extra}] is not installed")
        return False
    try:
        from interlock_telemetry._otlp import over_otlp

        _exporter = over_otlp(service, endpoint, over_grpc=extra == "grpc")
    except ImportError as error:
        _log.warning("telemetry_off", reason=f"interlock-telemetry[{extra}] is incomplete: {error}")
    except Exception as error:  # noqa: BLE001 - telemetry never makes the observed work fail
        _log.warning("telemetry_off", reason=f"OpenTelemetry's SDK cannot start: {type(error).__name__}: {error}")
    return _exporter is not None


def _deployment_of(service: str, variables: Mapping[str, str]) -> str:
    """The name of the deployment, by the name of its function `<deployment>-interlock-<service>`. Empty for another."""
    name, end = variables.get("AWS_LAMBDA_FUNCTION_NAME", ""), f"-interlock-{service}"
    return name.removesuffix(end) if name.endswith(end) else ""


def drop_exporter() -> None:
    """Forget the exporter of the process, whose connections are dead. The next `instrument` makes another one."""
    global _exporter
    _exporter = None


def exporter() -> Exporter | None:
    """The current exporter, None without an endpoint."""
    return _exporter


@contextmanager
def export_to(spans: object, metrics: object) -> Iterator[None]:
    """Export the spans and metrics of the block with OpenTelemetry's SDK, in place of the exporter of the process.

    `spans` is a span exporter of the SDK, and `metrics` a metric reader, such as InMemoryMetricReader in a test. It
    needs the extra `otlp`.
    """
    global _exporter
    from interlock_telemetry._otlp import OtelExporter

    before, made = _exporter, OtelExporter("interlock", spans, metrics)
    _exporter = made
    try:
        yield
    finally:
        _exporter = before
        made.shutdown()


def span(name: str, *, kind: SpanKind = "internal", **attributes: str | int | bool) -> AbstractContextManager[object]:
    """A traced block. It has no effect without an endpoint.

    Its attributes have the correlation id and the bound run (`interlock.pipeline`, …). The span is in the trace of the
    bound run's date, with a link to a surrounding span of another trace.
    """
    if _exporter is None:
        return nullcontext()
    run = bound_run()
    return _exporter.span(name, _described(attributes, run), run, kind)


def past_span(name: str, start: datetime, end: datetime, *, problem: str | None = None, **attributes: str) -> None:
    """Export a span of the bound run whose start and end (aware) are known. It has no effect without an endpoint.

    With a bound token it is the span of the attempt, without one the first span of the date. Other spans are below it.
    A `problem` makes it a failed span. It has no effect outside of a `bind_run` block.
    """
    run = bound_run()
    if _exporter is not None and run is not None:
        _exporter.past_span(name, _described(attributes, run), run, start, end, problem)


def traceparent() -> str | None:
    """The header `traceparent` for a job of the bound run, None without an endpoint or a bound run."""
    run = bound_run()
    return None if _exporter is None or run is None else _exporter.traceparent(run)


def _described(attributes: Mapping[str, str | int | bool], run: BoundRun | None) -> Attributes:
    """The attributes with the correlation id and the bound run."""
    correlation = correlation_id()
    bound = {} if run is None else {f"interlock.{name}": value for name, value in run.fields.items()}
    own = {} if correlation is None else {"correlation_id": correlation}
    return {**bound, **own, **attributes}


def measure(metric: Metric, value: float = 1, **attributes: str) -> None:
    """Add to a counter, record in a histogram or set a gauge. It has no effect without an endpoint.

    A failure is only logged (`metric_lost`), because telemetry never makes the observed work fail. A value that is no
    finite number is lost too.
    """
    if _exporter is None:
        return
    try:
        if not math.isfinite(value):
            raise ValueError(f"{value} is no finite number")
        _exporter.measure(metric, value, attributes)
    except Exception as error:  # noqa: BLE001 - see above
        _log.warning("metric_lost", metric=str(metric), reason=f"{type(error).__name__}: {error}")


@contextmanager
def stage(name: str, *, limit: timedelta | None = None, **attributes: str | int | bool) -> Iterator[None]:
    """A span around a stage of work, and its duration in STAGE_DURATION.

    A stage that outlasts `limit` (STAGE_TIMEOUT) is logged as `stage_overran` and counted in STAGE_OVERRUNS. It is
    not interrupted, because an interrupted stage may have written half of its rows.
    """
    started = time.perf_counter()
    try:
        with span(name, kind="internal", **attributes):
            yield
    finally:
        seconds = time.perf_counter() - started
        measure(Metric.STAGE_DURATION, seconds, stage=name)
        if limit is not None and seconds > limit.total_seconds():
            _log.warning("stage_overran", stage=name, seconds=round(seconds, 3), limit_seconds=limit.total_seconds())
            measure(Metric.STAGE_OVERRUNS, stage=name)
