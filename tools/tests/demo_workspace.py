"""A small workspace with a history: the library demo-core, the package demo-app that needs it, and the service tick."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from releases.workspace import Unit, Workspace

_PYPROJECT = """\
[project]
name = "{name}"
version = "0.1.0"
description = "A part of the demo."
readme = "README.md"
requires-python = ">=3.11"
license = "Apache-2.0"
license-files = ["LICENSE"]
dependencies = [{needs}]

[tool.uv.sources]
demo-core = {{ workspace = true }}

[build-system]
requires = ["uv_build>=0.9,<0.14"]
build-backend = "uv_build"
"""

_CORE = '''\
"""A library."""

from demo_core._parts import twice

__all__ = ["twice"]
'''

_PARTS = '''\
"""The parts."""


def twice(number: int) -> int:
    """Two times a number."""
    return 2 * number
'''

_APP = '''\
"""A package that needs the library."""

from demo_core import twice

__all__ = ["four"]


def four() -> int:
    """Four."""
    return twice(2)
'''

_CHANGELOG = "# Changelog of {name}\n\n## Unreleased\n\n### Added\n\n- The first version.\n"


@dataclass(frozen=True)
class Demo:
    """The small workspace. Its paths are relative to its root."""

    root: Path

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def replace(self, path: str, old: str, new: str) -> None:
        text = self.read(path)
        assert old in text
        self.write(path, text.replace(old, new))

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=demo", "-c", "user.email=demo@example.com", "-c", "tag.gpgSign=false"]
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "A change")
        return self.git("rev-parse", "HEAD")

    def tag(self, name: str) -> None:
        self.commit()
        self.git("tag", "--annotate", name, "--message", name)

    @property
    def workspace(self) -> Workspace:
        return Workspace.read(self.root)

    def unit(self, name: str) -> Unit:
        return self.workspace.units[name]


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    """The workspace in its first commit, without a tag."""
    made = Demo(tmp_path / "demo")
    made.write(
        "pyproject.toml",
        '[project]\nname = "demo"\nversion = "0"\nrequires-python = ">=3.11"\n\n'
        '[tool.uv]\npackage = false\n\n[tool.uv.workspace]\nmembers = ["packages/*", "services/*"]\n',
    )
    _add(made, "packages/demo-core", "demo-core", "", {"__init__.py": _CORE, "_parts.py": _PARTS})
    _add(made, "packages/demo-app", "demo-app", '"demo-core>=0.1,<0.2"', {"__init__.py": _APP})
    handler = {"__init__.py": '"""A service."""\n', "handler.py": "import demo_app\n"}
    _add(made, "services/tick", "demo-tick", '"demo-app>=0.1,<0.2"', handler)
    made.replace("services/tick/pyproject.toml", "demo-core =", "demo-app =")
    made.write(".gitignore", "*.pyc\n")
    subprocess.run(["uv", "lock", "--quiet", "--offline"], cwd=made.root, check=True)
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit()
    return made


def _add(made: Demo, home: str, name: str, needs: str, modules: dict[str, str]) -> None:
    made.write(f"{home}/pyproject.toml", _PYPROJECT.format(name=name, needs=needs))
    made.write(f"{home}/README.md", f"# {name}\n")
    made.write(f"{home}/LICENSE", "The licence.\n")
    made.write(f"{home}/CHANGELOG.md", _CHANGELOG.format(name=name))
    module = name.replace("-", "_")
    for file, text in {**modules, "py.typed": ""}.items():
        made.write(f"{home}/src/{module}/{file}", text)
