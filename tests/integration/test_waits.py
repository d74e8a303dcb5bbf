"""Held runs and followed jobs go on at once when their sensor or their job's event comes, without a poll.

INTERLOCK_WAITING_RUNS is the number of runs that are held while the stack stops and starts (`nox -s restart`: 100).
"""

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from integration.conftest import Outside, await_that, pipeline

from interlock_lifecycle import RunKey, RunStatus, Wait
from interlock_local.site import StackSettings
from interlock_local.stack import LocalStack
from interlock_sla import parse_execution_date

DATE = "2026-03-03"
PROMPT = 20.0
"""Seconds. A poll would come minutes later: the interval is 5 minutes, and a job with events is asked after 10."""

BOTH = "{key: ready, check: gte, field: count, value: 10}\n    - {key: customers, check: gte, field: count, value: 10}"
POLLED = "interval: 1s"


def held_by_two(folder: Path, name: str) -> str:
    text = pipeline(folder, name, rules=BOTH)
    assert text.count(POLLED) == 1
    return text.replace(POLLED, "interval: 5m")


def key(name: str, date: str = DATE) -> RunKey:
    return RunKey(name, "stream", parse_execution_date(date))


def registered(outside: Outside, name: str, date: str = DATE, *, wakes: int = 0, other_than: str = "") -> Wait:
    """The wait of a run once it has a token, at least so many wakes, and another run token than this."""

    def found() -> Wait | None:
        wait = outside.store.waits.of_run(key(name, date))
        is_new = wait is not None and wait.wakes >= wakes and wait.run_token != other_than
        return wait if wait is not None and is_new and wait.task_token else None

    return await_that(found, f"the wait of {name} {date}")


def test_last_sensor_starts_held_run_at_once(outside: Outside) -> None:
    outside.push("woken", held_by_two(outside.folder, "woken"))
    outside.put("woken", "ready", ready=True, count=1, date=DATE)
    registered(outside, "woken")
    outside.put("woken", "ready", ready=True, count=10, date=DATE)
    registered(outside, "woken", wakes=1)
    assert outside.starts("woken") == []
    outside.store.put_sensor("woken", "customers", {"count": 10, "date": DATE})
    began = time.monotonic()
    await_that(lambda: outside.starts("woken"), "the job", every=0.01)
    took = time.monotonic() - began
    print(f"a held run was started {took:.2f} s after its last sensor")
    assert took < PROMPT
    assert outside.closed("woken", DATE).status is RunStatus.COMPLETED
    assert outside.starts("woken") == [f"{DATE} 0"]


def test_deletion_of_a_wrong_row_starts_held_run_at_once(outside: Outside) -> None:
    outside.push("cleared", held_by_two(outside.folder, "cleared"))
    outside.store.put_sensor("cleared", "customers", {"count": 10, "date": DATE})
    wrong = f"customers#{DATE}"
    outside.store.put_sensor("cleared", wrong, {"count": 1, "date": DATE})
    outside.put("cleared", "ready", ready=True, count=10, date=DATE)
    registered(outside, "cleared")
    assert outside.starts("cleared") == []
    row = {"PK": {"S": "PIPELINE#cleared"}, "SK": {"S": f"SENSOR#{wrong}"}}
    outside.stack.client("dynamodb").delete_item(TableName=outside.store.names.control, Key=row)
    began = time.monotonic()
    await_that(lambda: outside.starts("cleared"), "the job")
    assert time.monotonic() - began < PROMPT
    assert outside.closed("cleared", DATE).status is RunStatus.COMPLETED


FOLLOWED = """
pipeline: {{id: {name}}}
schedule:
  dates: {{back: 0, ahead: 0}}
  trigger: {{key: ready, check: equals, field: ready, value: true}}
  evaluation: {{window: 10m, interval: 5m}}
validation:
  trigger: ALL
  rules:
    - {{key: ready, check: gte, field: count, value: 10}}
job:
  type: step-function
  config: {{stateMachineArn: "{arn}"}}
"""


