"""The hooks for pre-commit at the root of the repository name commands, options and files that exist."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from interlock_cli import main

ROOT = Path(__file__).parents[3]
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}


def test_there_is_a_hook_of_the_revision_and_one_of_the_path() -> None:
    assert {name: hook["language"] for name, hook in HOOKS.items()} == {
        "interlock-validate": "script",
        "interlock-validate-system": "system",
    }


@pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS.keys())
def test_hook_checks_whole_folders_once(hook: dict[str, object]) -> None:
    assert hook["pass_filenames"] is False
    assert hook["require_serial"] is True
    assert hook["args"] == ["pipelines"]


def test_the_command_of_the_system_hook_checks_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "a.yaml").write_text("a: b: c")
    hook = HOOKS["interlock-validate-system"]
    command = [*hook["entry"].split(), *hook["args"]]
    done = CliRunner().invoke(main, command[1:])
    assert command[0] == "interlock"
    assert done.exit_code == 2
    assert "pipelines/a.yaml:1: is not YAML" in done.output


def test_script_hook_is_executable_and_names_missing_uv(tmp_path: Path) -> None:
    script = ROOT / HOOKS["interlock-validate"]["entry"]
    assert os.access(script, os.X_OK)
    for tool in ("sh", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "")
    done = subprocess.run([script, "pipelines"], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("interlock validate: this hook needs uv (pip install uv)")


def test_script_hook_passes_its_arguments_to_its_checkout(tmp_path: Path) -> None:
    for tool in ("sh", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "")
    (tmp_path / "uv").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "uv").chmod(0o755)
    script = ROOT / HOOKS["interlock-validate"]["entry"]
    done = subprocess.run([script, "a b", "c"], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    words = done.stdout.split()
    assert words[words.index("--") :] == ["--", "interlock", "validate", "a", "b", "c"]
    assert Path(words[words.index("--project") + 1]).resolve() == ROOT
