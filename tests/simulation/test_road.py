"""The route of a run: random stories under faults, and a few fixed ones."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace
from simulation.conftest import SIMULATED, Amount
from simulation.jobs import Job
from simulation.long import chosen_seeds, play_seed
from simulation.stories import Story
from simulation.truths import Truth
from simulation.world import World

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import RunKey
from interlock_sla import parse_execution_date

BLOCKS = 16
DATE = "2026-03-27"
KEY = RunKey("p0", "stream", parse_execution_date(DATE))
TODAY = Truth(KEY.date)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_no_invariant_breaks(block: int, record_property: Callable[[str, object], None]) -> None:
    began, total = time.perf_counter(), Amount()
    for seed in chosen_seeds()[block::BLOCKS]:
        total += amount_of(play_seed(seed))
    total += Amount(seconds=time.perf_counter() - began)
    record_property(SIMULATED, [getattr(total, name) for name in total.__struct_fields__])


def amount_of(story: Story) -> Amount:
    days, faults = story.pipeline_days, story.world.faults.count.total()
    return Amount(1, days, days if faults else 0, faults)


def pipeline() -> PipelineConfig:
    return decode_yaml(
        """
pipeline: {id: p0}
schedule:
  trigger: {key: ready, check: equals, field: ready, value: true}
  evaluation: {window: 1h, interval: 1m}
validation: {rules: [{key: ready, check: gte, field: count, value: 10}]}
job: {type: glue, config: {jobName: j}, maxRetries: 2, jobPollWindowSeconds: 3600}
""",
        "p0.yaml",
    )


def world_with(count: int, config: PipelineConfig | None = None, *, outlasting: float = 0.0) -> World:
    """A world without faults, in which today's sensor has this count."""
    world = World(1)
    world.jobs.outlasting = outlasting
    world.push(config or pipeline())
    world.sense("p0", f"ready#{DATE}", TODAY, date=DATE, ready=True, count=count)
    return world


def test_without_faults_each_date_runs_once() -> None:
    world = world_with(10)
    world.run_until(world.now + timedelta(hours=2))
    emitted = world.events_of("p0")
    assert emitted[:2] == ["JOB_TRIGGERED", "VALIDATION_PASSED"]
    assert emitted.count("JOB_COMPLETED") == 1
    assert len(world.jobs.accepted) == 1


def test_an_incomplete_date_is_held_until_the_rest_comes() -> None:
    world = world_with(9)
    world.run_until(world.now + timedelta(minutes=5))
    assert world.jobs.accepted == []
    world.sense("p0", f"ready#{DATE}", TODAY, date=DATE, ready=True, count=10)
    world.run_until(world.now + timedelta(minutes=2))
    assert len(world.jobs.accepted) == 1


def test_a_window_without_data_fails_and_starts_nothing() -> None:
    world = world_with(9)
    world.run_until(world.now + timedelta(hours=3))
    assert world.jobs.accepted == []
    assert "VALIDATION_EXHAUSTED" in world.events_of("p0")


def test_no_attempt_starts_a_job_while_another_one_runs() -> None:
    config = pipeline()
    world = world_with(10, replace(config, job=replace(config.job, max_retries=2)), outlasting=1.0)
    world.run_until(world.now + timedelta(minutes=65))
    assert "JOB_POLL_EXHAUSTED" in world.events_of("p0")
    world.rerun(KEY)
    world.run_until(world.now + timedelta(minutes=20))
    assert len(world.jobs.accepted) == 1
    rejected = [detail["message"] for name, detail in world.bus.delivered if name == "JOB_FAILED"]
    assert len(rejected) == 3
    assert all("still runs" in message for message in rejected)


def test_the_invocation_of_an_aborted_execution_writes_nothing() -> None:
    config = pipeline()
    command = replace(config.job, type="command", config={"command": "true"}, max_retries=0)
    world = world_with(10, replace(config, job=command))
    accept = world.jobs.on_accept

    def abort_while_it_runs(job: Job) -> None:
        accept(job)
        job.ends_at = world.now + timedelta(minutes=2)
        (name,) = world.executions.all
        world.at(world.now + timedelta(seconds=1), lambda: world.executions.abort(name))

    world.jobs.on_accept = abort_while_it_runs
    world.run_until(world.now + timedelta(minutes=30))
    row = world.trigger_row(KEY)
    assert row is not None
    # No component that may write about the run knows the end of the job.
    assert (row["status"], row["attempt"], row["recoveries"]) == ("FAILED_FINAL", 0, 1)
    assert len(world.jobs.accepted) == 1
    assert "TRIGGER_RECOVERED" in world.events_of("p0")
    assert "JOB_COMPLETED" not in world.events_of("p0")


def test_a_dead_tick_does_not_repeat_a_missed_schedule() -> None:
    world = World(1)
    config = decode_yaml(
        """
pipeline: {id: p0}
schedule: {cron: "0 8 * * *", trigger: {key: ready, check: exists}}
validation: {rules: [{key: ready, check: exists}]}
job: {type: glue, config: {jobName: j}}
""",
        "p0.yaml",
    )
    world.push(config)
    world.run_until(world.now + timedelta(hours=7, minutes=58))
    cursor = world.cursor_row("missed-schedules")
    world.run_until(world.now + timedelta(minutes=20))
    world.rows.transact([cursor])  # as if the tick had died between its report and its cursor
    world.run_until(world.now + timedelta(minutes=20))
    assert world.events_of("p0") == ["SCHEDULE_MISSED"]
