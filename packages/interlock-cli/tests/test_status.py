"""What `interlock status` tells of dates and their deadlines, over the in-memory twin, at moments that a test picks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interlock_cli._status import print_statuses, read_statuses, wire_status
from interlock_config import decode_yaml
from interlock_lifecycle import (
    AlertFacts,
    CloseFacts,
    EventType,
    JobOutcome,
    Progress,
    RecordBreach,
    RunKey,
    decide_alert,
    decide_completion,
    decide_started,
    open_run,
)
from interlock_sla import parse_execution_date
from interlock_store import MemoryTables, Store, TableNames

CREATED = datetime(2026, 3, 2, 9, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
DAILY = "timezone: Europe/Berlin, trigger: {key: ready, check: exists}"
BY_TEN = 'sla: {deadline: "10:00"}'


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


class Deployment:
    """A store with one pipeline, and what people see of it."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.store = Store(MemoryTables(), TableNames.of_environment("test"))
        self._capsys = capsys

    def push(self, schedule: str = DAILY, sla: str = BY_TEN, more: str = "") -> None:
        text = (
            f"pipeline: {{id: gold-orders}}\nschedule: {{{schedule}}}\n{sla}\n{more}\n"
            "validation: {rules: [{key: ready, check: gte, field: count, value: 100}]}\n"
            'job: {type: command, config: {command: "true"}}\n'
        )
        self.store.put_config(decode_yaml(text, "p.yaml"))
        self.store.note_config("gold-orders", CREATED)

    def start(self, date: str, at: str) -> RunKey:
        key = self.key(date)
        opened = open_run(key, decided_at=utc(at), execution_timeout=TIMEOUT, arrived_at=utc(at))
        self.store.commit(opened)
        self.store.commit(decide_started(opened.run, opened.run.run_token, now=utc(at), execution_timeout=TIMEOUT))  # type: ignore[arg-type]
        return key

    def end(self, date: str, at: str, event: str = "success") -> None:
        run, stored = self.store.run(self.key(date)), self.store.config("gold-orders")
        assert run is not None
        facts = CloseFacts(run, stored.config, 9, stored.exclusions, self.store.sla(run.key))
        outcome = JobOutcome(event, run_id="r", error="boom" if event == "fail" else "")
        closed = decide_completion(facts, run.run_token, outcome, now=utc(at), execution_timeout=TIMEOUT)
        self.store.commit(closed)  # type: ignore[arg-type]

    def breach(self, date: str, deadline: str, at: str) -> None:
        key, config = self.key(date), self.store.config("gold-orders").config
        facts = AlertFacts(config, self.store.run(key), self.store.sla(key))
        decision = decide_alert(EventType.SLA_BREACH, utc(deadline), key, facts, utc(at))
        assert isinstance(decision, RecordBreach)
        self.store.commit(decision)

    def key(self, date: str) -> RunKey:
        config = self.store.config("gold-orders").config
        assert config is not None
        return RunKey("gold-orders", config.schedule_id, parse_execution_date(f"2026-{date}"))

    def lines(self, at: str, last: int = 8) -> list[str]:
        self._capsys.readouterr()
        print_statuses(list(read_statuses(self.store, None, last, utc(at))), utc(at))
        return [line.rstrip() for line in self._capsys.readouterr().out.splitlines()]

    def shown(self, at: str, last: int = 8) -> list[dict[str, Any]]:
        (one,) = read_statuses(self.store, None, last, utc(at))
        return list(wire_status(one, utc(at))["runs"])


