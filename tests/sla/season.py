"""Many pipelines over many days, with a scheduler that drops timers and ticks that do not come: what was reported.

No state machine runs here: starts and outcomes are committed through the store, as router and orchestrator would.
"""

import heapq
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml
from interlock_controller import AlertDesk, BusEntry, Outbox, RerunDesk
from interlock_lifecycle import (
    CloseFacts,
    JobIntent,
    JobOutcome,
    Run,
    RunKey,
    Timer,
    decide_completion,
    decide_started,
    open_run,
    timer_input,
)
from interlock_sla import ExecutionDate, parse_execution_date
from interlock_sla_monitor.monitor import Monitor
from interlock_store import MemoryTables, Overview, Store, TableNames
from interlock_watchdog.checks import all_checks
from interlock_watchdog.crew import Crew
from interlock_watchdog.recovery import Recovery
from interlock_watchdog.tick import run_tick

NAMES = TableNames.of_environment("season")
TIMEOUT = timedelta(hours=6)
TICK = timedelta(minutes=5)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
START = datetime(2026, 3, 5, tzinfo=UTC)


class Pipeline(Struct, frozen=True):
    """A pipeline's habits, and its deadline worked out apart from the code under test.

    `kind`: daily (deadline on the day after), cron (with a trigger), fires (started by the watchdog).
    """

    config: PipelineConfig
    kind: str
    zone: ZoneInfo
    due: time
    weekends: bool

    @property
    def id(self) -> str:
        return self.config.id

    def expects(self, day: date) -> bool:
        return self.weekends or day.weekday() < 5

    def fire(self, day: date) -> datetime:
        return datetime.combine(day, time(6), self.zone).astimezone(UTC)

    def deadline(self, day: date) -> datetime:
        due_on = day + timedelta(days=1) if self.kind == "daily" else day
        return datetime.combine(due_on, self.due, self.zone).astimezone(UTC)

    def key(self, day: date) -> RunKey:
        return RunKey(self.id, self.config.schedule_id, ExecutionDate(day))


def make_pipeline(number: int, dice: random.Random) -> Pipeline:
    kind, zone, weekends = ("daily", "cron", "fires")[number % 3], ZONES[number % 4], number % 5 != 0
    # Never between 01:00 and 04:00, when clocks are turned.
    due = time(dice.randint(8, 11) if kind != "daily" else dice.randint(5, 20), dice.randint(0, 59))
    schedule = {
        "daily": "trigger: {key: ready, check: exists}",
        "cron": 'cron: "0 6 * * *", trigger: {key: ready, check: exists}',
        "fires": 'cron: "0 6 * * *"',
    }[kind]
    excluded = "" if weekends else ", exclude: {weekends: true}"
    text = (
        f"pipeline: {{id: p{number}}}\nschedule: {{{schedule}, timezone: {zone}{excluded}}}\n"
        f'sla: {{deadline: "{due:%H:%M}", expectedDuration: 30m}}\n'
        "validation: {rules: [{key: ready, check: exists}]}\n"
        "job: {type: glue, config: {jobName: j}, maxRetries: 0, maxCodeRetries: 0}\n"
    )
    return Pipeline(decode_yaml(text, f"p{number}.yaml"), kind, ZoneInfo(zone), due, weekends)


class Fate(Struct):
    """What happened to one date: when its run ended, and how; nothing of a date that never ran."""

    ended_at: datetime | None = None
    succeeded: bool = False


