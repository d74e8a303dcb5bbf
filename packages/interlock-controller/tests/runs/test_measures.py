"""The measured delays of a run, as OpenTelemetry's reader has them."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from run_bench import GLUE, KEY, NOW, Bench, Board

from interlock_controller.effects import Wakes
from interlock_controller.runs import Step
from interlock_lifecycle import JobOutcome
from interlock_telemetry import export_to, measure

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
SLA = "\nsla: {maxDuration: 30m, expectedDuration: 10m}"

Measured = Callable[[str], list[tuple[float, dict[str, Any]]]]


@pytest.fixture
def measured() -> Iterator[Measured]:
    """The sums and attributes of a metric's points since the last call."""
    reader = InMemoryMetricReader()

    def points(name: str) -> list[tuple[float, dict[str, Any]]]:
        found = reader.get_metrics_data()
        metrics = [
            metric
            for resource in (found.resource_metrics if found else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]
        data = [metric.data.data_points for metric in metrics if metric.name == name]
        return [(point.sum, dict(point.attributes)) for one in data for point in one]

    with export_to(InMemorySpanExporter(), reader):
        yield points


@pytest.fixture
def bench() -> Bench:
    made = Bench(GLUE, Board())
    made.configure(GLUE, more=SLA)
    made.context = replace(made.context, count=measure)
    return made


def hold(bench: Bench) -> Step:
    bench.store.put_sensor("bronze", "ready", {"count": 3})
    return bench.ask("evaluate", canWait=True)


def register(bench: Bench, step: Step) -> None:
    bench.ask("wait", canWait=True, outcome=msgspec.to_builtins(step), taskToken="task-1")


def wake(bench: Bench) -> None:
    found = bench.store.waits.of_run(KEY)
    assert found is not None
    Wakes(bench.store, bench.context.end_wait, lambda: bench.now).wake(found)


def start(bench: Bench) -> None:
    bench.ask("evaluate", canWait=True)
    bench.ask("trigger", canWait=True)


def complete(bench: Bench, after: timedelta) -> None:
    bench.now = NOW + after
    outcome = JobOutcome("success", run_id="job-1", at=bench.now)
    step = {"status": "finished", **msgspec.to_builtins(outcome)}
    bench.ask("complete-trigger", outcome=step)


def test_hold_is_measured_from_the_first_look_to_the_pass(bench: Bench, measured: Measured) -> None:
    hold(bench)
    bench.now += 5 * MINUTE
    bench.store.put_sensor("bronze", "ready", {"count": 10})
    bench.ask("evaluate", canWait=True)
    assert measured("interlock.run.held.duration") == [(300.0, {})]


def test_run_that_passes_at_once_was_not_held(bench: Bench, measured: Measured) -> None:
    start(bench)
    assert measured("interlock.run.held.duration") == []


def test_wake_is_measured_until_the_look_that_follows(bench: Bench, measured: Measured) -> None:
    register(bench, hold(bench))
    bench.now += MINUTE
    wake(bench)
    bench.now += 2 * SECOND
    step = bench.ask("evaluate", canWait=True)
    assert measured("interlock.wake.latency") == [(2.0, {"waits_for": "sensors"})]
    register(bench, step)
    bench.now += 5 * MINUTE
    bench.ask("evaluate", canWait=True)
    assert measured("interlock.wake.latency") == [(2.0, {"waits_for": "sensors"})], "a look without a wake"


def test_wake_of_a_followed_job_is_measured(bench: Bench, measured: Measured) -> None:
    start(bench)
    register(bench, bench.ask("check-job", canWait=True))
    wake(bench)
    bench.now += 3 * SECOND
    bench.ask("check-job", canWait=True)
    assert measured("interlock.wake.latency") == [(3.0, {"waits_for": "job"})]


def test_start_is_measured_from_the_first_sensor(bench: Bench, measured: Measured) -> None:
    bench.store.put_sensor("bronze", "first-sensor-arrival#2026-03-03", {"arrivedAt": "2026-03-03T11:59:20Z"})
    start(bench)
    assert measured("interlock.run.start.delay") == [(40.0, {})]


def test_rejected_start_is_no_start(bench: Bench, measured: Measured) -> None:
    bench.environment.clear()
    bench.configure("{type: glue, config: {jobName: '${INTERLOCK_JOB}'}}")
    start(bench)
    assert measured("interlock.run.start.delay") == []


@pytest.mark.parametrize(("after", "late"), [(10 * MINUTE, 0.0), (45 * MINUTE, 900.0)])
def test_lateness_is_measured_against_each_deadline(
    bench: Bench, measured: Measured, after: timedelta, late: float
) -> None:
    start(bench)
    complete(bench, after)
    assert bench.run.status.value == "COMPLETED"
    assert measured("interlock.run.lateness") == [(late, {"clock": "relative"})]


def test_failed_run_has_no_lateness(bench: Bench, measured: Measured) -> None:
    bench.ask("evaluate")
    bench.now += 45 * MINUTE
    bench.ask("infra-failure", failure={"Error": "E", "Cause": "c"})
    assert bench.run.status.value == "FAILED_FINAL"
    assert measured("interlock.run.lateness") == []
