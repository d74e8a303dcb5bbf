"""The distribution has all commands under its own name."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import interlock_cli
import interlock_safety


def test_the_command_is_that_of_interlock() -> None:
    assert interlock_safety.main is interlock_cli.main
    (script,) = entry_points(group="console_scripts", name="interlock-safety")
    assert script.load() is interlock_cli.main


def test_the_local_commands_are_installed() -> None:
    command = Path(sys.executable).with_name("interlock-safety")
    done = subprocess.run([command, "demo", "--help"], capture_output=True, text=True, check=True)
    assert "Usage: interlock-safety demo" in done.stdout
