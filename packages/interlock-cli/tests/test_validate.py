"""interlock validate and interlock schema, called as from a shell: files, patterns, standard input, formats."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from interlock_cli import main
from interlock_config import calendar_schema, json_schema

RIGHT = """\
pipeline: {id: bronze}
schedule: {trigger: {key: ready, check: exists}, calendar: us}
validation: {rules: [{key: ready, check: gte, field: count, value: 100}]}
job: {type: command, config: {command: load}}
"""
CALENDAR = "name: us\ndays: [sunday]\n"
WRONG = RIGHT.replace("gte", "greater")
WARNED = RIGHT.replace("trigger: {key: ready, check: exists}, ", "")

Validate = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "calendars").mkdir()
    (tmp_path / "pipelines" / "bronze.yaml").write_text(RIGHT)
    (tmp_path / "calendars" / "us.yml").write_text(CALENDAR)
    return tmp_path


@pytest.fixture
def validate(folder: Path) -> Validate:
    def invoke(*arguments: str, stdin: str | bytes | None = None, **environment: str) -> Result:
        clean = {"NO_COLOR": "1", "COLUMNS": "80", **environment}
        return CliRunner().invoke(main, ["validate", *arguments], input=stdin, env=clean)

    return invoke


def test_valid_files_are_counted_and_exit_with_0(validate: Validate) -> None:
    done = validate("pipelines", "calendars")
    assert (done.exit_code, done.output) == (0, "2 files: 0 errors, 0 warnings\n")


def test_warnings_exit_with_0_and_with_strict_2(validate: Validate, folder: Path) -> None:
    (folder / "pipelines" / "bronze.yaml").write_text(WARNED)
    done = validate(".")
    assert done.exit_code == 0
    assert done.output.startswith("warning: pipelines/bronze.yaml:2: schedule: has neither cron nor trigger;")
    assert done.output.endswith("\n2 files: 0 errors, 1 warning\n")
    assert validate(".", "--strict").exit_code == 2


def test_errors_come_first_on_one_line_each_and_exit_with_2(validate: Validate, folder: Path) -> None:
    (folder / "pipelines" / "a.yaml").write_text(WARNED.replace("bronze", "a"))
    (folder / "pipelines" / "bronze.yaml").write_text(WRONG)
    done = validate(".")
    assert done.exit_code == 2
    assert [line.partition(":")[0] for line in done.output.splitlines()] == ["error", "warning", "3 files"]
    assert "greater" in done.output


def test_calendar_must_be_among_the_files(validate: Validate) -> None:
    assert validate("pipelines/bronze.yaml", "calendars/us.yml").exit_code == 0
    alone = validate("pipelines/bronze.yaml")
    assert alone.exit_code == 2
    assert "validate its file together with this one" in alone.output


def test_the_same_id_in_two_files_is_an_error(validate: Validate, folder: Path) -> None:
    (folder / "pipelines" / "other.yaml").write_text(RIGHT)
    done = validate(".")
    assert done.exit_code == 2
    assert "is also the id of pipelines/bronze.yaml; it must be unique" in done.output


def test_a_file_named_twice_is_read_once(validate: Validate, folder: Path) -> None:
    paths = ("pipelines", "pipelines/bronze.yaml", str(folder / "pipelines" / "bronze.yaml"), "calendars")
    assert validate(*paths).output == "2 files: 0 errors, 0 warnings\n"


@pytest.mark.parametrize("pattern", ["**/*.y*ml", "**", "pipelines/*", "[pc]*"])
def test_patterns_that_no_shell_expanded_are_expanded(validate: Validate, folder: Path, pattern: str) -> None:
    (folder / "pipelines" / "notes.md").write_text("no pipeline")
    done = validate(pattern, "calendars/us.yml")
    assert (done.exit_code, done.output) == (0, "2 files: 0 errors, 0 warnings\n")


def test_hidden_files_and_schemas_of_a_folder_are_skipped(validate: Validate, folder: Path) -> None:
    (folder / ".github").mkdir()
    (folder / ".github" / "workflow.yaml").write_text("on: push")
    (folder / ".pre-commit-config.yaml").write_text("repos: []")
    (folder / "pipelines" / "pipeline.schema.json").write_text("{}")
    assert validate(".").output == "2 files: 0 errors, 0 warnings\n"
    assert validate(".pre-commit-config.yaml").exit_code == 2


def test_each_unreadable_path_is_named_and_the_rest_checked(validate: Validate, folder: Path) -> None:
    (folder / "empty").mkdir()
    done = validate("nowhere.yaml", "empty", "x*", "a" * 5000, "pipelines", "pipelines/bronze.yaml/x", "calendars")
    assert done.exit_code == 2
    assert done.output.splitlines() == [
        "error: nowhere.yaml: no such file or folder",
        "error: empty: no *.yaml, *.yml or *.json file found",
        "error: x*: no *.yaml, *.yml or *.json file found",
        f"error: {'a' * 200}…: cannot be read: File name too long",
        "error: pipelines/bronze.yaml/x: no such file or folder",
        "2 files: 5 errors, 0 warnings",
    ]


def test_unreadable_paths_come_before_the_errors_of_files(validate: Validate, folder: Path) -> None:
    (folder / "pipelines" / "bronze.yaml").write_text(WRONG)
    lines = validate("pipelines", "nowhere", "calendars").output.splitlines()
    assert [line.partition(" ")[2][:25] for line in lines] == [
        "nowhere: no such file or ",
        "pipelines/bronze.yaml:3: ",
        "files: 2 errors, 0 warnin",
    ]


def test_unreadable_path_is_reported_in_the_chosen_format(validate: Validate, folder: Path) -> None:
    (folder / "pipelines" / "bronze.yaml").write_text(WRONG)
    done = validate("pipelines", "calendars", "nowhere", "--json")
    assert done.exit_code == 2
    answer = json.loads(done.stdout)
    assert (answer["files"], answer["errors"]) == (2, 2)
    assert [problem["source"] for problem in answer["problems"]] == ["nowhere", "pipelines/bronze.yaml"]
    assert answer["problems"][0]["message"] == "no such file or folder"
    done = validate("pipelines", "calendars", "nowhere", "--format", "github")
    assert done.exit_code == 2
    assert done.stdout.startswith(
        "::error file=nowhere,title=pipeline file::no such file or folder\n::error file=pipelines/bronze.yaml,line=3,"
    )


def test_empty_path_is_not_the_current_folder(validate: Validate) -> None:
    done = validate("", "calendars")
    assert (done.exit_code, done.output.splitlines()) == (
        2,
        ["error: '': is not a path; is a variable of the shell unset?", "1 file: 1 error, 0 warnings"],
    )


@pytest.mark.parametrize(
    ("path", "shown"), [(r"a\[/x]", r"a\[/x]"), (r"a\[red]", r"a\[red]"), ("\x1b[31mx:100:", r"\u001b[31mx:100:")]
)
def test_path_is_shown_with_control_characters_escaped(validate: Validate, path: str, shown: str) -> None:
    assert validate(path).output.startswith(f"error: {shown}: no ")


def test_line_100_is_not_an_emoji(validate: Validate, folder: Path) -> None:
    (folder / "pipelines" / "bronze.yaml").write_text("\n" * 97 + WRONG)
    assert validate(".").output.startswith("error: pipelines/bronze.yaml:100: validation.rules[0].check")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_unwritable_output_is_an_error_with_exit_code_1(folder: Path) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "interlock_cli", "validate", "pipelines", "calendars"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "error: the output cannot be written: No space left on device\n")


@pytest.mark.parametrize("style", ["text", "github", "json"])
def test_closed_output_ends_without_a_message(folder: Path, style: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "interlock_cli", "validate", "pipelines", "--format", style]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("standard_input", "reason"),
    [("<&-", "it is closed"), ("0>written", "Bad file descriptor")],
    ids=["closed", "output"],
)
def test_unreadable_standard_input_is_an_error(folder: Path, standard_input: str, reason: str) -> None:
    command = f"{sys.executable} -m interlock_cli validate calendars - --stdin-filename new.yaml {standard_input}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout == f"error: new.yaml: cannot be read: {reason}\n1 file: 1 error, 0 warnings\n"


def test_standard_input_is_read_as_a_file(validate: Validate) -> None:
    assert validate("-", "calendars", stdin=RIGHT).output == "2 files: 0 errors, 0 warnings\n"
    wrong = validate("-", "calendars", "--stdin-filename", "new.yaml", stdin=WRONG)
    assert wrong.exit_code == 2
    assert wrong.output.startswith("error: new.yaml:3: validation.rules[0].check")
    assert "<stdin>: is empty" in validate("-", stdin="").output
    assert "new.json:1: is not JSON" in validate("-", "--stdin-filename", "new.json", stdin=RIGHT).output


def test_standard_input_over_the_limit_is_rejected(validate: Validate) -> None:
    right = json.dumps({"name": "us", "days": ["sunday"]})
    for length, code in ((262_144, 0), (262_145, 2)):
        done = validate("-", "--stdin-filename", "new.json", stdin=right.ljust(length))
        assert done.exit_code == code, done.output
    assert "new.json: is longer than 256 KB and was not read" in done.output


def test_json_files_have_a_larger_limit_than_yaml_files(validate: Validate, folder: Path) -> None:
    (folder / "large.yaml").write_text(RIGHT + " " * 131_072)
    (folder / "large.json").write_text(json.dumps({"name": "us"}) + " " * 200_000)
    (folder / "huge.json").write_text(" " * 300_000)
    (folder / "calendars" / "us.yml").unlink()
    said = validate(".").output
    assert "large.yaml: is longer than 128 KB and was not read" in said
    assert "huge.json: is longer than 256 KB and was not read" in said
    assert "error: large.json" not in said


def test_json_is_one_document_with_counts(validate: Validate, folder: Path) -> None:
    (folder / "pipelines" / "bronze.yaml").write_text(WRONG)
    done = validate(".", "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout) == {
        "files": 2,
        "errors": 1,
        "warnings": 0,
        "problems": [
            {
                "source": "pipelines/bronze.yaml",
                "line": 3,
                "path": "validation.rules[0].check",
                "value": "greater",
                "message": "must be one of exists, equals, gt, gte, lt, lte, age_lt, age_gt; did you mean gt?",
                "severity": "error",
            }
        ],
    }
    assert validate(".", "--format", "json").stdout == done.stdout


def test_json_has_text_for_numbers_outside_of_json(validate: Validate, folder: Path) -> None:
    text = RIGHT.replace("100", ".nan").replace("key: ready, check: exists", "a: [.inf], b: {c: -.inf}")
    (folder / "pipelines" / "bronze.yaml").write_text(text)

    def reject(name: str) -> None:
        raise AssertionError(name)

    found = json.loads(validate(".", "--json").stdout, parse_constant=reject)
    assert {str(problem["value"]) for problem in found["problems"]} >= {"nan", "['inf']", "{'c': '-inf'}"}


def test_json_and_github_exclude_each_other(validate: Validate) -> None:
    done = validate(".", "--json", "--format", "github")
    assert done.exit_code == 2
    assert "exclude each other" in done.output


def test_github_gets_annotations_with_file_line_and_title(validate: Validate, folder: Path) -> None:
    (folder / "pipelines" / "bronze.yaml").write_text(WRONG)
    (folder / "pipelines" / "a.yaml").write_text(WARNED.replace("bronze", "a"))
    done = validate(str(folder), "--format", "github")
    assert done.exit_code == 2
    assert done.output.splitlines() == [
        "::warning file=pipelines/a.yaml,line=2,title=schedule::"
        "schedule: has neither cron nor trigger; only a rerun request will ever start this pipeline",
        "::error file=pipelines/bronze.yaml,line=3,title=validation.rules[0].check::"
        'validation.rules[0].check = "greater": must be one of exists, equals, gt, gte, lt, lte, age_lt, age_gt; '
        "did you mean gt?",
        "3 files: 1 error, 1 warning",
    ]


def test_github_files_are_named_from_the_root_of_the_checkout(
    validate: Validate, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pipelines" / "bronze.yaml").write_text(WRONG.replace(", calendar: us", ""))
    monkeypatch.chdir(folder / "pipelines")
    done = validate("bronze.yaml", "--format", "github", GITHUB_WORKSPACE=str(folder))
    assert done.output.startswith("::error file=pipelines/bronze.yaml,line=3,")
    elsewhere = validate("bronze.yaml", "--format", "github", GITHUB_WORKSPACE=str(folder / "calendars"))
    assert elsewhere.output.startswith("::error file=bronze.yaml,line=3,")


def test_no_text_of_a_file_forges_an_annotation(validate: Validate, folder: Path) -> None:
    name = "a,line=1::50%\n::error::b.yaml"
    (folder / "pipelines" / "bronze.yaml").unlink()
    (folder / name).write_text('"x\\n::error::y": 1\n' + RIGHT)
    for style in ("github", "text"):
        lines = validate(".", "--format", style).output.splitlines()
        assert len(lines) == 2
        assert lines[0].startswith(
            "::error file=a%2Cline=1%3A%3A50%25%0A%3A%3Aerror%3A%3Ab.yaml,line=1," if style == "github" else "error: "
        )


def test_ascii_terminal_gets_escapes(folder: Path) -> None:
    (folder / "pipelines" / "bronze.yaml").write_text(RIGHT.replace("bronze", "käse"))
    done = CliRunner(charset="ascii").invoke(main, ["validate", "."], env={"NO_COLOR": "1"})
    assert done.exit_code == 2
    assert "k\\xe4se" in done.output


@pytest.mark.parametrize(("environment", "coloured"), [({"NO_COLOR": "1"}, False), ({}, True)])
def test_colours_obey_no_color(validate: Validate, folder: Path, environment: dict[str, str], coloured: bool) -> None:
    (folder / "pipelines" / "bronze.yaml").write_text(WRONG)
    arguments = {"NO_COLOR": "", "FORCE_COLOR": "1", "TERM": "xterm", **environment}
    assert ("\x1b[" in validate(".", **arguments).output) is coloured
    assert ("\x1b[" in validate("nowhere", **arguments).output) is coloured


@pytest.mark.parametrize(
    ("arguments", "printed"), [((), json_schema()), (("--calendar",), calendar_schema())], ids=["pipeline", "calendar"]
)
def test_the_schemas_are_printed(arguments: tuple[str, ...], printed: dict[str, object]) -> None:
    done = CliRunner().invoke(main, ["schema", *arguments])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == printed
