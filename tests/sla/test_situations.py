"""Each row of situations.txt: the SLA events of a situation and their times, through the parts of the Lambdas.

All times are UTC, in 2026. The steps of a story are written `MM-DD HH:MM verb`. An expected event is its word and the
minute of its decision. All expectations were computed by hand from the rules of deadlines, timers and verdicts.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import Struct
from sla.stage import PIPELINE, Stage

from interlock_lifecycle import RunKey
from interlock_sla import parse_execution_date

SITUATIONS = Path(__file__).with_name("situations.txt")

WORDS = {
    "SLA_MET": "met",
    "SLA_WARNING": "warning",
    "SLA_BREACH": "breach",
    "RELATIVE_SLA_WARNING": "rwarning",
    "RELATIVE_SLA_BREACH": "rbreach",
    "SCHEDULE_MISSED": "missed",
    "IRREGULAR_SCHEDULE_MISSED": "irregular",
    "SENSOR_DEADLINE_EXPIRED": "expired",
    "VALIDATION_EXHAUSTED": "unsafe",
    "RETRY_EXHAUSTED": "failed",
    "INFRA_FAILURE": "unscheduled",
    "PIPELINE_EXCLUDED": "excluded",
    "TRIGGER_RECOVERED": "recovered",
    "LATE_DATA_ARRIVAL": "late",
}


class Situation(Struct, frozen=True):
    """A row: its name, and the texts of its columns."""

    name: str
    schedule: str
    sla: str
    job: str
    story: str
    reported: str


def read_rows() -> list[Situation]:
    lines = (line for line in SITUATIONS.read_text().splitlines() if line and not line.startswith("#"))
    return [Situation(*(cell.strip() for cell in line.split("|"))) for line in lines]


def read_schedule(words: str) -> str:
    """`daily`, `cron <fields>` (with a trigger), `fires <fields>` (without), `include`, `until`, each `in <zone>`.

    `weekdays` excludes weekends, `but <date>` adds a workday. `until` may follow.
    """
    kind, _, zone = words.partition(" in ")
    name, _, rest = kind.partition(" ")
    until, workday = rest.removeprefix("until "), rest.removeprefix("but ")
    deadline = f', deadline: "{until}"' if "until" in kind else ""
    workdays = f", workdays: [2026-{workday}]" if "but" in kind else ""
    trigger = f"trigger: {{key: ready, check: exists{deadline}}}"
    parts = {
        "cron": [f'cron: "{rest}"', trigger],
        "fires": [f'cron: "{rest}"'],
        "include": [f"include: {{dates: [2026-{rest}]}}", trigger],
        "weekdays": [f"exclude: {{weekends: true{workdays}}}", trigger],
        "calendar": ["calendar: closed", trigger],
    }.get(name, [trigger])
    return ", ".join([*parts, *([f"timezone: {zone}"] if zone else [])])


def read_sla(words: str) -> str:
    """`by` the deadline, `within` maxDuration, `takes` expectedDuration, `at` the zone, `days` excludedDays."""
    names = {
        "by": "deadline",
        "within": "maxDuration",
        "takes": "expectedDuration",
        "at": "timezone",
        "days": "excludedDays",
    }
    if words == "none":
        return ""
    pairs = (part.split(" ") for part in words.split(", "))
    return "sla: {" + ", ".join(f'{names[word]}: "{value}"' for word, value in pairs) + "}"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


class Play:
    """One situation on its stage."""

    def __init__(self, row: Situation) -> None:
        self.row = row
        steps = [step.strip() for step in row.story.split(";")]
        self.steps = [(moment(step[:11]), step[12:]) for step in steps]
        words = [word.strip() for word in row.job.split(",")]
        self.pause = next((word.split()[1] for word in words if word.startswith("pause")), "0")
        self.sla, self.dry, self.watched = row.sla, "dry" in words, True
        self.stage = Stage(self.steps[0][0], scheduler="no scheduler" not in words)
        plan = [word.split() for word in words if word.split()[0] in {"ok", "fail", "wrong"}]
        self.stage.jobs.plan = [(outcome, int(minutes)) for outcome, minutes in plan]
        self.verbs: dict[str, Callable[[str], None]] = {
            "start": self.start,
            "end": lambda _: None,
            "data": lambda date: self.sense(date, ok=True),
            "half": lambda date: self.sense(date, ok=False),
            "rerun": lambda date: self.stage.rerun(self.key(date)),
            "report": self.report,
            "abort": lambda _: self.stage.abort(),
            "timers": self.change_timers,
            "ticks": self.change_ticks,
            "exclude": lambda date: self.stage.close_days(f"2026-{date}"),
            "router": self.change_router,
            "open": lambda _: self.stage.close_days(),
            "edit": self.edit,
            "dry": lambda _: self.switch(dry=True),
            "live": lambda _: self.switch(dry=False),
            "unwatch": lambda _: self.switch(watched=False),
        }

    def run(self) -> str:
        for at, step in self.steps:
            self.stage.run_until(at)
            verb, _, rest = step.partition(" ")
            self.verbs[verb](rest)
        return self.reported() or "-"

    def reported(self) -> str:
        heard = [(at, WORDS[kind]) for at, kind, _ in self.stage.events() if kind in WORDS]
        return "; ".join(f"{word} {at:%m-%d %H:%M}" for at, word in sorted(heard, key=lambda one: one[0]))

    def start(self, _: str) -> None:
        if "calendar" in self.row.schedule:
            self.stage.close_days()
        self.push()

    def push(self) -> None:
        self.stage.push(
            f"pipeline: {{id: {PIPELINE}}}\nschedule: {{{read_schedule(self.row.schedule)}}}\n{read_sla(self.sla)}\n"
            "validation: {rules: [{key: ready, check: equals, field: ok, value: true}]}\n"
            f"job: {{type: glue, config: {{jobName: j}}, maxRetries: 1, maxCodeRetries: 0, maxManualReruns: 5, "
            f"jobPollWindowSeconds: 10800, retryDelay: {self.pause}m}}\n"
            f"dryRun: {str(self.dry).lower()}\nwatch: {{enabled: {str(self.watched).lower()}}}\n"
        )

    def edit(self, sla: str) -> None:
        self.sla = sla
        self.push()

    def switch(self, *, dry: bool | None = None, watched: bool | None = None) -> None:
        self.dry = self.dry if dry is None else dry
        self.watched = self.watched if watched is None else watched
        self.push()

    def key(self, date: str) -> RunKey:
        schedule = "cron" if self.row.schedule.startswith(("cron", "fires")) else "stream"
        return RunKey(PIPELINE, schedule, parse_execution_date(f"2026-{date}"))

    def sense(self, words: str, *, ok: bool) -> None:
        date, _, more = words.partition(" ")
        stamp = self.stage.now + timedelta(seconds=1)
        self.stage.sense(self.key(date).date, ok=ok, more=more, updatedAt=stamp.isoformat())

    def report(self, words: str) -> None:
        date, event = words.split(" ")
        self.stage.report(self.key(date), event)

    def change_timers(self, mood: str) -> None:
        """Set the mood of timers that are created from now on. The first tick (after 5 minutes) creates them."""
        self.stage.timers.rejects = mood == "rejected"
        self.stage.timers.mood = mood

    def change_router(self, state: str) -> None:
        self.stage.router_is_up = state == "on"

    def change_ticks(self, state: str) -> None:
        self.stage.awake = state == "on"


@pytest.mark.parametrize("row", read_rows(), ids=lambda row: row.name)
def test_situation_reports_expected_events(row: Situation) -> None:
    assert Play(row).run() == row.reported


def test_there_are_enough_rows_without_duplicates() -> None:
    rows = read_rows()
    assert len(rows) >= 40
    assert len({row.name for row in rows}) == len(rows)
    assert len({(row.schedule, row.sla, row.job, row.story) for row in rows}) == len(rows)
