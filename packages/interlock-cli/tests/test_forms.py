"""The form of the output: one option for all commands, its earlier spelling, and the forms for programs."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from interlock_cli import main
from interlock_cli._output._counted import counted
from interlock_cli._output._form import Form, RowPrinter, chosen_form, print_rows
from interlock_config import decode_yaml
from interlock_store import MemoryTables, Store, TableNames
from interlock_store._write import Put

PIPELINE = """
pipeline: {id: bronze}
schedule: {trigger: {key: ready, check: exists}}
validation: {rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


def commands(group: click.Command = main, path: str = "") -> Iterator[tuple[str, click.Command]]:
    if not isinstance(group, click.Group):
        yield path, group
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield from commands(found, f"{path} {name}".strip())


def options_of(command: click.Command) -> set[str]:
    return {name for option in command.params for name in option.opts}


def test_each_command_with_json_has_the_option_of_all_forms() -> None:
    found = {name: options_of(command) for name, command in commands()}
    with_json = {name for name, options in found.items() if "--json" in options}
    assert with_json == {name for name, options in found.items() if {"--output", "-o"} <= options}
    assert len(with_json) >= 14


@pytest.fixture
def store(tables: MemoryTables) -> Store:
    made = Store(tables, TableNames.of_environment("test"))
    made.put_config(decode_yaml(PIPELINE))
    row = {
        "PK": "PIPELINE#bronze",
        "SK": "1772539200000#RUN_HELD#a",
        "eventType": "RUN_HELD",
        "eventId": "a",
        "pipelineId": "bronze",
        "message": 'held, "why"',
        "detail": '{"a": [1]}',
        "timestamp": 1772539200000,
    }
    tables.transact([Put("test-interlock-events", row)])
    return made


def run(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == code, result.output
    return result


ROWS = {
    "events": ("events", "bronze"),
    "history": ("history", "bronze", "--since", "2026-03-01", "--until", "2026-03-05"),
    "status": ("status",),
}


@pytest.mark.parametrize("name", ROWS)
def test_each_form_has_the_same_rows(store: Store, name: str) -> None:
    whole = json.loads(run(*ROWS[name], "-o", "json").stdout)
    lines = [json.loads(line) for line in run(*ROWS[name], "-o", "jsonl").stdout.splitlines()]
    rows = list(csv.DictReader(run(*ROWS[name], "-o", "csv").stdout.splitlines()))
    assert whole == lines
    assert len(rows) == len(whole) == 1
    if name == "status":
        assert (rows[0]["pipeline"], rows[0]["date"]) == ("bronze", "")
    else:
        assert (rows[0]["eventType"], rows[0]["message"]) == ("RUN_HELD", 'held, "why"')
        assert json.loads(rows[0]["detail"]) == {"a": [1]}


def test_json_means_lines_for_events_alone(store: Store) -> None:
    assert run("events", "--json").stdout == run("events", "-o", "jsonl").stdout
    assert run("status", "--json").stdout == run("status", "-o", "json").stdout


def test_an_endless_json_document_is_rejected(store: Store) -> None:
    assert "use --output jsonl" in run("events", "--follow", "-o", "json", code=2).output


@pytest.mark.parametrize(
    "words", [("status", "-o", "csv"), ("events", "-o", "json"), ("push", "x", "-o", "table"), ("env", "-o", "table")]
)
def test_two_different_forms_exclude_each_other(store: Store, words: tuple[str, ...]) -> None:
    assert "exclude each other" in run(*words, "--json", code=2).output


@pytest.mark.parametrize(
    ("options", "begin"),
    [
        (("-o", "json"), "{"),
        (("--json",), "{"),
        (("--format", "json"), "{"),
        (("-o", "jsonl"), '{"source"'),
        (("-o", "csv"), "source,line,path,value,message,severity"),
        (("-o", "github"), "::error"),
        (("--format", "github", "-o", "github"), "::error"),
        (("--format", "text"), "error:"),
        (("-o", "table"), "error:"),
        ((), "error:"),
    ],
)
def test_validate_has_each_form(tmp_path: Path, options: tuple[str, ...], begin: str) -> None:
    (tmp_path / "a.yaml").write_text("pipeline: {}")
    assert run("validate", str(tmp_path), *options, code=2).output.startswith(begin)


@pytest.mark.parametrize(
    "options", [("-o", "csv", "--json"), ("--format", "github", "--json"), ("--format", "text", "-o", "json")]
)
def test_validate_rejects_two_forms(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert "exclude each other" in run("validate", str(tmp_path), *options, code=2).output


def test_an_empty_csv_has_its_header_once(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(Form.CSV, ("a", "b"), [])
    printer = RowPrinter(Form.CSV, ("a", "b"))
    for row in ({"a": None, "b": True}, {"a": "x\ny", "c": 3}):
        printer.print(row)
    assert capsys.readouterr().out.splitlines() == ["a,b", "a,b", ",true", "x\\ny,"]


def test_a_piped_table_has_no_blanks_at_the_ends(store: Store) -> None:
    store.put_sensor("bronze", "ready", {"count": 3, "note": "a text that makes the last column wide"})
    store.put_sensor("bronze", "rest", {"count": 3})
    lines = run("sensor", "list", "bronze").stdout.splitlines()
    assert len(lines) == 3
    assert [line for line in lines if line != line.rstrip()] == []


def test_a_number_has_its_plural() -> None:
    assert [counted(number, "date") for number in (0, 1, 2, 1200)] == ["0 dates", "1 date", "2 dates", "1,200 dates"]


@pytest.mark.parametrize(
    ("name", "other", "form"),
    [(None, None, "table"), ("csv", None, "csv"), (None, Form.JSONL, "jsonl"), ("json", Form.JSON, "json")],
)
def test_the_form_is_the_one_that_an_option_names(name: str | None, other: Any, form: str) -> None:
    assert chosen_form(name, other) == form
