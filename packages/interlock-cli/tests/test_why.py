"""`interlock why`: each kind of date is explained in at most 20 lines of 80 columns, and assumed rows change it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from interlock_cli import main
from interlock_config import decode_yaml
from interlock_lifecycle import CloseRun, JobOutcome, OpenAttempt, PassEvaluation, RecordBreach, RejectRerun, RunKey
from interlock_lifecycle.events import EventType
from interlock_lifecycle.reruns import RerunFacts, decide_rerun
from interlock_lifecycle.runs import (
    CloseFacts,
    EvaluationFacts,
    EvaluationWindow,
    Exhaustion,
    WindowUsedUp,
    decide_completion,
    decide_evaluation,
    decide_started,
    exhaust,
    open_run,
    rules_to_read,
)
from interlock_lifecycle.slas import AlertFacts, decide_alert
from interlock_sla import parse_execution_date
from interlock_store import Commit, MemoryTables, Store, TableNames, read_rerun_request
from interlock_store._write import Put, Update
from interlock_telemetry import zone_database

CONTROL = TableNames.of_environment("test").control
TIMEOUT = timedelta(hours=4)
PIPELINE = """
pipeline: {id: gold-orders}
schedule:
  timezone: Europe/Berlin
  trigger: {key: landing, check: equals, field: complete, value: true}
  exclude: {weekends: true}
sla: {deadline: "10:00", expectedDuration: 30m}
validation:
  rules:
    - {key: landing, check: gte, field: count, value: 100}
    - {key: landing, check: age_lt, field: updatedAt, value: 2h}
    - {key: rates, check: exists, anyDate: true}
