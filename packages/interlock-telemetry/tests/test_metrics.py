"""The metrics: their tables in the docs, their buckets, and the counters of a batch."""

from pathlib import Path
from typing import Any

import pytest

from interlock_telemetry import Metric, count_records, export_to, measure, run_bounded
from interlock_telemetry._metrics import INSTRUMENTS, Kind

ROOT = Path(__file__).parents[3]


def test_reference_has_each_metric() -> None:
    lines = (ROOT / "docs/reference/environment.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `interlock.")]
    found = {row[0].strip("`"): (row[1], row[2], row[4].split(". ")[0]) for row in rows}
    assert found == {str(metric): (str(one.kind), one.unit, one.description) for metric, one in INSTRUMENTS.items()}


def test_each_histogram_has_rising_buckets_of_its_own() -> None:
    for metric, instrument in INSTRUMENTS.items():
        bounds = instrument.boundaries
        assert bool(bounds) is (instrument.kind is Kind.HISTOGRAM), metric
        assert list(bounds) == sorted(set(bounds))


def points_of(data: Any) -> dict[str, Any]:
    scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
    return {metric.name: metric.data.data_points[0] for scope in scopes for metric in scope.metrics}


def test_values_are_in_the_buckets_of_their_metric() -> None:
    sdk = pytest.importorskip("opentelemetry.sdk.metrics.export")
    spans = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    reader = sdk.InMemoryMetricReader()
    with export_to(spans.InMemorySpanExporter(), reader):
        measure(Metric.RUN_LATENESS, 0.0, clock="absolute")
        measure(Metric.RUN_LATENESS, 90_000.0, clock="absolute")
        found = points_of(reader.get_metrics_data())["interlock.run.lateness"]
    assert found.explicit_bounds == INSTRUMENTS[Metric.RUN_LATENESS].boundaries
    assert (found.bucket_counts[0], found.bucket_counts[-1], found.count) == (1, 1, 2)


def test_failures_of_a_batch_are_counted_by_service() -> None:
    sdk = pytest.importorskip("opentelemetry.sdk.metrics.export")
    spans = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    reader = sdk.InMemoryMetricReader()
    count = count_records("event-sink")
    with export_to(spans.InMemorySpanExporter(), reader):
        count("batch_failures", 2)
        count("batch_failures", 3)
        count("batch_failures", 0)
        found = points_of(reader.get_metrics_data())["interlock.batch.failures"]
    assert (found.value, dict(found.attributes)) == (5, {"service": "event-sink"})
    measure(Metric.BATCH_FAILURES, 1)  # the exporter of the block is gone


class Recording:
    """An exporter that keeps its values, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.values: list[float] = []
        self._failure = failure

    def measure(self, metric: Metric, value: float, attributes: Any) -> None:
        if self._failure is not None:
            raise self._failure
        self.values.append(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_no_finite_number_is_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, value: float
) -> None:
    exporter = Recording()
    monkeypatch.setattr("interlock_telemetry._instruments._exporter", exporter)
    measure(Metric.STAGE_DURATION, value)
    measure(Metric.STAGE_DURATION, 1)
    assert exporter.values == [1]
    assert [record.message for record in caplog.records] == ["metric_lost"]


def test_a_failing_exporter_costs_no_task_its_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock_telemetry._instruments._exporter", Recording(RuntimeError("no memory")))
    outcomes = run_bounded([lambda: 1, lambda: 2, lambda: 3], workers=1)
    assert [outcome.result() for outcome in outcomes] == [1, 2, 3]
