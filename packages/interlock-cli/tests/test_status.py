"""The dates and deadlines in `interlock status`, with the in-memory tables, at moments that a test sets."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_cli._runs._status_lines import print_statuses
from interlock_cli._runs._status_rows import wire_status
from interlock_config import decode_yaml
from interlock_lifecycle import JobOutcome, OpenWait, RecordBreach, RegisterWait, RunKey, Wait
from interlock_lifecycle.events import EventType
from interlock_lifecycle.reports import Progress
from interlock_lifecycle.runs import CloseFacts, decide_completion, decide_started, open_run
from interlock_lifecycle.slas import AlertFacts, decide_alert
from interlock_sla import parse_execution_date
from interlock_store import MemoryTables, Overview, Store, TableNames, read_statuses
from interlock_store._write import Put, Update

CONTROL = TableNames.of_environment("test").control
TIMEOUT = timedelta(hours=4)
DAILY = "timezone: Europe/Berlin, trigger: {key: ready, check: exists}"
BY_TEN = 'sla: {deadline: "10:00"}'


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


class CountingTables(MemoryTables):
    """In-memory tables that count their requests and the rows that queries return, and that can corrupt a row."""

    read, requests = 0, 0

    def get_many(self, table: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
        self.requests += 1
        return super().get_many(table, keys)

    def get(self, table: str, pk: str, sk: str) -> dict[str, Any] | None:
        self.requests += 1
        return super().get(table, pk, sk)

    def query(self, table: str, pk: str, **how: Any) -> Iterator[dict[str, Any]]:
        self.requests += 1
        rows = list(super().query(table, pk, **how))
        self.read += len(rows) if pk.startswith("PIPELINE#") else 0
        return iter(rows)

    def corrupt(self, sk: str, pipeline: str = "gold-orders", **fields: object) -> None:
        self.transact([Update(CONTROL, f"PIPELINE#{pipeline}", sk, set=fields)])


class Deployment:
    """A store with one pipeline, and its status as text and as JSON."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        names = TableNames.of_environment("test")
        self.tables = CountingTables()
        self.store, self.overview = Store(self.tables, names), Overview(self.tables, names)
        self._capsys = capsys

    def push(self, schedule: str = DAILY, sla: str = BY_TEN, more: str = "", at: str = "03-02 09:00") -> None:
        text = (
            f"pipeline: {{id: gold-orders}}\nschedule: {{{schedule}}}\n{sla}\n{more}\n"
            "validation: {rules: [{key: ready, check: gte, field: count, value: 100}]}\n"
            'job: {type: command, config: {command: "true"}}\n'
        )
        self.store.put_config(decode_yaml(text, "p.yaml"))
        self.store.note_config("gold-orders", utc(at))

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
        print_statuses(list(read_statuses(self.store, self.overview, None, last, utc(at))), utc(at))
        return [line.rstrip() for line in self._capsys.readouterr().out.splitlines()]

    def shown(self, at: str, last: int = 8) -> list[dict[str, Any]]:
        (one,) = read_statuses(self.store, self.overview, None, last, utc(at))
        return list(wire_status(one, utc(at))["runs"])


