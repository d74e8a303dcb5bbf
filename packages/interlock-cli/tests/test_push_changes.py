"""`push --dry-run` and `push --prune`, and `interlock remove`: the changes that are shown are those that are made."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec import UNSET

from interlock_cli import main
from interlock_cli._pipelines._differences import Difference, differences
from interlock_config import decode_yaml
from interlock_lifecycle import Pause
from interlock_store import MemoryTables, Store, TableNames
from interlock_store._write import Update

CONTROL = TableNames.of_environment("test").control
PIPELINE = """
pipeline: {{id: {id}}}
schedule: {{trigger: {{key: landing, check: exists}}}}
sla: {{deadline: "08:00"}}
validation: {{rules: [{{key: landing, check: gte, field: count, value: {count}}}{more}]}}
job: {{type: command, config: {{command: "true"}}}}
"""
ALERTS = "version: 1\ntargets: {data-team: {slack: C0123456789}}\nroutes: [{to: [data-team]}]\n"
CALENDAR = "name: us\ndates: [2026-12-25]\n"
NO_TERMINAL = "nothing was changed, since there is no terminal to ask at; use --yes to"


def text(name: str, count: int = 100, more: str = "") -> str:
    return PIPELINE.format(id=name, count=count, more=more)


@pytest.fixture
def store(tables: MemoryTables) -> Store:
    return Store(tables, TableNames.of_environment("test"))


def invoke(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, list(words), env={"NO_COLOR": "1", "COLUMNS": "80"})
    assert done.exit_code == code, done.output
    return done


def contents(tables: MemoryTables) -> list[Any]:
    return [*tables.rows_of(CONTROL), *tables.rows_of(CONTROL.replace("control", "events"))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(text("a"))
    (tmp_path / "b.yaml").write_text(text("b", 200, ", {key: rates, check: exists}"))
    return tmp_path


def test_dry_run_shows_each_difference_and_writes_nothing(store: Store, tables: MemoryTables, folder: Path) -> None:
    store.put_config(decode_yaml(text("b"), "b.yaml"))
    store.put_config(decode_yaml(text("c"), "c.yaml"))
    before = contents(tables)
    assert invoke("push", str(folder), "--dry-run").stdout.splitlines() == [
        "added pipeline a",
        "changed pipeline b",
        "  ~ validation.rules[0].value: 100 -> 200",
        '  + validation.rules[1]: {"key": "rates", "check": "exists"}',
        "1 added, 1 changed, 0 removed, 0 unchanged",
        "nothing was written",
    ]
    assert contents(tables) == before


def test_dry_run_after_a_push_finds_no_difference(store: Store, folder: Path) -> None:
    (folder / "us.yaml").write_text(CALENDAR)
    (folder / "alerts.yaml").write_text(ALERTS)
    invoke("push", str(folder))
    said = invoke("push", str(folder), "--dry-run").stdout.splitlines()
    assert said == ["0 added, 0 changed, 0 removed, 4 unchanged", "nothing was written"]


def test_dry_run_shows_what_prune_would_remove(store: Store, tables: MemoryTables, folder: Path) -> None:
    store.put_config(decode_yaml(text("old"), "o.yaml"))
    before = contents(tables)
    answer = json.loads(invoke("push", str(folder), "--prune", "--dry-run", "--json").stdout)
    assert [(one["name"], one["action"]) for one in answer["changes"]] == [
        ("a", "added"),
        ("b", "added"),
        ("old", "removed"),
    ]
    assert contents(tables) == before


@pytest.mark.parametrize("stored", ["{", "", "[" * 100_000, '{"a":' * 900 + "1" + "}" * 900, "{}"])
@pytest.mark.parametrize("pk", ["PIPELINE#a", "CALENDAR#us"])
def test_dry_run_compares_an_unreadable_config_as_a_text(
    stored: str, pk: str, store: Store, tables: MemoryTables, folder: Path
) -> None:
    (folder / "us.yaml").write_text(CALENDAR)
    invoke("push", str(folder))
    tables.transact([Update(CONTROL, pk, "CONFIG", set={"config": stored})])
    kind = "pipeline a" if pk == "PIPELINE#a" else "calendar us"
    assert f"changed {kind}\n  ~ : " in invoke("push", str(folder), "--dry-run").stdout
    answer = json.loads(invoke("push", str(folder), "--dry-run", "--json").stdout)
    (changed,) = (one for one in answer["changes"] if one["action"] == "changed")
    assert changed["differences"][0]["before"] == stored


def test_other_text_of_the_same_config_is_no_difference(store: Store, tables: MemoryTables, folder: Path) -> None:
    invoke("push", str(folder))
    stored = json.loads(str(store.stored_text("PIPELINE#a")))
    other = json.dumps({**stored, "dryRun": False, "postRun": None, "watch": {}})
    tables.transact([Update(CONTROL, "PIPELINE#a", "CONFIG", set={"config": other})])
    assert "0 changed" in invoke("push", str(folder), "--dry-run").stdout


def test_prune_removes_exactly_the_pipelines_without_a_file(store: Store, folder: Path) -> None:
    store.put_config(decode_yaml(text("old"), "o.yaml"))
    answer = json.loads(invoke("push", str(folder), "--prune", "--yes", "--json").stdout)
    assert (answer["pipelines"], answer["removed"]) == (["a", "b"], ["old"])
    assert store.pipelines() == ["a", "b"]


def test_interrupted_push_names_what_is_written(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put = Store.put_config

    def second_is_interrupted(self: Store, config: Any) -> None:
        if config.id == "b":
            raise KeyboardInterrupt
        put(self, config)

    monkeypatch.setattr(Store, "put_config", second_is_interrupted)
    said = invoke("push", str(folder), code=130).stderr
    assert said == "interrupted: 1 of 2 documents written; the same command writes the rest\n"
    assert store.pipelines() == ["a"]


def test_prune_without_a_terminal_needs_yes(store: Store, folder: Path) -> None:
    store.put_config(decode_yaml(text("old"), "o.yaml"))
    said = invoke("push", str(folder), "--prune", code=2).stderr
    assert said == f"error: {NO_TERMINAL} remove old from 'test', which no file names\n"
    assert store.pipelines() == ["old"]


def test_prune_without_surplus_asks_nothing(store: Store, folder: Path) -> None:
    invoke("push", str(folder), "--prune")
    assert store.pipelines() == ["a", "b"]


def test_push_without_prune_removes_nothing(store: Store, folder: Path) -> None:
    store.put_config(decode_yaml(text("old"), "o.yaml"))
    invoke("push", str(folder))
    assert store.pipelines() == ["a", "b", "old"]


def test_file_with_an_error_writes_and_removes_nothing(store: Store, folder: Path) -> None:
    store.put_config(decode_yaml(text("old"), "o.yaml"))
    (folder / "b.yaml").write_text("pipeline: {}\n")
    invoke("push", str(folder), "--prune", "--yes", code=2)
    assert store.pipelines() == ["old"]


# --- remove ------------------------------------------------------------------------------------------------------


def test_removed_pipeline_keeps_its_other_rows(store: Store) -> None:
    store.put_config(decode_yaml(text("a"), "a.yaml"))
    store.put_sensor("a", "landing", {"count": 1})
    assert invoke("remove", "a", "--yes").stdout == "removed a with 0 runs under way\n"
    assert not store.config("a").exists
    assert store.pipelines() == []
    assert store.all_sensors("a").keys() == {"landing"}


def test_remove_without_a_terminal_needs_yes(store: Store) -> None:
    store.put_config(decode_yaml(text("a"), "a.yaml"))
    said = invoke("remove", "a", code=2).stderr
    assert said == f"error: {NO_TERMINAL} remove a from 'test' with 0 runs under way\n"
    assert store.config("a").exists


@pytest.mark.parametrize(("answer", "exists"), [("y\n", False), ("n\n", True), ("", True)])
def test_remove_asks_a_person(answer: str, exists: bool, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put_config(decode_yaml(text("a"), "a.yaml"))
    monkeypatch.setattr("interlock_cli._output._confirm._is_terminal", lambda: True)
    done = CliRunner().invoke(main, ["remove", "a"], input=answer)
    assert done.exit_code == (1 if exists else 0)
    assert store.config("a").exists is exists


def test_added_again_a_removed_pipeline_is_not_paused(store: Store) -> None:
    store.put_config(decode_yaml(text("a"), "a.yaml"))
    store.pause("a", Pause(None))
    invoke("remove", "a", "--yes")
    store.put_config(decode_yaml(text("a"), "a.yaml"))
    assert store.config("a").pause is None


def test_unknown_pipeline_is_not_removed(store: Store) -> None:
    assert invoke("remove", "a", "--yes", code=2).stderr == "error: there is no pipeline 'a' in 'test'\n"


# --- differences -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, [Difference("a", 1, True)]),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [Difference("a.b", 1, 2)]),
        ({"a": 1, "b": 2}, {"c": 3, "b": 2}, [Difference("c", UNSET, 3), Difference("a", 1, UNSET)]),
        ({"a": [1, 2]}, {"a": [1]}, [Difference("a[1]", 2, UNSET)]),
        ({"a": [1]}, {"a": [3, 2]}, [Difference("a[0]", 1, 3), Difference("a[1]", UNSET, 2)]),
        ({"a": [1]}, {"a": {"0": 1}}, [Difference("a", [1], {"0": 1})]),
        ("{", {"a": 1}, [Difference("", "{", {"a": 1})]),
    ],
)
def test_differences_name_each_path(before: Any, after: Any, found: list[Difference]) -> None:
    assert list(differences(before, after)) == found
