"""`interlock try`: a changed file on the recorded rows and events of a deployment or an export, and invalid input."""

import gzip
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interlock_cli import main
from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import CloseRun, JobOutcome, PassEvaluation, RecordBreach, Run, RunKey
from interlock_lifecycle.events import EventType
from interlock_lifecycle.runs import (
    CloseFacts,
    EvaluationFacts,
    EvaluationWindow,
    HoldRun,
    decide_completion,
    decide_evaluation,
    decide_started,
    open_run,
    rules_to_read,
)
from interlock_lifecycle.slas import AlertFacts, decide_alert
from interlock_sla import parse_execution_date
from interlock_store import MemoryTables, Store, TableNames, to_wire
from interlock_store._write import Delete, Put

NAMES = TableNames.of_environment("test")
TIMEOUT = timedelta(hours=4)
PIPELINE = """
pipeline: {id: gold-orders}
schedule:
  timezone: Europe/Berlin
  trigger: {key: landing, check: exists}
sla: {deadline: "10:00"}
validation:
  rules:
    - {key: landing, check: gte, field: count, value: 100}
job: {type: command, config: {command: "true"}, maxRetries: 2}
"""
STRICTER = PIPELINE.replace("value: 100", "value: 150")
PERIOD = ("--since", "2026-03-01", "--until", "2026-03-05")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