@pytest.fixture
def deployment(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    return Deployment(capsys)


def test_a_date_that_nothing_has_triggered_is_shown_with_its_deadline_in_both_zones(deployment: Deployment) -> None:
    deployment.push()
    assert deployment.lines("03-03 08:00")[1:] == [
        "gold-orders  2026-03-02  not begun       nothing has triggered it",
        "                                         by 03-03 10:00 CET (09:00Z): 1h00m left",
        "gold-orders  2026-03-03  not begun       nothing has triggered it",
        "                                         by 03-04 10:00 CET (09:00Z): 25h00m left",
    ]


def test_it_is_overdue_after_its_deadline_and_then_breached(deployment: Deployment) -> None:
    deployment.push()
    assert "by 03-03 10:00 CET (09:00Z): 30m00s over" in deployment.lines("03-03 09:30")[2]
    deployment.breach("03-02", "03-03 09:00", "03-03 09:01")
    assert "by 03-03 10:00 CET (09:00Z): breached 03-03 10:01 CET" in deployment.lines("03-03 09:30")[2]


def test_a_held_run_says_why_for_how_long_and_by_when(deployment: Deployment) -> None:
    deployment.push(sla='sla: {deadline: "10:00", maxDuration: 2h}')
    deployment.start("03-02", "03-03 08:00")
    deployment.store.put_sensor("gold-orders", "ready", {"count": 40})
    text = " ".join(" ".join(deployment.lines("03-03 08:20")[1:4]).split())
    assert text.startswith("gold-orders 2026-03-02 held ready: count is 40, needs gte 100")
    assert "(40m00s left)" in text
    assert "by 03-03 10:00 CET (09:00Z): 40m00s left" in text
    assert "relative: by 03-03 11:00 CET (10:00Z): 1h40m left" in text


@pytest.mark.parametrize(
    ("event", "at", "state", "standing"),
    [
        ("success", "03-03 08:30", "completed", "met 03-03 09:30 CET"),
        ("success", "03-03 09:30", "completed", "breached 03-03 10:30 CET"),
        ("fail", "03-03 08:30", "failed", "1h00m over"),
        ("fail", "03-03 09:30", "failed", "breached 03-03 10:30 CET"),
    ],
)
def test_a_closed_run_says_how_and_when_it_was_judged(
    deployment: Deployment, event: str, at: str, state: str, standing: str
) -> None:
    """A failure before its deadline is not judged: a rerun could still have met it."""
    deployment.push()
    deployment.start("03-02", "03-03 08:00")
    deployment.end("03-02", at, event)
    text = "\n".join(deployment.lines("03-03 10:00")[1:3])
    assert state in text
    assert f"by 03-03 10:00 CET (09:00Z): {standing}" in text


def test_a_success_without_a_verdict_is_not_overdue(deployment: Deployment) -> None:
    """The SLA came after the run."""
    deployment.push(sla="")
    deployment.start("03-02", "03-02 20:00")
    deployment.end("03-02", "03-02 20:30")
    deployment.push()
    assert "not judged" in deployment.lines("03-03 12:00")[1]
    assert deployment.shown("03-03 12:00")[0]["sla"][0]["overdue"] is False


def test_a_trigger_deadline_tells_how_long_the_sensor_may_take(deployment: Deployment) -> None:
    deployment.push('trigger: {key: ready, check: exists, deadline: "09:00"}', "")
    assert "nothing has triggered it (1h00m left)" in deployment.lines("03-03 08:00")[1]


Shown = list[tuple[str, str]]


@pytest.mark.parametrize(
    ("schedule", "more", "at", "expected"),
    [
        ("cron: '0 8 * * *', trigger: {key: ready, check: exists}", "", "03-04 08:01", ["03-03", "03-04"]),
        ("cron: '0 8 * * *', trigger: {key: ready, check: exists}", "", "03-04 07:59", ["03-03"]),
        ("include: {dates: [2026-03-03, 2026-03-09]}, trigger: {key: ready, check: exists}", "", "03-05", ["03-03"]),
        (
            "exclude: {weekends: true}, trigger: {key: ready, check: exists}",
            "",
            "03-08",
            ["03-03", "03-04", "03-05", "03-06"],
        ),
        ("trigger: {key: ready, check: exists}", "dryRun: true", "03-05", []),
    ],
)
def test_only_dates_that_should_have_begun_are_shown(
    deployment: Deployment, schedule: str, more: str, at: str, expected: list[str]
) -> None:
    deployment.push(schedule, more=more)
    shown = [report["date"] for report in deployment.shown(at)]
    assert [day for day in shown if day > "2026-03-02"] == [f"2026-{day}" for day in expected]


def test_a_pipeline_that_is_expected_when_its_data_comes_lacks_nothing(deployment: Deployment) -> None:
    deployment.push(sla="sla: {maxDuration: 1h}")
    assert "no runs yet" in deployment.lines("03-05 12:00")[1]


def test_hours_are_shown_for_deadlines_of_an_hour(deployment: Deployment) -> None:
    deployment.push(DAILY.replace("Europe/Berlin", "UTC"), 'sla: {deadline: ":30"}')
    assert [report["date"] for report in deployment.shown("03-02 12:05", last=2)] == ["2026-03-02T11", "2026-03-02T12"]


def test_the_newest_dates_are_shown_begun_or_not(deployment: Deployment) -> None:
    deployment.push()
    deployment.start("03-03", "03-03 20:00")
    shown = deployment.shown("03-05 08:00", last=3)
    assert [(one["date"], one["progress"]) for one in shown] == [
        ("2026-03-03", str(Progress.HELD)),
        ("2026-03-04", str(Progress.NOT_BEGUN)),
        ("2026-03-05", str(Progress.NOT_BEGUN)),
    ]


def test_programs_get_both_times_and_the_seconds_left(deployment: Deployment) -> None:
    deployment.push()
    (clock,) = deployment.shown("03-03 09:30")[0]["sla"]
    assert clock == {
        "clock": "absolute",
        "breach_at": "2026-03-03T09:00:00Z",
        "breach_at_local": "2026-03-03T10:00:00+01:00",
        "warning_at": None,
        "verdict": "open",
        "judged_at": None,
        "overdue": True,
        "seconds_left": -1800,
    }


def test_another_day_in_utc_is_told(deployment: Deployment) -> None:
    deployment.push(DAILY.replace("Europe/Berlin", "Asia/Tokyo"), 'sla: {deadline: "08:00"}')
    assert "by 03-03 08:00 JST (03-02 23:00Z): 11h00m left" in "\n".join(deployment.lines("03-02 12:00"))


@pytest.mark.parametrize("prepare", [lambda d: None, lambda d: d.start("03-02", "03-03 08:00")])
def test_no_line_is_longer_than_a_hundred_columns(
    deployment: Deployment, prepare: Callable[[Deployment], object]
) -> None:
    deployment.push(sla='sla: {deadline: "10:00", maxDuration: 2h}')
    prepare(deployment)
    lines = deployment.lines("03-03 08:20")
    assert max(map(len, lines)) <= 100
    assert not any("\x1b" in line for line in lines)
