"""Waits at task tokens: a hot sensor, lost events, and executions of the former definition."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from simulation import services
from simulation.faults import Fault
from simulation.machine import DEFINITION, Execution, load_definition
from simulation.truths import Truth
from simulation.waits import MOST_HISTORY
from simulation.world import World

from interlock_config import decode_yaml
from interlock_lifecycle import RunKey
from interlock_sla import parse_execution_date
from interlock_store import parse_time

FORMER = DEFINITION.parents[2] / "tests" / "simulation" / "polling.asl.json"
"""The last definition without waits at task tokens."""
DATE = "2026-03-27"
KEY = RunKey("p0", "stream", parse_execution_date(DATE))
TODAY = Truth(KEY.date)
REST = timedelta(seconds=30)
"""The longest rest of these pipelines: a tenth of five minutes."""


def world_of(*, window: str = "1h", interval: str = "1m", lasts: int = 5, rule: str = "") -> World:
    """A world without faults, in which today's sensor has too few rows. A job lasts some minutes.

    The execution's timeout of four hours leaves 3 h 50 min for the longest window.
    """
    world, more = World(1), f", {{key: ready, {rule}}}" if rule else ""
    text = f"""
pipeline: {{id: p0}}
schedule:
  trigger: {{key: ready, check: equals, field: ready, value: true}}
  evaluation: {{window: {window}, interval: {interval}}}
