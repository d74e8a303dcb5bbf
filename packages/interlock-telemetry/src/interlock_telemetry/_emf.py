"""Writes metrics as lines of CloudWatch's embedded metric format (EMF) to standard output. It needs no collector.

The specification limits a line to 100 metrics, an array to 100 values, a set of dimensions to 30 names, and a line to
256 KB. There are fewer than 100 metrics, and the dimensions are only `service` and `environment`: each other value of a
dimension would be a metric of its own, with a price of its own.
"""

import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

import msgspec

from interlock_telemetry._exporter import Attributes, SpanKind
from interlock_telemetry._metrics import INSTRUMENTS, Kind, Metric
from interlock_telemetry._runs import BoundRun

NAMESPACE = "Interlock"
_MOST_VALUES = 100
_MOST_KEPT = 10_000
"""Values of a histogram that are kept while no write succeeds, the newest."""

Levels = dict[tuple[tuple[str, str], ...], float]
"""The values of a gauge or an up-down counter by attributes."""

_UNITS = {"s": "Seconds", "1": "None"}


class EmfExporter:
    """Collects the metrics of an invocation, and writes them at the flush. Spans are not exported.

    A counter is the sum since the last flush. A histogram is all its values. A gauge or an up-down counter is the
    highest of its values by attributes, and is written only if it was measured since the last flush. A gauge has only
    the attributes that were measured since then. `environment` is the name of the deployment, or empty.
    """

    def __init__(
        self,
        service: str,
        environment: str,
        *,
        stream: Callable[[], TextIO] = lambda: sys.stdout,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._dimensions = {"service": service, **({"environment": environment} if environment else {})}
        self._stream = stream
        self._now = now
        self._lock = threading.Lock()
        self._values: dict[Metric, list[float]] = {}
        self._levels: dict[Metric, Levels] = {}
        self._measured: set[Metric] = set()

    def span(
        self, name: str, attributes: Attributes, run: BoundRun | None, kind: SpanKind
    ) -> AbstractContextManager[object]:
        """A block without a span."""
        return nullcontext()

    def past_span(
        self, name: str, attributes: Attributes, run: BoundRun, start: datetime, end: datetime, problem: str | None
    ) -> None:
        """Export nothing."""

    def traceparent(self, run: BoundRun) -> str | None:
        """No trace is exported, so a job gets no header."""
        return None

    def measure(self, metric: Metric, value: float, attributes: Mapping[str, str]) -> None:
        """Keep a value until the flush."""
        with self._lock:
            self._measured.add(metric)
            kind = INSTRUMENTS[metric].kind
            if kind is Kind.COUNTER:
                self._values[metric] = [self._values.get(metric, [0])[0] + value]
            elif kind is Kind.HISTOGRAM:
                self._values.setdefault(metric, []).append(value)
            else:
                levels, place = self._levels.setdefault(metric, {}), tuple(sorted(attributes.items()))
                levels[place] = value

    def flush(self, timeout: timedelta) -> None:
        """Write one line, or more for more than 100 values of a metric. Without a measurement it writes nothing.

        If the write fails, the next flush writes the values again. Raises the error of the stream.
        """
        with self._lock:
            kept, measured = self._values, self._measured
            # A source that is measured no more, such as a drained target, has no level.
            gauges = self._levels
            self._values, self._levels, self._measured = {}, {}, set()
            values = {**kept, **{metric: [max(found.values())] for metric, found in gauges.items()}}
        values = {metric: values[metric] for metric in Metric if metric in measured}
        try:
            self._write(values)
        except Exception:
            self._take_back(kept, gauges, measured)
            raise

    def _write(self, values: Mapping[Metric, list[float]]) -> None:
        lines = []
        while values:
            lines.append(self._line({metric: found[:_MOST_VALUES] for metric, found in values.items()}) + "\n")
            values = {metric: found[_MOST_VALUES:] for metric, found in values.items() if len(found) > _MOST_VALUES}
        stream = self._stream()
        stream.write("".join(lines))
        stream.flush()

    def _take_back(
        self, values: Mapping[Metric, list[float]], gauges: Mapping[Metric, Levels], measured: set[Metric]
    ) -> None:
        """Add values that were not written to those that were measured meanwhile."""
        with self._lock:
            self._measured |= measured
            self._levels |= {metric: {**found, **self._levels.get(metric, {})} for metric, found in gauges.items()}
            for metric, found in values.items():
                later = self._values.get(metric, [])
                is_sum = INSTRUMENTS[metric].kind is Kind.COUNTER
                self._values[metric] = [sum(found) + sum(later)] if is_sum else [*found, *later][-_MOST_KEPT:]

    def _line(self, values: Mapping[Metric, list[float]]) -> str:
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [list(self._dimensions)],
            "Metrics": [{"Name": str(metric), "Unit": _unit(metric)} for metric in values],
        }
        line: dict[str, Any] = {
            "_aws": {"Timestamp": int(self._now().timestamp() * 1000), "CloudWatchMetrics": [directive]},
            **self._dimensions,
            **{str(metric): found[0] if len(found) == 1 else found for metric, found in values.items()},
        }
        return msgspec.json.encode(line).decode()


def _unit(metric: Metric) -> str:
    """The unit in CloudWatch's words. A counted thing has the unit Count."""
    return _UNITS.get(INSTRUMENTS[metric].unit, "Count")
