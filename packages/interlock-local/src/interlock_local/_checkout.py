"""Finds the parts of the repository that are deployed: in a checkout, or packed in the wheel of this package."""

import tomllib
from pathlib import Path

from interlock_local._errors import LocalStackError

_PACKED = Path(__file__).parent / "_packed"
"""The services, the state machine and the example, which `_backend.py` packs into a wheel."""


def find_checkout(start: Path | None = None) -> Path:
    """The root of the workspace above `start` (default: the current folder), else the packed parts of a wheel.

    An editable install has no packed parts: the root is above this file. The packed parts have the paths of the
    repository. Raises LocalStackError if there is neither.
    """
    found = _workspace_above(start or Path.cwd())
    if found is None:
        found = _PACKED if _PACKED.is_dir() else _workspace_above(Path(__file__).parent)
    if found is not None:
        return found
    raise LocalStackError(
        "The Lambda packages are built from a checkout of Interlock's repository or from a released wheel of "
        "interlock-local. Run this command inside a checkout, or install the wheel."
    )


def is_packed(root: Path) -> bool:
    """Whether a root that `find_checkout` gave is that of the packed parts."""
    return root == _PACKED


def _workspace_above(origin: Path) -> Path | None:
    return next((folder for folder in (origin, *origin.parents) if _is_workspace(folder / "pyproject.toml")), None)


def _is_workspace(project: Path) -> bool:
    try:
        found = tomllib.loads(project.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return False
    return bool(found.get("project", {}).get("name") == "interlock-workspace")