@pytest.fixture
def deployment(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    return Deployment(capsys)


def test_more_dates_need_no_more_requests(deployment: Deployment) -> None:
    deployment.push()
    for day in range(3, 9):
        deployment.start(f"03-{day:02}", at=f"03-{day:02} 06:00")
        deployment.end(f"03-{day:02}", at=f"03-{day:02} 07:00")
    requests = []
    for last in (1, 4):
        before = deployment.tables.requests
        assert len(deployment.shown("03-08 12:00", last)) == last
        requests.append(deployment.tables.requests - before)
    assert requests[0] == requests[1]


def test_untriggered_date_has_its_deadline_in_both_zones(deployment: Deployment) -> None:
    deployment.push()
    assert deployment.lines("03-03 08:00")[1:] == [
        "gold-orders  2026-03-02  not begun           nothing has triggered it; ready: no such sensor has",
        "                                             arrived, needs exists",
        "                                             by 03-03 10:00 CET (09:00Z): 1h00m left",
        "gold-orders  2026-03-03  not begun           nothing has triggered it; ready: no such sensor has",
        "                                             arrived, needs exists",
        "                                             by 03-04 10:00 CET (09:00Z): 25h00m left",
    ]


def test_deadline_is_overdue_and_then_breached(deployment: Deployment) -> None:
    deployment.push()
    assert "by 03-03 10:00 CET (09:00Z): 30m00s over" in deployment.lines("03-03 09:30")[3]
    deployment.breach("03-02", "03-03 09:00", "03-03 09:01")
    assert "by 03-03 10:00 CET (09:00Z): breached 03-03 10:01 CET" in deployment.lines("03-03 09:30")[3]


def test_held_run_shows_reason_time_left_and_deadlines(deployment: Deployment) -> None:
    deployment.push(sla='sla: {deadline: "10:00", maxDuration: 2h}')
    deployment.start("03-02", "03-03 08:00")
    deployment.store.put_sensor("gold-orders", "ready", {"count": 40})
    text = " ".join(" ".join(deployment.lines("03-03 08:20")[1:5]).split())
    assert text.startswith("gold-orders 2026-03-02 held ready: count is 40, needs gte 100")
    assert "(40m00s left)" in text
    assert "by 03-03 10:00 CET (09:00Z): 40m00s left" in text
    assert "relative: by 03-03 11:00 CET (10:00Z): 1h40m left" in text


def test_held_run_shows_since_when_and_its_next_look(deployment: Deployment) -> None:
    deployment.push()
    key = deployment.start("03-02", "03-03 08:00")
    run = deployment.store.run(key)
    assert run is not None
    deployment.store.commit(OpenWait(run, Wait(key, run.run_token, held={"ready exists": utc("03-03 08:00")})))
    wait = Wait(key, run.run_token, task_token="t", look_at=utc("03-03 08:30"))
    deployment.store.commit(RegisterWait(wait))
    text = " ".join(" ".join(deployment.lines("03-03 08:20")[1:6]).split())
    assert "held since 03-03 09:00 CET (08:00Z); waits for a row, looks by 03-03 09:30 CET" in text
    (shown,) = [line for line in deployment.shown("03-03 08:20") if line["date"] == "2026-03-02"]
    assert (shown["held_since"], shown["next_look"]) == ("2026-03-03T08:00:00Z", "2026-03-03T08:30:00Z")


def test_look_of_the_past_is_not_shown(deployment: Deployment) -> None:
    """After its time-out an execution looks, and may rest before it registers its next wait."""
    deployment.push()
    key = deployment.start("03-02", "03-03 08:00")
    run = deployment.store.run(key)
    assert run is not None
    deployment.store.commit(OpenWait(run, Wait(key, run.run_token)))
    deployment.store.commit(RegisterWait(Wait(key, run.run_token, task_token="t", look_at=utc("03-03 08:30"))))
    (shown,) = [line for line in deployment.shown("03-03 08:31") if line["date"] == "2026-03-02"]
    assert shown["next_look"] is None


def test_wait_of_a_dead_execution_is_not_shown(deployment: Deployment) -> None:
    deployment.push()
    key = deployment.start("03-02", "03-03 08:00")
    row = {"PK": "PIPELINE#gold-orders", "SK": f"WAIT#{key.schedule_id}#{key.date}", "runToken": "dead", "wakes": 0}
    held = {"ready exists": "2026-03-03T08:00:00Z"}
    deployment.tables.transact(
        [Put(CONTROL, {**row, "registrations": 0, "reports": 0, "waitsFor": "sensors", "held": held})]
    )
    (shown,) = [line for line in deployment.shown("03-03 08:20") if line["date"] == "2026-03-02"]
    assert (shown["held_since"], shown["next_look"]) == (None, None)


@pytest.mark.parametrize(
    ("event", "at", "state", "standing"),
    [
        ("success", "03-03 08:30", "completed", "met 03-03 09:30 CET"),
        ("success", "03-03 09:30", "completed", "breached 03-03 10:30 CET"),
        ("fail", "03-03 08:30", "failed", "1h00m over"),
        ("fail", "03-03 09:30", "failed", "breached 03-03 10:30 CET"),
    ],
)
def test_closed_run_shows_its_verdict_and_the_time(
    deployment: Deployment, event: str, at: str, state: str, standing: str
) -> None:
    """A failure before the deadline has no verdict: a rerun could still have met the deadline."""
    deployment.push()
    deployment.start("03-02", "03-03 08:00")
    deployment.end("03-02", at, event)
    text = "\n".join(deployment.lines("03-03 10:00")[1:3])
    assert state in text
    assert f"by 03-03 10:00 CET (09:00Z): {standing}" in text


def test_a_success_without_a_verdict_is_not_overdue(deployment: Deployment) -> None:
    """The SLA was added after the run."""
    deployment.push(sla="")
    deployment.start("03-02", "03-02 20:00")
    deployment.end("03-02", "03-02 20:30")
    deployment.push()
    assert "not judged" in deployment.lines("03-03 12:00")[1]
    assert deployment.shown("03-03 12:00")[0]["sla"][0]["overdue"] is False


def test_trigger_deadline_shows_the_time_left_for_the_sensor(deployment: Deployment) -> None:
    deployment.push('trigger: {key: ready, check: exists, deadline: "09:00"}', "")
    text = " ".join(" ".join(deployment.lines("03-03 08:00")).split())
    assert "nothing has triggered it; ready: no such sensor has arrived, needs exists (1h00m left)" in text


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


def test_pipeline_without_expected_dates_shows_no_runs_yet(deployment: Deployment) -> None:
    deployment.push(sla="sla: {maxDuration: 1h}")
    assert "no runs yet" in deployment.lines("03-05 12:00")[1]


def test_dry_run_without_dates_names_the_place_of_its_decisions(deployment: Deployment) -> None:
    deployment.push(more="dryRun: true", sla="")
    (line,) = [one for one in deployment.lines("03-05 12:00") if "gold-orders" in one]
    assert "dry run" in line
    assert "starts nothing; decisions: interlock history gold-orders" in line


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
        "moved_from": None,
        "counts": True,
        "overdue": True,
        "seconds_left": -1800,
    }


