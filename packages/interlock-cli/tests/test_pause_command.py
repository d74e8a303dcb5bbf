"""`interlock pause` and `interlock resume`: the row that they write, their answers, and their errors."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from interlock_cli import main
from interlock_config import decode_yaml
from interlock_lifecycle import Pause
from interlock_store import MemoryTables, Store, TableNames

PIPELINE = """
pipeline: {id: gold-orders}
schedule: {timezone: Europe/Berlin, trigger: {key: landing, check: exists}}
validation: {rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


@pytest.fixture
def store(tables: MemoryTables, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr("interlock_cli._pipelines._pause.caller", lambda _: "ada")
    made = Store(tables, TableNames.of_environment("test"))
    made.put_config(decode_yaml(PIPELINE, "p.yaml"))
    return made


def invoke(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, list(words), env={"NO_COLOR": "1"})
    assert done.exit_code == code, done.output
    return done.stdout if code == 0 else done.stderr


def pause_of(store: Store) -> Pause | None:
    return store.config("gold-orders").pause


def test_pause_without_an_end_lasts_until_resumed(store: Store) -> None:
    said = invoke("pause", "gold-orders", "--reason", "source is migrated")
    assert said.splitlines() == [
        "paused gold-orders until it is resumed",
        "end it with: interlock resume gold-orders",
    ]
    found = pause_of(store)
    assert found is not None
    assert (found.until, found.by, found.reason) == (None, "ada", "source is migrated")
    assert invoke("resume", "gold-orders") == "resumed gold-orders\n"
    assert pause_of(store) is None
    assert invoke("resume", "gold-orders") == "unchanged gold-orders was not paused\n"


def test_end_in_another_year_has_its_year(store: Store) -> None:
    said = invoke("pause", "gold-orders", "--until", "400d").splitlines()[0]
    assert f"until {(datetime.now(UTC) + timedelta(days=400)).astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%d }" in said


@pytest.mark.parametrize("text", ["2h", "+2h", "120m"])
def test_length_of_a_pause_counts_from_now(text: str, store: Store) -> None:
    invoke("pause", "gold-orders", "--until", text)
    found = pause_of(store)
    assert found is not None
    assert found.until is not None
    assert abs(found.until - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=1)


def test_end_without_a_zone_is_in_that_of_the_pipeline(store: Store) -> None:
    said = invoke("pause", "gold-orders", "--until", "2099-07-01T08:00")
    assert said.splitlines()[0] == "paused gold-orders until 2099-07-01 08:00 CEST (06:00Z)"
    found = pause_of(store)
    assert found is not None
    assert found.until == datetime(2099, 7, 1, 6, tzinfo=UTC)


def test_date_as_an_end_is_the_end_of_that_day(store: Store) -> None:
    invoke("pause", "gold-orders", "--until", "2099-07-01")
    found = pause_of(store)
    assert found is not None
    assert found.until == datetime(2099, 7, 1, 21, 59, 59, 999000, tzinfo=UTC)


def test_programs_get_the_pause(store: Store) -> None:
    answer: dict[str, Any] = json.loads(invoke("pause", "gold-orders", "--until", "2099-07-01T08:00Z", "--json"))
    assert answer == {
        "pipeline": "gold-orders",
        "paused": True,
        "until": "2099-07-01T08:00:00+00:00",
        "by": "ada",
        "reason": "",
    }
    answer = json.loads(invoke("resume", "gold-orders", "--json"))
    assert answer == {"pipeline": "gold-orders", "paused": False, "result": "resumed"}


@pytest.mark.parametrize(
    ("until", "problem"),
    [
        ("soon", "must be a date (2026-03-03), a time"),
        ("2099-13-01T00:00", "must be a date (2026-03-03), a time"),
        ("-2h", "must be after now"),
        ("0s", "must be after now"),
        ("2020-01-01T00:00Z", "must be after now"),
    ],
)
def test_end_that_is_not_ahead_is_invalid(until: str, problem: str, store: Store) -> None:
    said = invoke("pause", "gold-orders", "--until", until, "--reason", "x" * 501, code=2)
    assert f"--until is {until!r}, {problem}" in said
    assert "--reason has 501 characters, must have at most 500" in said
    assert pause_of(store) is None


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_unknown_pipeline_is_an_error_of_the_input(command: str, store: Store) -> None:
    assert (
        invoke(command, "gold", code=2) == "error: there is no pipeline 'gold' in 'test'; did you mean gold-orders?\n"
    )


def test_pause_of_a_dry_run_warns(store: Store) -> None:
    store.put_config(decode_yaml(PIPELINE + "dryRun: true\n", "p.yaml"))
    assert "warning: gold-orders is a dry run, which starts nothing anyway" in invoke("pause", "gold-orders")
