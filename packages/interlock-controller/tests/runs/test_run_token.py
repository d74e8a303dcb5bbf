"""Each event of a run names the execution of the run, and the events for people name the owner."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from run_bench import GLUE, NOW, Bench, Board

MINUTE = timedelta(minutes=1)
SLA = "\nsla: {maxDuration: 30m, expectedDuration: 10m}"


@pytest.fixture
def bench() -> Bench:
    made = Bench(GLUE, Board())
    made.configure(GLUE, more=SLA)
    return made


def details(bench: Bench) -> dict[str, dict[str, Any]]:
    return {row["detailType"]: msgspec.json.decode(row["detail"]) for row in bench.event_rows()}


def test_each_event_of_a_run_names_its_execution(bench: Bench) -> None:
    token = bench.run.run_token
    bench.store.put_sensor("bronze", "ready", {"count": 3})
    bench.ask("evaluate", canWait=True)
    bench.store.put_sensor("bronze", "ready", {"count": 10})
    bench.ask("evaluate", canWait=True)
    bench.ask("trigger", canWait=True)
    bench.ask("complete-trigger", outcome={"status": "finished", "event": "success", "runId": "job-1"})
    found = details(bench)
    assert set(found) == {"JOB_TRIGGERED", "RUN_HELD", "VALIDATION_PASSED", "JOB_COMPLETED", "SLA_MET"}
    assert {detail["runToken"] for detail in found.values()} == {token}


def test_retry_is_reported_under_the_attempt_that_failed(bench: Bench) -> None:
    token = bench.run.run_token
    bench.ask("trigger")
    bench.ask("complete-trigger", outcome={"status": "finished", "event": "fail", "category": "TRANSIENT"})
    assert bench.run.run_token != token
    assert details(bench)["JOB_FAILED"]["runToken"] == token


def test_breach_at_the_close_names_the_execution(bench: Bench) -> None:
    bench.ask("trigger")
    bench.now = NOW + 45 * MINUTE
    bench.ask("complete-trigger", outcome={"status": "finished", "event": "success", "runId": "job-1"})
    assert details(bench)["RELATIVE_SLA_BREACH"]["runToken"] == bench.run.run_token


def test_exhausted_validation_names_the_rules_that_did_not_hold(bench: Bench) -> None:
    bench.store.put_sensor("bronze", "ready", {"count": 3})
    bench.ask("evaluate", canWait=True)
    bench.now = NOW + 11 * MINUTE
    step = bench.ask("evaluate", canWait=True)
    assert step.status == "exhausted"
    bench.ask("validation-exhausted", outcome=msgspec.to_builtins(step))
    detail = details(bench)["VALIDATION_EXHAUSTED"]["detail"]
    assert detail["rows"] == [{"key": "ready", "row": "ready", "data": {"count": 3}}]
    (rule,) = detail["rules"]
    assert rule == {
        "key": "ready",
        "check": "gte",
        "field": "count",
        "needed": "gte 10",
        "observed": "3",
        "heldSince": "2026-03-03T12:00:00Z",
    }


def test_other_ends_of_a_run_name_no_rules(bench: Bench) -> None:
    bench.ask("infra-failure", failure={"Error": "E", "Cause": "c"})
    assert "rules" not in details(bench)["INFRA_FAILURE"]["detail"]
