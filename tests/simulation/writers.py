"""Random writers of sensor rows from one seed: every form of a date, under plain and per-period keys, in any order."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeAlias

from msgspec import Struct
from simulation.stories import Story
from simulation.truths import UNDATED, Truth, moved, of

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import RunKey
from interlock_sla import ExecutionDate

ZONES = ("Pacific/Auckland", "America/Los_Angeles", "Asia/Kolkata")
"""Zones in the east, in the west and half an hour off: each has its own midnights."""

_SLAS = ("", "", "sla: {maxDuration: 45m, expectedDuration: 15m}", 'sla: {deadline: "18:00"}')
_JOBS = ("{type: glue, config: {jobName: j}", "{type: command, config: {command: 'true'}")
_SECOND_RULES = {
    "": "",
    "own": ", {key: volume, check: gt, field: n, value: 0}",
    "offset": ", {key: volume, check: gt, field: n, value: 0, dateOffset: -1}",
    "reference": ", {key: holidays, check: equals, field: open, value: true, anyDate: true}",
}
_BEFORE = ", {key: ready, check: gte, field: count, value: 1, dateOffset: -1}"
Row: TypeAlias = tuple[str, dict[str, Any]]
"""The suffix of a row's key, and the fields that name its date."""


class Style(Struct, frozen=True):
    """How a pipeline's rows are written, and the rules that read them.

    keys: plain, period, both (each write goes to two rows) or mixed. second: the further rule. apart: the trigger reads
    another key. spacing: the fewest minutes between two writes, so that a twin sees each of them. is_calm: the
    twin looks seldom, so no row becomes worse between its arrival and the look.
    """

    config: PipelineConfig
    ids: list[str]
    keys: str
    hourly: bool
    second: str
    apart: bool
    audited: bool
    spacing: int
    taken: set[int]
    is_calm: bool

    @property
    def has_twin(self) -> bool:
        """Whether the rows are also written for a dry run."""
        return len(self.ids) > 1


