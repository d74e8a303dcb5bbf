"""Runs uv, with its errors in one sentence."""

import os
import shutil
import subprocess
from pathlib import Path

from interlock_local import LocalStackError

_UNREACHABLE = ("error sending request", "dns error", "failed to fetch", "connection refused", "timed out", "offline")


def run_uv(folder: Path, arguments: list[str]) -> str:
    """The output of uv, run in a folder. Raises LocalStackError if uv is missing or fails."""
    program = shutil.which("uv")
    if program is None:
        raise LocalStackError("uv is not installed, and it builds the Lambda packages: pip install uv.")
    # uv must not use the environment of this process as that of the project.
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(  # noqa: S603 (a fixed program with fixed arguments)
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return done.stdout
    output = " ".join(done.stderr.split())
    if any(word in output.lower() for word in _UNREACHABLE):
        raise LocalStackError(
            f"A package registry cannot be reached, so the Lambda packages were not built: {output[-300:]}"
        )
    raise LocalStackError(f"uv {arguments[0]} failed, so the Lambda packages were not built: {output[-600:]}")
