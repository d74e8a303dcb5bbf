"""The metadata of the packages: their Python versions are those that noxfile.py tests."""

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
_PREFIX = "Programming Language :: Python :: 3."


def versions_of_nox(package: str) -> list[str]:
    """The Python versions on which the sessions `python` and `older` of noxfile.py test a package."""
    found: dict[str, list[str]] = {}
    for node in ast.parse((ROOT / "noxfile.py").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            found[ast.unparse(node.targets[0])] = list(ast.literal_eval(node.value))
    return [*(found["OLDER_PYTHONS"] if package == "interlock-sensors" else []), *found["PYTHONS"]]


def project(package: Path) -> dict[str, Any]:
    return dict(tomllib.loads((package / "pyproject.toml").read_text())["project"])


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_classifiers_are_the_tested_python_versions(package: Path) -> None:
    named = [word.rpartition(" ")[2] for word in project(package)["classifiers"] if word.startswith(_PREFIX)]
    assert named == versions_of_nox(package.name)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_oldest_tested_version_is_the_required_one(package: Path) -> None:
    assert project(package)["requires-python"] == f">={versions_of_nox(package.name)[0]}"
