"""Interlock in a real account: runs, waits, retries and timers, driven from outside through the tables."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from account import Deployed
from interlock_config import decode_yaml
from interlock_lifecycle import Run, RunKey, RunStatus
from interlock_local.site import ping_function, run_smoke_test
from interlock_local.zips import SERVICES
from interlock_sla import parse_execution_date
from interlock_store import Store

T = TypeVar("T")
PATIENCE = 600.0
DAY = datetime.now(UTC).date().isoformat()
PIPELINE = """
pipeline: {{id: {name}}}
schedule:
  trigger: {{key: ready, check: equals, field: ready, value: true}}
  evaluation: {{window: 1h, interval: 1m}}
{sla}
validation: {{rules: [{{key: ready, check: gte, field: count, value: 10}}]}}
job: {{type: command, config: {{command: "{command}"}}, maxRetries: {retries}, maxCodeRetries: {retries}}}
"""


def await_that(condition: Callable[[], T | None], event: str) -> T:
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, f"not seen within {PATIENCE:.0f} s: {event}"
        time.sleep(1)
    return found


def push(store: Store, name: str, *, command: str = "true", retries: int = 0, sla: str = "") -> RunKey:
    text = PIPELINE.format(name=name, command=command, retries=retries, sla=sla)
    store.put_config(decode_yaml(text, f"{name}.yaml"))
    return RunKey(name, "stream", parse_execution_date(DAY))


def ended(store: Store, key: RunKey) -> Run:
    return await_that(lambda: (run := store.run(key)) and not run.is_running and run, f"the end of {key}")


def events(store: Store, key: RunKey) -> list[str]:
    return [str(row["eventType"]) for row in store.events(key.pipeline_id)]


@pytest.mark.parametrize("service", SERVICES)
def test_each_function_is_healthy(deployment: Deployed, clients: Callable[[str], Any], service: str) -> None:
    assert ping_function(clients("lambda"), deployment.environment, service) == []


def test_the_smoke_pipeline_completes(store: Store) -> None:
    run_smoke_test(store, patience=PATIENCE)


def test_held_run_starts_its_job_with_the_last_sensor(store: Store) -> None:
    key = push(store, "account-held")
    store.put_sensor("account-held", "ready", {"ready": True, "count": 1, "date": DAY})
    await_that(lambda: (wait := store.waits.of_run(key)) and wait.task_token, "the wait of the held run")
    store.put_sensor("account-held", "ready", {"ready": True, "count": 10, "date": DAY})
    assert ended(store, key).status is RunStatus.COMPLETED
    await_that(lambda: "JOB_COMPLETED" in events(store, key), "the event of the success")
    assert [entry.event for entry in store.entries(key)] == ["success"]


def test_failing_job_is_retried_and_fails_for_good(store: Store) -> None:
    key = push(store, "account-fails", command="false", retries=1)
    store.put_sensor("account-fails", "ready", {"ready": True, "count": 10, "date": DAY})
    run = ended(store, key)
    assert (run.status, run.attempt) == (RunStatus.FAILED_FINAL, 1)
    assert [entry.event for entry in store.entries(key)] == ["fail", "fail"]


def test_timers_of_a_run_are_set_and_deleted(store: Store, deployment: Deployed, clients: Callable[[str], Any]) -> None:
    key = push(store, "account-timers", sla="sla: {maxDuration: 2h, expectedDuration: 1m}")
    store.put_sensor("account-timers", "ready", {"ready": True, "count": 1, "date": DAY})

    def timers() -> list[str]:
        group = f"{deployment.environment}-interlock-sla"
        found = clients("scheduler").list_schedules(GroupName=group)["Schedules"]
        return [one["Name"] for one in found if one["Name"].startswith("account-timers")]

    await_that(timers, "the timers")
    store.put_sensor("account-timers", "ready", {"ready": True, "count": 10, "date": DAY})
    assert ended(store, key).status is RunStatus.COMPLETED
    await_that(lambda: not timers(), "the deletion of the timers")
    await_that(lambda: "SLA_MET" in events(store, key), "the verdict")


def test_no_message_became_a_dead_letter(deployment: Deployed, clients: Callable[[str], Any]) -> None:
    assert deployment.dead_letter_queues
    for url in deployment.dead_letter_queues:
        found = clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        assert found["Attributes"]["ApproximateNumberOfMessages"] == "0", url
