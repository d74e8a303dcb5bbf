"""The completion of shells, in the real shells: commands, options and the pipelines of the project."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from interlock_cli import main
from interlock_cli._completion._list_renewal import renew
from interlock_cli._completion._pipeline_names import complete_pipelines
from interlock_cli._names import FIRST_IS_PIPELINE, OWN
from interlock_cli._own import own_command
from interlock_config import decode_yaml
from interlock_store import MemoryTables, Store, TableNames

FILES = {
    "p/block.yaml": "# A comment.\npipeline:\n  owner: data\n  id: bronze-orders\nschedule: {}\n",
    "p/flow.yaml": "pipeline: {id: bronze-rates, owner: a}\n",
    "p/deep/quoted.yml": 'schedule: {}\npipeline:\n  id: "gold.orders"\n',
    "p/one.json": '{\n  "schedule": {}, "pipeline": {"id": "silver"}}',
    "p/alone.json": '{"pipeline": {"id": "zinc"}}',
    "p/calendar.yaml": "name: us\ndays: [sunday]\n",
    "p/.hidden.yaml": "pipeline: {id: hidden}\n",
    "p/.cache/old.yaml": "pipeline: {id: old}\n",
    "src/deep.yaml": "pipeline: {id: deep}\n",
    "p/notes.txt": "pipeline: {id: text}\n",
    "other.yaml": "pipeline: {id: other}\n",
}
PIPELINE = """
pipeline: {id: NAME}
schedule: {trigger: {key: landing, check: exists}}
validation: {rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
"""
ASK = {
    # The words after a TAB, one per line.
    "bash": (
        'eval "$(interlock completion bash)"; COMP_WORDS=(%s); COMP_CWORD=%d; '
        '_interlock_completion interlock; printf "%%s\\n" "${COMPREPLY[@]}"'
    ),
    "fish": "interlock completion fish | source; complete -C '%s'",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an interlock.toml, and `interlock` on the PATH."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / ".git").mkdir()
    (tmp_path / "interlock.toml").write_text('[environments.prod]\npipelines = "p"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("interlock_cli._completion._listed_pipelines._request", lambda *_: None)
    return tmp_path


def words(shell: str, *typed: str) -> list[str]:
    """The words that a shell offers for the last of the typed words."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed: apt-get install {shell}")
    if shell == "zsh":
        return _words_of_zsh(*typed)
    line = ASK[shell] % (
        (" ".join(f"'{word}'" for word in typed), len(typed) - 1) if shell == "bash" else " ".join(typed)
    )
    done = subprocess.run([shell, "-c", line], capture_output=True, text=True, timeout=60, check=False)
    return [found.partition("\t")[0] for found in done.stdout.split("\n") if found]


