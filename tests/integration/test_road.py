"""The path of a run through six real Lambdas: from a sensor row to the job, the events table and Slack."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from integration.conftest import INTERRUPTIBLE, PATIENCE, Outside, await_that, pipeline, until_exists

from interlock_lifecycle import RunKey, RunStatus
from interlock_sla import Clock, Outcome, parse_execution_date

HAPPY = ["JOB_TRIGGERED", "VALIDATION_PASSED", "JOB_TRIGGERED", "JOB_COMPLETED"]


def slack_texts(outside: Outside) -> list[str]:
    return [message["text"] for message in outside.stack.slack_messages() if "thread_ts" in message]


def test_sensor_causes_one_job_with_events_and_alerts(outside: Outside) -> None:
    outside.push("happy", pipeline(outside.folder, "happy"))
    outside.put("happy", "ready", ready=True, count=10, date="2026-03-03")
    run = outside.closed("happy", "2026-03-03")
    assert (run.status, run.attempt) == (RunStatus.COMPLETED, 0)
    assert outside.starts("happy") == ["2026-03-03 0"]
    await_that(lambda: len(outside.events("happy", "2026-03-03")) == 4, "the four events")
    assert sorted(outside.events("happy", "2026-03-03")) == sorted(HAPPY)
    assert not [text for text in slack_texts(outside) if "happy" in text], "a success opens no thread"
    assert [entry.event for entry in outside.store.entries(run.key)] == ["success"]
    assert not [text for text in slack_texts(outside) if "VALIDATION_PASSED" in text]


def test_events_are_followed_live_until_interrupted(outside: Outside) -> None:
    outside.push("followed", pipeline(outside.folder, "followed"))
    command = [sys.executable, "-c", INTERRUPTIBLE, "events", "followed", "--follow", "--json"]
    following = subprocess.Popen(
        [*command, "--endpoint-url", outside.stack.endpoint_url], stdout=subprocess.PIPE, text=True
    )
    try:
        outside.put("followed", "ready", ready=True, count=10, date="2026-03-03")
        assert following.stdout is not None
        for line in following.stdout:
            if json.loads(line)["eventType"] == "JOB_COMPLETED":
                break
        following.send_signal(signal.SIGINT)
        assert following.wait(timeout=PATIENCE) == 0
    finally:
        following.kill()
        following.communicate()


def test_failed_rules_hold_run_with_visible_reason(outside: Outside) -> None:
    outside.push("held", pipeline(outside.folder, "held"))
    outside.put("held", "ready", ready=True, count=7, date="2026-03-03")

    def held() -> str | None:
        (shown,) = json.loads(outside.interlock("status", "held", "--json").stdout)
        return next((run["reason"] for run in shown["runs"] if run["progress"] == "held"), None)

    reason = await_that(held, "the hold")
    assert "7" in reason
    assert "10" in reason
    assert outside.starts("held") == []
    outside.put("held", "ready", ready=True, count=11, date="2026-03-03")
    assert outside.closed("held", "2026-03-03").status is RunStatus.COMPLETED
    assert outside.starts("held") == ["2026-03-03 0"]


def test_run_fails_without_job_at_end_of_window(outside: Outside) -> None:
    text = pipeline(outside.folder, "waits").replace("window: 10m", "window: 3s")
    outside.push("waits", text)
    outside.put("waits", "ready", ready=True, count=1, date="2026-03-03")
    run = outside.closed("waits", "2026-03-03")
    assert run.status is RunStatus.FAILED_FINAL
    assert outside.starts("waits") == []
    assert [entry.event for entry in outside.store.entries(run.key)] == ["validation-exhausted"]
    await_that(lambda: "VALIDATION_EXHAUSTED" in outside.events("waits", "2026-03-03"), "its event")


def test_a_failed_job_is_retried_as_a_new_fenced_attempt(outside: Outside) -> None:
    work = 'test "$INTERLOCK_ATTEMPT" = 1'
    outside.push("flaky", pipeline(outside.folder, "flaky", work=work, job="maxRetries: 1"))
    outside.put("flaky", "ready", ready=True, count=10, date="2026-03-03")
    run = await_that(
        lambda: (found := outside.run("flaky", "2026-03-03")) and found.attempt == 1 and not found.is_running and found,
        "the retry's end",
    )
    assert run.status is RunStatus.COMPLETED
    assert outside.starts("flaky") == ["2026-03-03 0", "2026-03-03 1"]
    assert [rerun.reason for rerun in outside.store.reruns(run.key)] == ["job-fail-retry"]
    assert [entry.event for entry in outside.store.entries(run.key)] == ["fail", "success"]


def test_job_without_retries_fails_finally(outside: Outside) -> None:
    outside.push("broken", pipeline(outside.folder, "broken", work="exit 3"))
    outside.put("broken", "ready", ready=True, count=10, date="2026-03-03")
    run = outside.closed("broken", "2026-03-03")
    assert run.status is RunStatus.FAILED_FINAL
    assert outside.starts("broken") == ["2026-03-03 0"]
    await_that(lambda: "RETRY_EXHAUSTED" in outside.events("broken", "2026-03-03"), "its event")
    await_that(lambda: [t for t in slack_texts(outside) if "RETRY_EXHAUSTED" in t and "broken" in t], "its alert")
    command = command_of(outside, "RETRY_EXHAUSTED* · broken ·")
    assert f"--endpoint-url {outside.stack.endpoint_url}" in command
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "80"}
    said = subprocess.run(["sh", "-c", f"{command} --dry-run"], env=path, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert "2026-03-03  would be accepted" in said.stdout


def command_of(outside: Outside, title: str) -> str:
    """The command in the reply of an alert."""
    reply = next(one for one in outside.stack.slack_messages() if "thread_ts" in one and title in one["text"])
    blocks = [block["text"]["text"] for block in reply["blocks"] if "text" in block]
    return next(text.strip("`") for text in blocks if text.startswith("```") and "interlock " in text)


def sla_events(outside: Outside, name: str) -> list[str]:
    return sorted(event for event in outside.events(name, "2026-03-03") if "SLA" in event)


def test_met_relative_sla_is_reported_once_without_timers(outside: Outside) -> None:
    outside.push("intime", pipeline(outside.folder, "intime", more="sla: {maxDuration: 10m, expectedDuration: 1m}"))
    outside.put("intime", "ready", ready=True, count=10, date="2026-03-03")
    run = outside.closed("intime", "2026-03-03")
    await_that(lambda: sla_events(outside, "intime") == ["SLA_MET"], "the verdict's event")
    assert outside.store.verdict(run.key).clocks[Clock.RELATIVE].outcome is Outcome.MET
    await_that(lambda: not outside.stack.schedules("intime"), "the deleted timers")


def test_relative_sla_breaches_once_and_is_not_met_later(outside: Outside) -> None:
    outside.push("late", pipeline(outside.folder, "late", more="sla: {maxDuration: 20s, expectedDuration: 10s}"))
    outside.put("late", "ready", ready=True, count=1, date="2026-03-03")
    await_that(lambda: "RELATIVE_SLA_WARNING" in sla_events(outside, "late"), "the warning")
    await_that(lambda: "RELATIVE_SLA_BREACH" in sla_events(outside, "late"), "the breach")
    outside.put("late", "ready", ready=True, count=10, date="2026-03-03")
    run = outside.closed("late", "2026-03-03")
    assert run.status is RunStatus.COMPLETED
    await_that(lambda: "JOB_COMPLETED" in outside.events("late", "2026-03-03"), "the completion")
    assert sla_events(outside, "late") == ["RELATIVE_SLA_BREACH", "RELATIVE_SLA_WARNING"]
    assert outside.store.verdict(run.key).clocks[Clock.RELATIVE].outcome is Outcome.BREACH
    thread = [message for message in outside.stack.slack_messages() if "· late ·" in message["text"]]
    assert len({message.get("thread_ts") or message["ts"] for message in thread}) == 1


def test_a_daily_pipeline_waits_for_its_hours(outside: Outside) -> None:
    rule = "{key: hours, check: equals, field: missing, value: 0}"
    text = pipeline(outside.folder, "daily", rules=rule).replace(
        "key: ready, check: equals, field: ready, value: true", "key: hours, check: gte, field: done, value: 1"
    )
    outside.push("daily", text)
    for done in range(1, 4):
        outside.put("daily", "hours#2026-03-03", done=done, missing=3 - done, date="2026-03-03")
        if done < 3:
            await_that(lambda: outside.run("daily", "2026-03-03"), "the run")
            assert outside.starts("daily") == []
    assert outside.closed("daily", "2026-03-03").status is RunStatus.COMPLETED
    assert outside.starts("daily") == ["2026-03-03 0"]


def test_malformed_row_is_dead_lettered_and_stream_goes_on(outside: Outside) -> None:
    outside.push("after", pipeline(outside.folder, "after"))
    before = outside.stack.dead_letters()
    control = outside.store.names.control
    client = outside.stack.client("dynamodb")
    client.put_item(TableName=control, Item={"PK": {"S": "PIPELINE#after"}, "SK": {"S": "SPANNER#1"}})
    outside.put("after", "ready", ready=True, count=10, date="2026-03-03")
    assert outside.closed("after", "2026-03-03").status is RunStatus.COMPLETED
    assert await_that(lambda: outside.stack.dead_letters() - before, "the dead letter") == 1


def test_unchanged_reading_starts_no_run(outside: Outside) -> None:
    """The second write makes no stream record, and `sensor put` reports it. The third write has a new time."""
    name = "equal"
    outside.push(name, pipeline(outside.folder, name))
    put = ("sensor", "put", name, "ready", "ready=true", "count=10", 'date="2026-03-03"')
    assert outside.interlock(*put, "--no-timestamp").stdout.startswith("written ")
    outside.closed(name, "2026-03-03")
    assert outside.interlock(*put, "--no-timestamp").stdout.startswith("unchanged ")
    outside.stack.drain()
    assert "LATE_DATA_ARRIVAL" not in outside.events(name, "2026-03-03")
    assert outside.interlock(*put).stdout.startswith("written ")
    await_that(lambda: "LATE_DATA_ARRIVAL" in outside.events(name, "2026-03-03"), "the late data")


@pytest.mark.parametrize("date", ["2026-03-03", "2026-03-03T07"])
def test_repeated_sensor_starts_no_second_job(outside: Outside, date: str) -> None:
    name = f"again{len(date)}"
    gate = outside.folder / f"{name}.gate"
    outside.push(name, pipeline(outside.folder, name, work=until_exists(gate)))
    fields = {"date": date[:10], **({"hour": date[-2:]} if "T" in date else {})}
    # Each reading differs from the last, since an equal write makes no stream record.
    for reading in range(2):
        outside.put(name, "ready", ready=True, count=10, reading=reading, **fields)
    await_that(lambda: outside.starts(name), "the start")
    outside.put(name, "ready", ready=True, count=10, reading=2, **fields)
    outside.stack.drain()
    gate.touch()
    assert outside.closed(name, date).status is RunStatus.COMPLETED
    outside.stack.drain()
    assert outside.starts(name) == [f"{date} 0"]
    assert "LATE_DATA_ARRIVAL" not in outside.events(name, date)
    key = RunKey(name, "stream", parse_execution_date(date))
    assert outside.store.reruns(key) == []
