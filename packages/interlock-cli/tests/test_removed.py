"""A removed pipeline: the commands that read show the rows that stay, and those that act reject it."""

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result

from interlock_cli import main
from interlock_config import decode_yaml
from interlock_store import MemoryTables, Store, TableNames

FIRST = datetime(2026, 1, 1, 12, tzinfo=UTC)
PIPELINE = """
pipeline: {id: gone}
schedule: {trigger: {key: landing, check: exists}}
validation: {rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


@pytest.fixture(autouse=True)
def removed(tables: MemoryTables, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tables, TableNames.of_environment("test"))
    store.put_config(decode_yaml(PIPELINE, "p.yaml"))
    store.note_config("gone", FIRST)
    store.put_sensor("gone", "landing", {"date": "2026-01-01", "count": 3})
    store.remove_config("gone")
    monkeypatch.setattr("interlock_cli._deployment._deployment.Deployment._check_reachable", lambda _: None)


def invoke(*words: str) -> Result:
    return CliRunner().invoke(main, list(words), env={"NO_COLOR": "1", "COLUMNS": "100"})


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("why", "gone", "2026-01-01"), "the pipeline has no config"),
        (("status", "gone"), "the pipeline has no config, and its rows stay"),
        (("events", "gone"), ""),
        (("history", "gone", "--since", "1d"), "no events"),
        (("sensor", "list", "gone"), "landing"),
        (("sensor", "get", "gone", "landing"), "count: 3"),
    ],
)
def test_command_that_reads_shows_the_rows_that_stay(words: tuple[str, ...], says: str) -> None:
    done = invoke(*words)
    assert (done.exit_code, done.stderr) == (0, "")
    assert says in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    "words",
    [
        ("rerun", "gone", "2026-01-01"),
        ("pause", "gone"),
        ("sensor", "put", "gone", "landing", "count=1"),
        ("remove", "gone", "--yes"),
    ],
)
def test_command_that_acts_rejects_it(words: tuple[str, ...]) -> None:
    done = invoke(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "there is no pipeline 'gone' in 'test'" in done.stderr


def test_id_without_a_row_is_an_error() -> None:
    done = invoke("why", "never", "2026-01-01")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "there is no pipeline 'never' in 'test'" in done.stderr