job: {type: command, config: {command: "true"}, maxRetries: 2}
"""


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


class World:
    """A deployment with one pipeline, and `interlock why` in a terminal of 80 columns."""

    def __init__(self, tables: MemoryTables, relay: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
        self.tables, self.relay = tables, relay
        self.store = Store(tables, TableNames.of_environment("test"))
        self.store.put_config(decode_yaml(PIPELINE, "p.yaml"))
        self.store.note_config("gold-orders", utc("03-01 09:00"))
        monkeypatch.setattr("interlock_cli._deployment._deployment.Deployment._check_reachable", lambda _: None)

    def key(self, date: str) -> RunKey:
        return RunKey("gold-orders", "stream", parse_execution_date(f"2026-{date}"))

    def land(self, date: str, count: int, at: str) -> None:
        row = {"date": f"2026-{date}", "complete": True, "count": count, "updatedAt": utc(at).isoformat()}
        self.store.put_sensor("gold-orders", "landing", row)

    def start(self, date: str, at: str) -> None:
        opened = open_run(self.key(date), decided_at=utc(at), execution_timeout=TIMEOUT, arrived_at=utc(at))
        self.store.commit(opened)
        started = decide_started(opened.run, opened.run.run_token, now=utc(at), execution_timeout=TIMEOUT)
        self.store.commit(started)  # type: ignore[arg-type]

    def look(self, date: str, at: str) -> None:
        """One evaluation of the rules, with the end of the run if its window is over."""
        key, stored = self.key(date), self.store.config("gold-orders")
        run, config, now = self.store.run(key), stored.config, utc(at)
        assert run is not None
        assert run.started_at is not None
        assert config is not None
        readings = self.store.readings(key, rules_to_read(config))
        facts = EvaluationFacts(run, config, "", readings.rows, self.store.sla(key), readings.kept)
        window = EvaluationWindow(run.started_at, config.schedule.evaluation.window, timedelta(minutes=5))
        decision = decide_evaluation(facts, run.run_token, window, now)
        if isinstance(decision, WindowUsedUp):
            closing = CloseFacts(run, config, 0, stored.exclusions, self.store.sla(key))
            because, rows = decision.reason, decision.rows
            decision = exhaust(closing, run.run_token, Exhaustion.VALIDATION, reason=because, now=now, rows=rows)
        assert isinstance(decision, (PassEvaluation, CloseRun))
        self.store.commit(decision)
        self.relay()

    def end(self, date: str, at: str) -> None:
        run, stored = self.store.run(self.key(date)), self.store.config("gold-orders")
        assert run is not None
        facts = CloseFacts(run, stored.config, 9, stored.exclusions, self.store.sla(run.key))
        closed = decide_completion(
            facts, run.run_token, JobOutcome("success", run_id="jr_1"), now=utc(at), execution_timeout=TIMEOUT
        )
        assert isinstance(closed, CloseRun)
        self.store.commit(closed)

    def complete(self) -> None:
        """A run of 2026-03-03 that started by 200 rows and succeeded."""
        self.store.put_sensor("gold-orders", "rates", {"euro": 1})
        self.land("03-03", 200, "03-03 12:00")
        self.start("03-03", "03-03 12:00")
        self.look("03-03", "03-03 12:01")
        self.end("03-03", "03-03 12:20")

    def ask_rerun(self, date: str, at: str) -> OpenAttempt | RejectRerun:
        key, stored = self.key(date), self.store.config("gold-orders")
        self.store.request_rerun(key, reason="manual", note=None, requested_at=utc(at))
        row = self.store._get(key, "RERUN_REQUEST")
        assert stored.config is not None
        assert row is not None
        newest = self.store.newest_sensor_update(stored.config, key)
        known = (self.store.run(key), stored.exclusions, self.store.entries(key), self.store.reruns(key), newest)
        request = read_rerun_request(row, utc(at))
        decision = decide_rerun(request, RerunFacts(*known), stored.config, execution_timeout=TIMEOUT)
        assert isinstance(decision, (OpenAttempt, RejectRerun))
        assert self.store.commit(decision) is Commit.COMMITTED
        return decision

    def breach(self, date: str, deadline: str) -> None:
        key, config = self.key(date), self.store.config("gold-orders").config
        facts = AlertFacts(config, self.store.run(key), self.store.sla(key))
        decision = decide_alert(EventType.SLA_BREACH, utc(deadline), key, facts, utc(deadline))
        assert isinstance(decision, RecordBreach)
        self.store.commit(decision)

    def why(self, date: str, at: str, *more: str) -> list[str]:
        done = CliRunner().invoke(
            main,
            ["why", "gold-orders", f"2026-{date}", "--at", f"{utc(at).isoformat()}", *more],
            env={"COLUMNS": "80", "NO_COLOR": "1"},
        )
        assert done.exit_code == 0, done.output
        lines = [line.rstrip() for line in done.stdout.splitlines()]
        assert len(lines) <= 20
        assert max(map(len, lines)) <= 80
        return lines

    def facts(self, date: str, at: str, *more: str) -> dict[str, Any]:
        done = CliRunner().invoke(
            main, ["why", "gold-orders", f"2026-{date}", "--at", utc(at).isoformat(), "--json", *more]
        )
        assert done.exit_code == 0, done.output
        return dict(json.loads(done.stdout))


@pytest.fixture
def world(tables: MemoryTables, relay: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tables, relay, monkeypatch)


ARRIVED = 'landing={"date": "2026-03-03", "count": 200, "complete": true}'
RATES = 'rates={"euro": 1}'


def test_held_run_shows_each_rule_with_its_row(world: World) -> None:
    world.land("03-03", 40, "03-03 12:00")
    world.start("03-03", "03-03 12:00")
    assert world.why("03-03", "03-03 12:10") == [
        "gold-orders 2026-03-03 is held at 03-03 13:10 CET (12:10Z)",
        "because   2 of 3 rules do not hold (ALL must hold)",
        "schedule  by its data in Europe/Berlin, begins 03-03 00:00 CET (03-02 23:00Z)",
        f"zones     {zone_database()} (of this command)",
        "trigger   landing complete equals true",
        "rules     not: landing: count is 40, needs gte 100 (60 short), since 12:00:00Z",
        "            row landing, of 2026-03-03, written 03-03 13:00 CET (10m00s old)",
        "          not: rates: no such sensor has arrived, needs exists",
        "          ok: landing updatedAt age_lt 2h (10m00s old)",
        "attempts  attempt 0; retries 0 of 2, permanent-failure retries 0 of 1, manual",
        "            reruns 0 of 1, data reruns 0 of 1",
        "waits     until 03-03 14:00 CET (13:00Z): 50m00s left",
        "deadline  by 03-04 10:00 CET (09:00Z): 20h50m left, warning 03-04 09:30 CET",
        "            (08:30Z)",
        "rerun     a manual request now is rejected: already running",
        "next      the run stays held",
        "to change landing: count gte 100 (60 short); rates: exists",
    ]


@pytest.mark.parametrize(
    ("at", "sensors", "state", "decision"),
    [
        ("03-03 12:10", (), "held", "the run stays held"),
        ("03-03 12:10", (RATES,), "held", "the run stays held"),
        ("03-03 12:10", (ARRIVED, RATES), "evaluating", "the rules hold: the job starts"),
        ("03-03 14:10", (RATES,), "held", "the evaluation window is over: the run fails (VALIDATION_EXHAUSTED)"),
        ("03-03 14:10", (ARRIVED, RATES), "evaluating", "the rules hold: the job starts"),
    ],
)
def test_assumed_rows_flip_a_held_run(
    at: str, sensors: tuple[str, ...], state: str, decision: str, world: World
) -> None:
    world.land("03-03", 40, "03-03 12:00")
    world.start("03-03", "03-03 12:00")
    before = world.tables.rows_of(CONTROL)
    found = world.facts("03-03", at, *(word for one in sensors for word in ("--sensor", one)))
    assert (found["state"], found["decision"]) == (state, decision)
    assert world.tables.rows_of(CONTROL) == before


def test_excluded_day_names_the_next_open_day(world: World) -> None:
    lines = world.why("03-07", "03-09 13:10")
    assert lines[0] == "gold-orders 2026-03-07 is excluded at 03-09 14:10 CET (13:10Z)"
    assert lines[1] == "because   Saturday 2026-03-07 is excluded (weekend), so nothing starts"
    assert lines[3] == "            the next open day is Monday 2026-03-09"
    assert "rerun     a manual request now is rejected: 2026-03-07 is excluded" in lines
    assert not any(line.startswith("deadline") for line in lines)


def test_date_without_data_names_its_trigger(world: World) -> None:
    world.land("03-03", 40, "03-03 12:00")
    lines = world.why("03-02", "03-03 07:10")
    assert lines[:2] == [
        "gold-orders 2026-03-02 is not begun at 03-03 08:10 CET (07:10Z)",
        "because   landing is of 2026-03-03, needs complete equals true",
    ]
    assert lines[-1] == "to change landing: complete equals true"
    # The command computes with the zones of its machine, which may differ from those of the functions.
    (zones,) = [line for line in lines if line.startswith("zones")]
    assert zones == f"zones     {zone_database()} (of this command)"


def test_assumed_row_opens_the_run_of_a_date_without_data(world: World) -> None:
    row = ARRIVED.replace("03-03", "03-02")
    found = world.facts("03-02", "03-03 07:10", "--sensor", row, "--sensor", RATES)
    assert found["assumed"] == ["landing: it opens the run", "rates: the rules read it"]
    assert (found["state"], found["decision"]) == ("evaluating", "the rules hold: the job starts")


def test_assumed_row_of_another_date_says_so(world: World) -> None:
    found = world.facts("03-02", "03-03 07:10", "--sensor", ARRIVED)
    assert found["assumed"] == ["landing: it is of 2026-03-03"]
    assert found["state"] == "not begun"


def test_rejected_rerun_shows_its_reason(world: World) -> None:
    world.land("03-03", 200, "03-03 12:00")
    world.start("03-03", "03-03 12:00")
    world.end("03-03", "03-03 12:20")
    assert isinstance(world.ask_rerun("03-03", "03-03 14:00"), RejectRerun)
    lines = world.why("03-03", "03-03 14:10")
    assert lines[0] == "gold-orders 2026-03-03 is completed at 03-03 15:10 CET (14:10Z)"
    log = lines.index("log       03-03 15:00 CET rerun-rejected: the run succeeded and no sensor was")
    assert lines[log + 1] == "            updated since"


def test_used_budget_is_shown(world: World) -> None:
    world.land("03-03", 200, "03-03 12:00")
    world.start("03-03", "03-03 12:00")
    world.end("03-03", "03-03 12:20")
    world.land("03-03", 201, "03-03 13:00")
    assert isinstance(world.ask_rerun("03-03", "03-03 14:00"), OpenAttempt)
    found = world.facts("03-03", "03-03 14:10")
    assert found["budgets"][2] == {"name": "manual reruns", "used": 1, "allowed": 1}
    assert found["rerun"] == "rejected: already running"


def test_late_data_is_answered_by_the_budget(world: World) -> None:
    world.land("03-03", 200, "03-03 12:00")
    world.start("03-03", "03-03 12:00")
    world.end("03-03", "03-03 12:20")
    found = world.facts("03-03", "03-03 14:10", "--sensor", ARRIVED)
    assert found["assumed"] == ["landing: it requests a rerun (late-data), which is accepted"]


def test_breached_date_names_the_breach(world: World) -> None:
    world.breach("03-02", "03-03 09:00")
    lines = world.why("03-02", "03-03 14:10")
    deadline = lines.index("deadline  by 03-03 10:00 CET (09:00Z): breached, judged 03-03 10:00 CET. A later")
    assert lines[deadline + 1] == "            success does not change it"
    (clock,) = world.facts("03-02", "03-03 14:10")["sla"]
    assert (clock["verdict"], clock["breach_at_local"]) == ("breach", "2026-03-03T10:00:00+01:00")


def test_date_before_the_pipeline_shows_rules_and_a_rerun(world: World) -> None:
    text = PIPELINE.replace("trigger: {key: landing, check: equals, field: complete, value: true}", 'cron: "0 6 * * *"')
    world.store.put_config(decode_yaml(text, "p.yaml"))
    world.store.note_config("gold-orders", utc("03-01 09:00"))
    lines = world.why("02-26", at="03-03 09:00")
    assert "is not expected" in lines[0]
    assert any(line.startswith("rules     not: landing: no such sensor has arrived") for line in lines)
    assert lines[-1] == "to change a rerun: interlock rerun gold-orders 2026-02-26"


def test_many_failing_rules_keep_to_twenty_lines(world: World) -> None:
    rules = "".join(f"    - {{key: part-{place}, check: gte, field: count, value: 100}}\n" for place in range(30))
    text = PIPELINE.replace("    - {key: rates", f"{rules}    - {{key: rates")
    world.store.put_config(decode_yaml(text, "p.yaml"))
    world.start("03-03", "03-03 12:00")
    lines = world.why("03-03", "03-03 12:10")
    assert len(lines) == 20
    assert len(world.facts("03-03", "03-03 12:10")["rules"]) == 33


def test_terminal_does_not_obey_the_rows(world: World) -> None:
    world.store.put_sensor("gold-orders", "landing", {"date": "2026-03-03", "count": "\x1b[31m[red]" * 9})
    world.start("03-03", "03-03 12:00")
    text = "\n".join(world.why("03-03", "03-03 12:10"))
    assert "\x1b" not in text
    assert "\\x1b[31m[red]" in text


def test_config_that_cannot_be_read_is_the_reason(world: World) -> None:
    world.start("03-03", "03-03 12:00")
    world.tables.transact([Update(CONTROL, "PIPELINE#gold-orders", "CONFIG", set={"config": "{"})])
    found = world.facts("03-03", "03-03 12:10")
    assert found["state"] == "held"
    assert found["reason"].startswith("config of gold-orders")


@pytest.mark.parametrize(
    ("arguments", "problems"),
    [
        (("2026-03-33",), ["'2026-03-33'"]),
        (("2026-03-03", "--at", "soon"), ["--at is 'soon', must be a date (2026-03-03), a time"]),
        (("2026-03-03", "--sensor", "landing"), ["--sensor is 'landing', must be KEY=JSON"]),
        (("2026-03-03", "--sensor", "landing=3"), ["its value must be a JSON object with at least one field"]),
        (("2026-03-03", "--sensor", 'a={"n": NaN}'), ["NaN is not a JSON number"]),
        (("2026-03-03", "--sensor", 'a={"n": 1e999}'), ["too large or too exact"]),
        (("2026-03-03", "--sensor", 'postrun-baseline#2026-03-03={"n": 1}'), ["is written by Interlock itself"]),
        (("x", "--at", "y", "--sensor", "z"), ["'x'", "--at is 'y'", "--sensor is 'z'"]),
    ],
)
def test_invalid_arguments_are_all_reported(arguments: tuple[str, ...], problems: list[str], world: World) -> None:
    done = CliRunner().invoke(main, ["why", "gold-orders", *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    assert all(problem in done.stderr for problem in problems), done.stderr


def test_unknown_pipeline_is_an_error_of_the_input(world: World) -> None:
    done = CliRunner().invoke(main, ["why", "gold-order", "2026-03-03"])
    said = "error: there is no pipeline 'gold-order' in 'test'; did you mean gold-orders?\n"
    assert (done.exit_code, done.stderr) == (2, said)


def test_completed_run_shows_the_rows_that_let_it_start(world: World) -> None:
    world.complete()
    world.land("03-03", 7, "03-03 14:00")
    lines = world.why("03-03", "03-03 15:00")
    place = lines.index("rules     as they were 03-03 13:01 CET (12:01Z)")
    assert lines[place + 1 : place + 3] == [
        "          ok: landing count gte 100 (200); landing updatedAt age_lt 2h (1m00s",
        "            old); rates exists",
    ]
    assert world.facts("03-03", "03-03 15:00")["rules_at"] == "2026-03-03T12:01:00Z"


def test_failed_run_shows_the_rows_that_held_it(world: World) -> None:
    world.store.put_sensor("gold-orders", "rates", {"euro": 1})
    world.land("03-03", 40, "03-03 12:00")
    world.start("03-03", "03-03 12:00")
    world.look("03-03", "03-03 13:00")
    world.land("03-03", 200, "03-03 14:00")
    lines = world.why("03-03", "03-03 15:00")
    assert lines[0] == "gold-orders 2026-03-03 is failed at 03-03 16:00 CET (15:00Z)"
    place = lines.index("rules     as they were 03-03 14:00 CET (13:00Z)")
    assert lines[place + 1] == "          not: landing: count is 40, needs gte 100 (60 short), since 12:00:00Z"


def test_event_of_another_attempt_in_a_second_is_not_shown(world: World) -> None:
    world.complete()
    names = TableNames.of_environment("test")
    (row,) = (one for one in world.tables.rows_of(names.events) if one["eventType"] == "VALIDATION_PASSED")
    wire = json.loads(row["detail"])
    wire |= {"attempt": 7, "detail": {**wire["detail"], "rows": []}}
    earlier = f"{int(row['SK'][:13]) - 1:013d}{row['SK'][13:]}"
    world.tables.transact([Put(names.events, {**row, "SK": earlier, "detail": json.dumps(wire)})])
    assert world.facts("03-03", "03-03 15:00")["rules"][0]["observed"] == "200"


def test_evaluation_of_another_attempt_is_not_shown(world: World) -> None:
    world.complete()
    world.land("03-03", 201, "03-03 13:00")
    assert isinstance(world.ask_rerun("03-03", "03-03 14:00"), OpenAttempt)
    found = world.facts("03-03", "03-03 14:10")
    assert (found["state"], found["rules_at"], found["rules"][0]["observed"]) == ("committed", None, "201")


def test_time_to_come_is_a_projection(world: World) -> None:
    now = datetime.now(UTC)
    world.start("03-03", f"{now:%m-%d %H:%M}")
    done = CliRunner().invoke(main, ["why", "gold-orders", "2026-03-03", "--at", "+3h", "--json"])
    found = json.loads(done.stdout)
    assert (found["state"], found["assumed"]) == ("failed", ["no row changes until then"])
    assert found["read_at"] < found["at"]
    done = CliRunner().invoke(main, ["why", "gold-orders", "2026-03-03", "--at", "+3h"], env={"COLUMNS": "80"})
    assert "gold-orders 2026-03-03 would be failed at" in done.stdout


def test_time_before_the_run_is_an_error_of_the_input(world: World) -> None:
    world.start("03-03", "03-03 12:00")
    done = CliRunner().invoke(main, ["why", "gold-orders", "2026-03-03", "--at", "2026-03-03T11:59:00Z"])
    assert done.exit_code == 2
    assert "before attempt 0 of 2026-03-03 began (03-03 13:00 CET (12:00Z))" in done.stderr


def test_moment_of_another_year_has_its_year(world: World) -> None:
    lines = world.why("03-03", "03-03 09:00")
    assert "schedule  by its data in Europe/Berlin, begins 03-03 00:00 CET (03-02 23:00Z)" in lines
    done = CliRunner().invoke(
        main,
        ["why", "gold-orders", "2026-03-03", "--at", "2027-01-02T09:00:00Z"],
        env={"COLUMNS": "100", "NO_COLOR": "1"},
    )
    assert "begins 2026-03-03 00:00 CET (03-02 23:00Z)" in done.stdout
    assert "deadline  by 2026-03-04 10:00 CET (09:00Z): " in done.stdout
    assert done.stdout.splitlines()[0].endswith(" not begun at 01-02 10:00 CET (09:00Z)")
