"""Random timetables from one seed: crons, inclusion dates and trigger windows, and the reports due for each date."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct
from simulation.ledger import Emitted
from simulation.stories import DAYS, QUIET, ZONES, Story
from simulation.truths import Truth
from simulation.world import INVOCATION

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import RunKey
from interlock_sla import ExecutionDate

GRACE = timedelta(minutes=5)
"""The time after its expected start at which a date counts as missed."""

_KINDS = ("fires", "hours", "awaited", "included", "bounded")
_SLAS = ("", 'sla: {deadline: "13:10", expectedDuration: 20m}', 'sla: {deadline: "02:30", timezone: Asia/Tokyo}')
_HOURS = (5, 6, 7)


class Promise(Struct, frozen=True):
    """A date of a timetable: its expected begin, and the time of its sensor (None: never).

    `ends_at` is the end of its trigger's window. `reports` is whether the watchdog may report it as missing.
    """

    kind: str
    key: RunKey
    at: datetime
    came: datetime | None
    ends_at: datetime | None
    reports: bool
    overdue_at: datetime
    """The time from which it counts as missed."""


class Timetable(Story):
    """Pipelines with expected times, whose sensors come early, late or never, and whose records may be lost."""

    def __init__(self, seed: int, *, rate: float | None = None) -> None:
        self.promises: list[Promise] = []
        self._plain: set[str] = set()
        """Pipelines without trigger whose rows all have one key."""
        super().__init__(seed, rate=rate)
        self.world.streams.may_lose_sensors = True

    # --- pipelines ---------------------------------------------------------------------------------------

    def _plan(self, name: str, days: int) -> None:
        rng = self.rng
        kind, zone = rng.choice(_KINDS), ZoneInfo(rng.choice(ZONES))
        fires = time(rng.choice((1, 2, 3, 6, 9)), rng.randint(7, 53))
        ends = time(rng.randint(10, 23), rng.randint(0, 59))
        first = self.world.now.date()
        dates = [first + timedelta(days=step) for step in range(-1, days + 2)]
        included = sorted(rng.sample(dates[1:-2], 2))
        dormant = rng.choice(["", "", ", exclude: {weekends: true}"])
        trigger = "trigger: {key: ready, check: equals, field: ready, value: true}"
        schedule = {
            "fires": f'cron: "{fires.minute} {fires.hour} * * *"',
            "hours": f'cron: "{fires.minute} {",".join(map(str, _HOURS))} * * *"',
            "awaited": f'cron: "{fires.minute} {fires.hour} * * *", {trigger}',
            "included": f'include: {{dates: ["{included[0]}", "{included[1]}"]}}, time: "{fires:%H:%M}", {trigger}',
            "bounded": f'{trigger[:-1]}, deadline: "{ends:%H:%M}"}}',
        }[kind]
        reports = rng.random() < 0.75
        config = decode_yaml(
            f"""