class Writers(Story):
    """Pipelines whose rows name their dates in every valid and invalid form, and overwrite each other under one key."""

    # --- pipelines ---------------------------------------------------------------------------------------

    def _plan(self, name: str, days: int) -> None:
        rng = self.rng
        second, apart, audited = rng.choice([*_SECOND_RULES, "own"]), rng.random() < 0.25, rng.random() < 0.25
        twin = not self.rate and rng.random() < 0.6
        audited = audited and not twin
        fires = not twin and rng.random() < 0.15
        is_calm = twin and second in ("", "own") and rng.random() < 0.5
        second = "" if is_calm else second
        interval = "10m" if is_calm else "1m" if twin else "4m"
        config = self._dated_config(name, second, interval, apart=apart, audited=audited, fires=fires, twin=twin)
        self._push(config)
        ids = [name, *self._add_shadow(config)] if twin else [name]
        keys = rng.choice(["plain", "plain", "period", "both", "mixed"])
        hourly = not fires and rng.random() < 0.4
        style = Style(config, ids, keys, hourly, second, apart, audited, 3 if twin else 1, set(), is_calm)
        if fires:
            self._expect_fires(config, days)
        first = self.world.now.astimezone(config.zone).date()
        for day in (first + timedelta(days=step) for step in range(days)):
            for hour in sorted(rng.sample((0, 1, 7, 12, 22, 23), 3)) if hourly else [None]:
                self._deliver(style, ExecutionDate(day, hour))
        if not twin and rng.random() < 0.3:
            self._ask_for_a_date_without_data(config, first - timedelta(days=1))

    def _dated_config(
        self, name: str, second: str, interval: str, *, apart: bool, audited: bool, fires: bool, twin: bool
    ) -> PipelineConfig:
        rng = self.rng
        trigger = "trigger: {key: landed, check: exists}" if apart else ""
        trigger = trigger or "trigger: {key: ready, check: equals, field: ready, value: true}"
        cron = f'cron: "{rng.randint(0, 59)} {rng.randint(2, 9)} * * *"'
        weekends = ["", "", "exclude: {weekends: true}"]
        exclude = "" if twin or fires else rng.choice(weekends)
        exclude = self.more.choice(weekends) if twin else exclude
        budgets = f"maxRetries: {rng.randint(0, 2)}, maxDriftReruns: {rng.randint(0, 2)}, maxManualReruns: 2"
        # A rule that reads the trigger's key for the date before is drawn separately: other stories stay unchanged.
        of_before = not twin and self.more.random() < 0.15
        further = _SECOND_RULES[second] + (_BEFORE if of_before else "")
        audit = f"postRun: {{rules: [{{key: audit, check: exists}}], driftThreshold: {rng.choice([0, 5])}}}"
        return decode_yaml(
            f"""
pipeline: {{id: {name}}}
schedule:
  timezone: {rng.choice(ZONES)}
  {cron if fires else trigger}
  evaluation: {{window: {rng.choice(["20m", "1h", "2h"])}, interval: {interval}}}
  {exclude}
{"" if fires else rng.choice(_SLAS)}
validation:
  trigger: {rng.choice(["ALL", "ALL", "ALL", "ANY"])}
  rules: [{{key: ready, check: gte, field: count, value: 10}}{further}]
job: {rng.choice(_JOBS)}, {budgets}, jobPollWindowSeconds: 3600, retryDelay: {rng.choice(["0s", "90s", "40m"])}}}
{audit if audited else ""}
""",
            f"{name}.yaml",
        )

    def _expect_fires(self, config: PipelineConfig, days: int) -> None:
        """Every fire may run. Timetables check which fires do."""
        first = self.world.now.astimezone(config.zone).date()
        for step in range(-1, days + 3):
            self.allowed.add(RunKey(config.id, config.schedule_id, ExecutionDate(first + timedelta(days=step))))

    # --- rows of a date ----------------------------------------------------------------------------------

    def _deliver(self, style: Style, when: ExecutionDate) -> None:
        """Write the rows of one date, often delayed until the next date's rows come too."""
        rng = self.rng
        begin = at = self._end_of(style.config, when) + timedelta(minutes=rng.choice(_LAGS[style.hourly]))
        if style.apart:
            self._write(style, "landed", at, when, ok=True)
        counts = rng.choice([[3, 12], [12], [12], [8, 9, 12], [4], [10, 15], *([] if style.has_twin else _WORSE)])
        for number, count in enumerate(counts):
            is_ready = number == 0 or rng.random() < 0.8
            self._write(style, "ready", at, when, ready=is_ready, count=rng.choice([count, str(count)]))
            if style.is_calm or rng.random() < 0.5:
                # Before the next look, the next date's row comes under the same key.
                soon = at + timedelta(minutes=rng.choice((0, 1, 2)))
                self._write(style, "ready", soon, moved(when, 1), ready=False, count=rng.choice((0, 30)))
            at += timedelta(minutes=rng.choice((4, 9, 25, 70)))
        self._write_second(style, when, begin)
        if style.audited:
            for size in rng.choice([[100], [100, 200], [0, 50]]):
                self._write(
                    style, "audit", begin + timedelta(minutes=rng.choice((-5, 30, 240))), when, sensor_count=size
                )
        if not style.is_calm:
            self._write_strays(style, when, begin)
        self._write_far(style, when, begin)
        self._ask(style, when, at)

    def _write_second(self, style: Style, when: ExecutionDate, begin: datetime) -> None:
        rng = self.rng
        at = begin + timedelta(minutes=rng.choice((-90, -6, 7, 14)))
        if style.second == "reference":
            # Reference data has its own date, which may be unreadable.
            quarter = rng.choice(["Q1", "2020-01-01", None])
            truth = of(date(2020, 1, 1)) if quarter == "2020-01-01" else Truth(unreadable="date quarter")
            self._put(style, "holidays", at, truth, date=quarter, open=rng.random() < 0.8)
            self._put(style, "holidays", at + timedelta(minutes=15), truth, date=quarter, open=True)
        elif style.second:
            named = moved(when, -1) if style.second == "offset" else when
            if rng.random() < 0.3:
                self._write(style, "volume", at - timedelta(minutes=30), named, n=0)
            self._write(style, "volume", at, named, n=1)

    def _write_strays(self, style: Style, when: ExecutionDate, begin: datetime) -> None:
        """Write rows with an unreadable date, without a date, or of the other precision."""
        rng = self.rng

        def soon() -> datetime:
            return begin + timedelta(minutes=rng.choice((-20, 2, 7, 18, 45)))

        while rng.random() < 0.35:
            key = rng.choice(["ready", "ready", "volume", "landed", "audit"])
            suffix, fields, form = _corrupted(rng, when)
            self._put(style, key + suffix, soon(), Truth(unreadable=form), ready=True, count=50, n=1, **fields)
        if rng.random() < 0.12 and not style.has_twin:
            hour = rng.choice([{}, {"hour": "7"}])  # an hour without a date names no date
            self._put(style, "ready", soon(), UNDATED, ready=True, count=11, **hour)
        if rng.random() < 0.12:
            other = ExecutionDate(when.day, None if style.hourly else rng.choice((3, 11)))
            self._write(style, "ready", soon(), other, ready=rng.random() < 0.7, count=rng.choice((2, 14)))

    def _write_far(self, style: Style, when: ExecutionDate, begin: datetime) -> None:
        """Sometimes write a row of a date outside schedule.dates, drawn separately: other stories stay unchanged."""
        more = self.more
        if more.random() >= 0.08:
            return
        # A second without another write.
        at = (begin + timedelta(minutes=more.choice((2, 30)))).replace(second=45, microsecond=0)
        days = more.choice((-500, 60))
        far = when.day + timedelta(days=days)
        truth = Truth(ExecutionDate(far), outside="date far back" if days < 0 else "date far ahead")
        if not self.world.now < at < self.end - timedelta(hours=2):
            return
        fields = {"date": str(far), "ready": True, "count": 20, "updatedAt": at.isoformat()}
        for pipeline_id in style.ids:
            self.world.at(at, partial(self.world.sense, pipeline_id, "ready", truth, **fields))

    def _write(self, style: Style, key: str, at: datetime, when: ExecutionDate, **fields: Any) -> None:
        """Write a row of this date, under the keys of the pipeline's writers."""
        rng = self.rng
        kinds = {"plain": ["plain"], "period": ["period"], "both": ["period", "plain"]}
        for kind in kinds.get(style.keys) or [rng.choice(["plain", "plain", "period"])]:
            forms = list(_plain_forms(when) if kind == "plain" else _period_forms(when))
            if style.is_calm:
                # Hours under their day's key overwrite each other, and only rows of a plain key are kept.
                forms = [form for form in forms if when.hour is None or form[0] in ("", *_own_suffixes(when))]
            suffix, named = rng.choice(forms)
            self._put(style, key + suffix, at, Truth(when), **named, **fields)

    def _put(self, style: Style, sensor: str, at: datetime, truth: Truth, **fields: Any) -> None:
        config = style.config
        at = self._free(style, at)
        if not self.world.now < at < self.end - timedelta(hours=2):
            return
        self._sense(config, style.ids, sensor, at, truth, **fields)
        trigger = config.schedule.trigger
        when = truth.run_date(at, config.zone)
        if trigger is None or when is None or sensor.partition("#")[0] != trigger.key:
            return
        if trigger.key == "landed" or fields.get("ready"):
            key = RunKey(config.id, config.schedule_id, when)
            allowed = not self.world.ledger.exclusions(config).excludes(at.astimezone(config.zone).date())
            self.promised[key] = self.promised.get(key, False) or allowed

    def _free(self, style: Style, at: datetime) -> datetime:
        """The moment, or the next one without another write of the pipeline. Sometimes it is in the same second."""
        rng, span = self.rng, 60 * style.spacing
        slot = int(at.timestamp()) // span
        while slot in style.taken:
            slot += 1
        style.taken.add(slot)
        moment = datetime.fromtimestamp(slot * span, UTC)
        if not style.has_twin and rng.random() < 0.2:
            return moment + timedelta(seconds=59, milliseconds=900)
        return moment + timedelta(seconds=rng.randint(0, 29), milliseconds=rng.randint(0, 999))

    def _end_of(self, config: PipelineConfig, when: ExecutionDate) -> datetime:
        shown = datetime.combine(when.day, time(when.hour or 0))
        shown += timedelta(days=1) if when.hour is None else timedelta(hours=1)
        return shown.replace(tzinfo=config.zone).astimezone(UTC)

    @property
    def settling(self) -> timedelta:
        """A cron that fires in the last quiet minutes opens a run, with its evaluation, jobs and retries."""
        return 2 * self.world.tick + timedelta(hours=12)

    # --- operators ---------------------------------------------------------------------------------------

    def _ask(self, style: Style, when: ExecutionDate, last: datetime) -> None:
        """Operators request reruns of old dates, long after newer rows have come."""
        rng = self.rng
        for _ in range(rng.choice([0, 0, 1, 2])):
            asked_at = last + timedelta(minutes=rng.choice((130, 400, 1300, 2000) if style.has_twin else _ASKED))
            if not self.world.now < asked_at < self.end:
                continue
            key = RunKey(style.config.id, style.config.schedule_id, when)
            if style.has_twin and (key not in self.promised or self.may_be_dormant(key)):
                continue  # a dry run begins no date by a request
            for name in style.ids:
                key = RunKey(name, style.config.schedule_id, when)
                if not style.has_twin:
                    self.allowed.add(key)
                self.world.at(asked_at, partial(self.world.rerun, key, requested_at=asked_at))

    def _ask_for_a_date_without_data(self, config: PipelineConfig, day: date) -> None:
        key = RunKey(config.id, config.schedule_id, ExecutionDate(day))
        self.allowed.add(key)
        asked_at = self.world.now + timedelta(hours=self.rng.randint(20, 60), seconds=7)
        self.world.at(asked_at, partial(self.world.rerun, key, requested_at=asked_at))


