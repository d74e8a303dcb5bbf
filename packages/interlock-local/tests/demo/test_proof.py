"""The demo's proof can fail: evidence that lacks, doubles or contradicts a scene misses its expectation."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_lifecycle import ClockVerdict, JobIntent, Run, RunKey, RunStatus, Verdict
from interlock_local.demo._evidence import Event, Evidence
from interlock_local.demo._feed import load_feed
from interlock_local.demo._operators import FIXED
from interlock_local.demo._proof import prove
from interlock_local.demo._roster import Roster
from interlock_local.demo._script import BRONZE, DRY_RUN, GOLD, ROSTER, SILVER, write_script
from interlock_sla import Clock, Outcome, parse_execution_date

HOURS = tuple(f"{hour:02}" for hour in range(5, 17))
SCRIPT = write_script({"2013-02-07": HOURS, "2013-02-08": HOURS}, pace=1.0)
AT = datetime(2026, 3, 3, 12, 0, 5, tzinfo=UTC)
LATER = AT + timedelta(seconds=20)
ROSTER_DATE = "2026-03-03"

Scene = dict[str, Any]


def event(kind: str, at: datetime = AT, message: str = "", **detail: object) -> Event:
    return Event(kind, at, message, detail)


def run(one: tuple[str, str], attempt: int) -> Run:
    key = RunKey(one[0], "stream", parse_execution_date(one[1]))
    intent = JobIntent(attempt, "key", LATER, "command", {}, LATER)
    return Run(key, RunStatus.COMPLETED, attempt, "token", AT, closed_at=LATER, job_intent=intent)


def landing(rows: int = 60, missing_rows: int = 0) -> dict[str, object]:
    """A baseline of bronze or of its dry run."""
    return {"landing": {"status": "landed", "rows": rows, "missing_rows": missing_rows}}


def judged(pipeline: str, date: str, clock: Clock) -> Verdict:
    key = RunKey(pipeline, "stream", parse_execution_date(date))
    return Verdict(key, {clock: ClockVerdict(Outcome.BREACH, AT, AT)})


def perfect() -> Scene:
    """Evidence that meets each expectation, in parts that a test may corrupt."""
    roster = Roster(load_feed(), lambda: None, AT)
    events: dict[tuple[str, str], list[Event]] = {one: [event("JOB_COMPLETED")] for one in SCRIPT.runs}
    for date in SCRIPT.dates:
        status = "breach" if date == SCRIPT.late else "met"
        events[BRONZE, date] += [event("VALIDATION_PASSED", LATER), event("SLA_MET")]
        events[DRY_RUN, date] = [
            event("DRY_RUN_WOULD_TRIGGER", LATER, triggeredAt=LATER.isoformat()),
            event("DRY_RUN_SLA_PROJECTION", status=status),
            event("DRY_RUN_COMPLETED"),
        ]
    for day in SCRIPT.hours:
        events[GOLD, day] += [event("SLA_MET")]
    late, amended, broken = (BRONZE, SCRIPT.late), (BRONZE, SCRIPT.amended), (BRONZE, SCRIPT.broken)
    events[late] = [event("JOB_COMPLETED"), event("VALIDATION_PASSED", LATER)]
    events[late] += [event("RELATIVE_SLA_WARNING"), event("RELATIVE_SLA_BREACH")]
    events[BRONZE, SCRIPT.flaky] += [event("JOB_FAILED")]
    drift = {"previousCount": 1, "currentCount": 2}
    events[amended] += [event("POST_RUN_DRIFT", **drift), event("JOB_COMPLETED", LATER)]
    events[DRY_RUN, SCRIPT.amended] += [event("DRY_RUN_DRIFT", **drift)]
    events[SILVER, SCRIPT.amended] += [event("LATE_DATA_ARRIVAL"), event("JOB_COMPLETED", LATER)]
    events[broken] += [event("JOB_FAILED")] * 3 + [event("RETRY_EXHAUSTED"), event("RERUN_ACCEPTED")]
    rejection = "rejected: the run succeeded and no sensor was updated since"
    events[BRONZE, SCRIPT.unchanged] += [event("RERUN_REJECTED", message=rejection)]
    due = roster.due_at.isoformat()
    events[ROSTER, ROSTER_DATE] = [
        event("SLA_WARNING", roster.warned_from),
        event("SLA_BREACH", roster.due_at, breachAt=due),
        event("SCHEDULE_MISSED", roster.due_at + timedelta(seconds=6), expectedAt=due),
    ]
    scenes = [SCRIPT.flaky, SCRIPT.amended, SCRIPT.broken, SCRIPT.unchanged]
    reruns: dict[tuple[str, str], list[str]] = {
        (name, date): [] for name in (BRONZE, SILVER, DRY_RUN) for date in scenes
    }
    reruns[BRONZE, SCRIPT.flaky] = ["job-fail-retry"]
    reruns[amended] = ["data-drift"]
    reruns[SILVER, SCRIPT.amended] = ["late-data"]
    reruns[broken] = ["job-fail-retry", "job-fail-retry", FIXED]
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
            for kind in dict.fromkeys(one.type for one in found)
        ],
        "heads": {
            (BRONZE, SCRIPT.flaky): f"🟢 *resolved* · {BRONZE} · {SCRIPT.flaky}",
            (BRONZE, SCRIPT.unchanged): f"🟠 *RERUN_REJECTED* · {BRONZE}\n🟢 JOB_COMPLETED",
            (ROSTER, ROSTER_DATE): f"🔴 *SLA_BREACH* · {ROSTER}",
        },
        "holds": {
            (BRONZE, SCRIPT.short): {"missing_rows is 12"},
            **{(GOLD, day): {"missing_hours is 3"} for day in SCRIPT.hours},
        },
        "rests": {date: AT + timedelta(seconds=9) for date in (SCRIPT.short, SCRIPT.late, SCRIPT.amended)},
        "whole": dict.fromkeys(SCRIPT.dates, LATER),
        "baselines": {(name, date): landing() for name in (BRONZE, DRY_RUN) for date in SCRIPT.dates},
        "dry_run_timers": [],
        "wanted": dict.fromkeys(SCRIPT.hours, 930),
        "departures": dict.fromkeys(SCRIPT.hours, 930),
    }


def missed(scene: Scene) -> list[str]:
    """The expectations that the proof does not find."""
    return [finding.expectation for finding in prove(Evidence(**scene)) if not finding.holds]


def test_perfect_evidence_meets_each_expectation() -> None:
    assert missed(perfect()) == []
    assert len(prove(Evidence(**perfect()))) == 24


def drop(pipeline: str, date: str, kind: str) -> Callable[[Scene], None]:
    def corrupt(scene: Scene) -> None:
        found = scene["events"][pipeline, date]
        assert any(one.type == kind for one in found)
        scene["events"][pipeline, date] = [one for one in found if one.type != kind]

    return corrupt


def breach_in_place_of_met(pipeline: str, date: str, deadline: datetime) -> Callable[[Scene], None]:
    """The run ended at AT, and its clock counts as breached."""

    def corrupt(scene: Scene) -> None:
        drop(pipeline, date, "SLA_MET")(scene)
        add(pipeline, date, "RELATIVE_SLA_BREACH", breachAt=deadline.isoformat())(scene)

    return corrupt


def add(pipeline: str, date: str, kind: str, **detail: object) -> Callable[[Scene], None]:
    return lambda scene: scene["events"][pipeline, date].append(event(kind, **detail))


def put(part: str, key: object, value: object) -> Callable[[Scene], None]:
    def corrupt(scene: Scene) -> None:
        scene[part] = {**scene[part], key: value}

    return corrupt


def start(pipeline: str, date: str) -> Callable[[Scene], None]:
    return lambda scene: scene["starts"].append({"pipeline": pipeline, "date": date, "attempt": "0"})


def fail(pipeline: str, date: str) -> Callable[[Scene], None]:
    def corrupt(scene: Scene) -> None:
        scene["runs"][pipeline, date] = replace(scene["runs"][pipeline, date], status=RunStatus.FAILED_FINAL)

    return corrupt


def move(pipeline: str, date: str, kind: str, at: datetime, **detail: object) -> Callable[[Scene], None]:
    """The same event at another moment."""

    def corrupt(scene: Scene) -> None:
        drop(pipeline, date, kind)(scene)
        scene["events"][pipeline, date].append(event(kind, at, **detail))

    return corrupt


DAY, OTHER = "2013-02-07", "2013-02-08T16"
EARLY, TOO_LATE = "2026-03-03T12:00:00+00:00", "2026-03-03T12:30:00+00:00"

CORRUPTIONS = [
    ("every run completed", fail(SILVER, OTHER)),
    ("every run completed", fail(GOLD, DAY)),
    ("each attempt started its job", start(SILVER, OTHER)),
    ("each attempt started its job", start(DRY_RUN, OTHER)),
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
    ("every other deadline was met", drop(GOLD, DAY, "SLA_MET")),
    ("every other deadline was met", breach_in_place_of_met(BRONZE, OTHER, AT)),
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
    ("observed every hour once", add(DRY_RUN, OTHER, "DRY_RUN_WOULD_TRIGGER", triggeredAt=LATER.isoformat())),
    ("observed every hour once", drop(DRY_RUN, OTHER, "DRY_RUN_COMPLETED")),
    ("same data as the live run", move(DRY_RUN, OTHER, "DRY_RUN_WOULD_TRIGGER", AT, triggeredAt=TOO_LATE)),
    ("same data as the live run", put("whole", SCRIPT.short, AT)),
    ("same data as the live run", lambda scene: scene["whole"].pop(OTHER)),
    ("same data as the live run", drop(DRY_RUN, OTHER, "DRY_RUN_WOULD_TRIGGER")),
    ("same data as the live run", drop(BRONZE, OTHER, "VALIDATION_PASSED")),
    ("same data as the live run", put("baselines", (DRY_RUN, OTHER), landing(rows=59))),
    ("same data as the live run", put("baselines", (DRY_RUN, SCRIPT.amended), landing(missing_rows=12))),
    ("same data as the live run", lambda scene: scene["baselines"].pop((DRY_RUN, OTHER))),
    (
        "same data as the live run",
        lambda scene: scene["baselines"].update(
            dict.fromkeys([(BRONZE, SCRIPT.short), (DRY_RUN, SCRIPT.short)], landing(missing_rows=12))
        ),
    ),
    ("projected the one breach", move(DRY_RUN, OTHER, "DRY_RUN_SLA_PROJECTION", AT, status="breach")),
    ("saw the same drift", drop(DRY_RUN, SCRIPT.amended, "DRY_RUN_DRIFT")),
    ("saw the same drift", add(DRY_RUN, OTHER, "DRY_RUN_DRIFT")),
    ("saw the same drift", move(DRY_RUN, SCRIPT.amended, "DRY_RUN_DRIFT", AT, previousCount=9)),
    ("the dry run started nothing", put("runs", (DRY_RUN, OTHER), run((DRY_RUN, OTHER), 0))),
    ("the dry run started nothing", lambda scene: scene["dry_run_timers"].append("a timer")),
    ("the dry run started nothing", put("reruns", (DRY_RUN, SCRIPT.amended), ["data-drift"])),
    ("the dry run started nothing", add(DRY_RUN, OTHER, "JOB_TRIGGERED")),
    ("one warning, one breach at", drop(ROSTER, ROSTER_DATE, "SLA_WARNING")),
    ("one warning, one breach at", add(ROSTER, ROSTER_DATE, "SLA_MET")),
    ("one warning, one breach at", move(ROSTER, ROSTER_DATE, "SLA_BREACH", AT, breachAt=EARLY)),
    ("one warning, one breach at", put("runs", (ROSTER, ROSTER_DATE), run((ROSTER, ROSTER_DATE), 0))),
    ("schedule of roster-flights was missed", drop(ROSTER, ROSTER_DATE, "SCHEDULE_MISSED")),
    ("schedule of roster-flights was missed", add(ROSTER, ROSTER_DATE, "SCHEDULE_MISSED", expectedAt=EARLY)),
    ("reached Slack once", lambda scene: scene["slack"].append(f":x: *DRY_RUN_DRIFT* {DRY_RUN} {SCRIPT.amended}")),
    ("reached Slack once", lambda scene: scene["slack"].remove(f":x: *SLA_BREACH* {ROSTER} {ROSTER_DATE}")),
    ("states that its run succeeded", put("heads", (BRONZE, SCRIPT.flaky), "🟠 *JOB_FAILED*")),
    ("states that its run succeeded", lambda scene: scene["heads"].clear()),
]


@pytest.mark.parametrize(("expectation", "corrupt"), CORRUPTIONS)
def test_corrupted_evidence_misses_its_expectation(expectation: str, corrupt: Callable[[Scene], Any]) -> None:
    scene = perfect()
    corrupt(scene)
    assert [one for one in missed(scene) if expectation in one]


def test_breach_of_a_run_that_ended_too_late_is_accepted() -> None:
    scene = perfect()
    breach_in_place_of_met(BRONZE, OTHER, AT - timedelta(seconds=1))(scene)
    assert missed(scene) == []


def test_delays_of_a_busy_machine_are_accepted() -> None:
    """The live run passes a minute later. A router that is behind reads the rest with the record of the short file."""
    scene = perfect()
    move(BRONZE, OTHER, "VALIDATION_PASSED", LATER + timedelta(seconds=60))(scene)
    move(DRY_RUN, SCRIPT.short, "DRY_RUN_WOULD_TRIGGER", AT, triggeredAt=EARLY)(scene)
    assert missed(scene) == []


def test_rerun_of_the_amended_hour_replaces_its_baseline() -> None:
    scene = perfect()
    put("baselines", (BRONZE, SCRIPT.amended), landing(rows=69))(scene)
    assert missed(scene) == []


def test_every_expectation_can_be_missed() -> None:
    expectations = [finding.expectation for finding in prove(Evidence(**perfect()))]
    corrupted = {words for words, _ in CORRUPTIONS}
    assert [one for one in expectations if not any(words in one for words in corrupted)] == []