def test_a_deadline_that_moved_says_from_where(deployment: Deployment) -> None:
    """2026-03-06 is a Friday: its deadline of Saturday is on Monday, and the weekend's dates are not expected."""
    deployment.push(f"{DAILY}, exclude: {{weekends: true}}", at="03-06 09:00")
    assert deployment.lines("03-08 09:00")[1:] == [
        "gold-orders  2026-03-06  not begun           nothing has triggered it; ready: no such sensor has",
        "                                             arrived, needs exists",
        "                                             by 03-09 10:00 CET (09:00Z): 24h00m left",
        "                                               moved over excluded days from 03-07 10:00 CET",
        "gold-orders  2026-03-08  excluded            Sunday (weekend), until Monday 2026-03-09",
    ]
    (clock,) = deployment.shown("03-08 09:00")[0]["sla"]
    assert (clock["breach_at"], clock["moved_from"]) == ("2026-03-09T09:00:00Z", "2026-03-07T09:00:00Z")


def test_another_day_in_utc_is_shown(deployment: Deployment) -> None:
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


CORRUPTED = [
    ({"status": "DONE"}, "status 'DONE' is not one of RUNNING, COMPLETED, FAILED_FINAL"),
    ({"attempt": "two"}, "attempt must be a whole number"),
    ({"jobIntent": "{"}, "jobIntent:"),
    ({"startedAt": "9999-12-31T23:50:00Z"}, "out of range"),
]


@pytest.mark.parametrize(("fields", "problem"), CORRUPTED)
def test_unreadable_row_is_reported_in_its_line(
    deployment: Deployment, fields: dict[str, object], problem: str
) -> None:
    deployment.push()
    for day in ("03-02", "03-03", "03-04"):
        deployment.start(day, f"{day} 20:00")
    deployment.tables.corrupt("TRIGGER#stream#2026-03-03", **fields)
    shown = deployment.shown("03-04 21:00")
    assert [(one["date"], one["progress"]) for one in shown] == [
        ("2026-03-02", "held"),
        ("2026-03-03", "unreadable"),
        ("2026-03-04", "held"),
    ]
    reason = " ".join(shown[1]["reason"].split())
    assert "PIPELINE#gold-orders / TRIGGER#stream#2026-03-03" in reason
    assert problem in reason
    assert "unreadable" in "\n".join(deployment.lines("03-04 21:00"))