_LAGS = {False: (-40, -5, 3, 20, 300, 1560), True: (-20, 1, 6, 40, 180)}
"""Minutes from the end of a day or an hour to its first row."""
_WORSE = ([12, 3], [10, 2])
"""The counts of a date that falls short again."""
_ASKED = (3, 20, 90, 400, 1300, 2000)
"""Minutes from a date's last row to a request for it."""


def _plain_forms(when: ExecutionDate) -> Iterator[Row]:
    day = when.day
    if when.hour is None:
        for text in (f"{day}", f"{day:%Y%m%d}", int(f"{day:%Y%m%d}"), f"{day}T00:00:00Z", f"{day:%Y%m%d}T0000"):
            yield "", {"date": text}
        yield "", {"date": f"{day}", "hour": None}
        yield "", {"date": f"{day}", "hour": ""}
        return
    for text in (f"{day}T{when.hour:02d}", f"{day:%Y%m%d}T{when.hour:02d}"):
        yield "", {"date": text}
    for hour in (when.hour, f"{when.hour:02d}", str(when.hour)):
        yield "", {"date": f"{day:%Y%m%d}", "hour": hour}


def _own_suffixes(when: ExecutionDate) -> tuple[str, str]:
    hour = "" if when.hour is None else f"T{when.hour:02d}"
    return f"#{when.day}{hour}", f"#{when.day:%Y%m%d}{hour}"


