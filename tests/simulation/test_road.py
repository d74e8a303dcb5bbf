"""The road of a run under faults: random pipelines, sensors, job outcomes and crashes, and what must never break."""

import os
import random
from collections import Counter
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from simulation.world import World

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import RunKey, RunStatus, deadlines_of
from interlock_sla import Outcome, parse_execution_date

SEEDS = int(os.environ.get("INTERLOCK_SIMULATION_SEEDS", "120"))
FIRST = int(os.environ.get("INTERLOCK_SIMULATION_FIRST_SEED", "0"))
DAYS = 2


def pipeline(number: int, rng: random.Random) -> PipelineConfig:
    """A random pipeline: its window, its SLA, its retries."""
    window = rng.choice(["10m", "1h"])
    sla = rng.choice(
        ["", "sla: {maxDuration: 45m, expectedDuration: 15m}", 'sla: {deadline: "09:00", timezone: Asia/Tokyo}']
    )
    retries = rng.randint(0, 2)
    return decode_yaml(
        f"""
pipeline: {{id: p{number}}}
schedule:
  timezone: {rng.choice(["UTC", "Europe/Berlin", "America/New_York"])}
  trigger: {{key: ready, check: equals, field: ready, value: true}}
  evaluation: {{window: {window}, interval: 1m}}
{sla}
validation:
  trigger: ALL
  rules: [{{key: ready, check: gte, field: count, value: 10}}]
job: {{type: glue, config: {{jobName: j}}, maxRetries: {retries}, jobPollWindowSeconds: 3600}}
""",
        f"p{number}.yaml",
    )