def test_corrupted_row_hides_no_other_pipeline(deployment: Deployment) -> None:
    deployment.push()
    deployment.start("03-02", "03-02 20:00")
    other = deployment.store.config("gold-orders").config
    assert other is not None
    deployment.store.put_config(replace(other, pipeline=replace(other.pipeline, id="a-first")))
    deployment.tables.corrupt("TRIGGER#stream#2026-03-02", "a-first", status="?")
    found = {
        one.pipeline: [line.date for line in one.dates]
        for one in read_statuses(deployment.store, deployment.overview, None, 8, utc("03-02 21:00"))
    }
    assert found == {"a-first": ["2026-03-02"], "gold-orders": ["2026-03-02"]}


def test_row_with_an_unreadable_date_follows_the_newest_dates(deployment: Deployment) -> None:
    deployment.push(sla="sla: {maxDuration: 1h}")
    for day in ("03-02", "03-03", "03-04"):
        deployment.start(day, f"{day} 20:00")
    deployment.tables.corrupt("TRIGGER#stream#soon", status="RUNNING")
    deployment.tables.corrupt("TRIGGER#stream#tomorrow", status="RUNNING")
    assert [one["date"] for one in deployment.shown("03-04 21:00", last=2)] == [
        "2026-03-03",
        "2026-03-04",
        "soon",
        "tomorrow",
    ]


def test_rows_with_unreadable_dates_do_not_hide_runs(deployment: Deployment) -> None:
    """Rows with unreadable dates are first in the order of the keys. They must not replace dates that ran."""
    deployment.push()
    for day in ("03-02", "03-03", "03-04"):
        deployment.start(day, f"{day} 20:00")
    for word in ("soon", "tomorrow"):
        deployment.tables.corrupt(f"TRIGGER#stream#{word}", status="RUNNING")
    progress = {one["date"]: one["progress"] for one in deployment.shown("03-04 21:00", last=2)}
    assert progress["2026-03-03"] == progress["2026-03-04"] == "held"


def test_corrupted_verdict_is_reported(deployment: Deployment) -> None:
    deployment.push()
    deployment.start("03-02", "03-02 20:00")
    deployment.tables.corrupt("VERDICT#stream#2026-03-02", absolute="late")
    (line, *_) = deployment.shown("03-02 21:00")
    assert line["progress"] == "held"
    assert "VERDICT#stream#2026-03-02" in line["reason"]
    assert "absolute says 'late'" in line["reason"]


def test_reason_with_brackets_is_shown_unchanged(deployment: Deployment) -> None:
    deployment.push()
    deployment.start("03-02", "03-02 20:00")
    deployment.tables.corrupt("TRIGGER#stream#2026-03-02", status="a\\[/x] [red]")
    assert any("a\\[/x] [red]" in line.replace("\\\\", "\\") for line in deployment.lines("03-02 21:00"))


@pytest.mark.parametrize("arrived_at", ["9999-12-31T23:59:59Z", "9999-12-31T22:30:00Z", "0001-01-01T00:00:00+14:00"])
@pytest.mark.parametrize("begun", [True, False])
def test_arrival_without_a_computable_deadline_is_reported(
    deployment: Deployment, arrived_at: str, begun: bool
) -> None:
    deployment.push(DAILY.replace("Europe/Berlin", "Asia/Tokyo"), 'sla: {deadline: "10:00", maxDuration: 1h}')
    if begun:
        deployment.start("03-02", "03-02 20:00")
    deployment.store.put_sensor("gold-orders", "first-sensor-arrival#2026-03-02", {"arrivedAt": arrived_at})
    line = next(one for one in deployment.shown("03-02 21:00") if one["date"] == "2026-03-02")
    assert line["progress"] == ("held" if begun else "not begun")
    assert [clock["clock"] for clock in line["sla"]] == ["absolute"]
    assert f"no relative deadline: first-sensor-arrival#2026-03-02 says {arrived_at[:10]}" in line["reason"]


