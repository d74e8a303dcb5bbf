"""The modules that a call of `interlock` imports. A command that is not used costs nothing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from interlock_cli import main
from interlock_cli._names import OWN
from interlock_cli._own import ROOMS, own_command

PIPELINE = """
pipeline: {id: p}
schedule: {cron: "0 6 * * *"}
validation: {rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
"""
OUTPUT = {"_output", "_output._errors", "_output._foreign"}
OF_THE_GROUP = {"__init__", "_installed", "_main", "_names", "_own", "_terminal"} | OUTPUT
OF_TAB = {"_completion", "_completion._listed_pipelines", "_completion._pipeline_names"}
SETTINGS = {"_deployment", "_deployment._settings"}
CODE = """
import json, sys
from interlock_cli import main
try: main(sys.argv[1:], prog_name="interlock")
finally: print("MODULES " + json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
TAB = {"_INTERLOCK_COMPLETE": "bash_complete", "COMP_WORDS": "interlock st", "COMP_CWORD": "1"}


def modules_after(*arguments: str, **environment: str) -> set[str]:
    """The modules that a call of the command has imported."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode in (0, 2), done.stderr
    line = next(line for line in done.stderr.splitlines() if line.startswith("MODULES "))
    return set(json.loads(line.removeprefix("MODULES ")))


def packages(modules: set[str]) -> set[str]:
    """The distributions of this repository, and the heavy libraries, among the imported modules."""
    names = {name.partition(".")[0] for name in modules}
    return {name for name in names if name.startswith("interlock_") or name in HEAVY}


HEAVY = {"boto3", "botocore", "msgspec", "rich", "s3transfer", "urllib3", "yaml"}


@pytest.mark.parametrize(("arguments", "environment"), [(("--version",), {}), (("--help",), {}), ((), {}), ((), TAB)])
def test_group_itself_imports_no_command(arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    found = modules_after(*arguments, **environment)
    assert packages(found) == {"interlock_cli"}
    own = {name.partition(".")[2] or "__init__" for name in found if name.startswith("interlock_cli")}
    assert own <= OF_THE_GROUP


def test_tab_of_a_pipeline_imports_no_command() -> None:
    asked = {"_INTERLOCK_COMPLETE": "bash_complete", "COMP_WORDS": "interlock why x", "COMP_CWORD": "2"}
    found = modules_after(**asked)
    own = {name.partition(".")[2] or "__init__" for name in found if name.startswith("interlock_cli")}
    assert own <= OF_THE_GROUP | OF_TAB | SETTINGS
    assert packages(found) == {"interlock_cli", "msgspec"}


def test_validate_imports_no_table_and_no_cloud(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(PIPELINE)
    modules = modules_after("validate", str(tmp_path))
    found = packages(modules)
    # It finds the commands of other packages, and takes a third of the start of an own one.
    assert "importlib.metadata" not in modules
    expected = {"interlock_cli", "interlock_config", "interlock_rules", "interlock_sla", "msgspec", "rich", "yaml"}
    assert found == expected


def test_own_command_imports_no_other_command() -> None:
    found = modules_after("schema")
    own = {name.partition(".")[2] for name in found if name.startswith("interlock_cli._")}
    assert own <= OF_THE_GROUP | {"_pipelines", "_pipelines._schema", "_output._console"}
    assert not any(name.startswith("interlock_local") for name in found)


@pytest.mark.parametrize("group", [[], ["sensor"]])
def test_group_without_a_command_prints_its_help(group: list[str]) -> None:
    said = CliRunner().invoke(main, group).output
    assert said == CliRunner().invoke(main, [*group, "--help"]).output
    assert "\nCommands:\n" in said


SUBJECTS = {f"interlock_local.{name}" for name in ("demo", "pump", "site", "stack", "zips")}


def test_help_of_a_local_command_does_not_load_its_subject() -> None:
    found = modules_after("demo", "--help")
    assert "interlock_local.commands" in found
    assert not SUBJECTS & found


@pytest.mark.parametrize("name", sorted(OWN))
def test_summary_is_the_first_sentence_of_the_help(name: str) -> None:
    command = own_command(name)
    assert command is not None
    assert click.Command(name, help=OWN[name]).get_short_help_str(999) == command.get_short_help_str(999)


def test_each_module_with_a_command_is_listed() -> None:
    folder = Path(str(sys.modules["interlock_cli"].__file__)).parent
    with_command = {
        (file.parent.name, file.stem.removeprefix("_"))
        for file in folder.glob("*/_*.py")
        if re.search(rf"\ndef {file.stem.removeprefix('_')}_?\(", text := file.read_text())
        and ("@click.command" in text or "@click.group" in text)
    }
    assert with_command == {(room, name) for room, names in ROOMS.items() for name in names}
    assert {name for _, name in with_command} == set(OWN)


def test_completion_offers_commands_of_all_packages() -> None:
    names = {item.value: item.help for item in main.shell_complete(click.Context(main), "")}
    assert names["status"] == click.Command("x", help=OWN["status"]).get_short_help_str()
    assert {"demo", "up", "why"} < names.keys()
    assert [item.value for item in main.shell_complete(click.Context(main), "sta")] == ["status"]