def _words_of_zsh(*typed: str) -> list[str]:
    """The words of `_interlock_completion`, whose builtins for the display print them instead."""
    quoted = " ".join(f"'{word}'" for word in typed)
    line = (
        "compdef() { :; }; compadd() { print -l -- ${(P)@[-1]}; }; _describe() { print -l -- ${(P)3}; }; "
        'eval "$(interlock completion zsh)"; '
        f"words=({quoted}); CURRENT={len(typed)}; _interlock_completion"
    )
    done = subprocess.run(["zsh", "-f", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    return [found.partition(":")[0] for found in done.stdout.split("\n") if found]


SHELLS = ["bash", "zsh", "fish"]


@pytest.mark.parametrize("shell", SHELLS)
def test_shell_offers_commands(project: Path, shell: str) -> None:
    assert words(shell, "interlock", "sta") == ["status"]
    assert {"rerun", "resume", "remove"} <= set(words(shell, "interlock", "re"))


@pytest.mark.parametrize("shell", SHELLS)
def test_shell_offers_pipelines_of_the_files(project: Path, shell: str) -> None:
    assert words(shell, "interlock", "why", "bronze") == ["bronze-orders", "bronze-rates"]
    assert words(shell, "interlock", "sensor", "get", "g") == ["gold.orders"]


@pytest.mark.parametrize("shell", SHELLS)
def test_shell_offers_options(project: Path, shell: str) -> None:
    assert words(shell, "interlock", "why", "silver", "--prof") == ["--profile"]


@pytest.mark.parametrize("shell", SHELLS)
def test_shell_offers_options_right_after_the_command(project: Path, shell: str) -> None:
    assert words(shell, "interlock", "why", "--sens") == ["--sensor"]


@pytest.mark.parametrize("shell", SHELLS)
def test_value_with_a_blank_is_one_word(project: Path, shell: str) -> None:
    assert words(shell, "interlock", "status", "--state", "n") == ["not\\ begun" if shell == "bash" else "not begun"]


def test_missing_shell_is_an_error_with_the_shells() -> None:
    done = CliRunner().invoke(main, ["completion"])
    assert done.exit_code == 2
    assert "missing argument 'SHELL'. Choose from: bash, zsh, fish" in done.stderr


def test_commands_whose_first_argument_is_a_pipeline_are_listed() -> None:
    commands = {name: own_command(name) for name in OWN if name != "init"}
    arguments = {
        name: [one.name for one in command.params if isinstance(one, click.Argument)]
        for name, command in commands.items()
        if command is not None and not isinstance(command, click.Group)
    }
    assert {name for name, found in arguments.items() if found[:1] == ["pipeline"]} == FIRST_IS_PIPELINE


def names(incomplete: str = "") -> list[str]:
    context = main.make_context("interlock", ["schema"])
    return [item.value for item in complete_pipelines(context, main.params[0], incomplete)]


def test_ids_are_those_of_each_form_of_file(project: Path) -> None:
    assert names() == ["bronze-orders", "bronze-rates", "gold.orders", "zinc"]


def test_without_settings_the_usual_folders_count(project: Path) -> None:
    (project / "interlock.toml").unlink()
    (project / "p").rename(project / "pipelines")
    assert names() == ["bronze-orders", "bronze-rates", "gold.orders", "other", "zinc"]


class Deployments:
    """Deployments whose pipelines are listed at once. `requests` has the options of each request."""

    def __init__(self) -> None:
        self.ids: dict[str, list[str]] = {}
        self.requests: list[dict[str, str]] = []

    def request(self, path: Path, options: dict[str, str]) -> None:
        self.requests.append(options)
        if found := self.ids.get(options.get("environment", "local")):
            path.write_text(json.dumps(found))


@pytest.fixture
def deployments(project: Path, monkeypatch: pytest.MonkeyPatch) -> Deployments:
    made = Deployments()
    monkeypatch.setenv("XDG_CACHE_HOME", str(project / "cache"))
    monkeypatch.setattr("interlock_cli._completion._listed_pipelines._request", made.request)
    monkeypatch.setattr("interlock_cli._completion._pipeline_names._names", list)
    return made


def test_ids_of_the_deployment_are_offered(deployments: Deployments) -> None:
    deployments.ids = {"local": ["silver"], "prod": ["zebra", "silver"]}
    assert names() == ["silver"]
    context = click.Context(click.Command("why"))
    context.params = {"environment": "prod", "endpoint_url": None}
    context.meta["interlock.profile"] = "data"
    assert [item.value for item in complete_pipelines(context, main.params[0], "z")] == ["zebra"]
    assert deployments.requests == [{}, {"environment": "prod", "profile": "data"}]


def test_a_deployment_is_asked_once_a_minute(project: Path, deployments: Deployments) -> None:
    assert (names(), names()) == ([], [])
    assert len(deployments.requests) == 1
    (asked,) = (project / "cache").rglob("*.asked")
    os.utime(asked, (0, 0))
    deployments.ids = {"local": ["silver"]}
    assert names() == ["silver"]
    assert len(deployments.requests) == 2


def test_other_settings_have_another_list(
    project: Path, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployments.ids = {"local": ["silver"]}
    assert names() == ["silver"]
    deployments.ids = {}
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4600")
    assert names() == []


@pytest.mark.parametrize("text", ["[", "3", '{"a": 1}', "[1, null]", ""])
def test_a_broken_list_offers_nothing(project: Path, deployments: Deployments, text: str) -> None:
    deployments.ids = {"local": ["silver"]}
    assert names() == ["silver"]
    (path,) = (project / "cache").rglob("*.json")
    path.write_text(text)
    assert names() == []


def test_the_background_writes_the_ids(tables: MemoryTables, tmp_path: Path) -> None:
    store = Store(tables, TableNames.of_environment("prod"))
    for name in ("zebra", "ant"):
        store.put_config(decode_yaml(PIPELINE.replace("NAME", name), "p.yaml"))
    done = CliRunner().invoke(renew, [str(tmp_path / "ids.json"), "-e", "prod"])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "ids.json").read_text()) == ["ant", "zebra"]
    assert [path.name for path in tmp_path.iterdir()] == ["ids.json"]


def test_an_old_list_is_not_offered(project: Path, deployments: Deployments) -> None:
    deployments.ids = {"local": ["silver"]}
    assert names() == ["silver"]
    (path,) = (project / "cache").rglob("*.json")
    os.utime(path, (0, 0))
    assert names() == []


def test_a_folder_that_cannot_be_used_offers_the_files(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "cache").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(project / "cache"))
    assert names("z") == ["zinc"]


def test_a_deployment_that_is_away_disturbs_no_shell(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real process in the background, and an endpoint where no server answers."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(project / "cache"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    line = ASK["bash"] % ("interlock why z", 2)
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("zinc\n", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_shell_offers_environments(project: Path, shell: str) -> None:
    assert words(shell, "interlock", "status", "-e", "pr") == ["prod"]
    assert words(shell, "interlock", "sensor", "list", "silver", "--environment", "lo") == ["local"]


def test_problems_of_the_project_offer_nothing(project: Path) -> None:
    (project / "interlock.toml").write_text("wrong = 1")
    assert names() == []
    (project / "interlock.toml").write_text('[environments.prod]\npipelines = "none"\n')
    assert names() == []


def test_new_pipeline_has_a_new_id(project: Path) -> None:
    assert words("bash", "interlock", "init", "bron") == []


def test_unknown_shell_is_a_usage_error() -> None:
    done = CliRunner().invoke(main, ["completion", "tcsh"])
    assert done.exit_code == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in done.output
