"""Many pipelines over many days, with dropped timers and missed ticks, and the events that were reported.

No state machine runs here: starts and outcomes are committed through the store, as router and orchestrator would.
"""

import heapq
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from msgspec.structs import replace
from sla.annals import Attempt, Fate
from sla.habits import Habit, make_calendars, make_habit

from interlock_controller.effects import BusEntry, Outbox, Wakes
from interlock_controller.records import RerunIntake
from interlock_controller.slas import SlaAlerts, SlaMonitor
from interlock_controller.watch import Recovery, WorkerPool, all_checks, run_tick
from interlock_lifecycle import JobIntent, JobOutcome, OpenAttempt, Run, RunKey
from interlock_lifecycle.runs import CloseFacts, decide_completion, decide_started, open_run
from interlock_lifecycle.slas import Timer, timer_input
from interlock_sla import Clock, ExecutionDate, parse_execution_date
from interlock_store import MemoryTables, Overview, Store, TableNames, read_rerun_request

NAMES = TableNames.of_environment("season")
TIMEOUT = timedelta(hours=6)
TICK = timedelta(minutes=5)


class Season:
    """`count` pipelines over `days` from `start`, a midnight (UTC)."""

    def __init__(
        self, seed: int, count: int, days: int, start: datetime, say: Callable[[str], None] = lambda line: None
    ) -> None:
        self.dice = random.Random(seed)
        self.start_at, self.now, self.end = start, start, start + timedelta(days=days)
        self.tables = MemoryTables(self._changed)
        self.store = Store(self.tables, NAMES)
        self.calendars = make_calendars(start.date(), days, self.dice)
        habits = (make_habit(number, self.calendars, self.dice) for number in range(count))
        self.habits = {one.id: one for one in habits}
        self.edits: dict[str, tuple[datetime, Habit]] = {}
        """By pipeline: the time of the edit of its deadline, and the pipeline before the edit."""
        self.fates: dict[RunKey, Fate] = {}
        self.reported: list[tuple[str, str, str, datetime]] = []
        self.ticks: list[datetime] = []
        self.faults: Counter[str] = Counter()
        self._say = say
        self._queue: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._timers: dict[str, Timer] = {}
        self._deaf_until = start
        self._retries: Counter[RunKey] = Counter()
        self._reruns = RerunIntake(self.store, execution_timeout=TIMEOUT)
        self.monitor = SlaMonitor(self.store, self, SlaAlerts(self.store, lambda: self.now), lambda: self.now)
        self._boot()

    def _boot(self) -> None:
        """A new process of the watchdog, which knows only the tables."""
        clock = lambda: self.now  # noqa: E731
        outbox = Outbox(self.store, self, self, now=clock, execution_timeout=TIMEOUT)
        reruns = RerunIntake(self.store, execution_timeout=TIMEOUT)
        recovery = Recovery(
            self.store,
            outbox,
            reruns,
            self,
            Wakes(self.store, lambda token: False, clock),
            execution_timeout=TIMEOUT,
            pending_grace=timedelta(minutes=2),
            probe_after=TICK,
        )
        overview = Overview(self.tables, NAMES)
        self.checks = all_checks(
            self.store, overview, recovery, self, now=clock, execution_timeout=TIMEOUT, workers=WorkerPool()
        )

    # --- the interfaces that the services need ---------------------------------------------------------------

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
            fate = self.fates.setdefault(key, Fate())
            fate.delivered[str(timer.alert), _moment(timer)] = self.now
            self.monitor.answer(timer_input(key, timer))

    def _changed(self, key: tuple[str, str, str], before: Any, after: Mapping[str, Any] | None) -> None:
        if key[2].startswith("EVENT#") and before is None and after is not None:
            detail = json.loads(after["detail"])
            self.reported.append((str(after["detailType"]), detail["pipelineId"], str(detail.get("date")), self.now))
        if key[2].startswith("TRIGGER#") and before is None and after is not None and after["reason"] == "schedule":
            _, schedule, day = key[2].split("#")
            run = RunKey(key[1].removeprefix("PIPELINE#"), schedule, parse_execution_date(day))
            self._opened(run)

    # --- time --------------------------------------------------------------------------------------------------

    def at(self, when: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (max(when, self.now), next(self._order), act))

    def play(self) -> None:
        """Run all days, and two more days in which no date begins."""
        for calendar in self.calendars.values():
            self.store.put_calendar(calendar)
        for habit in self.habits.values():
            self.store.put_config(habit.config())
            self.store.note_config(habit.id, self.start_at)
            if habit.due is not None and not habit.hours and self.dice.random() < 0.3:
                at = self.start_at + self.dice.random() * (self.end - self.start_at)
                self.at(at, partial(self._edit, habit.id))
            for step in range(-1, (self.end - self.start_at).days):
                self._plan(habit, self.start_at.date() + timedelta(days=step))
        self.at(self.start_at + TICK, self._tick)
        last, said_at = self.end + timedelta(days=2), self.start_at
        while self._queue and self._queue[0][0] <= last:
            self.now, _, act = heapq.heappop(self._queue)
            act()
            if self.now >= said_at + timedelta(days=10):
                said_at = self.now
                self._say(f"{said_at:%Y-%m-%d}: {len(self.fates)} dates, {len(self.reported)} events")

    def _edit(self, name: str) -> None:
        """The owner moves a pipeline's deadline while dates are open."""
        before = self.habits[name]
        self.edits[name] = self.now, before
        self.habits[name] = before.edited(self.dice)
        self.store.put_config(self.habits[name].config())
        self.store.note_config(name, self.now)
        self.faults["deadlines edited"] += 1

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
        self.ticks.append(self.now)
        run_tick(self.checks, self, self.now)
        if drawn > 0.95:
            self.faults["ticks doubled"] += 1
            run_tick(self.checks, self, self.now)

    # --- the fates of the dates -----------------------------------------------------------------------------

    def _plan(self, habit: Habit, day: date) -> None:
        """Plan the dates of a day. One in ten dates that wait for a sensor gets no data. Others begin near a fire."""
        if day < self.start_at.astimezone(habit.zone).date():
            return
        if not habit.expects(day):
            self._plan_excluded(habit, day)
        for found in habit.dates(day):
            if not self._is_answered_for(habit, found):
                continue
            self.fates[habit.key(found)] = Fate()
            if not habit.is_started_by_watchdog and self.dice.random() >= 0.1:
                begin = self._begin(habit, found)
                if begin >= self.start_at:
                    self.at(begin, partial(self._trigger, habit.key(found)))

    def _plan_excluded(self, habit: Habit, day: date) -> None:
        """Sometimes data names a closed date of its pipeline. Its run begins on the next open day."""
        if habit.is_started_by_watchdog or habit.hours or self.dice.random() >= 0.2:
            return
        opens = next(one for step in range(1, 40) if habit.expects(one := day + timedelta(days=step)))
        key = habit.key(ExecutionDate(day))
        self.fates[key] = Fate()
        begin = datetime(opens.year, opens.month, opens.day, 12, tzinfo=habit.zone).astimezone(UTC)
        self.at(begin, partial(self._trigger, key))
        self.faults["closed dates that ran"] += 1

    def _is_answered_for(self, habit: Habit, found: ExecutionDate) -> bool:
        """Whether a date is expected: fires before the pipeline's creation are not."""
        fire = habit.fire(found)
        return fire is None or fire >= self.start_at

    def _begin(self, habit: Habit, found: ExecutionDate) -> datetime:
        fire, deadline = habit.fire(found), habit.deadline(found)
        if fire is not None:
            return fire + timedelta(minutes=self.dice.randint(-30, 4))
        if deadline is not None:
            return deadline - timedelta(minutes=self.dice.randint(-60, 600))
        noon = datetime(found.day.year, found.day.month, found.day.day, 12, tzinfo=UTC)
        return noon + timedelta(minutes=self.dice.randint(-600, 600))

    def _trigger(self, key: RunKey) -> None:
        self.store.commit(open_run(key, decided_at=self.now, execution_timeout=TIMEOUT, arrived_at=self.now))
        self._opened(key)

    def _opened(self, key: RunKey) -> None:
        self.fates.setdefault(key, Fate()).attempts.append(Attempt(self.now))
        self.at(self.now + timedelta(seconds=3), lambda: self._began(key))

    def _began(self, key: RunKey) -> None:
        """Begin the execution, create its timers, and plan its end."""
        run, attempt = self._run(key), self.fates[key].attempts[-1]
        started = decide_started(run, run.run_token, now=self.now, execution_timeout=TIMEOUT)
        self.store.commit(started)  # type: ignore[arg-type]
        attempt.began_at = self.now
        self.monitor.answer({"mode": "schedule", **_about(key)})
        ends_at = self.now + timedelta(minutes=self.dice.randint(1, 40))
        deadlines = self.deadlines(key, self.habits[key.pipeline_id]).values()
        late = max(deadlines, default=self.now) + timedelta(minutes=self.dice.randint(-3, 90))
        if self.dice.random() < 0.2 and self.now < late < self.now + timedelta(hours=5):
            ends_at = late
        self.at(ends_at, lambda: self._ends(key, succeeds=self.dice.random() >= 0.2))

    def deadlines(self, key: RunKey, habit: Habit) -> dict[Clock, datetime]:
        """The deadlines of a date by a given state of its pipeline, empty for a closed date."""
        if not habit.expects(key.date.day):
            return {}
        found, arrived_at = {}, self.fates[key].arrived_at
        if (absolute := habit.deadline(key.date)) is not None:
            found[Clock.ABSOLUTE] = absolute
        if habit.longest is not None and arrived_at is not None:
            found[Clock.RELATIVE] = arrived_at + habit.longest
        return found

    def _run(self, key: RunKey) -> Run:
        run = self.store.run(key)
        assert run is not None
        return run

    def _ends(self, key: RunKey, *, succeeds: bool) -> None:
        run, stored, attempt = self._run(key), self.store.config(key.pipeline_id), self.fates[key].attempts[-1]
        facts = CloseFacts(
            _with_job(run, self.now), stored.config, self._retries[key], stored.exclusions, self.store.sla(key)
        )
        outcome = JobOutcome("success" if succeeds else "fail", run_id="r")
        closed = decide_completion(facts, run.run_token, outcome, now=self.now, execution_timeout=TIMEOUT)
        self.store.commit(closed)  # type: ignore[arg-type]
        attempt.ended_at, attempt.succeeded = self.now, succeeds
        if isinstance(closed, OpenAttempt):
            self._retries[key] += 1
            self.faults["retries"] += 1
            self._opened(key)
            return
        attempt.final = True
        self.monitor.answer({"mode": "cancel", **_about(key)})
        if self.dice.random() < (0.05 if succeeds else 0.5) and self.now < self.end:
            self.at(self.now + timedelta(minutes=self.dice.randint(3, 600)), lambda: self._rerun(key))

    def _rerun(self, key: RunKey) -> None:
        """Request a manual rerun of the date."""
        if self._run(key).is_running:
            return
        attempts = self._run(key).attempt
        self.store.request_rerun(key, reason="manual", note=None, requested_at=self.now)
        row = self.tables.get(
            NAMES.control, f"PIPELINE#{key.pipeline_id}", f"RERUN_REQUEST#{key.schedule_id}#{key.date}"
        )
        assert row is not None
        self._reruns.requested(read_rerun_request(row, self.now))
        if self._run(key).attempt > attempts:
            self.faults["reruns"] += 1
            self._opened(key)


def _moment(timer: Timer) -> datetime:
    """The warning or breach instant of the timer."""
    is_warning = timer.alert.endswith("WARNING")
    at = timer.deadline.warning_at if is_warning else timer.deadline.breach_at
    assert at is not None
    return at


def _about(key: RunKey) -> dict[str, str]:
    return {"pipelineId": key.pipeline_id, "scheduleId": key.schedule_id, "date": str(key.date)}


def _with_job(run: Run, now: datetime) -> Run:
    return replace(run, job_intent=JobIntent(0, "k", now, "glue", {}, now, run_id="r"))