@pytest.mark.parametrize(
    ("zone", "created_at"),
    [("America/New_York", "0001-01-01T00:00:00Z"), ("Europe/Berlin", "9999-12-31T23:59:59Z")],
)
def test_creation_time_out_of_range_hides_no_run(deployment: Deployment, zone: str, created_at: str) -> None:
    deployment.push(DAILY.replace("Europe/Berlin", zone))
    deployment.start("03-02", "03-02 20:00")
    deployment.tables.corrupt("CONFIG", createdAt=created_at)
    assert [(run["date"], run["progress"]) for run in deployment.shown("03-02 21:00")] == [("2026-03-02", "held")]


def test_dates_are_expected_from_the_edit_of_their_schedule(deployment: Deployment) -> None:
    deployment.push(sla="")
    deployment.start("03-02", "03-02 20:00")
    deployment.push('cron: "0 8 * * *", trigger: {key: ready, check: exists}', at="03-03 12:00")
    assert [(run["date"], run["progress"]) for run in deployment.shown("03-04 09:00")] == [
        ("2026-03-02", "held"),
        ("2026-03-04", "not begun"),
    ]


def test_only_the_shown_dates_of_a_long_history_are_read(deployment: Deployment) -> None:
    deployment.push(sla="sla: {maxDuration: 1h}")
    first = datetime(2024, 1, 1, tzinfo=UTC)
    for day in range(300):
        at = first + timedelta(days=day)
        key = RunKey("gold-orders", "stream", parse_execution_date(f"{at:%Y-%m-%d}"))
        deployment.store.commit(open_run(key, decided_at=at, execution_timeout=TIMEOUT, arrived_at=at))
    deployment.tables.read = 0
    shown = [one["date"] for one in deployment.shown("03-02 21:00", last=3)]
    assert shown == ["2024-10-24", "2024-10-25", "2024-10-26"]
    assert deployment.tables.read == 3


def test_runs_before_the_cron_was_added_are_shown_too(deployment: Deployment) -> None:
    deployment.push(sla="")
    deployment.start("03-02", "03-02 20:00")
    deployment.push('cron: "0 8 * * *"', sla="")
    deployment.start("03-03", "03-03 08:00")
    shown = [(one["date"], one["progress"]) for one in deployment.shown("03-03 09:00")]
    assert shown == [("2026-03-02", "held"), ("2026-03-03", "held")]


COUNT = "trigger: {key: ready, check: gte, field: count, value: 100}"
UNSTARTED = "the watchdog has not started it yet"


@pytest.mark.parametrize(
    ("schedule", "sensors", "why"),
    [
        (COUNT, {}, "ready: no such sensor has arrived, needs count gte 100"),
        (COUNT, {"ready": {"count": 40}}, "ready: count is 40, needs gte 100 (60 short)"),
        (COUNT, {"ready#2026-03-02": {"count": 40}, "ready": {"count": 400}}, "ready: count is 40, needs gte 100"),
        (COUNT, {"ready": {"count": 120, "date": "20260301"}}, "ready is of 2026-03-01, needs count gte 100"),
        (
            COUNT,
            {"ready": {"count": 120, "date": "1.3.26"}},
            "ready has a row whose date is '1.3.26', which is not YYYY",
        ),
        (
            COUNT,
            {"ready": {"count": 120, "updatedAt": "2026-03-01T08:00:00Z"}},
            " has arrived: ready is of 2026-03-01",
        ),
        (COUNT, {"ready": {"count": 120, "date": "2026-03-02"}}, f"count is 120, gte 100 holds, but {UNSTARTED}"),
        (COUNT, {"ready": {"count": 120}}, "but it names no date and no time: it counts for the day on which it was"),
        ('cron: "0 10 * * *"', {}, "nothing has triggered it; the watchdog starts it, without a sensor"),
    ],
)
def test_untriggered_date_shows_the_last_values_of_its_sensor(
    deployment: Deployment, schedule: str, sensors: dict[str, dict[str, object]], why: str
) -> None:
    deployment.push(schedule)
    for key, fields in sensors.items():
        deployment.store.put_sensor("gold-orders", key, fields)
    line = next(one for one in deployment.shown("03-02 21:00") if one["date"] == "2026-03-02")
    assert line["progress"] == "not begun"
    assert why in line["reason"]
