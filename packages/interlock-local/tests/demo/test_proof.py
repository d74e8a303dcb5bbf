"""The demo's proof can fail: each expectation is missed by evidence that lacks, doubles or contradicts its scene."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_lifecycle import ClockVerdict, JobIntent, Run, RunKey, RunStatus, Verdict
from interlock_local.demo._evidence import Evidence, Told
from interlock_local.demo._feed import load_feed
from interlock_local.demo._operators import MENDED
from interlock_local.demo._proof import prove
from interlock_local.demo._roster import Roster
from interlock_local.demo._script import BRONZE, GOLD, ROSTER, SHADOW, SILVER, write_script
from interlock_sla import Clock, Outcome, parse_execution_date

HOURS = tuple(f"{hour:02}" for hour in range(5, 17))
SCRIPT = write_script({"2013-02-07": HOURS, "2013-02-08": HOURS}, pace=1.0)
AT = datetime(2026, 3, 3, 12, 0, 5, tzinfo=UTC)
LATER = AT + timedelta(seconds=20)
ROSTER_DATE = "2026-03-03"

Scene = dict[str, Any]


def told(kind: str, at: datetime = AT, message: str = "", **detail: object) -> Told:
    return Told(kind, at, message, detail)


def run(one: tuple[str, str], attempt: int) -> Run:
    key = RunKey(one[0], "stream", parse_execution_date(one[1]))
    intent = JobIntent(attempt, "key", LATER, "command", {}, LATER)
    return Run(key, RunStatus.COMPLETED, attempt, "token", AT, closed_at=LATER, job_intent=intent)


def landing(rows: int = 60, missing_rows: int = 0) -> dict[str, object]:
    """A baseline of bronze and of its shadow."""
    return {"landing": {"status": "landed", "rows": rows, "missing_rows": missing_rows}}


def judged(pipeline: str, date: str, clock: Clock) -> Verdict:
    key = RunKey(pipeline, "stream", parse_execution_date(date))
    return Verdict(key, {clock: ClockVerdict(Outcome.BREACH, AT, AT)})


def perfect() -> Scene:
    """Everything as it should be, in parts that a test may spoil."""
    roster = Roster(load_feed(), lambda: None, AT)
    events: dict[tuple[str, str], list[Told]] = {one: [told("JOB_COMPLETED")] for one in SCRIPT.runs}
    for date in SCRIPT.dates:
        status = "breach" if date == SCRIPT.late else "met"
        events[BRONZE, date] += [told("VALIDATION_PASSED", LATER), told("SLA_MET")]
        events[SHADOW, date] = [
            told("DRY_RUN_WOULD_TRIGGER", LATER, triggeredAt=LATER.isoformat()),
            told("DRY_RUN_SLA_PROJECTION", status=status),
            told("DRY_RUN_COMPLETED"),
        ]
    for day in SCRIPT.hours:
        events[GOLD, day] += [told("SLA_MET")]
    late, amended, broken = (BRONZE, SCRIPT.late), (BRONZE, SCRIPT.amended), (BRONZE, SCRIPT.broken)
    events[late] = [told("JOB_COMPLETED"), told("VALIDATION_PASSED", LATER)]
    events[late] += [told("RELATIVE_SLA_WARNING"), told("RELATIVE_SLA_BREACH")]
    events[BRONZE, SCRIPT.flaky] += [told("JOB_FAILED")]
    drift = {"previousCount": 1, "currentCount": 2}
    events[amended] += [told("POST_RUN_DRIFT", **drift), told("JOB_COMPLETED", LATER)]
    events[SHADOW, SCRIPT.amended] += [told("DRY_RUN_DRIFT", **drift)]
    events[SILVER, SCRIPT.amended] += [told("LATE_DATA_ARRIVAL"), told("JOB_COMPLETED", LATER)]
    events[broken] += [told("JOB_FAILED")] * 3 + [told("RETRY_EXHAUSTED"), told("RERUN_ACCEPTED")]
    refusal = "rejected: the run succeeded and no sensor was updated since"
    events[BRONZE, SCRIPT.unchanged] += [told("RERUN_REJECTED", message=refusal)]
    due = roster.due_at.isoformat()
    events[ROSTER, ROSTER_DATE] = [
        told("SLA_WARNING", roster.warned_from),
        told("SLA_BREACH", roster.due_at, breachAt=due),
        told("SCHEDULE_MISSED", roster.due_at + timedelta(seconds=6), expectedAt=due),
    ]
    scenes = [SCRIPT.flaky, SCRIPT.amended, SCRIPT.broken, SCRIPT.unchanged]
    reruns: dict[tuple[str, str], list[str]] = {
        (name, date): [] for name in (BRONZE, SILVER, SHADOW) for date in scenes
    }
    reruns[BRONZE, SCRIPT.flaky] = ["job-fail-retry"]
    reruns[amended] = ["data-drift"]
    reruns[SILVER, SCRIPT.amended] = ["late-data"]
    reruns[broken] = ["job-fail-retry", "job-fail-retry", MENDED]
    return {
        "script": SCRIPT,
        "roster": roster,
        "runs": {one: run(one, SCRIPT.attempts(one) - 1) for one in SCRIPT.runs},
        "events": events,
        "reruns": reruns,
        "verdicts": {
            late: judged(*late, Clock.RELATIVE),
            (ROSTER, ROSTER_DATE): judged(ROSTER, ROSTER_DATE, Clock.ABSOLUTE),
        },
        "starts": [
            {"pipeline": one[0], "date": one[1], "attempt": str(attempt)}
            for one in SCRIPT.runs
            for attempt in range(SCRIPT.attempts(one))
        ],
        "slack": [
            f":x: *{kind}* {pipeline} {date}"
            for (pipeline, date), found in events.items()
            for kind in dict.fromkeys(event.type for event in found)
        ],
        "holds": {
            (BRONZE, SCRIPT.short): {"missing_rows is 12"},
            **{(GOLD, day): {"missing_hours is 3"} for day in SCRIPT.hours},
        },
        "rests": {date: AT + timedelta(seconds=9) for date in (SCRIPT.short, SCRIPT.late, SCRIPT.amended)},
        "whole": dict.fromkeys(SCRIPT.dates, LATER),
        "baselines": {(name, date): landing() for name in (BRONZE, SHADOW) for date in SCRIPT.dates},
        "shadow_timers": [],
        "wanted": dict.fromkeys(SCRIPT.hours, 930),
        "departures": dict.fromkeys(SCRIPT.hours, 930),
    }


def missed(scene: Scene) -> list[str]:
    """What the proof does not find."""
    return [finding.expectation for finding in prove(Evidence(**scene)) if not finding.holds]


def test_perfect_evidence_proves_everything() -> None:
    assert missed(perfect()) == []
    assert len(prove(Evidence(**perfect()))) == 23


def drop(pipeline: str, date: str, kind: str) -> Callable[[Scene], None]:
    def spoil(scene: Scene) -> None:
        found = scene["events"][pipeline, date]
        assert any(event.type == kind for event in found)
        scene["events"][pipeline, date] = [event for event in found if event.type != kind]

    return spoil


def add(pipeline: str, date: str, kind: str, **detail: object) -> Callable[[Scene], None]:
    return lambda scene: scene["events"][pipeline, date].append(told(kind, **detail))


def put(part: str, key: object, value: object) -> Callable[[Scene], None]:
    def spoil(scene: Scene) -> None:
        scene[part] = {**scene[part], key: value}

    return spoil


def start(pipeline: str, date: str) -> Callable[[Scene], None]:
    return lambda scene: scene["starts"].append({"pipeline": pipeline, "date": date, "attempt": "0"})


def fail(pipeline: str, date: str) -> Callable[[Scene], None]:
    def spoil(scene: Scene) -> None:
        scene["runs"][pipeline, date] = replace(scene["runs"][pipeline, date], status=RunStatus.FAILED_FINAL)

    return spoil


def move(pipeline: str, date: str, kind: str, at: datetime, **detail: object) -> Callable[[Scene], None]:
    """The same event at another moment."""

    def spoil(scene: Scene) -> None:
        drop(pipeline, date, kind)(scene)
        scene["events"][pipeline, date].append(told(kind, at, **detail))

    return spoil


DAY, OTHER = "2013-02-07", "2013-02-08T16"
EARLY, TOO_LATE = "2026-03-03T12:00:00+00:00", "2026-03-03T12:30:00+00:00"

SPOILS = [
    ("every run completed", fail(SILVER, OTHER)),
    ("every run completed", fail(GOLD, DAY)),
    ("each attempt started its job", start(SILVER, OTHER)),
    ("each attempt started its job", start(SHADOW, OTHER)),
    ("each attempt started its job", lambda scene: scene["starts"].pop()),
    ("each completion is one event", add(GOLD, DAY, "JOB_COMPLETED")),
    ("each completion is one event", drop(SILVER, OTHER, "JOB_COMPLETED")),
    ("was held, with its reason", put("holds", (BRONZE, SCRIPT.short), {"status is new"})),
    ("started only after the rest", put("rests", SCRIPT.short, LATER)),
    ("failed once and its retry", add(BRONZE, SCRIPT.flaky, "JOB_FAILED")),
    ("failed once and its retry", put("reruns", (BRONZE, SCRIPT.flaky), [])),
    ("came too late", add(BRONZE, SCRIPT.late, "RELATIVE_SLA_BREACH")),
    ("came too late", drop(BRONZE, SCRIPT.late, "RELATIVE_SLA_WARNING")),
    ("came too late", add(BRONZE, SCRIPT.late, "SLA_MET")),
    (
        "came too late",
        put("verdicts", (BRONZE, SCRIPT.late), judged(BRONZE, SCRIPT.late, Clock.ABSOLUTE)),
    ),
    ("every other deadline was met", add(BRONZE, OTHER, "RELATIVE_SLA_BREACH")),
    ("every other deadline was met", add(GOLD, DAY, "SLA_MET")),
    ("gold was held", put("holds", (GOLD, DAY), set())),
    ("gold counts every departure", put("departures", DAY, 921)),
    ("gold counts every departure", put("departures", DAY, None)),
    ("drift, and bronze ran again", drop(BRONZE, SCRIPT.amended, "POST_RUN_DRIFT")),
    ("drift, and bronze ran again", put("reruns", (BRONZE, SCRIPT.amended), ["late-data"])),
    ("drift, and bronze ran again", put("rests", SCRIPT.amended, AT - timedelta(seconds=1))),
    ("late data, and silver ran again", drop(SILVER, SCRIPT.amended, "LATE_DATA_ARRIVAL")),
    ("late data, and silver ran again", put("reruns", (SILVER, SCRIPT.amended), [])),
    ("failed for good", drop(BRONZE, SCRIPT.broken, "RETRY_EXHAUSTED")),
    ("failed for good", add(BRONZE, SCRIPT.broken, "JOB_FAILED")),
    ("rerun on request", drop(BRONZE, SCRIPT.broken, "RERUN_ACCEPTED")),
    ("rerun on request", fail(BRONZE, SCRIPT.broken)),
    ("was not rerun", drop(BRONZE, SCRIPT.unchanged, "RERUN_REJECTED")),
    ("was not rerun", put("reruns", (BRONZE, SCRIPT.unchanged), ["manual"])),
    (
        "was not rerun",
        move(BRONZE, SCRIPT.unchanged, "RERUN_REJECTED", AT, message="no manual rerun left (1 of 1 used)"),
    ),
    ("observed every hour, once", add(SHADOW, OTHER, "DRY_RUN_WOULD_TRIGGER", triggeredAt=LATER.isoformat())),
    ("observed every hour, once", drop(SHADOW, OTHER, "DRY_RUN_COMPLETED")),
    ("on which the live run did", move(SHADOW, OTHER, "DRY_RUN_WOULD_TRIGGER", AT, triggeredAt=TOO_LATE)),
    ("on which the live run did", put("whole", SCRIPT.short, AT)),
    ("on which the live run did", lambda scene: scene["whole"].pop(OTHER)),
    ("on which the live run did", drop(SHADOW, OTHER, "DRY_RUN_WOULD_TRIGGER")),
    ("on which the live run did", drop(BRONZE, OTHER, "VALIDATION_PASSED")),
    ("on which the live run did", put("baselines", (SHADOW, OTHER), landing(rows=59))),
    ("on which the live run did", put("baselines", (SHADOW, SCRIPT.amended), landing(missing_rows=12))),
    ("on which the live run did", lambda scene: scene["baselines"].pop((SHADOW, OTHER))),
    (
        "on which the live run did",
        lambda scene: scene["baselines"].update(
            dict.fromkeys([(BRONZE, SCRIPT.short), (SHADOW, SCRIPT.short)], landing(missing_rows=12))
        ),
    ),
    ("projected the one breach", move(SHADOW, OTHER, "DRY_RUN_SLA_PROJECTION", AT, status="breach")),
    ("saw the drift", drop(SHADOW, SCRIPT.amended, "DRY_RUN_DRIFT")),
    ("saw the drift", add(SHADOW, OTHER, "DRY_RUN_DRIFT")),
    ("saw the drift", move(SHADOW, SCRIPT.amended, "DRY_RUN_DRIFT", AT, previousCount=9)),
    ("the shadow started nothing", put("runs", (SHADOW, OTHER), run((SHADOW, OTHER), 0))),
    ("the shadow started nothing", lambda scene: scene["shadow_timers"].append("a timer")),
    ("the shadow started nothing", put("reruns", (SHADOW, SCRIPT.amended), ["data-drift"])),
    ("the shadow started nothing", add(SHADOW, OTHER, "JOB_TRIGGERED")),
    ("one warning, one breach at", drop(ROSTER, ROSTER_DATE, "SLA_WARNING")),
    ("one warning, one breach at", add(ROSTER, ROSTER_DATE, "SLA_MET")),
    ("one warning, one breach at", move(ROSTER, ROSTER_DATE, "SLA_BREACH", AT, breachAt=EARLY)),
    ("one warning, one breach at", put("runs", (ROSTER, ROSTER_DATE), run((ROSTER, ROSTER_DATE), 0))),
    ("schedule of roster-flights was missed", drop(ROSTER, ROSTER_DATE, "SCHEDULE_MISSED")),
    ("schedule of roster-flights was missed", add(ROSTER, ROSTER_DATE, "SCHEDULE_MISSED", expectedAt=EARLY)),
    ("Slack heard", lambda scene: scene["slack"].append(f":x: *DRY_RUN_DRIFT* {SHADOW} {SCRIPT.amended}")),
    ("Slack heard", lambda scene: scene["slack"].remove(f":x: *SLA_BREACH* {ROSTER} {ROSTER_DATE}")),
]


@pytest.mark.parametrize(("expectation", "spoil"), SPOILS)
def test_spoiled_evidence_misses_its_expectation(expectation: str, spoil: Callable[[Scene], Any]) -> None:
    scene = perfect()
    spoil(scene)
    assert [one for one in missed(scene) if expectation in one]


def test_a_busy_machine_may_be_slow() -> None:
    """The live run passes a minute later; a router that lags reads the rest with the record of the short file."""
    scene = perfect()
    move(BRONZE, OTHER, "VALIDATION_PASSED", LATER + timedelta(seconds=60))(scene)
    move(SHADOW, SCRIPT.short, "DRY_RUN_WOULD_TRIGGER", AT, triggeredAt=EARLY)(scene)
    assert missed(scene) == []


def test_the_amended_hour_s_rerun_takes_its_baseline_anew() -> None:
    scene = perfect()
    put("baselines", (BRONZE, SCRIPT.amended), landing(rows=69))(scene)
    assert missed(scene) == []


def test_every_expectation_can_be_missed() -> None:
    expectations = [finding.expectation for finding in prove(Evidence(**perfect()))]
    spoilt = {words for words, _ in SPOILS}
    assert [one for one in expectations if not any(words in one for words in spoilt)] == []