class Deployment:
    """A deployment whose dates ran by the decisions of the controller, and `interlock try` in 80 columns."""

    def __init__(
        self, tables: MemoryTables, relay: Callable[[], None], folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.tables, self.folder, self._relay = tables, folder, relay
        self.store = Store(tables, NAMES)
        self.config: PipelineConfig = decode_yaml(PIPELINE, "p.yaml")
        self.store.put_config(self.config)
        self.store.note_config("gold-orders", utc("02-01 09:00"))
        monkeypatch.setattr("interlock_cli._deployment._deployment.Deployment._check_reachable", lambda _: None)

    def run(self, date: str, steps: Sequence[tuple[str, int]], *, took: timedelta = timedelta(minutes=10)) -> None:
        """A date whose landing had each count from a time on, until its rules held."""
        key = RunKey("gold-orders", "stream", parse_execution_date(f"2026-{date}"))
        began = utc(f"{date} {steps[0][0]}")
        for place, (clock, count) in enumerate(steps):
            now = utc(f"{date} {clock}")
            row = {"date": f"2026-{date}", "count": count, "updatedAt": now.isoformat()}
            self.store.put_sensor("gold-orders", f"landing#2026-{date}", row)
            if not place:
                self._begin(key, now)
            self._look(key, began, now + timedelta(seconds=1), took)
        self._relay()

    def _begin(self, key: RunKey, now: datetime) -> None:
        opened = open_run(key, decided_at=now, execution_timeout=TIMEOUT, arrived_at=now)
        self.store.commit(opened)
        started = decide_started(opened.run, opened.run.run_token, now=now, execution_timeout=TIMEOUT)
        self.store.commit(started)  # type: ignore[arg-type]

    def _look(self, key: RunKey, began: datetime, now: datetime, took: timedelta) -> None:
        run = self._stored(key)
        readings, wait = self.store.readings(key, rules_to_read(self.config)), self.store.waits.of_run(key)
        facts = EvaluationFacts(run, self.config, "", readings.rows, self.store.sla(key), readings.kept, wait)
        window = EvaluationWindow(began, timedelta(hours=1), timedelta(minutes=5))
        decision = decide_evaluation(facts, run.run_token, window, now)
        if isinstance(decision, HoldRun):
            assert decision.note is not None
            self.store.commit(decision.note)
            return
        assert isinstance(decision, PassEvaluation)
        self.store.commit(decision)
        closing = CloseFacts(self._stored(key), self.config, 0, self.config.exclusions({}), self.store.sla(key))
        outcome = JobOutcome("success", run_id="jr_1")
        closed = decide_completion(closing, run.run_token, outcome, now=now + took, execution_timeout=TIMEOUT)
        assert isinstance(closed, CloseRun)
        self.store.commit(closed)

    def _stored(self, key: RunKey) -> Run:
        run = self.store.run(key)
        assert run is not None
        return run

    def breach(self, date: str, deadline: str) -> None:
        """A date without any row, whose deadline passed."""
        key, due = RunKey("gold-orders", "stream", parse_execution_date(f"2026-{date}")), utc(deadline)
        decision = decide_alert(EventType.SLA_BREACH, due, key, AlertFacts(self.config, None, self.store.sla(key)), due)
        assert isinstance(decision, RecordBreach)
        self.store.commit(decision)
        self._relay()

    def file(self, text: str, name: str = "gold.yaml") -> str:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def ask(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["try", *arguments], env={"COLUMNS": "80", "NO_COLOR": "1"})

    def tried(self, text: str, *more: str) -> dict[str, Any]:
        done = self.ask(self.file(text), *PERIOD, "-o", "json", *more)
        assert done.exit_code == 0, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def changes(self, text: str, *more: str) -> dict[str, str]:
        return {one["date"]: one["change"] for one in self.tried(text, *more)["dates"]}


@pytest.fixture
def deployment(
    tables: MemoryTables, relay: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Deployment:
    made = Deployment(tables, relay, tmp_path, monkeypatch)
    made.breach("03-01", "03-02 09:00")
    made.run("03-02", [("06:00", 120)])
    made.run("03-03", [("06:00", 90), ("06:20", 200)])
    made.run("03-04", [("06:00", 160)])
    return made


def test_the_same_file_changes_no_date(deployment: Deployment) -> None:
    assert set(deployment.changes(PIPELINE).values()) == {"same"}


def test_a_stricter_rule_changes_only_the_run_below_it(deployment: Deployment) -> None:
    changes = deployment.changes(STRICTER)
    assert {date for date, change in changes.items() if change == "changed"} == {"2026-03-02"}
    (date,) = (one for one in deployment.tried(STRICTER)["dates"] if one["change"] == "changed")
    assert [one["type"] for one in date["happened"]] == ["VALIDATION_PASSED", "JOB_COMPLETED", "SLA_MET"]
    assert [one["type"] for one in date["would"]] == ["RUN_HELD", "VALIDATION_EXHAUSTED"]
    assert "count is 120, needs gte 150 (30 short)" in date["would"][0]["message"]


def test_a_looser_rule_starts_the_held_run_at_once(deployment: Deployment) -> None:
    found = deployment.tried(PIPELINE.replace("value: 100", "value: 80"))
    (date,) = (one for one in found["dates"] if one["change"] == "changed")
    assert date["date"] == "2026-03-03"
    assert date["would"][0]["type"] == "VALIDATION_PASSED"
    assert date["would"][0]["earliest"].startswith("2026-03-03T06:00:01")


def test_a_shorter_duration_breaches_the_run_that_was_held(deployment: Deployment) -> None:
    found = deployment.tried(PIPELINE.replace('deadline: "10:00"', 'deadline: "10:00", maxDuration: 25m'))
    types = {one["date"]: [each["type"] for each in one["would"]] for one in found["dates"]}
    assert types["2026-03-02"][-1] == "SLA_MET"
    assert types["2026-03-03"] == [
        "RUN_HELD",
        "RELATIVE_SLA_WARNING",
        "VALIDATION_PASSED",
        "RELATIVE_SLA_BREACH",
        "JOB_COMPLETED",
    ]
    assert found["summary"]["changed"] == 1
    assert found["summary"]["events"]["breached"] == {"happened": 1, "would": 2, "possible": 0}
    assert found["summary"]["events"]["met"] == {"happened": 3, "would": 2, "possible": 0}


def test_a_rule_on_an_unrecorded_sensor_is_not_known(deployment: Deployment) -> None:
    more = PIPELINE.replace("value: 100}", "value: 100}\n    - {key: rates, check: exists}")
    found = deployment.tried(more)
    begun = [one for one in found["dates"] if one["date"] != "2026-03-01"]
    assert [one["change"] for one in begun] == ["not known"] * 3
    # Only the landing of 03-03 was short, so that the run is held whatever the rates were.
    certain = [
        (one["date"], each["type"], each["message"]) for one in begun for each in one["would"] if each["certain"]
    ]
    assert certain == [("2026-03-03", "RUN_HELD", "")]
    assert all("no event kept a row of rates" in one["unknown"] for one in begun)


def test_a_cut_row_makes_its_date_not_known(deployment: Deployment, tables: MemoryTables) -> None:
    for row in tables.rows_of(NAMES.events):
        if row["date"] == "2026-03-02" and row["eventType"] == "VALIDATION_PASSED":
            wire = json.loads(row["detail"])
            described = wire["detail"]["rows"][0]
            del described["data"]
            described["cut"] = "9000 bytes do not fit into the event"
            tables.transact([Put(NAMES.events, {**row, "detail": json.dumps(wire)})])
    tables.transact([Delete(NAMES.control, "PIPELINE#gold-orders", "SENSOR#landing#2026-03-02")])
    (date,) = (one for one in deployment.tried(STRICTER)["dates"] if one["date"] == "2026-03-02")
    assert date["change"] == "not known"
    assert "landing#2026-03-02 was cut (9000 bytes do not fit into the event)" in " ".join(date["unknown"])


def test_an_event_that_cannot_be_read_makes_its_date_not_known(deployment: Deployment, tables: MemoryTables) -> None:
    (row,) = (
        one
        for one in tables.rows_of(NAMES.events)
        if one["date"] == "2026-03-04" and one["eventType"] == "VALIDATION_PASSED"
    )
    tables.transact([Put(NAMES.events, {**row, "detail": "{"})])
    (date,) = (one for one in deployment.tried(PIPELINE)["dates"] if one["date"] == "2026-03-04")
    assert date["change"] != "same"
    assert "an event cannot be read" in " ".join(date["unknown"])


@pytest.mark.parametrize(
    "changed",
    [
        {"SK": "1772668800000x"},
        {"detail": '{"id": "1", "timestamp": "2026-03-04T06:00:01Z", "attempt": 0, "detail": {"rules": 5, "rows": 7}}'},
        {"detail": '{"id": "1", "timestamp": "2026-03-04T06:00:01Z", "attempt": -7, "detail": {"rules": [1, {}]}}'},
        {"eventType": "RUN_HELD", "detail": "[]"},
    ],
)
def test_a_corrupted_event_row_raises_nothing(
    deployment: Deployment, tables: MemoryTables, changed: dict[str, Any]
) -> None:
    row = next(one for one in tables.rows_of(NAMES.events) if one["date"] == "2026-03-04")
    tables.transact([Put(NAMES.events, {**row, "eventType": "RUN_HELD", **changed})])
    assert {one["date"] for one in deployment.tried(STRICTER)["dates"]} >= {"2026-03-02", "2026-03-03"}


def test_the_table_fits_80_columns_and_names_the_reason(deployment: Deployment) -> None:
    done = deployment.ask(deployment.file(STRICTER), *PERIOD)
    assert done.exit_code == 0, done.output
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert max(map(len, lines[1:])) <= 80
    assert "2026-03-02  changed" in lines
    assert any("needs gte 150" in line for line in lines)
    assert not any(line.startswith("2026-03-04") for line in lines)
    assert any("takes as long" in line for line in lines)


def test_rows_for_programs_have_one_line_per_date(deployment: Deployment) -> None:
    path = deployment.file(STRICTER)
    lines = deployment.ask(path, *PERIOD, "-o", "jsonl").stdout.splitlines()
    assert json.loads(lines[0])["pipeline"] == "gold-orders"
    table = deployment.ask(path, *PERIOD, "-o", "csv").stdout.splitlines()
    assert table[0] == "pipeline,date,change,happened,would,unknown"
    assert len(table) == len(lines) + 1


def test_the_command_writes_nothing(deployment: Deployment, tables: MemoryTables) -> None:
    before = [tables.rows_of(name) for name in (NAMES.control, NAMES.events, NAMES.joblog)]
    deployment.tried(STRICTER)
    assert before == [tables.rows_of(name) for name in (NAMES.control, NAMES.events, NAMES.joblog)]


# --- exports ---------------------------------------------------------------------------------------------------------


def export_lines(tables: MemoryTables, table: str) -> list[str]:
    rows = (to_wire(row) for row in tables.rows_of(getattr(NAMES, table)))
    return [json.dumps({"Item": row}) for row in rows]


def write_export(tables: MemoryTables, folder: Path) -> Path:
    """The three forms that an export may have: lines, one document, and compressed files in folders."""
    folder.mkdir()
    control = [json.loads(line)["Item"] for line in export_lines(tables, "control")]
    (folder / "control.json").write_text(json.dumps({"Items": control, "Count": len(control)}, indent=2))
    (folder / "joblog.jsonl").write_text("\n".join(export_lines(tables, "joblog")))
    data = folder / "events" / "AWSDynamoDB" / "01" / "data"
    data.mkdir(parents=True)
    (data / "a.json.gz").write_bytes(gzip.compress("\n".join(export_lines(tables, "events")).encode()))
    (data.parent / "manifest-files.json").write_text('{"itemCount": 3}')
    return folder


def test_an_export_gives_the_result_of_its_deployment(
    deployment: Deployment, tables: MemoryTables, tmp_path: Path
) -> None:
    folder = write_export(tables, tmp_path / "exported")
    exported = deployment.tried(STRICTER, "--export", str(folder))
    assert exported == deployment.tried(STRICTER)


def test_an_export_names_the_pipelines_near_an_unknown_one(
    deployment: Deployment, tables: MemoryTables, tmp_path: Path
) -> None:
    folder = write_export(tables, tmp_path / "exported")
    file = deployment.file(STRICTER.replace("gold-orders", "gold-order"))
    said = deployment.ask(file, "--export", str(folder)).stderr
    assert said == f"error: there is no pipeline 'gold-order' in '{folder}'; did you mean gold-orders?\n"


def test_all_problems_of_an_export_are_listed(deployment: Deployment, tables: MemoryTables, tmp_path: Path) -> None:
    folder = write_export(tables, tmp_path / "exported")
    (folder / "joblog.jsonl").write_text('{"Item": {"PK": {"S": "x"}}}')
    (folder / "control.json").write_text('{"Item": {"PK": {"X": 1}}}')
    (folder / "events" / "AWSDynamoDB" / "01" / "data" / "a.json.gz").write_bytes(b"no gzip")
    done = deployment.ask(deployment.file(STRICTER), "--export", str(folder))
    assert done.exit_code == 2
    text = done.stderr.replace("\n", "")
    for part in ("control.json:1: is not a row", "joblog.jsonl:1: has no PK and SK", "a.json.gz: cannot be read"):
        assert part in text


def test_an_export_without_a_table_is_an_error(deployment: Deployment, tmp_path: Path) -> None:
    done = deployment.ask(deployment.file(STRICTER), "--export", str(tmp_path / "nowhere"))
    assert done.exit_code == 2
    assert [word in done.stderr for word in ("control", "joblog", "events")] == [True] * 3


# --- invalid input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "more", "says"),
    [
        (PIPELINE.replace("gold-orders", "gold-order"), (), "there is no pipeline 'gold-order'"),
        (PIPELINE + "dryRun: true\n", (), "dryRun is true"),
        (PIPELINE.replace("value: 100", "valeu: 100"), (), "valeu"),
        (PIPELINE.replace("exists}", "exists}\n  calendar: us"), (), "calendar"),
        (PIPELINE, ("--since", "soon"), "--since is 'soon', must be"),
        (PIPELINE, ("--since", "1d", "--until", "2d"), "--since is '1d', must not be after --until '2d'"),
        (PIPELINE, ("--since", "2199-01-01"), "--since is '2199-01-01', must not be after now"),
        ("name: us\ndays: [saturday]\n", (), "must have exactly one pipeline"),
    ],
)
def test_invalid_input_is_one_error_with_exit_code_2(
    deployment: Deployment, text: str, more: tuple[str, ...], says: str
) -> None:
    done = deployment.ask(deployment.file(text), *more)
    assert done.exit_code == 2
    assert says in done.stderr
    assert "Traceback" not in done.output


def test_a_calendar_among_the_files_counts(deployment: Deployment) -> None:
    named = deployment.file(PIPELINE.replace("exists}", "exists}\n  calendar: closed"))
    calendar = deployment.file("name: closed\ndates: ['2026-03-04']\n", "closed.yaml")
    done = deployment.ask(named, calendar, *PERIOD, "-o", "jsonl")
    assert done.exit_code == 0, done.output
    dates = {one["date"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert dates["2026-03-04"]["change"] == "changed"
    assert dates["2026-03-04"]["would"][0]["type"] == "PIPELINE_EXCLUDED"
    assert dates["2026-03-02"]["change"] == "same"
