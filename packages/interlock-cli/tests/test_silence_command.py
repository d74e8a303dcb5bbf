"""interlock silence: its rows, its record, and the errors of its options."""

import csv
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from interlock_cli import main
from interlock_cli._signals import _silence as module
from interlock_config import decode_yaml
from interlock_store import MemoryTables, Silence, Store, TableNames
from interlock_store._write import Put

PIPELINE = """
pipeline: {id: bronze}
schedule: {trigger: {key: ready, check: exists}}
validation: {rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


@pytest.fixture(autouse=True)
def store(tables: MemoryTables, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(module, "caller", lambda where: "arn:aws:iam::1:user/operator")
    made = Store(tables, TableNames.of_environment("test"))
    made.put_config(decode_yaml(PIPELINE))
    return made


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["silence", *words])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def test_a_silence_is_a_row_with_its_record(store: Store) -> None:
    before = datetime.now(UTC)
    output = run("bronze", "--until", "2h", "--reason", "  source is migrated ")
    (found,) = store.silences()
    assert timedelta(hours=2) <= found.until - before < timedelta(hours=2, minutes=1)
    assert (found.pipeline, found.events, found.every, found.reason) == ("bronze", (), False, "source is migrated")
    assert found.by == "arn:aws:iam::1:user/operator"
    assert found.is_in_force(datetime.now(UTC))
    assert "silenced all but overdue data of bronze until" in output
    assert found.id in output
    assert "matches no pipeline" not in output


def test_the_long_form_takes_names_of_commands(store: Store) -> None:
    store.put_config(decode_yaml(PIPELINE.replace("bronze", "list")))
    run("add", "list", "--until", "1h", "--reason", "x")
    assert [one.pipeline for one in store.silences()] == ["list"]


def test_a_misspelt_pipeline_is_an_error(store: Store) -> None:
    output = run("bronce", "--until", "1h", "--reason", "x", code=2)
    assert output == "error: there is no pipeline 'bronce' in 'test'; did you mean bronze?\n"
    assert list(store.silences()) == []


def test_a_pattern_without_a_pipeline_is_a_warning(store: Store) -> None:
    assert "warning: gold* matches no pipeline of test" in run("gold*", "--until", "1h", "--reason", "x")
    assert "warning" not in run("INFRASTRUCTURE", "--until", "1h", "--reason", "x")
    assert {one.pipeline for one in store.silences()} == {"gold*", "INFRASTRUCTURE"}


def test_a_date_ends_in_the_zone_of_the_pipeline(store: Store) -> None:
    schedule = "schedule: {timezone: Asia/Kolkata, trigger: {key: ready, check: exists}}"
    text = PIPELINE.replace("schedule: {trigger: {key: ready, check: exists}}", schedule).replace("bronze", "mumbai")
    store.put_config(decode_yaml(text))
    day = (datetime.now(UTC) + timedelta(days=7)).date()
    output = run("mumbai", "--until", str(day), "--reason", "x")
    assert f"until {day} 18:29:59Z, {day} 23:59:59 IST" in output
    run("m*", "--until", f"{day}T10:00", "--reason", "x")
    assert [f"{one.until:%H:%M:%S}" for one in store.silences()] == ["10:00:00", "18:29:59"]


def test_days_are_a_length_of_time(store: Store) -> None:
    before = datetime.now(UTC)
    run("bronze", "--until", "7d", "--reason", "x")
    run("bronze", "--until", "1d12h", "--reason", "x")
    ends = [round((one.until - before).total_seconds() / 3600) for one in store.silences()]
    assert ends == [36, 168]


def test_events_and_a_time_are_kept(store: Store) -> None:
    until = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    options = ("--event", "SLA_BREACH", "--event", "JOB_FAILED", "--event", "SLA_BREACH")
    answer = json.loads(run("b*", "--until", until.isoformat(), "--reason", "x", *options, "--json"))
    (found,) = store.silences()
    assert (found.events, found.until) == (("SLA_BREACH", "JOB_FAILED"), until)
    assert (answer["id"], answer["events"], answer["inForce"]) == (found.id, ["SLA_BREACH", "JOB_FAILED"], True)


def test_all_covers_breaches(store: Store) -> None:
    assert "silenced all alerts of bronze" in run("bronze", "--until", "1h", "--reason", "x", "--all")
    assert next(store.silences()).every


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bronze", "--reason", "x"), "--until"),
        (("bronze", "--until", "1h"), "--reason"),
        (("bronze", "--until", "soon", "--reason", "x"), "--until soon: must be a date (2026-03-03), a time"),
        (("bronze", "--until", "2999-01-01T00:00:00", "--reason", "x"), "at most 90 days ahead"),
        (("bronze", "--until", "2020-01-01T00:00:00Z", "--reason", "x"), "must be after now"),
        (("bronze", "--until", "0s", "--reason", "x"), "must be after now"),
        (("bronze", "--until=-1h", "--reason", "x"), "must be after now"),
        (("bronze", "--until", "91d", "--reason", "x"), "at most 90 days ahead"),
        (("bronze", "--until", "2161h", "--reason", "x"), "at most 90 days ahead"),
        (("bronze", "--until", "23999999999h", "--reason", "x"), "--until 23999999999h: must be a date"),
        (("bronze", "--until", "1h", "--reason", " "), "--reason: must not be empty"),
        (("bron ze", "--until", "1h", "--reason", "x"), "PIPELINE 'bron ze': must be"),
        (("bronze", "--until", "1h", "--reason", "x", "--event", "SLA_BREECH"), "--event SLA_BREECH: is not"),
        (("bronze", "--until", "1h", "--reason", "x", "--event", "RUN_HELD"), "--event RUN_HELD: is not"),
        (("bronze", "--until", "1h", "--reason", "x", "--event", "SLA_MET", "--all"), "exclude each other"),
    ],
)
def test_wrong_options_write_nothing(store: Store, words: tuple[str, ...], said: str) -> None:
    assert said in run(*words, code=2)
    assert list(store.silences()) == []


def test_all_problems_of_the_options_come_at_once() -> None:
    output = run("?!", "--until", "later", "--reason", " ", "--event", "X", code=2)
    problems = ["PIPELINE '?!'", "--reason", "--event X", "--until later"]
    assert [line.split(": ")[:2] for line in output.splitlines()] == [["error", one] for one in problems]
    assert [line.split(": ")[1] for line in run("bronce", code=2).splitlines()] == [
        "--reason",
        "--until is missing",
        "there is no pipeline 'bronce' in 'test'; did you mean bronze?",
    ]


def test_unknown_event_has_the_near_ones(store: Store) -> None:
    said = run("bronze", "--until", "1h", "--reason", "x", "--event", "SLA_BREACHES", "--event", "X", code=2)
    assert said.splitlines() == [
        "error: --event SLA_BREACHES: is not an event type that is an alert; did you mean SLA_BREACH?",
        "error: --event X: is not an event type that is an alert; docs/reference/events.md lists all",
    ]


def test_the_problems_of_the_options_come_without_a_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_ENVIRONMENT", "local")
    output = run("bronze", "--endpoint-url", "http://127.0.0.1:1", "--until", "later", code=2)
    assert [line.split(": ")[1] for line in output.splitlines()] == [
        "--reason",
        "--until later",
        "no server answers at http://127.0.0.1:1. Start the local stack with `interlock up`, or name a deployment on "
        "AWS with --environment",
    ]


def test_an_ended_silence_stays_as_a_record(store: Store) -> None:
    run("bronze", "--until", "1h", "--reason", "x")
    (made,) = store.silences()
    assert "ended the silence of bronze" in run("end", made.id)
    (found,) = store.silences()
    assert found.ended_at is not None
    assert found.ended_by == "arn:aws:iam::1:user/operator"
    assert not found.is_in_force(datetime.now(UTC))
    assert run("list") == "no silence is in force\n"
    assert [one["endedBy"] for one in json.loads(run("list", "--ended", "--json"))] == [found.ended_by]
    assert "was ended before" in run("end", made.id, code=2)
    assert "no silence 'x' is in force" in run("end", "x", code=2)


def test_the_list_has_the_silences_that_have_not_ended(store: Store) -> None:
    now = datetime.now(UTC)
    for name, until in (("gone1", now - timedelta(hours=1)), ("later", now + timedelta(hours=1))):
        since = until - timedelta(hours=2)
        store.put_silence(Silence(id=name, pipeline="b*", since=since, until=until, reason="why", by="who"))
    output = run("list")
    assert "later" in output
    assert "gone1" not in output
    states = {one["id"]: one["inForce"] for one in json.loads(run("list", "--ended", "--json"))}
    assert states == {"gone1": False, "later": True}
    assert "there are no silences" not in run("list", "--ended")


def unreadable(store: Store, identifier: str = "broken01") -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    row = {"silenceId": 3, "pipeline": "bronze"}
    place = f"{round(until.timestamp() * 1000):013d}#{identifier}"
    store._tables.transact([Put(store.names.events, {"PK": "SILENCES", "SK": place, **row})])


def test_an_unreadable_silence_is_listed_and_can_be_ended(store: Store) -> None:
    unreadable(store)
    assert "broken01  unreadable, no effect" in run("list")
    (found,) = json.loads(run("list", "-o", "json"))
    assert (found["id"], found["inForce"], "SILENCES" in found["unreadable"]) == ("broken01", False, True)
    assert "ended the unreadable silence broken01" in run("end", "broken01")
    assert run("list") == "no silence is in force\n"
    assert "broken01  unreadable, ended" in run("list", "--ended")


def test_the_list_fits_into_80_columns(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run("bronze", "--until", "1h", "--reason", "the source system is migrated, see the ticket of the team")
    unreadable(store)
    lines = run("list").splitlines()
    assert len(lines) == 6
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("form", "first"), [("csv", "id,pipeline,events,all,since"), ("jsonl", '{"id":'), ("json", "["), ("table", "")]
)
def test_the_list_has_each_form(store: Store, form: str, first: str) -> None:
    run("bronze", "--until", "1h", "--reason", 'with "quotes", commas')
    output = run("list", "-o", form)
    assert output.startswith(first)
    if form == "csv":
        (row,) = csv.DictReader(output.splitlines())
        assert (row["pipeline"], row["reason"], row["events"]) == ("bronze", 'with "quotes", commas', "[]")


class Refusing:
    """A deployment whose STS does not know the caller."""

    def patient_client(self, service: str, **_: Any) -> Any:
        from botocore.exceptions import NoCredentialsError

        raise NoCredentialsError


def test_without_an_identity_the_local_user_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("getpass.getuser", lambda: "operator")
    assert module.caller(Refusing()) == "operator (local user)"  # type: ignore[arg-type]