class Season:
    """`count` pipelines over `days`."""

    def __init__(self, seed: int, count: int, days: int) -> None:
        self.dice = random.Random(seed)
        self.now, self.end = START, START + timedelta(days=days)
        self.tables = MemoryTables(self._changed)
        self.store = Store(self.tables, NAMES)
        self.pipelines = {one.id: one for one in (make_pipeline(number, self.dice) for number in range(count))}
        self.fates: dict[RunKey, Fate] = {}
        self.told: list[tuple[str, str, str, datetime]] = []
        self.faults: Counter[str] = Counter()
        self._queue: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._timers: dict[str, Timer] = {}
        self._deaf_until = START
        self.monitor = Monitor(self.store, self, AlertDesk(self.store, lambda: self.now), lambda: self.now)
        self._boot()

    def _boot(self) -> None:
        """A new process of the watchdog: it remembers nothing but the tables."""
        clock = lambda: self.now  # noqa: E731
        outbox = Outbox(self.store, self, self, now=clock, execution_timeout=TIMEOUT)
        reruns = RerunDesk(self.store, execution_timeout=TIMEOUT)
        recovery = Recovery(
            self.store,
            outbox,
            reruns,
            self,
            execution_timeout=TIMEOUT,
            pending_grace=timedelta(minutes=2),
            probe_after=TICK,
        )
        overview = Overview(self.tables, NAMES)
        self.checks = all_checks(
            self.store, overview, recovery, self, now=clock, execution_timeout=TIMEOUT, crew=Crew()
        )

    # --- what the services need --------------------------------------------------------------------------------

    def publish(self, entries: Sequence[BusEntry]) -> None: ...

    def start(self, name: str, execution_input: Mapping[str, Any]) -> None: ...

    def status(self, name: str) -> str:
        return "RUNNING"

    def create(self, key: RunKey, timer: Timer) -> None:
        if timer.name in self._timers:
            return
        self._timers[timer.name] = timer
        drawn = self.dice.random()
        if drawn < 0.3:
            self.faults["timers dropped"] += 1
            return
        late = timedelta(minutes=self.dice.randint(1, 40)) if drawn < 0.4 else timedelta()
        self.faults["timers late"] += bool(late)
        self.at(timer.at + late, lambda: self._fire(key, timer))

    def delete(self, timer: Timer) -> None:
        self._timers.pop(timer.name, None)

    def _fire(self, key: RunKey, timer: Timer) -> None:
        if self._timers.get(timer.name) is timer:
            del self._timers[timer.name]
            self.monitor.answer(timer_input(key, timer))

    def _changed(self, key: tuple[str, str, str], before: Any, after: Mapping[str, Any] | None) -> None:
        if key[2].startswith("EVENT#") and before is None and after is not None:
            detail = json.loads(after["detail"])
            self.told.append((str(after["detailType"]), detail["pipelineId"], str(detail.get("date")), self.now))
        if (
            key[2].startswith("TRIGGER#cron#")
            and before is None
            and after is not None
            and after["reason"] == "schedule"
        ):
            pipeline, day = self.pipelines[key[1][9:]], parse_execution_date(key[2][-10:]).day
            self.at(self.now + timedelta(seconds=3), lambda: self._began(pipeline.key(day)))

    # --- time --------------------------------------------------------------------------------------------------

    def at(self, when: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (max(when, self.now), next(self._order), act))

    def play(self) -> None:
        """All days, and two more in which nothing begins any more."""
        for pipeline in self.pipelines.values():
            self.store.put_config(pipeline.config)
            self.store.note_config(pipeline.id, START)
        days = [START.date() + timedelta(days=step) for step in range(-1, (self.end - START).days)]
        for pipeline in self.pipelines.values():
            for day in days:
                self._plan(pipeline, day)
        self.at(START + TICK, self._tick)
        last = self.end + timedelta(days=2)
        while self._queue and self._queue[0][0] <= last:
            self.now, _, act = heapq.heappop(self._queue)
            act()

    def _tick(self) -> None:
        self.at(self.now + TICK, self._tick)
        if self.now < self._deaf_until:
            self.faults["ticks missed"] += 1
            return
        drawn = self.dice.random()
        if drawn < 0.004:
            self._deaf_until = self.now + timedelta(minutes=self.dice.randint(5, 900))
        if drawn < 0.1:
            self.faults["ticks missed"] += 1
            return
        if drawn < 0.15:
            self._boot()
            self.faults["cold starts"] += 1
        self.faults["ticks"] += 1
        run_tick(self.checks, self, self.now)
        if drawn > 0.95:
            self.faults["ticks doubled"] += 1
            run_tick(self.checks, self, self.now)

    # --- what becomes of the dates -----------------------------------------------------------------------------

    def _plan(self, pipeline: Pipeline, day: date) -> None:
        """One in ten dates of pipelines that wait for a sensor gets no data; the others begin in time for a fire."""
        if not pipeline.expects(day) or day < START.astimezone(pipeline.zone).date():
            return
        key = pipeline.key(day)
        if pipeline.kind == "fires":
            return
        self.fates[key] = Fate()
        if self.dice.random() < 0.1:
            return
        begin = pipeline.fire(day) + timedelta(minutes=self.dice.randint(-60, 4))
        if pipeline.kind == "daily":
            begin = pipeline.deadline(day) - timedelta(minutes=self.dice.randint(-60, 600))
        if begin >= START:
            self.at(begin, lambda: self._trigger(key))

    def _trigger(self, key: RunKey) -> None:
        opened = open_run(key, decided_at=self.now, execution_timeout=TIMEOUT, arrived_at=self.now)
        self.store.commit(opened)
        self._began(key)

    def _began(self, key: RunKey) -> None:
        """The execution begins: its timers, and the time and manner of its end."""
        run = self.store.run(key)
        assert run is not None
        self.fates.setdefault(key, Fate())
        started = decide_started(run, run.run_token, now=self.now, execution_timeout=TIMEOUT)
        self.store.commit(started)  # type: ignore[arg-type]
        self.monitor.answer({"mode": "schedule", **_about(key)})
        deadline = self.pipelines[key.pipeline_id].deadline(key.date.day)
        before, after = self.now + timedelta(minutes=self.dice.randint(1, 40)), self.dice.randint(-3, 90)
        late = max(deadline + timedelta(minutes=after), self.now + timedelta(minutes=1))
        ends_at = late if self.dice.random() < 0.2 and late - self.now < timedelta(hours=5) else before
        self.at(ends_at, lambda: self._ends(key, succeeds=self.dice.random() >= 0.15))

    def _ends(self, key: RunKey, *, succeeds: bool) -> None:
        run = self.store.run(key)
        assert run is not None
        stored = self.store.config(key.pipeline_id)
        facts = CloseFacts(_with_job(run, self.now), stored.config, 0, stored.exclusions, self.store.sla(key))
        outcome = JobOutcome("success" if succeeds else "fail", run_id="r")
        closed = decide_completion(facts, run.run_token, outcome, now=self.now, execution_timeout=TIMEOUT)
        self.store.commit(closed)  # type: ignore[arg-type]
        self.fates[key] = Fate(self.now, succeeds)
        self.monitor.answer({"mode": "cancel", **_about(key)})


def _about(key: RunKey) -> dict[str, str]:
    return {"pipelineId": key.pipeline_id, "scheduleId": key.schedule_id, "date": str(key.date)}


def _with_job(run: Run, now: datetime) -> Run:
    return replace(run, job_intent=JobIntent(0, "k", now, "glue", {}, now, run_id="r"))