class Story:
    """One seed: its world, its pipelines and the dates that were promised data."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self.world = World(seed, fault_rate=rng.choice([0.0, 0.02, 0.1]), failure_rate=0.2, findable=rng.random() < 0.5)
        self.configs = [pipeline(number, rng) for number in range(2)]
        self.keys: list[RunKey] = []
        for config in self.configs:
            self.world.push(config)
            for day in range(DAYS):
                self._plan_day(config, self.world.now + timedelta(days=day, hours=2), rng)

    def _plan_day(self, config: PipelineConfig, start: datetime, rng: random.Random) -> None:
        date = parse_execution_date(f"{start:%Y-%m-%d}")
        self.keys.append(RunKey(config.id, config.schedule_id, date))
        at = start + timedelta(minutes=rng.randint(0, 600))
        for count in sorted(rng.choices([3, 8, 10, 12], k=rng.randint(1, 3))):
            self._plan_sensor(config, str(date), at, count)
            at += timedelta(minutes=rng.choice([0, 1, 5, 20]))
        key = self.keys[-1]
        for _ in range(rng.choice([0, 0, 1, 2])):
            self.world.at(at + timedelta(minutes=rng.randint(30, 200)), lambda: self.world.rerun(key))

    def _plan_sensor(self, config: PipelineConfig, date: str, at: datetime, count: int) -> None:
        fields = {"date": date, "ready": True, "count": count, "updatedAt": at.isoformat()}
        self.world.at(at, lambda: self.world.sense(config.id, f"ready#{date}", **fields))

    def play(self) -> None:
        """The days with faults, then quiet until everything has settled."""
        end = self.world.now + timedelta(days=DAYS)
        self.world.run_until(end)
        self.world.faults.active = False
        self.world.run_until(end + timedelta(hours=14))


@pytest.mark.parametrize("block", range(12))
def test_no_invariant_breaks(block: int) -> None:
    for seed in range(FIRST + block, FIRST + SEEDS, 12):
        story = Story(seed)
        try:
            story.play()
            check(story)
        except AssertionError as broken:
            raise AssertionError(
                f"seed {seed}: {broken}; replay: INTERLOCK_SIMULATION_FIRST_SEED={seed} "
                f"INTERLOCK_SIMULATION_SEEDS=1 pytest tests/simulation"
            ) from broken


def check(story: Story) -> None:
    """The invariants of quality.md that the road can break."""
    world = story.world
    per_attempt = Counter((attempt.pipeline_id, attempt.date, attempt.number) for attempt, _ in world.jobs.accepted)
    assert all(count == 1 for count in per_attempt.values()), f"(b) an attempt started twice: {per_attempt}"
    assert world.store.pending(world.now) == [], "(h) something committed was never acted upon"
    assert world.store.running() == [], "(h) a run never settled"
    delivered = {detail["id"] for _, detail in world.delivered}
    assert set(world.committed_events) <= delivered, "(d) a committed event never reached the bus"
    assert world.dead_letters == [], "(e) a record of ours was dead-lettered"
    for key in story.keys:
        check_run(world, key)


def check_run(world: World, key: RunKey) -> None:
    """One date: how it ended, what was told, and its verdict."""
    run = world.store.run(key)
    assert run is not None, f"(e) {key} never ran"
    assert run.status is not RunStatus.RUNNING, f"(h) {key} is still RUNNING"
    told = Counter(
        event_type
        for event_type, detail in {detail["id"]: (name, detail) for name, detail in world.delivered}.values()
        if detail["pipelineId"] == key.pipeline_id and detail.get("date") == str(key.date)
    )
    for name in ("SLA_MET", "SLA_BREACH", "RELATIVE_SLA_BREACH"):
        assert told[name] <= 1, f"(c) {key}: {name} was told {told[name]} times"
    breached = told["SLA_BREACH"] + told["RELATIVE_SLA_BREACH"]
    assert not (told["SLA_MET"] and breached), f"(c) {key}: met and breached"
    completed = run.status is RunStatus.COMPLETED
    attempts = {attempt.number for attempt in world.starts_of(key)}
    assert told["JOB_COMPLETED"] <= len(attempts), f"(d) {key}: {told}"
    assert told["JOB_COMPLETED"] or not completed, f"(d) {key}: {told}"
    assert not told["SLA_MET"] or told["JOB_COMPLETED"], f"(c) {key}: met although it failed"
    verdict = world.store.verdict(key).clocks
    assert (Outcome.BREACH in {clock.outcome for clock in verdict.values()}) == bool(breached), f"(c) {key}: {verdict}"
    check_success(world, key, told)


def check_success(world: World, key: RunKey, told: Counter[str]) -> None:
    """The first success decides: before every deadline it is met, otherwise a breach is on record."""
    config = world.store.config(key.pipeline_id).config
    successes = [entry.at for entry in world.store.entries(key) if entry.event == "success"]
    assert config is not None
    deadlines = deadlines_of(config, key.date, world.store.arrived_at(key))
    if not successes or not deadlines:
        return
    judged = world.store.verdict(key).clocks
    assert set(judged) == {deadline.clock for deadline in deadlines}, f"(c) {key}: not every clock was judged"
    for deadline in deadlines:
        late = min(successes) >= deadline.breach_at
        assert not late or judged[deadline.clock].outcome is Outcome.BREACH, f"(c) {key}: a late success was met"
    if min(successes) < min(deadline.breach_at for deadline in deadlines):
        assert told["SLA_MET"] == 1, f"(c) {key}: a success in time was not met: {told}"


def test_without_faults_each_date_runs_once_and_right() -> None:
    world = World(1)
    config = pipeline(0, random.Random(0))
    world.push(config)
    world.sense("p0", "ready#2026-03-27", date="2026-03-27", ready=True, count=10)
    world.run_until(world.now + timedelta(hours=2))
    assert world.events_of("p0")[:2] == ["JOB_TRIGGERED", "VALIDATION_PASSED"]
    assert world.events_of("p0").count("JOB_COMPLETED") == 1
    assert len(world.jobs.accepted) == 1


def test_an_hour_that_arrives_short_is_held_until_the_rest_comes() -> None:
    world = World(2)
    config = pipeline(0, random.Random(0))
    world.push(config)
    world.sense("p0", "ready#2026-03-27", date="2026-03-27", ready=True, count=9)
    world.run_until(world.now + timedelta(minutes=5))
    assert world.jobs.accepted == []
    world.sense("p0", "ready#2026-03-27", date="2026-03-27", ready=True, count=10)
    world.run_until(world.now + timedelta(minutes=2))
    assert len(world.jobs.accepted) == 1


def test_a_window_without_data_ends_failed_and_started_nothing() -> None:
    world = World(3)
    world.push(pipeline(0, random.Random(0)))
    world.sense("p0", "ready#2026-03-27", date="2026-03-27", ready=True, count=9)
    world.run_until(world.now + timedelta(hours=3))
    assert world.jobs.accepted == []
    assert "VALIDATION_EXHAUSTED" in world.events_of("p0")


def test_no_attempt_starts_a_job_beside_one_that_still_runs() -> None:
    world = World(4)
    world.outlasting = 1.0
    config = pipeline(0, random.Random(0))
    world.push(replace(config, job=replace(config.job, max_retries=2)))
    world.sense("p0", "ready#2026-03-27", date="2026-03-27", ready=True, count=10)
    world.run_until(world.now + timedelta(minutes=65))
    assert "JOB_POLL_EXHAUSTED" in world.events_of("p0")
    world.rerun(RunKey("p0", "stream", parse_execution_date("2026-03-27")))
    world.run_until(world.now + timedelta(minutes=20))
    assert len(world.jobs.accepted) == 1
    refused = [detail["message"] for name, detail in world.delivered if name == "JOB_FAILED"]
    assert len(refused) == 3
    assert all("still runs" in message for message in refused)
