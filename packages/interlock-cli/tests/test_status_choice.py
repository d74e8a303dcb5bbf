"""`interlock status`: the pipelines and dates that it chooses, those that it never hides, and its exit codes."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interlock_cli import main
from interlock_cli._runs._status_lines import print_statuses
from interlock_config import decode_yaml
from interlock_lifecycle import CloseRun, Dormancy, JobOutcome, KeptRows, NoteDormant, Pause, RunKey
from interlock_lifecycle.runs import CloseFacts, decide_completion, decide_started, open_run
from interlock_sla import ExecutionDate
from interlock_store import Commit, MemoryTables, Overview, Store, TableNames, read_statuses
from interlock_store._write import Update

NAMES = TableNames.of_environment("test")
TIMEOUT = timedelta(hours=4)
FIRST = datetime(2026, 1, 1, 12, tzinfo=UTC)
PIPELINE = """
pipeline: {{id: {id}, owner: {owner}}}
schedule: {{trigger: {{key: landing, check: exists}}{more}}}
sla: {{maxDuration: 1h}}
validation: {{rules: [{{key: landing, check: gte, field: count, value: 100}}]}}
job: {{type: command, config: {{command: "true"}}}}
"""


class World:
    """Pipelines with runs of 2026, each in the state that a test wants."""

    def __init__(self, tables: MemoryTables) -> None:
        self.tables = tables
        self.store = Store(tables, NAMES)

    def push(self, name: str, owner: str = "team", more: str = "") -> None:
        self.store.put_config(decode_yaml(PIPELINE.format(id=name, owner=owner, more=more), "p.yaml"))
        self.store.note_config(name, FIRST)

    def key(self, name: str, number: int) -> RunKey:
        return RunKey(name, "stream", ExecutionDate((FIRST + timedelta(days=number)).date()))

    def run(self, name: str, number: int, event: str | None = "success", *, late: bool = False) -> None:
        """A run of a day, still held for event None."""
        at, key = FIRST + timedelta(days=number), self.key(name, number)
        opened = open_run(key, decided_at=at, execution_timeout=TIMEOUT, arrived_at=at)
        self.store.commit(opened)
        self.store.commit(decide_started(opened.run, opened.run.run_token, now=at, execution_timeout=TIMEOUT))  # type: ignore[arg-type]
        if event is not None:
            self.close(name, number, event, late=late)

    def close(self, name: str, number: int, event: str, *, late: bool = False) -> None:
        key, stored = self.key(name, number), self.store.config(name)
        run = self.store.run(key)
        assert run is not None
        facts = CloseFacts(run, stored.config, 9, stored.exclusions, self.store.sla(key))
        outcome = JobOutcome(event, error="boom" if event == "fail" else "")
        end = run.committed_at + timedelta(hours=2 if late else 0)
        closed = decide_completion(facts, run.run_token, outcome, now=end, execution_timeout=TIMEOUT)
        assert isinstance(closed, CloseRun)
        self.store.commit(closed)


@pytest.fixture
def world(tables: MemoryTables) -> World:
    return World(tables)


def invoke(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, ["status", *words], env={"NO_COLOR": "1", "COLUMNS": "100"})
    assert done.exit_code == code, done.output
    return done


def shown(*words: str, code: int = 0) -> dict[str, list[str]]:
    """The dates of each shown pipeline, as month and day."""
    found: list[dict[str, Any]] = json.loads(invoke(*words, "--json", code=code).stdout)
    return {one["pipeline"]: [run["date"][5:] for run in one["runs"]] for one in found}


def test_unclosed_run_is_shown_however_old(world: World) -> None:
    world.push("a")
    world.run("a", 0, None)
    for number in range(1, 60):
        world.run("a", number)
    assert shown("--last", "2") == {"a": ["01-01", "02-28", "03-01"]}


def test_failed_run_among_the_newest_is_shown(world: World) -> None:
    world.push("a")
    for number in range(40):
        world.run("a", number, "fail" if number in (5, 20) else "success")
    assert shown("--last", "1") == {"a": ["01-21", "02-09"]}


def test_patterns_and_owners_choose_pipelines(world: World) -> None:
    for name, owner in (("gold-a", "x"), ("gold-b", "y"), ("bronze", "x")):
        world.push(name, owner)
    assert list(shown("gold-*")) == ["gold-a", "gold-b"]
    assert list(shown("--owner", "x")) == ["bronze", "gold-a"]
    assert list(shown("gold-?", "--owner", "x")) == ["gold-a"]
    said = "error: --owner is 'z', which no pipeline has; owners: x, y\n"
    assert invoke("--owner", "z", "--fail-on", "held", code=2).stderr == said
    assert invoke("silver-*", code=2).stderr == "error: 'silver-*' matches no pipeline of 'test'\n"
    assert invoke("silver", code=2).stderr == (
        "error: there is no pipeline 'silver' in 'test'; known: bronze, gold-a, gold-b\n"
    )


def test_states_and_dates_choose_runs(world: World) -> None:
    world.push("a")
    world.push("b")
    for number, event in enumerate(["fail", None, "success", "fail", None]):
        world.run("a", number, event)
    assert shown("--state", "held") == {"a": ["01-02", "01-05"]}
    assert shown("--state", "failed", "--state", "completed") == {"a": ["01-01", "01-03", "01-04"]}
    assert shown("--since", "2026-01-04") == {"a": ["01-02", "01-04", "01-05"]}
    assert shown("--since", "2026-01-04", "--state", "failed") == {"a": ["01-04"]}


@pytest.mark.parametrize(
    ("event", "late", "kinds", "code"),
    [
        (None, False, "held", 1),
        (None, False, "failed", 0),
        (None, False, "failed,breached", 1),
        ("fail", False, "failed", 1),
        ("fail", False, "held, failed", 1),
        ("fail", False, "held", 0),
        ("fail", False, "breached", 1),
        ("success", False, "held,failed,breached,unreadable", 0),
        ("success", True, "breached", 1),
    ],
)
def test_exit_code_has_the_chosen_kinds(event: str | None, late: bool, kinds: str, code: int, world: World) -> None:
    world.push("a")
    world.run("a", 0, event, late=late)
    invoke("--fail-on", kinds, code=code)
    invoke("--fail-on", kinds, "--json", code=code)
    invoke(code=0)


def test_dates_that_are_not_chosen_do_not_fail(world: World) -> None:
    world.push("a")
    world.run("a", 0, "fail")
    invoke("--fail-on", "failed", "--since", "2026-01-02", code=0)


def test_unreadable_row_is_never_left_out(world: World) -> None:
    world.push("a")
    world.run("a", 0)
    world.tables.transact([Update(NAMES.control, "PIPELINE#a", "TRIGGER#stream#2026-01-01", set={"attempt": "x"})])
    assert shown("--since", "2026-02-01") == {"a": ["01-01"]}
    invoke("--fail-on", "unreadable", code=1)


def test_unreadable_config_is_never_left_out(world: World) -> None:
    world.push("a", "x")
    world.tables.transact([Update(NAMES.control, "PIPELINE#a", "CONFIG", set={"config": "{"})])
    assert list(shown("--owner", "y", "--state", "held")) == ["a"]
    invoke("--fail-on", "unreadable", code=1)


def test_invalid_options_are_reported_together(world: World) -> None:
    said = invoke("--since", "soon", "--fail-on", "held,late", code=2).stderr
    assert "--since is 'soon', must be a date" in said
    assert "--fail-on has 'late', must be some of held, failed, breached, unreadable" in said


@pytest.mark.parametrize(("event", "code"), [("success", 0), ("fail", 1)])
def test_wait_ends_with_the_result_of_the_run(event: str, code: int, world: World) -> None:
    world.push("a")
    world.run("a", 0, event)
    done = invoke("a", "--wait", "2026-01-01", code=code)
    assert ("error: a 2026-01-01 failed: fail: boom\n" in done.stderr) == bool(code)


def test_wait_goes_on_until_the_run_is_closed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.push("a")
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            world.run("a", 0, "success")

    monkeypatch.setattr("interlock_cli._runs._end.time.sleep", sleep)
    invoke("a", "--wait", "2026-01-01")
    assert len(naps) == 2


def test_wait_shows_its_date_and_each_change_of_its_state(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.push("a")
    world.run("a", 1)
    world.run("a", 3)
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 6:
            world.run("a", 2, None)
        if len(naps) == 12:
            world.close("a", 2, "success")

    monkeypatch.setattr("interlock_cli._runs._end.time.sleep", sleep)
    done = invoke("a", "--wait", "2026-01-03", "--json")
    assert [run["date"] for run in json.loads(done.stdout)[0]["runs"]] == ["2026-01-03"]
    waited = [line for line in done.stderr.splitlines() if line.startswith("a ")]
    assert [line.split(":")[0] for line in waited] == ["a 2026-01-03 is not begun", "a 2026-01-03 is held"]


def test_wait_needs_one_pipeline_and_a_date(world: World) -> None:
    world.push("a")
    world.push("ab")
    assert "--wait needs one PIPELINE" in invoke("--wait", "2026-01-01", code=2).stderr
    assert "--wait needs one PIPELINE" in invoke("a*", "--wait", "2026-01-01", code=2).stderr
    assert "--wait needs one PIPELINE" in invoke("a?", "--wait", "2026-01-01", code=2).stderr
    assert "--wait: 'x'" in invoke("a", "--wait", "x", code=2).stderr


def test_watch_needs_a_terminal(world: World) -> None:
    assert "--watch needs a terminal" in invoke("--watch", code=2).stderr


def test_excluded_today_says_until_when(world: World) -> None:
    today = datetime.now(UTC).date()
    tomorrow = today + timedelta(days=1)
    world.push("a", more=f', exclude: {{dates: ["{today}"]}}')
    said = " ".join(invoke("a").stdout.split())
    assert f"a {today} excluded {today:%A} (excluded date), until {tomorrow:%A} {tomorrow}" in said
    (one,) = json.loads(invoke("a", "--json").stdout)
    assert one["excluded_today"] == {
        "day": str(today),
        "reason": "excluded date",
        "next_open_day": str(tomorrow),
    }


def test_excluded_today_has_a_row_for_programs_and_a_state(world: World) -> None:
    today = datetime.now(UTC).date()
    world.push("a", more=f', exclude: {{dates: ["{today}"]}}')
    world.run("a", 0)
    rows = list(csv.DictReader(io.StringIO(invoke("a", "-o", "csv").stdout)))
    assert [(row["date"], row["progress"]) for row in rows] == [
        ("2026-01-01", "completed"),
        (str(today), "excluded"),
    ]
    assert rows[1]["reason"].startswith(f"{today:%A} (excluded date), until ")
    for words in (("--since", str(today)), ("--state", "excluded")):
        (one,) = json.loads(invoke("a", *words, "--json").stdout)
        assert (one["runs"], one["excluded_today"]["day"]) == ([], str(today))
    assert shown("--state", "held") == {}


def test_date_that_waits_for_an_open_day_is_shown(world: World) -> None:
    world.push("a")
    key = world.key("a", 1)
    kept = KeptRows(dormant=Dormancy("landing", "landing", FIRST))
    assert world.store.commit(NoteDormant(key, kept, FIRST)) is Commit.COMMITTED
    assert shown() == {"a": ["01-02"]}
    (one,) = json.loads(invoke("a", "--state", "not begun", "--json").stdout)
    said = "its trigger landing came on an excluded day, and the date waits for an open day"
    assert [(run["progress"], run["reason"]) for run in one["runs"]] == [("not begun", said)]
    world.run("a", 1)
    assert [run["progress"] for run in json.loads(invoke("a", "--json").stdout)[0]["runs"]] == ["completed"]


def test_states_of_a_deadline_choose_runs(world: World) -> None:
    world.push("a")
    for number, (event, late) in enumerate([("success", True), (None, False), ("fail", False), ("success", False)]):
        world.run("a", number, event, late=late)
    assert shown("--state", "late") == {"a": ["01-01"]}
    assert shown("--state", "breached") == {"a": ["01-02", "01-03"]}


def test_pause_is_shown_before_a_run_is_open(world: World) -> None:
    world.push("a")
    world.store.pause("a", Pause(None, "ada", "migration"))
    said = " ".join(invoke("a").stdout.split())
    assert "a paused the pipeline is paused until it is resumed by ada: migration" in said
    (one,) = json.loads(invoke("a", "--json").stdout)
    assert one["paused"] == {"pipeline": "a", "paused": True, "until": None, "by": "ada", "reason": "migration"}
    (row,) = csv.DictReader(io.StringIO(invoke("a", "-o", "csv").stdout))
    assert (row["progress"], row["reason"][:22]) == ("paused", "the pipeline is paused")
    world.store.pause("a", Pause(FIRST, "ada"))
    assert json.loads(invoke("a", "--json").stdout)[0]["paused"] is None


def states_of(*words: str) -> list[tuple[str, str]]:
    """The date and the state of each row in CSV."""
    rows = csv.DictReader(io.StringIO(invoke(*words, "-o", "csv").stdout))
    return [(row["date"], row["progress"]) for row in rows]


def test_programs_see_a_dry_run(world: World) -> None:
    text = PIPELINE.format(id="a", owner="team", more="").replace("sla: {maxDuration: 1h}", "dryRun: true")
    world.store.put_config(decode_yaml(text, "p.yaml"))
    world.push("b")
    found = json.loads(invoke("--json").stdout)
    assert [(one["pipeline"], one["dry_run"], one["removed"]) for one in found] == [
        ("a", True, False),
        ("b", False, False),
    ]
    assert states_of() == [("", "dry run"), ("", "")]
    world.store.pause("a", Pause(None, "ada"))
    assert states_of("a") == [("", "paused")]


def test_programs_see_that_a_pipeline_was_removed(world: World) -> None:
    world.push("a")
    world.run("a", 0)
    world.store.remove_config("a")
    (one,) = json.loads(invoke("a", "--json").stdout)
    assert (one["dry_run"], one["removed"]) == (False, True)
    assert states_of("a") == [("2026-01-01", "completed"), ("", "removed")]


def test_since_takes_a_length_of_time_and_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Clock":
            return cls(2026, 1, 8, 1, tzinfo=UTC)

    monkeypatch.setattr("interlock_cli._runs._status.datetime", Clock)
    world.push("a")
    for number in range(6):
        world.run("a", number)
    since = {"2d": ["01-06"], "50h": ["01-05", "01-06"], "2026-01-06T00:30+01:00": ["01-05", "01-06"]}
    assert {text: shown("a", "--since", text)["a"] for text in since} == since


@pytest.mark.parametrize("text", ["x", "+2d", "60000d", "9999999d"])
def test_other_since_is_an_error_with_its_forms(text: str, world: World) -> None:
    said = invoke("--since", text, code=2).stderr
    assert said.startswith(f"error: --since is '{text}', must be a date (2026-03-03), a time ")
    assert "length of time before now" in said


def test_removed_pipeline_has_the_rows_that_stay(world: World) -> None:
    for name in ("a", "b"):
        world.push(name)
        world.run(name, 0)
    world.run("a", 1, None)
    world.store.remove_config("a")
    world.store.remove_config("b")
    assert shown("a") == {"a": ["01-01", "01-02"]}
    assert shown() == {"a": ["01-01", "01-02"]}
    assert "a removed the pipeline has no config, and its rows stay" in " ".join(invoke("a").stdout.split())
    assert "relative: by 01-01 13:00Z: met 01-01 12:00Z" in invoke("b").stdout.replace("2026-", "")


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_narrow_terminal_has_the_reason_on_its_own_lines(
    columns: int, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    world.push("gold-orders-of-the-day")
    world.run("gold-orders-of-the-day", 0, None)
    now = FIRST + timedelta(minutes=10)
    print_statuses(list(read_statuses(world.store, Overview(world.tables, NAMES), None, 8, now)), now)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "gold-orders-of-the-day 2026-01-01 held"
    assert lines[1].startswith("  landing: no such sensor has arrived"[: columns - 2])
    assert all(line.startswith("  ") for line in lines[1:])
    assert max(map(len, lines)) <= columns
