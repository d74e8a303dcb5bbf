"""Commands in messages can be pasted: they are as the person called `interlock`, with the options of the deployment."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from interlock_cli import main
from interlock_cli._deployment._deployment import deployment_options
from interlock_cli._output import _called
from interlock_cli._output._called import as_called, program
from interlock_config import decode_yaml
from interlock_store import MemoryTables, Store, TableNames

PIPELINE = """
pipeline: {id: gold-orders}
schedule: {timezone: Europe/Berlin, trigger: {key: landing, check: exists}}
validation: {rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    program.cache_clear()
    yield
    program.cache_clear()


def called(monkeypatch: pytest.MonkeyPatch, *words: str, name: str = "/venv/bin/interlock") -> None:
    """Let this process be the program `name`, whose parent has this command line."""
    monkeypatch.setattr(sys, "argv", [name])
    monkeypatch.setenv("UV", "/usr/bin/uv")
    monkeypatch.setattr(_called, "_words_of_parent", lambda: list(words))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["/usr/bin/uv", "run", "interlock", "demo"], "uv run interlock"),
        (["uv", "run", "--project", "a b", "interlock", "up"], "uv run --project 'a b' interlock"),
        (["uvx", "--from", "interlock-cli", "interlock", "demo"], "uvx --from interlock-cli interlock"),
        (["/bin/bash"], "interlock"),
        (["uv", "run", "python", "play.py"], "interlock"),
        ([], "interlock"),
    ],
)
def test_program_is_as_its_parent_called_it(words: list[str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called(monkeypatch, *words)
    assert as_called("see `interlock status`") == f"see `{expected} status`"


def test_commands_of_all_packages_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    called(monkeypatch, "uv", "run", "interlock")
    names = main.list_commands(click.Context(main))
    assert {"up", "web"} < set(names)
    assert [as_called(f"interlock {name}") for name in names] == [f"uv run interlock {name}" for name in names]


def test_another_program_is_not_named_after_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    called(monkeypatch, "uv", "run", "interlock", name="/venv/bin/pytest")
    assert program() == "interlock"


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
def test_program_under_a_real_uv(tmp_path: Path) -> None:
    """The real command line of a real parent."""
    words = ["uv", "run", "--no-project", "--offline", "interlock"]
    scripts = Path(sys.executable).parent
    env = {**os.environ, "VIRTUAL_ENV": sys.prefix, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([*words, "init", "orders"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    line = shlex.join(words)
    assert done.stdout.splitlines()[-1] == f"next: {line} validate orders.yaml, then {line} push orders.yaml"


def printed(*arguments: str, **env: str) -> str:
    """The command line that a command of a deployment prints."""

    @click.command()
    @deployment_options
    def one(**_: object) -> None:
        click.echo(as_called("interlock resume gold-orders, interlock silence end 1f, interlock up, interlock 5"))

    done = CliRunner().invoke(one, arguments, env=env, catch_exceptions=False)
    return done.stdout.strip()


def test_options_of_the_deployment_are_repeated() -> None:
    options = "-e prod --endpoint-url http://x:1 --profile 'a b' --region eu-west-1"
    assert printed(*shlex.split(options)) == (
        f"interlock resume {options} gold-orders, interlock silence end {options} 1f, interlock up, interlock 5"
    )


def test_settings_of_the_shell_are_not_repeated() -> None:
    said = printed(INTERLOCK_ENVIRONMENT="prod", AWS_ENDPOINT_URL="http://x:1", AWS_REGION="eu-west-1")
    assert said.startswith("interlock resume gold-orders,")


def test_a_paused_pipeline_is_resumed_where_it_was_paused(
    tables: MemoryTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(tables, TableNames.of_environment("prod")).put_config(decode_yaml(PIPELINE, "p.yaml"))
    monkeypatch.setattr("interlock_cli._pipelines._pause.caller", lambda _: "ada")
    called(monkeypatch, "uv", "run", "interlock")
    done = CliRunner().invoke(main, ["pause", "gold-orders", "-e", "prod"])
    assert done.stdout.splitlines()[-1] == "end it with: uv run interlock resume -e prod gold-orders"