def job_machine(outside: Outside, name: str) -> tuple[str, str]:
    """A state machine whose execution ends when the test answers its token, and the URL of the queue of the tokens."""
    queue = outside.stack.client("sqs").create_queue(QueueName=f"{name}-tokens")["QueueUrl"]
    work = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}},
        "End": True,
    }
    made = outside.stack.client("stepfunctions").create_state_machine(
        name=name,
        definition=json.dumps({"StartAt": "Work", "States": {"Work": work}}),
        roleArn="arn:aws:iam::000000000000:role/local-interlock-sfn",
    )
    return str(made["stateMachineArn"]), queue


def token_of_job(outside: Outside, queue: str) -> str:
    def message() -> dict[str, Any] | None:
        found = outside.stack.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages")
        return found[0] if found else None

    return str(json.loads(await_that(message, "the job's execution")["Body"])["token"])


@pytest.mark.parametrize(("name", "status"), [("goes", RunStatus.COMPLETED), ("breaks", RunStatus.FAILED_FINAL)])
def test_event_of_a_jobs_end_closes_its_run(outside: Outside, name: str, status: RunStatus) -> None:
    arn, queue = job_machine(outside, f"job-{name}")
    outside.push(name, FOLLOWED.format(name=name, arn=arn))
    outside.put(name, "ready", ready=True, count=10, date=DATE)
    token = token_of_job(outside, queue)
    wait = registered(outside, name)
    assert wait.for_job
    states = outside.stack.client("stepfunctions")
    began = time.monotonic()
    if status is RunStatus.COMPLETED:
        states.send_task_success(taskToken=token, output="{}")
    else:
        states.send_task_failure(taskToken=token, error="Broken", cause="")
    run = outside.closed(name, DATE)
    took = time.monotonic() - began
    print(f"a followed job's run was closed {took:.2f} s after the job's end")
    assert took < PROMPT
    assert run.status is status


WAITING = int(os.environ.get("INTERLOCK_WAITING_RUNS", "6"))
DATES_PER_PIPELINE = 50
"""A pipeline has at most 64 open dates (`schedule.maxOpenDates`)."""


def waiting_runs() -> list[tuple[str, str]]:
    """The pipeline and the date of each run that waits."""
    first = datetime(2026, 3, 1, tzinfo=UTC)
    dates = [f"{first + timedelta(days=day):%Y-%m-%d}" for day in range(DATES_PER_PIPELINE)]
    return [(f"sleeper-{run // len(dates)}", dates[run % len(dates)]) for run in range(WAITING)]


def test_held_runs_go_on_after_a_restart(tmp_path: Path) -> None:
    settings = StackSettings(orchestrator_timeout=20, pending_grace="1s", probe_after="1s")
    data = tmp_path / "state"
    runs = waiting_runs()
    names = sorted({name for name, _ in runs})
    with LocalStack(data_dir=data, settings=settings) as stack:
        outside = Outside(stack, stack.store(), tmp_path)
        for name in names:
            outside.push(name, held_by_two(tmp_path, name))
        for name, date in runs:
            outside.store.put_sensor(name, f"ready#{date}", {"ready": True, "count": 10, "date": date})
        before = {run: registered(outside, *run) for run in runs}
        assert [outside.starts(name) for name in names] == [[] for _ in names]

    with LocalStack(data_dir=data, settings=settings) as stack:
        outside = Outside(stack, stack.store(), tmp_path)
        # The first rows come before the executions of the former server are replaced, the others after that.
        early, late = runs[: len(runs) // 2], runs[len(runs) // 2 :]
        for name, date in early:
            outside.store.put_sensor(name, f"customers#{date}", {"count": 10, "date": date})
        for run in late:
            registered(outside, *run, other_than=before[run].run_token)
        began = time.monotonic()
        for name, date in late:
            outside.store.put_sensor(name, f"customers#{date}", {"count": 10, "date": date})
        assert {outside.closed(*run).status for run in late} == {RunStatus.COMPLETED}
        took = time.monotonic() - began
        print(f"{len(late)} runs held before a restart ended {took:.2f} s after their sensor")
        assert took < PROMPT + len(runs)
        assert {outside.closed(*run).status for run in early} == {RunStatus.COMPLETED}
        assert stack.dead_letters() == 0
    for name in names:
        assert sorted(outside.starts(name)) == [f"{date} 0" for owner, date in runs if owner == name]
