"""Random stories from one seed: pipelines with zones, rules and SLAs, their sensors, operators and edits."""

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from simulation.faults import Fault
from simulation.truths import UNDATED, Truth
from simulation.world import World

from interlock_config import PipelineConfig, decode_yaml, encode_json
from interlock_lifecycle import JobEntry, Pause, RunKey
from interlock_sla import Calendar, ExecutionDate, parse_execution_date
from interlock_store import format_time

DAYS = 3
PIPELINES = 5
_TICKS = (5, *(15,) * 6, *(30,) * 9)
"""Minutes between two ticks. Ticks take most of a story's time, and slower ones find the same."""
QUIET = timedelta(hours=14)
"""The length of the quiet time without faults at a story's end."""

STARTS = ("2026-03-27", "2026-03-06", "2026-10-30", "2026-10-23", "2026-07-14", "2026-12-30", "2028-02-27")
"""First days of stories: across both DST days of Europe and America, the year's end, a leap day, and a plain one."""
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Asia/Kolkata", "Australia/Lord_Howe")
_SLAS = (
    "",
    "sla: {maxDuration: 45m, expectedDuration: 15m}",
    'sla: {deadline: "09:00", timezone: Asia/Tokyo}',
    'sla: {deadline: "02:30", expectedDuration: 1h}',
    'sla: {deadline: "18:00", maxDuration: 2h, expectedDuration: 30m, timezone: America/New_York}',
)
_EXCLUSIONS = ("", "", "exclude: {weekends: true}", "exclude: {dates: ['%s']}", "calendar: closed")
_JOBS = (
    "{type: glue, config: {jobName: j}",
    "{type: databricks, config: {workspaceUrl: 'https://d.example', jobId: '1'}",
    "{type: step-function, config: {stateMachineArn: 'arn:aws:states:eu-west-1:1:stateMachine:m'}",
    "{type: lambda, config: {functionName: f}",
    "{type: command, config: {command: 'true'}",
)
_VOLUME_RULES = ("{key: volume, check: gt, field: n, value: 0}", "{key: volume, check: age_lt, value: 30h}")


class Shape(Struct):
    """How a pipeline's sensors are written: the form of per-period keys, hours, and post-run sensors.

    A plain audit row is that of the date that was written last. `ledger`: there is a second post-run sensor.
    """

    keys: str
    hourly: bool
    audited: bool
    volume: bool
    twin: bool = False
    plain_audit: bool = False
    ledger: bool = False


_SLOTS = ("", "maxOpenDates: 1", "maxOpenDates: 1", "maxOpenDates: 2", "maxOpenDates: 0")

_HALF_WRITTEN: tuple[dict[str, Any], ...] = (
    {"status": "RUNNING"},
    {"status": "RUNNING", "runToken": "half"},
    {"status": "RUNNING", "attempt": 2, "startedToken": "half"},
    {"status": "WAITING", "runToken": "half", "leaseUntil": "2026-12-01T00:00:00Z"},
    {"runToken": 7},
)


