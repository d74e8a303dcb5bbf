"""Random histories that two worlds play alike: sensors, operators and jobs do not depend on the config."""

import random
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

from msgspec import Struct
from simulation.jobs import Job, JobKind
from simulation.truths import Truth
from simulation.world import World

from interlock_config import ConfigError, PipelineConfig, decode_yaml
from interlock_lifecycle import RunKey
from interlock_lifecycle.trials import DateRecord, RecordedEvent, Trial, read_recorded
from interlock_sla import ExecutionDate, parse_execution_date
from interlock_store import records_of
from interlock_triggers import Category, State, Status

START = datetime(2026, 3, 26, tzinfo=UTC)
"""A Thursday, so that the days of a history have a weekend in them."""
DAYS = 4
SETTLED = timedelta(hours=4)

_ENDS = (
    Status(State.SUCCEEDED, None),
    Status(State.SUCCEEDED, None),
    Status(State.SUCCEEDED, None),
    Status(State.FAILED, Category.TRANSIENT, "bad luck"),
    Status(State.FAILED, Category.PERMANENT, "bad code"),
)


class Deed(Struct, frozen=True):
    """A sensor row that a producer writes at a moment, or a rerun that an operator requests (no fields)."""

    at: datetime
    date: ExecutionDate
    sensor: str = ""
    fields: Mapping[str, Any] = {}


class History(Struct, frozen=True):
    """The deeds of one pipeline from `start` on, and the end of the n-th job of each date. `until`: the end."""

    seed: int
    pipeline_id: str
    deeds: tuple[Deed, ...]
    start: datetime
    until: datetime
    end_of: Callable[[str, int], JobKind]
    tick: timedelta = timedelta(minutes=10)

    def play(self, config: PipelineConfig) -> World:
        """A new world, in which the pipeline has had this config since the begin, after all days."""
        world = World(self.seed, start=self.start, tick=self.tick)
        accept = world.jobs.on_accept

        def settle(job: Job) -> None:
            accept(job)
            number = 1 + sum(1 for one in world.jobs.accepted if one.date == job.date)
            job.kind = self.end_of(job.attempt.date, number)
            job.ends_at = world.now + job.kind.lasts

        world.jobs.on_accept = settle
        world.push(config)
        for deed in self.deeds:
            world.at(deed.at, self._act(world, deed, config))
        world.run_until(self.until)
        return world

    def _act(self, world: World, deed: Deed, config: PipelineConfig) -> Callable[[], None]:
        if deed.sensor:
            return partial(world.sense, self.pipeline_id, deed.sensor, Truth(deed.date), **deed.fields)
        key = RunKey(self.pipeline_id, config.schedule_id, deed.date)
        return partial(world.rerun, key, requested_at=deed.at)


def events_of(world: World) -> dict[tuple[str, ExecutionDate], list[RecordedEvent]]:
    """The delivered events of a world by schedule and date, each once."""
    found: dict[tuple[str, ExecutionDate], dict[str, RecordedEvent]] = {}
    for event_type, wire in world.bus.delivered:
        event = read_recorded(event_type, wire)
        if event is not None and wire.get("date"):
            found.setdefault((wire["scheduleId"], parse_execution_date(wire["date"])), {})[event.id] = event
    return {key: sorted(events.values(), key=lambda one: one.id) for key, events in found.items()}


def trial_of(
    world: World, before: PipelineConfig, after: PipelineConfig, start: datetime = START
) -> tuple[Trial, list[DateRecord]]:
    """The trial of a config on the whole history of a world."""
    created_at = world.store.config(before.id).created_at or start
    trial = Trial(before, after, after.exclusions({}), created_at, start, world.now)
    return trial, records_of(world.store, trial, events_of(world))


# --- random histories ------------------------------------------------------------------------------------------------


class Shape(Struct, frozen=True):
    """The file of a pipeline in parts, which a change replaces one by one."""

    schedule: str
    sla: str
    rules: tuple[str, ...]
    mode: str
    job: str

    @property
    def is_valid(self) -> bool:
        """Whether the parts fit each other."""
        try:
            self.config()
        except ConfigError:
            return False
        return True

    def config(self) -> PipelineConfig:
        """The pipeline."""
        return decode_yaml(
            f"""
pipeline: {{id: p0}}
schedule: {{{self.schedule}}}
{self.sla}
validation: {{trigger: {self.mode}, rules: [{", ".join(self.rules)}]}}
job: {{type: glue, config: {{jobName: j}}, jobPollWindowSeconds: 7000, {self.job}}}
""",
            "p0.yaml",
        )


