"""A pause on the local stack: waiting runs are parked, data is kept, and all of it starts at the resume."""

import json
import time

from integration.conftest import Outside, await_that, pipeline, until_exists

from interlock_lifecycle import RunKey, RunStatus
from interlock_sla import parse_execution_date

DAYS = ("2026-03-03", "2026-03-04", "2026-03-05")
NAME = "paused"


def test_paused_pipeline_starts_nothing_until_resumed(outside: Outside) -> None:
    outside.push(NAME, pipeline(outside.folder, NAME))
    outside.put(NAME, f"ready#{DAYS[0]}", ready=True, count=1, date=DAYS[0])
    await_that(lambda: "RUN_HELD" in outside.events(NAME, DAYS[0]), "the event RUN_HELD")
    outside.interlock("pause", NAME, "--reason", "source is migrated")
    await_that(lambda: is_parked(outside, DAYS[0]), "the held run is parked")
    for day in DAYS:
        outside.put(NAME, f"ready#{day}", ready=True, count=12, date=day)
    await_that(lambda: all(is_parked(outside, day) for day in DAYS), "all runs wait")
    time.sleep(5)
    assert outside.starts(NAME) == []
    (shown,) = json.loads(outside.interlock("status", NAME, "--json").stdout)
    assert [run["progress"] for run in shown["runs"]] == ["held"] * len(DAYS)
    assert all("the pipeline is paused until it is resumed by " in run["reason"] for run in shown["runs"])
    assert "is paused" in outside.interlock("why", NAME, DAYS[1]).stdout
    outside.interlock("resume", NAME)
    assert [outside.closed(NAME, day).status for day in DAYS] == [RunStatus.COMPLETED] * len(DAYS)
    assert sorted(outside.starts(NAME)) == [f"{day} 0" for day in DAYS]


def test_started_job_is_followed_to_its_end_in_a_pause(outside: Outside) -> None:
    name, done = "paused-job", outside.folder / "paused-job.done"
    outside.push(name, pipeline(outside.folder, name, work=until_exists(done)))
    outside.put(name, "ready", ready=True, count=12, date=DAYS[0])
    await_that(lambda: outside.starts(name), "the job")
    outside.interlock("pause", name)
    done.touch()
    assert outside.closed(name, DAYS[0]).status is RunStatus.COMPLETED


def is_parked(outside: Outside, day: str) -> bool:
    run = outside.store.run(RunKey(NAME, "stream", parse_execution_date(day)))
    return run is not None and run.waits_for_slot and run.started_token is None
