"""The SLA monitor's modes: real Scheduler calls against moto, rows in the in-memory tables."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from msgspec import ValidationError

from interlock_config import decode_yaml
from interlock_controller.effects import NoTimers, SchedulerTimers
from interlock_controller.slas import SlaAlerts, SlaMonitor, TimerEarly, TimersNotMade, WrongTerm
from interlock_lifecycle import MarkStarted, RunKey
from interlock_lifecycle.runs import decide_started, open_run
from interlock_lifecycle.slas import Timer
from interlock_sla import parse_execution_date
from interlock_store import MemoryTables, Store, TableNames

ARRIVED = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
BREACH = ARRIVED + timedelta(hours=1)
KEY = RunKey("bronze", "stream", parse_execution_date("2026-03-03"))
ABOUT = {"pipelineId": "bronze", "scheduleId": "stream", "date": "2026-03-03"}
GROUP = "test-interlock-sla"
PIPELINE = """
pipeline: {id: bronze}
schedule: {trigger: {key: ready, check: exists}}
sla: {maxDuration: 1h, expectedDuration: 20m}
validation: {trigger: ALL, rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


class Clock:
    def __init__(self) -> None:
        self.now = ARRIVED

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> Store:
    made = Store(MemoryTables(), TableNames.of_environment("test"))
    made.put_config(decode_yaml(PIPELINE, "bronze.yaml"))
    start = open_run(KEY, decided_at=ARRIVED, execution_timeout=timedelta(hours=4), arrived_at=ARRIVED)
    made.commit(start)
    started = decide_started(start.run, start.run.run_token, now=ARRIVED, execution_timeout=timedelta(hours=4))
    assert isinstance(started, MarkStarted)
    made.commit(started)
    return made


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("scheduler", region_name="us-east-1")
        client.create_schedule_group(Name=GROUP)
        yield client


@pytest.fixture
def monitor(store: Store, clock: Clock, scheduler: Any) -> SlaMonitor:
    timers = SchedulerTimers(
        scheduler,
        group=GROUP,
        target_arn="arn:aws:lambda:::f",
        role_arn="arn:aws:iam::1:role/r",
        dead_letters_arn="arn:aws:sqs:::q",
    )
    return SlaMonitor(store, timers, SlaAlerts(store, clock), clock)


def schedules(scheduler: Any) -> dict[str, str]:
    found = scheduler.list_schedules(GroupName=GROUP)["Schedules"]
    details = [scheduler.get_schedule(Name=one["Name"], GroupName=GROUP) for one in found]
    return {one["Name"]: one["ScheduleExpression"] for one in details}


def events(store: Store) -> list[str]:
    rows = store.pending(datetime(2030, 1, 1, tzinfo=UTC))
    return [
        row["detailType"] for row in rows if row["SK"].startswith("EVENT#") and row["detailType"] != "JOB_TRIGGERED"
    ]


def test_scheduling_creates_the_timers_once_under_their_names(monitor: SlaMonitor, scheduler: Any) -> None:
    for _ in range(2):
        answer = monitor.answer({"mode": "schedule", **ABOUT})
    assert answer == {"warningAt": "2026-03-03T12:40:00+00:00", "breachAt": "2026-03-03T13:00:00+00:00"}
    assert schedules(scheduler) == {
        "bronze-stream-2026-03-03-rsla-warning-202603031240": "at(2026-03-03T12:40:00)",
        "bronze-stream-2026-03-03-rsla-breach-202603031300": "at(2026-03-03T13:00:00)",
    }


def test_timers_delete_themselves_and_carry_their_alert(monitor: SlaMonitor, scheduler: Any) -> None:
    monitor.answer({"mode": "schedule", **ABOUT})
    name = "bronze-stream-2026-03-03-rsla-breach-202603031300"
    made = scheduler.get_schedule(Name=name, GroupName=GROUP)
    assert made["ActionAfterCompletion"] == "DELETE"
    assert made["Target"]["DeadLetterConfig"] == {"Arn": "arn:aws:sqs:::q"}
    assert '"alertType": "RELATIVE_SLA_BREACH"' in made["Target"]["Input"]


def test_cancelling_deletes_the_timers_and_may_be_repeated(monitor: SlaMonitor, scheduler: Any) -> None:
    monitor.answer({"mode": "schedule", **ABOUT})
    for _ in range(2):
        monitor.answer({"mode": "cancel", **ABOUT})
    assert schedules(scheduler) == {}


def test_a_breach_that_is_already_due_is_emitted_at_once(
    monitor: SlaMonitor, clock: Clock, store: Store, scheduler: Any
) -> None:
    clock.now = BREACH + timedelta(minutes=1)
    monitor.answer({"mode": "schedule", **ABOUT})
    assert events(store) == ["RELATIVE_SLA_BREACH"]
    assert schedules(scheduler) == {}


def test_a_warning_that_is_already_due_is_emitted_at_once(
    monitor: SlaMonitor, clock: Clock, store: Store, scheduler: Any
) -> None:
    clock.now = BREACH - timedelta(minutes=5)
    for _ in range(2):
        monitor.answer({"mode": "schedule", **ABOUT})
    assert events(store) == ["RELATIVE_SLA_WARNING"]
    assert list(schedules(scheduler)) == ["bronze-stream-2026-03-03-rsla-breach-202603031300"]


def fire(monitor: SlaMonitor, alert: str, **moments: str) -> dict[str, Any]:
    return monitor.answer({"mode": "fire-alert", **ABOUT, "alertType": alert, **moments})


def test_a_timer_that_fires_twice_emits_one_alert(monitor: SlaMonitor, clock: Clock, store: Store) -> None:
    clock.now = BREACH
    first = fire(monitor, "RELATIVE_SLA_BREACH", breachAt="2026-03-03T13:00:00Z")
    second = fire(monitor, "RELATIVE_SLA_BREACH", breachAt="2026-03-03T13:00:00Z")
    assert "firedAt" in first
    assert "firedAt" not in second
    assert events(store) == ["RELATIVE_SLA_BREACH"]


def test_a_warning_is_emitted_once_and_not_after_the_breach(monitor: SlaMonitor, clock: Clock, store: Store) -> None:
    clock.now = BREACH - timedelta(minutes=20)
    for _ in range(2):
        fire(monitor, "RELATIVE_SLA_WARNING", warningAt="2026-03-03T12:40:00Z")
    assert events(store) == ["RELATIVE_SLA_WARNING"]


def test_a_breach_timer_that_comes_early_is_tried_again(monitor: SlaMonitor, clock: Clock, store: Store) -> None:
    clock.now = BREACH - timedelta(seconds=30)
    with pytest.raises(TimerEarly):
        fire(monitor, "RELATIVE_SLA_BREACH", breachAt="2026-03-03T13:00:00Z")
    assert events(store) == []


def test_reconciling_emits_the_alerts_of_dropped_timers(store: Store, clock: Clock) -> None:
    monitor = SlaMonitor(store, NoTimers(), SlaAlerts(store, clock), clock)
    for minutes, emitted in (
        (30, []),
        (45, ["RELATIVE_SLA_WARNING"]),
        (61, ["RELATIVE_SLA_WARNING", "RELATIVE_SLA_BREACH"]),
    ):
        clock.now = ARRIVED + timedelta(minutes=minutes)
        for _ in range(2):
            monitor.answer({"mode": "reconcile", **ABOUT})
        assert events(store) == emitted


def test_calculating_changes_nothing(monitor: SlaMonitor, store: Store, scheduler: Any) -> None:
    assert monitor.answer({"mode": "calculate", **ABOUT})["breachAt"] == "2026-03-03T13:00:00+00:00"
    assert (schedules(scheduler), events(store)) == ({}, [])


@pytest.mark.parametrize(
    "event",
    [
        {"mode": "dance", **ABOUT},
        {"mode": "schedule"},
        {"mode": "schedule", **ABOUT, "date": "someday"},
        {"mode": "fire-alert", **ABOUT},
        {"mode": "fire-alert", **ABOUT, "alertType": "JOB_FAILED", "breachAt": "2026-03-03T13:00:00Z"},
    ],
)
def test_an_impossible_request_is_rejected(monitor: SlaMonitor, event: dict[str, Any]) -> None:
    with pytest.raises((ValidationError, ValueError)):
        monitor.answer(event)


class BrokenTimers:
    """A scheduler that rejects some timers."""

    def __init__(self, *rejected: str) -> None:
        self.rejected = rejected
        self.made: list[str] = []
        self.deleted: list[str] = []

    def create(self, key: RunKey, timer: Timer) -> None:
        self._act(timer, self.made)

    def delete(self, timer: Timer) -> None:
        self._act(timer, self.deleted)

    def _act(self, timer: Timer, done: list[str]) -> None:
        if any(kind in timer.name for kind in self.rejected):
            raise ConnectionError("the quota of schedules is used up")
        done.append(timer.name)


class TestAnSlaThatCannotBeScheduled:
    """An event per date reports them."""

    WARNING = "bronze-stream-2026-03-03-rsla-warning-202603031240"
    BREACH = "bronze-stream-2026-03-03-rsla-breach-202603031300"

    def test_the_other_timers_are_made_and_the_error_is_raised(self, store: Store, clock: Clock) -> None:
        timers = BrokenTimers("warning")
        with pytest.raises(TimersNotMade) as failed:
            SlaMonitor(store, timers, SlaAlerts(store, clock), clock).answer({"mode": "schedule", **ABOUT})
        assert timers.made == [self.BREACH]
        assert failed.value.failures == {self.WARNING: "ConnectionError: the quota of schedules is used up"}
        assert isinstance(failed.value.__cause__, ConnectionError)

    def test_repeated_failures_of_timers_are_one_event(self, store: Store, clock: Clock) -> None:
        monitor = SlaMonitor(store, BrokenTimers("rsla"), SlaAlerts(store, clock), clock)
        for _ in range(4):
            with pytest.raises(TimersNotMade):
                monitor.answer({"mode": "schedule", **ABOUT})
            clock.now += timedelta(seconds=4)
        (row,) = [
            row for row in store.pending(datetime(2030, 1, 1, tzinfo=UTC)) if row["detailType"] == "INFRA_FAILURE"
        ]
        detail = json.loads(row["detail"])
        assert detail["detail"] == {"source": "sla-monitor", "timers": [self.BREACH, self.WARNING]}
        assert f"{self.WARNING}: ConnectionError: the quota of schedules is used up" in detail["message"]
        assert detail["runToken"] == store.run_token(KEY)

    def test_another_date_has_its_own_event(self, store: Store, clock: Clock) -> None:
        store.put_config(
            decode_yaml(PIPELINE.replace("maxDuration: 1h, expectedDuration: 20m", 'deadline: "10:00"'), "b")
        )
        monitor = SlaMonitor(store, BrokenTimers("breach"), SlaAlerts(store, clock), clock)
        for date in ("2026-03-03", "2026-03-04"):
            with pytest.raises(TimersNotMade):
                monitor.answer({"mode": "schedule", **ABOUT, "date": date})
        assert events(store) == ["INFRA_FAILURE", "INFRA_FAILURE"]

    def test_a_successful_retry_emits_no_event(self, store: Store, clock: Clock) -> None:
        timers = BrokenTimers("breach")
        monitor = SlaMonitor(store, timers, SlaAlerts(store, clock), clock)
        with pytest.raises(TimersNotMade):
            monitor.answer({"mode": "schedule", **ABOUT})
        timers.rejected = ()
        monitor.answer({"mode": "schedule", **ABOUT})
        assert (events(store), self.BREACH in timers.made) == (["INFRA_FAILURE"], True)

    def test_a_failed_deletion_holds_up_no_other_timer(self, store: Store, clock: Clock) -> None:
        timers = BrokenTimers("warning")
        with pytest.raises(ConnectionError):
            SlaMonitor(store, timers, SlaAlerts(store, clock), clock).answer({"mode": "cancel", **ABOUT})
        assert timers.deleted == [self.BREACH]


class TestExcludedDays:
    """2026-03-06 is a Friday. Its deadline of Saturday 10:00 moves to Monday. A Saturday has no clock."""

    FRIDAY, SATURDAY = ({**ABOUT, "date": f"2026-03-0{day}"} for day in (6, 7))
    MOVED = {"warningAt": "2026-03-09T09:40:00+00:00", "breachAt": "2026-03-09T10:00:00+00:00"}  # noqa: RUF012

    @pytest.fixture(autouse=True)
    def _weekends(self, store: Store) -> None:
        text = PIPELINE.replace("maxDuration: 1h", 'deadline: "10:00"')
        store.put_config(decode_yaml(text.replace("schedule: {", "schedule: {exclude: {weekends: true}, "), "b.yaml"))

    @pytest.mark.parametrize("mode", ["schedule", "cancel", "calculate", "reconcile"])
    def test_every_mode_agrees_on_the_moved_deadline(self, monitor: SlaMonitor, scheduler: Any, mode: str) -> None:
        assert monitor.answer({"mode": mode, **self.FRIDAY}) == self.MOVED
        assert monitor.answer({"mode": mode, **self.SATURDAY}) == {}
        made = {
            "bronze-stream-2026-03-06-sla-warning-202603090940": "at(2026-03-09T09:40:00)",
            "bronze-stream-2026-03-06-sla-breach-202603091000": "at(2026-03-09T10:00:00)",
        }
        assert schedules(scheduler) == (made if mode == "schedule" else {})

    @pytest.mark.parametrize(("day", "emitted"), [(7, []), (9, ["SLA_BREACH"])])
    def test_a_timer_of_the_unmoved_deadline_is_silent(
        self, monitor: SlaMonitor, clock: Clock, store: Store, day: int, emitted: list[str]
    ) -> None:
        clock.now = datetime(2026, 3, day, 10, tzinfo=UTC)
        fired = {"mode": "fire-alert", **self.FRIDAY, "alertType": "SLA_BREACH", "breachAt": clock.now.isoformat()}
        answer = monitor.answer(fired)
        assert ("firedAt" in answer, events(store)) == (bool(emitted), emitted)


class TestCalculate:
    """Given terms take precedence over the config. Nothing is written or scheduled."""

    @pytest.mark.parametrize(
        ("given", "answer"),
        [
            ({}, {"warningAt": "2026-03-03T12:40:00+00:00", "breachAt": "2026-03-03T13:00:00+00:00"}),
            (
                {"maxDuration": "2h"},
                {"warningAt": "2026-03-03T13:40:00+00:00", "breachAt": "2026-03-03T14:00:00+00:00"},
            ),
            (
                {"expectedDuration": "5m"},
                {"warningAt": "2026-03-03T12:55:00+00:00", "breachAt": "2026-03-03T13:00:00+00:00"},
            ),
            (
                {"sensorArrivalAt": "2026-03-03T09:00:00"},
                {"warningAt": "2026-03-03T09:40:00+00:00", "breachAt": "2026-03-03T10:00:00+00:00"},
            ),
            (
                {"deadline": "10:00", "timezone": "Asia/Tokyo", "sensorArrivalAt": "2026-03-05T09:00:00Z"},
                {"warningAt": "2026-03-04T00:40:00+00:00", "breachAt": "2026-03-04T01:00:00+00:00"},
            ),
        ],
    )
    def test_the_terms_given_win(self, monitor: SlaMonitor, given: dict[str, str], answer: dict[str, str]) -> None:
        assert monitor.answer({"mode": "calculate", **ABOUT, **given}) == answer

    def test_an_unknown_pipeline_is_answered_from_given_terms(self, monitor: SlaMonitor) -> None:
        asked = {"mode": "calculate", **ABOUT, "pipelineId": "unknown"}
        assert monitor.answer(asked) == {}
        assert monitor.answer({**asked, "deadline": "10:00"}) == {"breachAt": "2026-03-04T10:00:00+00:00"}
        given = {"deadline": "10:00", "expectedDuration": "30m", "timezone": "America/New_York", "critical": True}
        answer = {"warningAt": "2026-03-04T14:30:00+00:00", "breachAt": "2026-03-04T15:00:00+00:00"}
        assert monitor.answer({**asked, **given}) == answer

    @pytest.mark.parametrize(
        ("given", "why"),
        [
            ({"deadline": "25:00"}, "deadline: '25:00'"),
            ({"expectedDuration": "soon"}, "expectedDuration: 'soon'"),
            ({"maxDuration": "1 h"}, "maxDuration: '1 h'"),
            ({"timezone": "Mars/Olympus"}, "timezone: 'Mars/Olympus'"),
            ({"maxDuration": "0s"}, "must be positive"),
            ({"sensorArrivalAt": "9999-12-31T23:59:00Z"}, "after 9999"),
        ],
    )
    def test_a_term_that_is_wrong_is_named(self, monitor: SlaMonitor, given: dict[str, str], why: str) -> None:
        with pytest.raises(WrongTerm, match=why):
            monitor.answer({"mode": "calculate", **ABOUT, **given})


def test_times_without_a_zone_are_utc_wherever_it_runs(
    monitor: SlaMonitor, clock: Clock, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        clock.now = BREACH
        assert "firedAt" in fire(monitor, "RELATIVE_SLA_BREACH", breachAt="2026-03-03T13:00:00")
        answer = monitor.answer({"mode": "calculate", **ABOUT, "sensorArrivalAt": "2026-03-03T09:00:00"})
        assert answer["breachAt"] == "2026-03-03T10:00:00+00:00"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_timers_of_another_schedule_are_not_made_or_fired(monitor: SlaMonitor, store: Store, clock: Clock) -> None:
    about = {**ABOUT, "scheduleId": "cron"}
    store.put_config(decode_yaml(PIPELINE.replace("maxDuration: 1h", 'deadline: "10:00"'), "bronze.yaml"))
    assert monitor.answer({"mode": "schedule", **about}) == {}
    clock.now = datetime(2026, 3, 4, 11, tzinfo=UTC)
    late = {"mode": "fire-alert", **about, "alertType": "SLA_BREACH", "breachAt": "2026-03-04T10:00:00Z"}
    assert "firedAt" not in monitor.answer(late)
    assert events(store) == []


@pytest.mark.parametrize("alert", ["RELATIVE_SLA_WARNING", "RELATIVE_SLA_BREACH"])
def test_a_timer_that_fires_before_its_moment_comes_again(
    monitor: SlaMonitor, clock: Clock, store: Store, alert: str
) -> None:
    moment = BREACH - timedelta(minutes=20) if "WARNING" in alert else BREACH
    given = {"warningAt": moment.isoformat(), "breachAt": BREACH.isoformat()}
    clock.now = moment - timedelta(seconds=1)
    with pytest.raises(TimerEarly):
        fire(monitor, alert, **given)
    clock.now = moment
    assert "firedAt" in fire(monitor, alert, **given)
    assert events(store) == [alert]