_TRIGGER = "trigger: {key: ready, check: exists}, evaluation: {window: %s, interval: 5m}"
_SCHEDULES = (
    _TRIGGER % "1h",
    _TRIGGER % "2h",
    _TRIGGER % "1h" + ", timezone: Europe/Berlin, exclude: {weekends: true}",
    _TRIGGER % "2h" + ', cron: "0 6 * * *"',
    'cron: "0 6 * * *", evaluation: {window: 2h, interval: 5m}',
    'cron: "30 7 * * 1-5", evaluation: {window: 1h, interval: 5m}',
    "trigger: {key: ready, check: exists, deadline: '08:00'}, evaluation: {window: 1h, interval: 5m}",
)
_SLAS = (
    "",
    'sla: {deadline: "09:00", expectedDuration: 1h}',
    'sla: {deadline: "07:30"}',
    "sla: {maxDuration: 45m, expectedDuration: 15m}",
    'sla: {deadline: "10:00", expectedDuration: 30m, maxDuration: 2h}',
)
_RULES = (
    *(f"{{key: ready, check: gte, field: count, value: {limit}}}" for limit in (5, 8, 10, 12)),
    "{key: ready, check: equals, field: complete, value: true}",
    "{key: volume, check: gte, field: n, value: 3}",
    "{key: volume, check: age_lt, field: updatedAt, value: 90m}",
    "{key: ready, check: lte, field: missing, value: 2}",
)
_JOBS = (
    "maxRetries: 0, maxCodeRetries: 0, maxManualReruns: 1, maxDriftReruns: 1, retryDelay: 0s",
    "maxRetries: 1, maxCodeRetries: 1, maxManualReruns: 2, maxDriftReruns: 2, retryDelay: 0s",
    "maxRetries: 2, maxCodeRetries: 0, maxManualReruns: 1, maxDriftReruns: 0, retryDelay: 90s",
    "maxRetries: 1, maxCodeRetries: 1, maxManualReruns: 0, maxDriftReruns: 2, retryDelay: 5m",
)
_MODES = ("ALL", "ALL", "ALL", "ANY")


def random_shape(rng: random.Random) -> Shape:
    """The parts of a valid pipeline."""
    while True:
        rules = tuple(rng.sample(_RULES, rng.choice([1, 2, 2, 3])))
        shape = Shape(rng.choice(_SCHEDULES), rng.choice(_SLAS), rules, rng.choice(_MODES), rng.choice(_JOBS))
        if shape.is_valid:
            return shape


def change(shape: Shape, rng: random.Random) -> Shape:
    """The shape with one part changed."""
    while True:
        changed = _change_once(shape, rng)
        if changed != shape and changed.is_valid:
            return changed


def _change_once(shape: Shape, rng: random.Random) -> Shape:
    part = rng.choice(["rules", "rules", "rules", "sla", "job", "schedule", "mode"])
    values = {one: getattr(shape, one) for one in shape.__struct_fields__}
    if part == "rules":
        kept = rng.sample(shape.rules, rng.randint(0, len(shape.rules)))
        values["rules"] = tuple(dict.fromkeys((*kept, rng.choice(_RULES))))
    elif part == "mode":
        values["mode"] = "ANY" if shape.mode == "ALL" else "ALL"
    else:
        values[part] = rng.choice({"sla": _SLAS, "job": _JOBS, "schedule": _SCHEDULES}[part])
    return Shape(**values)


def random_history(seed: int, rng: random.Random) -> History:
    """The deeds of some days: each day has some writes of two sensors, and some have a rerun request."""
    per_period, stamped = rng.random() < 0.6, rng.random() < 0.9
    deeds: list[Deed] = []
    for number in range(DAYS):
        day = START.date() + timedelta(days=number)
        if rng.random() < 0.12:
            continue
        deeds += _deeds_of(day, rng, per_period=per_period, stamped=stamped)

    def end_of(date: str, number: int) -> JobKind:
        own = random.Random(f"{seed} {date} {number}")
        return JobKind(own.choice(_ENDS), timedelta(seconds=own.randint(30, 5400)))

    return History(seed, "p0", tuple(deeds), START, START + timedelta(days=DAYS) + SETTLED, end_of)


def _deeds_of(day: date, rng: random.Random, *, per_period: bool, stamped: bool) -> Iterable[Deed]:
    when = ExecutionDate(day)
    suffix = f"#{day}" if per_period else ""
    at = datetime.combine(day, time(rng.randint(4, 8), rng.randint(0, 59)), UTC)
    volume_at = at + timedelta(minutes=rng.randint(-40, 60))
    for _ in range(rng.randint(0, 2)):
        yield _sensed(when, f"volume{suffix}", volume_at, stamped, n=rng.randint(1, 5))
        volume_at += timedelta(minutes=rng.randint(5, 60))
    counts = sorted(rng.randint(3, 14) for _ in range(rng.randint(1, 4)))
    for count in counts:
        complete = count >= 9
        yield _sensed(when, f"ready{suffix}", at, stamped, count=count, complete=complete, missing=max(0, 12 - count))
        at += timedelta(minutes=rng.choice([2, 10, 25, 50, 120]))
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        at += timedelta(minutes=rng.randint(20, 200))
        yield Deed(at, when)


def _sensed(when: ExecutionDate, sensor: str, at: datetime, stamped: bool, **fields: Any) -> Deed:
    stamp = {"updatedAt": at.isoformat()} if stamped else {}
    return Deed(at, when, sensor, {"date": str(when), **fields, **stamp})
