"""Lambdas that die during their work: each run still ends correctly, with one job start per attempt."""

import datetime
from collections import Counter

from integration.conftest import Outside, await_that, pipeline, until_exists

from interlock_lifecycle import RunKey, RunStatus, Wait
from interlock_sla import parse_execution_date

FIRST = datetime.date(2026, 1, 1)
FEWEST_DATES, MOST_DATES = 12, 90
"""Dates until a kill has fallen between commit and act, which is a matter of chance."""
WAKES = 8
"""Kills at a wake. The place between its record and its success is hit by chance."""


def test_kill_of_orchestrator_does_not_affect_held_run(outside: Outside) -> None:
    outside.push("crash-held", pipeline(outside.folder, "crash-held"))
    outside.put("crash-held", "ready", ready=True, count=1, date="2026-03-03")
    await_that(lambda: (run := outside.run("crash-held", "2026-03-03")) and run.started_token, "the start")
    for count in range(2, 5):
        # Each row wakes the run, which needs a worker for its look.
        outside.store.put_sensor("crash-held", "ready", {"ready": True, "count": count, "date": "2026-03-03"})
        await_that(lambda: outside.kill("orchestrator"), "a worker to kill", every=0.005)
    outside.put("crash-held", "ready", ready=True, count=10, date="2026-03-03")
    assert outside.closed("crash-held", "2026-03-03").status is RunStatus.COMPLETED
    assert outside.starts("crash-held") == ["2026-03-03 0"]


def test_kill_of_orchestrator_does_not_restart_attempt(outside: Outside) -> None:
    # The first attempt ends by the kill only.
    go = outside.folder / "crash-job.go"
    work = f'test "$INTERLOCK_ATTEMPT" = 1 || {until_exists(go)}'
    outside.push("crash-job", pipeline(outside.folder, "crash-job", work=work, job="maxRetries: 1"))
    outside.put("crash-job", "ready", ready=True, count=10, date="2026-03-03")
    await_that(lambda: outside.starts("crash-job"), "the job's start")
    assert outside.kill("orchestrator") >= 1
    go.touch()
    run = await_that(
        lambda: (found := outside.run("crash-job", "2026-03-03")) and not found.is_running and found,
        "the end",
    )
    assert (run.status, run.attempt) == (RunStatus.COMPLETED, 1)
    assert outside.starts("crash-job") == ["2026-03-03 0", "2026-03-03 1"]
    errors = [entry.error or "" for entry in outside.store.entries(run.key) if entry.event == "fail"]
    assert len(errors) == 1
    assert "outcome unknown" in errors[0]


def test_kill_of_router_between_commit_and_act_loses_no_run(outside: Outside) -> None:
    outside.push("crash-act", pipeline(outside.folder, "crash-act"))
    hits, killed = 0, []
    for number in range(MOST_DATES):
        date = f"{FIRST + datetime.timedelta(days=number)}"
        outside.store.put_sensor("crash-act", f"ready#{date}", {"ready": True, "count": 10, "date": date})
        run = await_that(lambda found=date: outside.run("crash-act", found), "the commit", every=0.0)
        outside.kill("stream-router")
        after = outside.run("crash-act", date)
        # A hit is a kill after the commit of the run and before the record of its start.
        hits += run.started_token is None and after is not None and after.started_token is None
        killed.append(date)
        if hits and len(killed) >= FEWEST_DATES:
            break
    for date in killed:
        assert outside.closed("crash-act", date).status is RunStatus.COMPLETED
    assert hits >= 1, "no kill fell between commit and act"
    assert Counter(outside.starts("crash-act")) == Counter(f"{date} 0" for date in killed)


def test_kill_of_router_between_wake_and_success_loses_no_wake(outside: Outside) -> None:
    """The record comes again, or the watchdog sends the success. No poll would come: the interval is five minutes."""
    text = pipeline(outside.folder, "crash-wake").replace("interval: 1s", "interval: 5m")
    outside.push("crash-wake", text)
    hits, killed = 0, []
    for number in range(WAKES):
        date = f"{FIRST + datetime.timedelta(days=number)}"
        key = RunKey("crash-wake", "stream", parse_execution_date(date))
        outside.store.put_sensor("crash-wake", f"ready#{date}", {"ready": True, "count": 1, "date": date})
        before = await_that(lambda key=key: _registered(outside, key), "the wait")
        outside.store.put_sensor("crash-wake", f"ready#{date}", {"ready": True, "count": 10, "date": date})
        await_that(lambda key=key, before=before: _wakes(outside, key) != before.wakes, "the wake", every=0.0)
        outside.kill("stream-router")
        after = outside.store.waits.of_run(key)
        # A hit is a kill after the record of the wake and before the success: the wait still has its token.
        hits += after is not None and after.task_token == before.task_token
        killed.append(date)
    print(f"{hits} of {WAKES} kills fell between the record of a wake and its success")
    for date in killed:
        assert outside.closed("crash-wake", date).status is RunStatus.COMPLETED
    assert Counter(outside.starts("crash-wake")) == Counter(f"{date} 0" for date in killed)


def test_wake_without_success_is_sent_by_the_watchdog(outside: Outside) -> None:
    """A router that never comes back leaves the record of a wake, and nothing else."""
    outside.push("crash-sent", pipeline(outside.folder, "crash-sent").replace("interval: 1s", "interval: 5m"))
    outside.put("crash-sent", "ready", ready=True, count=1, date="2026-03-03")
    key = RunKey("crash-sent", "stream", parse_execution_date("2026-03-03"))
    before = await_that(lambda: _registered(outside, key), "the wait")
    assert outside.store.waits.record_wake(before, datetime.datetime.now(datetime.UTC))
    again = await_that(
        lambda: (found := _registered(outside, key)) and found.registrations > before.registrations and found,
        "the look after the success",
    )
    assert again.wakes == before.wakes + 1


def _registered(outside: Outside, key: RunKey) -> Wait | None:
    found = outside.store.waits.of_run(key)
    return found if found is not None and found.task_token is not None else None


def _wakes(outside: Outside, key: RunKey) -> int | None:
    found = outside.store.waits.of_run(key)
    return None if found is None else found.wakes
