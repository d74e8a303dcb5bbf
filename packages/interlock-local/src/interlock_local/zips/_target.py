"""The target of a zip, and the Python that compiles its bytecode."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from msgspec import Struct

PLATFORMS = {"arm64": "aarch64-manylinux2014", "amd64": "x86_64-manylinux2014"}
"""uv's names of Lambda's architectures."""
_RUNTIME_ON_AWS = "3.13"


class Target(Struct, frozen=True):
    """The target of a zip: a Python version, and a platform of AWS (None: this machine)."""

    python: str
    architecture: str | None = None

    @classmethod
    def host(cls) -> "Target":
        """This machine and this Python, for the local stack."""
        return cls(f"{sys.version_info.major}.{sys.version_info.minor}")

    @classmethod
    def aws(cls, architecture: str) -> "Target":
        """Lambda's runtime on `architecture`, arm64 or amd64."""
        return cls(_RUNTIME_ON_AWS, architecture)

    @property
    def processor(self) -> str:
        """The processor in the names of Lambda: arm64 or x86_64."""
        machine = self.architecture or platform.machine().lower()
        return "arm64" if machine in ("arm64", "aarch64") else "x86_64"

    @property
    def runtime(self) -> str:
        """The Lambda runtime's name."""
        return f"python{self.python}"


def find_interpreter(version: str) -> str | None:
    """The path of a Python of this version: this one, one on PATH, or one of pyenv. A shim may lead nowhere."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    of_pyenv = sorted(pyenv.glob(f"{version}*/bin/python{version}"))
    for candidate in filter(None, [sys.executable, shutil.which(f"python{version}"), *map(str, of_pyenv)]):
        if answer(candidate, "import sys; print('%d.%d' % sys.version_info[:2])") == version:
            return candidate
    return None


def answer(interpreter: str, code: str) -> str:
    """The output of a program on this interpreter, empty if it fails."""
    done = subprocess.run([interpreter, "-I", "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip() if done.returncode == 0 else ""