def _period_forms(when: ExecutionDate) -> Iterator[Row]:
    hour = "" if when.hour is None else f"T{when.hour:02d}"
    for suffix in _own_suffixes(when):
        yield suffix, {}
        yield suffix, {"date": f"{when.day}"}
        yield suffix, {"date": f"{when.day:%Y%m%d}{hour}"}
    if when.hour is not None:
        yield f"#{when.day}", {"hour": when.hour}
        yield f"#{when.day}", {"date": f"{when.day}{hour}"}


def _corrupted(rng: random.Random, when: ExecutionDate) -> tuple[str, dict[str, Any], str]:
    """The suffix, the fields and the name of an unreadable form. The name begins with the invalid field."""
    day, other = when.day, when.day + timedelta(days=1)
    plain: list[tuple[str, dict[str, Any]]] = [
        ("date slashes", {"date": f"{day:%Y/%m/%d}"}),
        ("date blank", {"date": f" {day}"}),
        ("date month", {"date": f"{day:%Y-%m}"}),
        ("date null", {"date": None}),
        ("date empty", {"date": ""}),
        ("date noon", {"date": f"{day}T12:30:00"}),
        ("date flag", {"date": True}),
        ("hour x", {"date": f"{day}", "hour": "x"}),
        ("hour 24", {"date": f"{day}", "hour": 24}),
        ("hour half", {"date": f"{day}", "hour": Decimal("7.5")}),
        ("hour clock", {"date": f"{day}", "hour": "07:00"}),
        ("hour apart", {"date": f"{day}T07", "hour": 8}),
    ]
    if rng.random() < 0.6:
        form, fields = rng.choice(plain)
        return rng.choice(["", "", f"#{day}"]), fields, form
    return rng.choice(
        [
            (f"#{day}", {"date": f"{other}"}, "date otherday"),
            (f"#{day:%Y%m%d}", {"date": f"{other:%Y%m%d}"}, "date otherday compact"),
            (f"#{day}T07", {"date": f"{day}", "hour": "8"}, "hour other"),
            ("#2026-02-30", {}, "key calendar"),
        ]
    )