pipeline: {{id: {name}}}
schedule: {{{schedule}, timezone: {zone}, evaluation: {{window: 1h, interval: 5m}}{dormant}}}
{rng.choice(_SLAS)}
validation: {{rules: [{{key: ready, check: gte, field: count, value: 10}}]}}
job: {{type: glue, config: {{jobName: j}}, maxRetries: 1, jobPollWindowSeconds: 3600}}
watch: {{enabled: {str(reports).lower()}}}
""",
            f"{name}.yaml",
        )
        self._push(config)
        if kind in ("fires", "hours") and self.more.random() < 0.4:
            self._plain.add(name)
        for day in included if kind == "included" else dates:
            if not (dormant and day.weekday() > 4):
                self._promise(config, kind, day, fires, ends, reports=reports)

    def _promise(self, config: PipelineConfig, kind: str, day: date, fires: time, ends: time, *, reports: bool) -> None:
        for hour in _HOURS if kind == "hours" else [None]:
            key = RunKey(config.id, config.schedule_id, ExecutionDate(day, hour))
            at = _instant(day, fires if hour is None else fires.replace(hour=hour), config.zone)
            # The window of a date ends on the next day if the trigger has no cron.
            ends_at = self._end(config, day, ends) if kind == "bounded" else None
            if day < self.world.now.astimezone(config.zone).date() or (ends_at is None and at <= self.world.now):
                if at == self.world.now:
                    self.allowed.add(key)  # a fire at the instant of the pipeline's creation
                continue
            came = self._data_comes(config, key, at)
            due = ends_at if came is None and ends_at is not None and reports else at
            runs = came is not None or kind in ("fires", "hours") or (kind == "bounded" and reports)
            if due + GRACE + self._soon > self.end + QUIET:
                self.allowed.add(key)
                continue
            if runs and kind == "hours" and self.rate:
                self.allowed.add(key)  # only the latest fire is started late
            elif runs:
                self.promised[key] = True
            self.promises.append(Promise(kind, key, at, came, ends_at, reports, _second(at, config.zone) + GRACE))

    def _end(self, config: PipelineConfig, day: date, ends: time) -> datetime:
        """The end of a date's trigger window: on the next day, or the next one after it that is not excluded."""
        after = day + timedelta(days=1)
        while config.schedule.exclude is not None and after.weekday() > 4:
            after += timedelta(days=1)
        return _instant(after, ends, config.zone)

    def _data_comes(self, config: PipelineConfig, key: RunKey, at: datetime) -> datetime | None:
        rng = self.rng
        if rng.random() < 0.25:
            return None
        came = at + timedelta(minutes=rng.choice((-50, -20, 0, 3, 6, 20, 45, 200)), seconds=rng.randint(1, 50))
        # No data comes on an excluded day: the other stories cover that case.
        local = came.astimezone(config.zone).date()
        if not self.world.now < came < self.end - timedelta(hours=1) or local != key.date.day:
            return None
        fields = {"date": str(key.date.day), "ready": True, "count": 12}
        if key.date.hour is not None:
            fields["hour"] = f"{key.date.hour:02d}"
        sensor = "ready" if config.id in self._plain else f"ready#{key.date}"
        self._sense(config, [config.id], sensor, came, Truth(key.date), **fields)
        return came

    # --- expected reports --------------------------------------------------------------------------------

    def broken(self) -> Iterator[tuple[str, str]]:
        """The broken invariants at the end, with their messages."""
        for promise in self.promises:
            for check in (self._started_in_time, self._missed_once, self._expired_once):
                message = check(promise)
                if message is not None:
                    yield "e", f"{promise.kind} {promise.key}, expected at {promise.at}, data {promise.came}: {message}"

    def _started_in_time(self, promise: Promise) -> str | None:
        """Without faults, the watchdog starts a fire at its next tick."""
        opened = self.world.ledger.opened.get(promise.key)
        if promise.kind not in ("fires", "hours") or self.rate:
            return None
        if opened is None or not promise.at <= opened <= promise.at + self._soon:
            return f"begun at {opened}"
        return None

    def _missed_once(self, promise: Promise) -> str | None:
        """A date whose data did not come by its start is reported. A date that began in time is never reported."""
        emitted = self._emitted(promise, "SCHEDULE_MISSED", "IRREGULAR_SCHEDULE_MISSED")
        if promise.kind not in ("awaited", "included") or not promise.reports:
            return f"reported {len(emitted)} times" if emitted else None
        if len(emitted) > 1 or (promise.came is None and not emitted):
            return f"reported {len(emitted)} times"
        opened = self.world.ledger.opened.get(promise.key)
        if emitted and opened is not None and opened < emitted[0].at - INVOCATION:
            return f"reported at {emitted[0].at}, but it began at {opened}"
        if emitted and emitted[0].at < promise.overdue_at - timedelta(seconds=1):
            return f"reported too early, at {emitted[0].at}"
        return self._missed_without_faults(promise, bool(emitted)) if not self.rate else None

    def _missed_without_faults(self, promise: Promise, emitted: bool) -> str | None:
        if promise.came is None:
            return None
        overdue = promise.overdue_at
        if emitted and promise.came < overdue - timedelta(seconds=5):
            return "reported although its data came in time"
        if not emitted and promise.came > overdue + self._soon:
            return "not reported"
        return None

    def _expired_once(self, promise: Promise) -> str | None:
        """A window that ended without data is reported once. Data in time starts a run, even if its record was lost."""
        emitted = self._emitted(promise, "SENSOR_DEADLINE_EXPIRED")
        if promise.ends_at is None or not promise.reports:
            return f"expired {len(emitted)} times" if emitted else None
        in_time = promise.came is not None and promise.came < promise.ends_at
        over = promise.ends_at + GRACE + self._soon < self.world.now
        if in_time and emitted:
            return f"expired at {emitted[0].at}, its window ended at {promise.ends_at}"
        if promise.came is None and over and len(emitted) != 1:
            return f"expired {len(emitted)} times, its window ended at {promise.ends_at}"
        return None

    def _emitted(self, promise: Promise, *types: str) -> list[Emitted]:
        return self.world.ledger.emitted(promise.key.pipeline_id, str(promise.key.date), *types)

    @property
    def _soon(self) -> timedelta:
        return self.world.tick + timedelta(seconds=5)

    @property
    def settling(self) -> timedelta:
        """A cron may fire in the last quiet minutes. Its run has an hour to evaluate and two jobs of an hour."""
        return 2 * self.world.tick + timedelta(hours=3)

    def expected_days(self, config: PipelineConfig) -> list[date]:
        """The days whose absolute deadline must be reported."""
        if config.watch is not None and not config.watch.enabled:
            return []
        if config.schedule.include is not None:
            return [day for day in config.schedule.include.dates if day > self.started.date()]
        if config.cron is not None and config.cron.is_hourly:
            return []
        return [day for day in super().expected_days(config) if day < self.started.date() + timedelta(days=DAYS)]


def _second(at: datetime, zone: ZoneInfo) -> datetime:
    """The last moment with the same local time as this one: jobs may start at either."""
    return at.astimezone(zone).replace(fold=1).astimezone(UTC)


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
