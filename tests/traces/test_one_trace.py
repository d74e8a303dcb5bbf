"""One trace of a whole run on the local stack: held, woken, failed, retried and completed."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from traces.picture import draw
from traces.receiver import Receiver, Span

from interlock_local.site import StackSettings
from interlock_local.stack import LocalStack

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
DATE = "2026-03-03"
PIPELINE = """
pipeline: {id: traced}
schedule:
  trigger: {key: ready, check: exists}
  evaluation: {window: 30m, interval: 5m}
sla: {maxDuration: 2h}
validation: {trigger: ALL, rules: [{key: landing, check: gte, field: count, value: 100}]}
job:
  type: command
  config: {command: "sh -c 'test $INTERLOCK_ATTEMPT = 1'"}
  maxRetries: 1
  retryDelay: 0s
"""
PATIENCE = 300.0


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


@pytest.fixture(scope="module")
def spans(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> list[Span]:
    """The spans of the run's date, once each of its ends was exported."""
    folder = tmp_path_factory.mktemp("traced")
    (folder / "traced.yaml").write_text(PIPELINE)
    settings = StackSettings(otlp_endpoint=receiver.url, pending_grace="5s", probe_after="1s")
    with LocalStack(port=0, settings=settings) as stack:

        def interlock(*arguments: str) -> None:
            command = [sys.executable, "-m", "interlock_cli", *arguments, "--endpoint-url", stack.endpoint_url]
            subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)

        interlock("push", str(folder / "traced.yaml"))
        interlock("sensor", "put", "traced", f"ready#{DATE}", "ok=true")
        await_that(lambda: _named(receiver, "wait"), "the hold")
        interlock("sensor", "put", "traced", f"landing#{DATE}", "count=120")
        await_that(lambda: len(_named(receiver, "attempt")) == 2, "the end of the second attempt")
        await_that(lambda: len(_named(receiver, "store_event")) >= EVENTS, "the stored events")
        await_that(lambda: _named(receiver, "dispatch_alert"), "the alert of the failure")
        time.sleep(1)
    return receiver.trace_of("traced")


EVENTS = 9
"""RUN_HELD, VALIDATION_PASSED, JOB_FAILED, RERUN_ACCEPTED, JOB_COMPLETED, SLA_MET, and JOB_TRIGGERED of each start."""


def await_that(condition: Callable[[], T], event: str) -> T:
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, f"{event}: not seen within {PATIENCE:.0f} s"
        time.sleep(0.1)
    return found


def _named(receiver: Receiver, name: str) -> list[Span]:
    return [span for span in receiver.trace_of("traced") if span.name == name]


def test_a_run_is_one_trace_of_five_services(spans: list[Span]) -> None:
    assert len({span.trace for span in spans}) == 1
    services = {"stream-router", "orchestrator", "sla-monitor", "event-sink", "alert-dispatcher"}
    assert {span.service for span in spans} >= services
    assert {span.attributes["interlock.date"] for span in spans} == {DATE}


def test_each_span_has_its_parent_in_the_trace(spans: list[Span]) -> None:
    known = {span.id for span in spans}
    orphans = [span.name for span in spans if span.parent and span.parent not in known]
    assert orphans == []
    assert [span.name for span in spans if not span.parent] == ["date"]


def test_the_trace_shows_hold_wake_failure_and_retry(spans: list[Span]) -> None:
    names = [span.name for span in spans]
    assert names.count("attempt") == 2
    first, second = (span for span in spans if span.name == "attempt")
    assert first.problem.startswith("sh: exit code 1")
    assert (second.problem, second.attributes["status"]) == ("", "succeeded")
    below = {span.name for span in spans if span.parent == first.id}
    assert below >= {"evaluate", "wait", "wake", "trigger", "complete-trigger"}
    assert {span.attributes["correlation_id"] for span in spans if span.parent == first.id} == {
        first.attributes["correlation_id"]
    }
    wake = next(span for span in spans if span.name == "wake")
    wait = next(span for span in spans if span.name == "wait")
    assert wait.begin < wake.begin < first.end


def test_each_metric_has_sensible_values(receiver: Receiver, spans: list[Span]) -> None:
    sums: dict[str, float] = {}
    for point in receiver.points:
        sums[point.metric] = sums.get(point.metric, 0) + point.value
    assert sums["interlock.records.processed"] >= len(spans) / 4
    assert sums["interlock.rules.evaluated"] >= 3
    assert 0 < sums["interlock.stage.duration"] < PATIENCE
    assert sums.get("interlock.dlq.routed", 0) == 0
    assert sums.get("interlock.batch.failures", 0) == 0
    assert sums.get("interlock.stage.overruns", 0) == 0
    assert 0 < sums["interlock.run.held.duration"] < PATIENCE
    assert 0 < sums["interlock.run.start.delay"] < 2 * PATIENCE
    assert 0 <= sums["interlock.wake.latency"] < PATIENCE
    assert sums["interlock.run.lateness"] == 0
    assert sums["interlock.pool.active"] >= 1
    assert sums["interlock.breaker.state"] == 0
    stages = {point.attributes["stage"] for point in receiver.points if point.metric == "interlock.stage.duration"}
    assert stages >= {"evaluate", "trigger", "route_record", "store_event", "tick"}


def test_the_trace_is_drawn(spans: list[Span]) -> None:
    """INTERLOCK_PICTURE names the file of the picture in the docs."""
    drawn = draw(spans, "one run: held, woken, failed, retried, completed")
    assert drawn.count("<rect") > len(spans)
    if place := os.environ.get("INTERLOCK_PICTURE"):
        Path(place).write_text(drawn, encoding="utf-8")