validation: {{trigger: ALL, rules: [{{key: ready, check: gte, field: count, value: 10}}{more}]}}
job: {{type: glue, config: {{jobName: j}}, jobPollWindowSeconds: {3600 if window == "1h" else 300}}}
"""
    world.push(decode_yaml(text, "p0.yaml"))
    world.jobs.lasts = timedelta(minutes=lasts)
    # A new config causes a look of its own after five minutes.
    world.run_until(world.now + timedelta(minutes=6))
    write(world, 3)
    return world


def write(world: World, count: int, **fields: Any) -> None:
    world.sense("p0", f"ready#{DATE}", TODAY, date=DATE, ready=True, count=count, **fields)


def execution_of(world: World) -> Execution:
    (execution,) = world.executions.all.values()
    return execution


def evaluated_at(world: World) -> datetime:
    row = world.trigger_row(KEY)
    assert row is not None
    return parse_time(row["evaluatedAt"], "", "")


# --- what a wait costs --------------------------------------------------------------------------------------------


def test_a_held_run_starts_within_seconds_of_its_row() -> None:
    world = world_of()
    released = world.now + timedelta(minutes=17)
    world.at(released, lambda: write(world, 12))
    world.run_until(released + timedelta(minutes=1))
    assert released <= evaluated_at(world) <= released + timedelta(seconds=2)
    assert execution_of(world).path.count("Evaluate") == 2


def test_a_followed_job_is_closed_within_seconds_of_its_end() -> None:
    world = world_of(lasts=23)
    write(world, 12)
    world.run_until(world.now + timedelta(minutes=24))
    (job,) = world.jobs.accepted
    closed = world.ledger.successes[KEY]
    assert [at - job.ends_at <= timedelta(seconds=2) for at in closed] == [True]
    # It looks once after the start, twice because ten minutes have passed, and once by the event.
    assert execution_of(world).path.count("CheckJob") == 3


@pytest.mark.parametrize("lasts", [3, 23])
def test_a_job_whose_event_is_lost_is_closed_by_the_next_look(lasts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of(lasts=lasts)
    monkeypatch.setattr(world.faults, "strikes", lambda fault: fault is Fault.EVENT_LOST)
    write(world, 12)
    world.run_until(world.now + timedelta(minutes=40))
    (job,) = world.jobs.accepted
    (closed,) = world.ledger.successes[KEY]
    assert timedelta(minutes=6) < closed - job.ends_at <= timedelta(minutes=10, seconds=5)


# --- a hot sensor -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "released"),
    [
        ("1m", timedelta(seconds=9)),
        ("5m", timedelta(minutes=31, seconds=9)),
        ("1m", timedelta(hours=3, minutes=41, seconds=7)),
    ],
)
def test_a_sensor_written_each_second_starts_its_run_soon(interval: str, released: timedelta) -> None:
    world = world_of(window="4h", interval=interval)
    began = world.now
    for second in range(int((released + REST).total_seconds())):
        count = 12 if timedelta(seconds=second) >= released else second % 9
        world.at(began + timedelta(seconds=second), partial(write, world, count, second=second))
    world.run_until(began + released + REST)
    execution = execution_of(world)
    looks, entries = execution.path.count("Evaluate"), execution.history
    print(
        f"interval {interval}, {released}: {len(execution.path)} transitions, {looks} looks, {entries} history entries"
    )
    assert entries < MOST_HISTORY
    assert timedelta() <= evaluated_at(world) - began - released <= REST


@pytest.mark.parametrize(
    ("rule", "ahead"),
    [("check: age_gt, value: 5s", 0), ("check: age_lt, value: 1m", 65)],
    ids=["a quiet feed is awaited", "a clock is ahead"],
)
def test_the_age_of_a_hot_sensor_makes_few_looks(rule: str, ahead: int) -> None:
    """The age rule changes a few seconds after each row, but a rest goes on."""
    window = timedelta(hours=4)
    world = world_of(window="4h", interval="5m", rule=rule)
    began, length = world.now, timedelta(hours=1)
    for second in range(int(length.total_seconds())):
        at = began + timedelta(seconds=second)
        stamp = (at + timedelta(seconds=ahead)).isoformat()
        world.at(at, partial(write, world, second % 9, second=second, updatedAt=stamp))
    world.run_until(began + length)
    execution = execution_of(world)
    print(f"{rule}: {execution.path.count('Evaluate')} looks, {execution.history} history entries")
    assert execution.history < MOST_HISTORY / 2 * (length / window)


# --- executions of the former definition --------------------------------------------------------------------------


@pytest.fixture
def former(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """The definition of executions that were started before the upgrade."""
    definition = load_definition(source=FORMER)
    monkeypatch.setattr(services, "MACHINE", definition)
    return definition


def test_an_execution_of_the_former_definition_polls_to_its_end(former: Mapping[str, Any]) -> None:
    assert "canWait" not in json.dumps(former)
    world = world_of(interval="4m", lasts=9)
    released = world.now + timedelta(minutes=17)
    world.at(released, lambda: write(world, 12))
    world.run_until(released + timedelta(minutes=20))
    execution = execution_of(world)
    assert (execution.status, execution.tokens) == ("SUCCEEDED", 0)
    assert timedelta() <= evaluated_at(world) - released <= timedelta(minutes=4, seconds=2)
    (job,) = world.jobs.accepted
    assert [at - job.ends_at <= timedelta(seconds=62) for at in world.ledger.successes[KEY]] == [True]


def test_a_run_of_the_former_definition_that_is_recovered_waits(
    former: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(lasts=9)
    world.run_until(world.now + timedelta(minutes=3))
    first = execution_of(world)
    monkeypatch.setattr(services, "MACHINE", load_definition())
    world.executions.abort(first.name)
    released = world.now + timedelta(minutes=17)
    world.at(released, lambda: write(world, 12))
    world.run_until(released + timedelta(minutes=20))
    _, second = world.executions.all.values()
    assert (second.status, second.path.count("AwaitSensors")) == ("SUCCEEDED", 1)
    assert timedelta() <= evaluated_at(world) - released <= timedelta(seconds=2)


@pytest.mark.parametrize(("count", "polls"), [(3, (2, 0)), (12, (0, 9))], ids=["held", "followed"])
def test_wakes_do_not_disturb_a_polling_execution(
    former: Mapping[str, Any], count: int, polls: tuple[int, int]
) -> None:
    world = world_of(interval="4m", lasts=9)
    write(world, count)
    for minute in range(1, 8):
        world.at(world.now + timedelta(minutes=minute), partial(write, world, count, minute=minute))
    world.run_until(world.now + timedelta(minutes=7, seconds=30))
    execution = execution_of(world)
    assert execution.status == "RUNNING"
    # Held: at 0 and 4 minutes. Followed: after 2 s, then each minute.
    assert (execution.path.count("WaitToEvaluate"), execution.path.count("WaitForJob")) == polls
