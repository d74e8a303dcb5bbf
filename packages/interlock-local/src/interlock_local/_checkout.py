"""Finds the checkout of the workspace, from which the zips are built."""

import tomllib
from pathlib import Path

from interlock_local._errors import LocalStackError


def find_checkout(start: Path | None = None) -> Path:
    """The root of the workspace: above `start` (default: the current folder), otherwise above this file.

    Raises LocalStackError if neither is inside a checkout.
    """
    for origin in (start or Path.cwd(), Path(__file__).parent):
        for folder in (origin, *origin.parents):
            if _is_workspace(folder / "pyproject.toml"):
                return folder
    raise LocalStackError(
        "The Lambda packages are built from a checkout of Interlock's repository. Run this command inside a checkout."
    )


def _is_workspace(project: Path) -> bool:
    try:
        found = tomllib.loads(project.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return False
    return bool(found.get("project", {}).get("name") == "interlock-workspace")