class Story:
    """One seed: its world, its pipelines, and the expectations for its dates."""

    def __init__(
        self, seed: int, *, rate: float | None = None, days: int = DAYS, pipelines: int = PIPELINES, weights: Any = None
    ) -> None:
        self.rng = rng = random.Random(seed)
        self.more = random.Random(f"{seed}, what was added later")
        """A separate random source for additions, so that a story without additions replays unchanged."""
        self.slots = random.Random(f"{seed}, slots")
        """A separate random source for the limits of open dates."""
        self.pauses = random.Random(f"{seed}, pauses")
        """A separate random source for the pauses."""
        chosen = rng.choice([0.0, 0.02, 0.02, 0.06, 0.1])
        self.rate = chosen if rate is None else rate
        start = datetime.combine(date.fromisoformat(rng.choice(STARTS)), time(), UTC)
        tick = timedelta(minutes=rng.choice(_TICKS))
        self.world = World(seed, fault_rate=self.rate, start=start, tick=tick)
        self.world.jobs.failing, self.world.jobs.reported = 0.25, 0.1
        self.end = start + timedelta(days=days)
        self.edited: set[str] = set()
        self.promised: dict[RunKey, bool] = {}
        """The dates with a trigger, and whether it came on an allowed day."""
        self.spoiled_events: set[str] = set()
        self.half_written: dict[RunKey, bool] = {}
        """Dates with a half-written trigger row, and whether the row is in the index."""
        self.allowed: set[RunKey] = set()
        """Dates that may run or stay without a run."""
        self.configs: dict[str, PipelineConfig] = {}
        self.twins: list[tuple[str, str]] = []
        self._heard: set[str] = set()
        self.world.on_event = self._hear
        self._closed_day = start.date() + timedelta(days=rng.randrange(days))
        self._put_calendar()
        self._break_things(start)
        for number in range(pipelines):
            self._plan(f"p{number}", days)
        self._half_write(start, random.Random(f"{seed}, half-written rows"))
        self._flood(start)
        self._pause(start, days)
        if self.rate and rng.random() < 0.3:
            self._stop_streams(start, days)

    # --- pipelines ---------------------------------------------------------------------------------------

    def _put_calendar(self) -> None:
        calendar = Calendar("closed", frozenset(), frozenset({self._closed_day}))
        self.world.put_calendar(calendar)
        self.world.ledger.calendars["closed"] = calendar

    def _plan(self, name: str, days: int) -> None:
        rng = self.rng
        shape = Shape(
            keys=rng.choice(["date", "compact", "plain", "undated"]),
            hourly=rng.random() < 0.2,
            audited=rng.random() < 0.4,
            volume=rng.random() < 0.4,
            twin=not self.rate and rng.random() < 0.7,
        )
        if shape.hourly and shape.keys == "undated":
            shape.keys = "date"
        if shape.audited:
            shape.plain_audit, shape.ledger = self.more.random() < 0.4, self.more.random() < 0.4
        config = self._config(name, shape)
        self._push(config)
        ids = [name, *self._add_shadow(config)] if shape.twin else [name]
        for day in range(days):
            local = (self.world.now + timedelta(days=day)).date()
            for hour in sorted(rng.sample(range(24), 3)) if shape.hourly else [None]:
                self._plan_date(config, ids, shape, local, hour)
        if self.rate and not shape.twin and rng.random() < 0.25:
            self._edit(config)

    def _push(self, config: PipelineConfig) -> None:
        self.configs[config.id] = config
        self.world.push(config)

    def _add_shadow(self, config: PipelineConfig) -> list[str]:
        """The pipeline's twin, which is a dry run."""
        pipeline = msgspec.structs.replace(config.pipeline, id=f"{config.id}-shadow")
        shadow = msgspec.structs.replace(config, dry_run=True, pipeline=pipeline)
        self._push(shadow)
        self.twins.append((config.id, shadow.id))
        return [shadow.id]

    def _config(self, name: str, shape: Shape) -> PipelineConfig:
        rng = self.rng
        rules = ["{key: ready, check: gte, field: count, value: 10}"]
        rules += [rng.choice(_VOLUME_RULES)] if shape.volume else []
        second = ", {key: ledger, check: gte, field: n, value: 3}" if shape.ledger else ""
        audit = f"postRun: {{rules: [{{key: audit, check: exists}}{second}], driftThreshold: %d, sensorTimeout: 1h}}"
        # A twin's is drawn separately, so that other stories replay unchanged.
        exclude = self.more.choice(("", _EXCLUSIONS[2])) if shape.twin else rng.choice(_EXCLUSIONS)
        budgets = f"maxRetries: {rng.randint(0, 2)}, maxCodeRetries: {rng.randint(0, 1)}"
        budgets += f", maxDriftReruns: {rng.randint(0, 2)}, maxManualReruns: {rng.randint(0, 2)}"
        return decode_yaml(
            f"""
pipeline: {{id: {name}}}
schedule:
  timezone: {rng.choice(ZONES)}
  trigger: {{key: ready, check: equals, field: ready, value: true}}
  evaluation: {{window: {rng.choice(["10m", "1h"])}, interval: 1m}}
  {exclude % self._closed_day if "%" in exclude else exclude}
  {"" if shape.twin else self.slots.choice(_SLOTS)}
{rng.choice(_SLAS)}
validation:
  trigger: {rng.choice(["ALL", "ALL", "ANY"])}
  rules: [{", ".join(rules)}]
job: {rng.choice(_JOBS)}, {budgets}, jobPollWindowSeconds: 3600, retryDelay: {rng.choice(["0s", "90s"])}}}
{audit % rng.choice([0, 5]) if shape.audited else ""}
""",
            f"{name}.yaml",
        )

    # --- sensors -----------------------------------------------------------------------------------------

    def _plan_date(  # noqa: C901 (one line per kind of sensor)
        self, config: PipelineConfig, ids: list[str], shape: Shape, day: date, hour: int | None
    ) -> None:
        rng, zone = self.rng, config.zone
        at = datetime.combine(day, time(hour or rng.randint(0, 9), rng.randint(0, 59)), zone).astimezone(UTC)
        at += timedelta(seconds=rng.randint(0, 59), milliseconds=rng.randint(0, 999))
        when = ExecutionDate(day, hour)
        if shape.keys == "undated":
            when = ExecutionDate(at.astimezone(zone).date())
        fields: dict[str, Any] = {"date": str(day) if rng.random() < 0.7 else day.strftime("%Y%m%d")}
        if hour is not None:
            fields["hour"] = f"{hour:02d}"
        truth = Truth(when)
        if shape.keys == "undated":
            fields, truth = {}, UNDATED
        if at >= self.end - timedelta(hours=2) or at <= self.world.now:
            return
        suffix = {"date": f"#{when}", "compact": f"#{when.compact}"}.get(shape.keys, "")
        if shape.volume:
            early = at - timedelta(minutes=rng.randint(1, 50))
            # Without fields of its own only its key can name a date.
            self._sense(config, ids, f"volume{suffix}", early, truth if suffix else UNDATED, n=rng.randint(0, 1))
        if shape.audited:
            sizes = rng.choice([[100, 200], [0, 50], [50, 0], [100, 103], [7, 7, 9]])
            audit = "audit" if shape.plain_audit else f"audit#{when}"
            audited = UNDATED if shape.plain_audit and not fields else Truth(when)
            self._sense(config, ids, audit, at - timedelta(minutes=1), audited, sensor_count=sizes[0], **fields)
            later = at
            for size in sizes[1:]:
                later += timedelta(minutes=rng.randint(200, 300) if shape.twin else rng.choice([3, 30, 240]))
                self._sense(config, ids, audit, later, audited, sensor_count=size, **fields)
            for number in range(self.more.randint(0, 2) if shape.ledger else 0):
                counted = later + timedelta(minutes=self.more.choice([-30, 0, 20]), seconds=number)
                size = self.more.randint(2, 4)
                self._sense(config, ids, f"ledger#{when}", counted, Truth(when), n=size, **fields)
        counts = sorted(rng.choices([3, 8, 10, 12], k=rng.randint(1, 3)))
        key = RunKey(config.id, config.schedule_id, when)
        for count in counts:
            value = rng.choice([count, Decimal(count), str(count)])
            self._trigger(config, ids, key, f"ready{suffix}", at, truth, ready=True, count=value, **fields)
            at += timedelta(minutes=rng.choice([0, 1, 5, 20]), milliseconds=rng.choice([0, 400, 59_900]))
        if rng.random() < 0.2 and not shape.twin:
            late = at + timedelta(minutes=rng.randint(40, 400))
            self._trigger(config, ids, key, f"ready{suffix}", late, truth, ready=True, count=15, **fields)
        self._ask_for_reruns(ids, key, at, twin=shape.twin)
        if rng.random() < 0.15 and not shape.twin:
            self._report_falsely(key, at + timedelta(minutes=rng.randint(1, 20)))

    def _trigger(
        self, config: PipelineConfig, ids: list[str], key: RunKey, sensor: str, at: datetime, truth: Truth, **f: Any
    ) -> None:
        if at >= self.end:
            return
        self._sense(config, ids, sensor, at, truth, **f)
        allowed = not self.world.ledger.exclusions(config).excludes(at.astimezone(config.zone).date())
        self.promised[key] = self.promised.get(key, False) or allowed

    def _sense(
        self, config: PipelineConfig, ids: list[str], sensor: str, at: datetime, truth: Truth, **fields: Any
    ) -> None:
        written = self.rng.choice(
            [at.isoformat(), at.timestamp(), str(int(at.timestamp())), int(at.timestamp() * 1000)]
        )
        if isinstance(written, float):
            written = Decimal(str(round(written, 3)))
        for pipeline_id in ids:
            self.world.at(at, partial(self.world.sense, pipeline_id, sensor, truth, **fields, updatedAt=written))

    # --- operators ---------------------------------------------------------------------------------------

    def _ask_for_reruns(self, ids: list[str], key: RunKey, at: datetime, *, twin: bool) -> None:
        rng = self.rng
        first = 120 if twin else 1
        for _ in range(rng.choice([0, 0, 1, 2])):
            when = at + timedelta(minutes=rng.randint(first, 300))
            if twin and self.may_be_dormant(key):
                continue  # a dry run begins no date by a request
            for name in ids:
                asked = msgspec.structs.replace(key, pipeline_id=name)
                self.world.at(when, partial(self.world.rerun, asked, requested_at=when))

    def _hear(self, event_type: str, detail: Mapping[str, Any]) -> None:
        """An operator requests a rerun of a job that was given up and may still run, and then another one."""
        if event_type != "JOB_POLL_EXHAUSTED" or detail["id"] in self._heard or self._has_twin(detail["pipelineId"]):
            return
        self._heard.add(detail["id"])
        key = RunKey(detail["pipelineId"], detail["scheduleId"], parse_execution_date(detail["date"]))
        when = self.world.now
        for _ in range(self.rng.choice([0, 2, 2])):
            when += timedelta(minutes=self.rng.randint(1, 25))
            if when < self.end:
                self.world.at(when, partial(self.world.rerun, key, requested_at=when))

    def may_be_dormant(self, key: RunKey) -> bool:
        """Whether the date's data may come on a day that its pipeline excludes."""
        return self.configs[key.pipeline_id].schedule.exclude is not None

    def _has_twin(self, pipeline_id: str) -> bool:
        return any(pipeline_id == live for live, _ in self.twins)

    def _report_falsely(self, key: RunKey, at: datetime) -> None:
        """An outcome of another job, which must not count."""
        entry = JobEntry(key, at, self.rng.choice(["success", "fail"]), run_id="somebody-else")
        self.world.at(at, lambda: self.world.report_outcome(entry))

    def _edit(self, config: PipelineConfig) -> None:
        """The config becomes a dry run, unreadable, deleted or another one for a while."""
        self.edited.add(config.id)
        world, rng = self.world, self.rng
        at = world.now + timedelta(minutes=rng.randint(60, 60 * 40))
        back = at + timedelta(minutes=rng.choice([1, 4, 30, 300]))
        dry = encode_json(msgspec.structs.replace(config, dry_run=True))
        other = encode_json(config).replace('"value":10', '"value":11')
        text = rng.choice([dry, "{", None, other, encode_json(config) + " "])
        world.at(at, self._edited(lambda: world.write_config(config.id, text)))
        world.at(back, self._edited(lambda: world.write_config(config.id, encode_json(config))))

    def _edited(self, act: Callable[[], None]) -> Callable[[], None]:
        def edit() -> None:
            self.world.faults.count[Fault.CONFIG_EDITED] += 1
            act()

        return edit

    def _stop_streams(self, start: datetime, days: int) -> None:
        at = start + timedelta(minutes=self.rng.randint(0, days * 1200))

        def stop() -> None:
            self.world.faults.count[Fault.STREAM_STOPPED] += 1
            self.world.streams.stop(self.world.now + timedelta(hours=self.rng.choice([1, 6, 23])))

        self.world.at(at, stop)

    def _break_things(self, start: datetime) -> None:
        """Write corrupted rows. None of them may hold up or start anything."""
        world, rng = self.world, self.rng
        world.write_config("broken", rng.choice(["{", "[]", "", '{"pipeline": {"id": "other"}}']))
        # An operator deletes it later.
        world.at(start + timedelta(minutes=rng.randint(60, 3000)), lambda: world.write_config("broken", None))
        nobody = RunKey("nobody", "stream", ExecutionDate(start.date()))
        acts: list[Callable[[], None]] = [
            lambda: world.sense("broken", "ready", UNDATED, ready=True, count=10),
            lambda: world.sense("nobody", "ready", UNDATED, ready=True, count=10),
            lambda: world.rerun(nobody),
            lambda: world.write_row("PIPELINE#p0", "NONSENSE#1"),
            lambda: world.write_row("PIPELINE#p0", "RERUN_REQUEST#stream#2026-02-30", requestedAt="x"),
            lambda: self._empty_sensor("p0"),
            lambda: world.report_outcome(JobEntry(msgspec.structs.replace(nobody, pipeline_id="p0"), start, "dance")),
        ]
        for act in acts:
            world.at(start + timedelta(minutes=rng.randint(1, 2000)), act)
        for number in range(self.more.randint(0, 4)):
            self._spoil(number, start)

    def _spoil(self, number: int, start: datetime) -> None:
        """An external process overwrites a row of Interlock's, so that the row cannot be read."""
        world, more = self.world, self.more
        pipeline = f"PIPELINE#p{more.randrange(PIPELINES)}"
        date = str((start + timedelta(days=more.randrange(DAYS))).date())
        spoiled = more.choice(["soon", {}, Decimal(7), None])
        acts: list[Callable[[], None]] = [
            lambda: self._spoil_event(pipeline, f"EVENT#spoiled-{number}", start),
            lambda: world.spoil_rerun(pipeline, f"RERUN#stream#{date}#{number}", triggeredAt=spoiled),
            lambda: world.write_unless_there(pipeline, f"SENSOR#first-sensor-arrival#{date}", data=spoiled),
        ]
        world.at(start + timedelta(minutes=more.randint(1, 3000)), more.choice(acts))

    def _flood(self, start: datetime) -> None:
        """An operator requests some old dates of each pipeline with few slots at once. They have no data."""
        for _, config in sorted(self.configs.items()):
            if config.dry_run or config.schedule.max_open_dates not in (1, 2):
                continue
            at = start + timedelta(minutes=self.slots.randint(1, 1500))
            for back in range(50, 50 + self.slots.randint(2, 6)):
                key = RunKey(config.id, config.schedule_id, ExecutionDate(start.date() - timedelta(days=back)))
                self.allowed.add(key)
                self.world.at(at, partial(self.world.rerun, key))

    def _pause(self, start: datetime, days: int) -> None:
        """An operator pauses pipelines for some time, with an end or until a resume."""
        for name in sorted(self.configs):
            for _ in range(self.pauses.choice([0, 0, 1, 2])):
                at = start + timedelta(minutes=self.pauses.randint(1, days * 1440))
                length = timedelta(minutes=self.pauses.choice([2, 10, 45]))
                is_open = self.pauses.random() < 0.5
                pause = Pause(None if is_open else at + length, "ada", "source is migrated")
                self.world.at(at, partial(self.world.store.pause, name, pause))
                if is_open:
                    self.world.at(at + length, partial(self.world.store.resume, name))

    def _half_write(self, start: datetime, rng: random.Random) -> None:
        """An external process writes a part of a run's row, for dates without data. An operator may rerun the date."""
        for number in range(rng.randint(0, 3)):
            config = rng.choice([config for _, config in sorted(self.configs.items()) if not config.dry_run])
            day = start.date() - timedelta(days=40 + number)
            key = RunKey(config.id, config.schedule_id, ExecutionDate(day))
            row = dict(rng.choice(_HALF_WRITTEN))
            at = start + timedelta(minutes=rng.randint(1, 3000))
            indexed = rng.random() < 0.5
            if indexed:
                row |= {"GSI1PK": rng.choice(["PENDING", "RUNNING"]), "GSI1SK": format_time(start)}
            self.half_written[key] = indexed
            self.allowed.add(key)
            sk = f"TRIGGER#{key.schedule_id}#{key.date}"
            self.world.at(at, partial(self.world.write_unless_there, f"PIPELINE#{key.pipeline_id}", sk, **row))
            if rng.random() < 0.5:
                self.world.at(at + timedelta(minutes=rng.randint(0, 90)), partial(self.world.rerun, key))

    def _empty_sensor(self, pipeline_id: str) -> None:
        """A sensor's row without any field. A dry run's twin sees the same rows as its live pipeline."""
        for name in (pipeline_id, *(shadow for live, shadow in self.twins if live == pipeline_id)):
            self.world.write_row(f"PIPELINE#{name}", "SENSOR#ready")

    def _spoil_event(self, pipeline: str, sk: str, start: datetime) -> None:
        self.spoiled_events.add(sk)
        self.world.write_row(pipeline, sk, detail="{}", GSI1PK="PENDING", GSI1SK=format_time(start))

    def expected_days(self, config: PipelineConfig) -> list[date]:
        """The days whose absolute deadline must be reported."""
        first = self.started.astimezone(config.zone).date() + timedelta(days=1)
        return [first + timedelta(days=step) for step in range(DAYS)]

    def broken(self) -> Iterator[tuple[str, str]]:
        """The other broken invariants at the end, with their messages."""
        return iter(())

    # --- playing -----------------------------------------------------------------------------------------

    @property
    def pipeline_days(self) -> int:
        """The number of simulated pipeline-days."""
        return len(self.configs) * round((self.end - self.started).total_seconds() / 86400)

    @property
    def started(self) -> datetime:
        """The begin of the story."""
        return self.end - timedelta(days=DAYS)

    @property
    def settling(self) -> timedelta:
        """The time that a run may take to end after the quiet hours."""
        return 2 * self.world.tick

    def play(self) -> None:
        """Play the days with faults, then the quiet time until everything has settled."""
        self.world.run_until(self.end)
        self.world.faults.active = False
        self.world.run_until(self.end + QUIET)
        # A commit of the last moment also has time to settle.
        latest = self.world.now + self.settling
        while not self.world.is_quiet() and self.world.now < latest:
            self.world.run_until(self.world.now + timedelta(minutes=1))
