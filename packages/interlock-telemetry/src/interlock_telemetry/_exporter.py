"""Declares the destination of spans and measurements."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeAlias

from interlock_telemetry._metrics import Metric
from interlock_telemetry._runs import BoundRun

Attributes: TypeAlias = Mapping[str, str | int | bool]
SpanKind: TypeAlias = Literal["internal", "server"]


class Exporter(Protocol):
    """The destination of spans and measurements, if there is an endpoint."""

    def span(
        self, name: str, attributes: Attributes, run: BoundRun | None, kind: SpanKind
    ) -> AbstractContextManager[object]:
        """A span around a block, in the trace of the run."""
        ...

    def past_span(
        self, name: str, attributes: Attributes, run: BoundRun, start: datetime, end: datetime, problem: str | None
    ) -> None:
        """The span of the run's attempt, or the first span of its date for a run without a token."""
        ...

    def traceparent(self, run: BoundRun) -> str | None:
        """The header of W3C Trace Context for a job of the run. None without traces."""
        ...

    def measure(self, metric: Metric, value: float, attributes: Mapping[str, str]) -> None:
        """Add to, or set, one metric."""
        ...

    def flush(self, timeout: timedelta) -> None:
        """Send the collected spans and metrics."""
        ...
