"""The spans of a run: the step that ends an attempt exports the attempt's span, with its problem."""

from datetime import datetime
from typing import Any

import msgspec
import pytest
from run_bench import Bench

import interlock_controller.runs._asking as asking
import interlock_controller.runs._steps as steps
from interlock_controller.runs import StepStatus
from interlock_triggers import Clients, Triggers


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, datetime, str | None, Any]]:
    found: list[tuple[str, datetime, str | None, Any]] = []

    def past_span(name: str, start: datetime, end: datetime, *, problem: str | None = None, status: str = "") -> None:
        found.append((name, start, problem, status))

    monkeypatch.setattr(steps, "past_span", past_span)
    return found


def bench(command: str, retries: int = 0) -> Bench:
    config = msgspec.json.encode({"command": command}).decode()
    job = f"{{type: command, config: {config}, maxRetries: {retries}, maxCodeRetries: {retries}}}"
    return Bench(job, Triggers(Clients(environment={"PATH": "/usr/bin:/bin"})))


@pytest.mark.parametrize(
    ("command", "retries", "problem", "status"),
    [
        ("true", 0, None, StepStatus.SUCCEEDED),
        ("false", 0, "false: exit code 1", StepStatus.FAILED),
        ("false", 1, "false: exit code 1", StepStatus.RETRYING),
    ],
)
def test_last_step_of_an_attempt_exports_its_span(
    spans: list[Any], command: str, retries: int, problem: str | None, status: StepStatus
) -> None:
    run = bench(command, retries)
    started_at = run.now
    step = run.ask("trigger")
    assert spans == []
    assert run.complete(step).status is status
    assert spans == [("attempt", started_at, problem, status)]


def test_an_exhausted_window_is_the_problem_of_its_span(spans: list[Any]) -> None:
    run = bench("true")
    run.ask("validation-exhausted")
    assert [(name, problem) for name, _, problem, _ in spans] == [("attempt", "validation-exhausted: failed")]


def test_the_job_gets_the_trace_context_of_its_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    run = bench("true")
    monkeypatch.setattr(asking, "traceparent", lambda: "00-1-2-01")
    run.ask("trigger")
    intent = run.run.job_intent
    assert intent is not None
    assert asking.attempt_of(run.key, intent, resumed=False).traceparent == "00-1-2-01"
