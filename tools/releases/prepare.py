"""Prepare the release of a unit: its version, its changelog, ranges of siblings, the lock file. Nothing is tagged.

Examples:
  python -m releases.prepare interlock-sla 0.2.0
  python -m releases.prepare interlock-sla 0.2.1 --raise-siblings
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from packaging.version import InvalidVersion, Version

from releases import changelog
from releases.git import GitError, released, tag_of
from releases.rules import next_breaking
from releases.workspace import Unit, Workspace

_VERSION = re.compile(r'^version = "[^"]*"$', re.MULTILINE)


def problems(workspace: Workspace, unit: Unit, version: str) -> Iterator[str]:
    """The reasons for which this version of the unit cannot be prepared."""
    try:
        given = Version(version)
    except InvalidVersion:
        given = None
    if given is None or version != ".".join(map(str, given.release)) or len(given.release) != 3:
        yield f"version must be three numbers such as 0.2.0, got {version!r}"
        return
    highest = max([Version(unit.version), *released(workspace.root, unit)])
    if given < highest or given in released(workspace.root, unit):
        yield f"version {version} must be above {highest}"
    path = unit.home / "CHANGELOG.md"
    if not path.exists():
        yield f"{path.relative_to(workspace.root)} does not exist"
        return
    try:
        changelog.release(path.read_text(), version, "2000-01-01")
    except changelog.ChangelogError as wrong:
        yield f"{path.relative_to(workspace.root)} {wrong}"


def changes(workspace: Workspace, unit: Unit, version: str, day: date, raise_siblings: bool) -> dict[Path, str]:
    """The new text of each file that the release changes."""
    pyproject, log = unit.home / "pyproject.toml", unit.home / "CHANGELOG.md"
    found = {
        pyproject: _VERSION.sub(f'version = "{version}"', pyproject.read_text(), count=1),
        log: changelog.release(log.read_text(), version, day.isoformat()),
    }
    for user in workspace.units.values():
        for requirement, sibling in workspace.siblings(user):
            if sibling == unit and (raise_siblings or Version(version) not in requirement.specifier):
                found.update(_raised(workspace, user, unit, version, found))
    return found


def _raised(workspace: Workspace, user: Unit, unit: Unit, version: str, before: dict[Path, str]) -> dict[Path, str]:
    """The files of a sibling whose requirements of the unit begin with the new version.

    The changelog of a sibling without a release has no entry about a range, since no release has another range.
    """
    pyproject, log = user.home / "pyproject.toml", user.home / "CHANGELOG.md"
    text = before.get(pyproject, pyproject.read_text())
    name, limit = re.escape(unit.distribution), next_breaking(Version(version))
    lowest = version.removesuffix(".0") if version.endswith(".0") else version
    raised = re.sub(
        rf'"({name}(?:\[[\w,-]+\])?)(?:[<>=~!][^";]*)?(;[^"]*)?"',
        lambda found: f'"{found[1]}>={lowest},<{limit}{found[2] or ""}"',
        text,
    )
    if raised == text or not released(workspace.root, user):
        return {pyproject: raised}
    note = f"The range of {unit.distribution} begins with {lowest} and ends before {limit}."
    return {pyproject: raised, log: changelog.add_change(before.get(log, log.read_text()), note)}


def main(arguments: list[str] | None = None, root: Path | None = None) -> int:
    """Exit code 1: the lock file cannot be written. Exit code 2: the release is invalid, and nothing is changed."""
    parser = argparse.ArgumentParser(
        prog="python -m releases.prepare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("unit", help="folder of a package or service, such as interlock-sla or watchdog")
    parser.add_argument("version", help="the new version: three numbers, such as 0.2.0")
    parser.add_argument("--raise-siblings", action="store_true", help="let all siblings need at least this version")
    parser.add_argument("--date", type=date.fromisoformat, help="day of the release (default: today in UTC)")
    given = parser.parse_args(arguments)
    workspace = Workspace.read(root or Path.cwd())
    unit = workspace.units.get(given.unit)
    if unit is None:
        parser.error(f"no unit {given.unit!r}, expected one of {', '.join(sorted(workspace.units))}")
    try:
        wrong = list(problems(workspace, unit, given.version))
    except GitError as failed:
        wrong = [str(failed)]
    for problem in wrong:
        print(f"error: {unit.name}: {problem}", file=sys.stderr)
    if wrong:
        return 2
    day = given.date or datetime.now(UTC).date()
    return _write(workspace, unit, given.version, changes(workspace, unit, given.version, day, given.raise_siblings))


def _write(workspace: Workspace, unit: Unit, version: str, files: dict[Path, str]) -> int:
    for path, text in sorted(files.items()):
        path.write_text(text)
        print(f"changed {path.relative_to(workspace.root)}")
    if subprocess.run(["uv", "lock", "--quiet"], cwd=workspace.root, check=False).returncode != 0:
        print("error: uv lock failed. `git diff` shows the changes, `git restore .` undoes them.", file=sys.stderr)
        return 1
    tag = tag_of(unit, version)
    print(f'changed uv.lock\n\nCheck:  uv run nox -s "release-check({unit.name})"')
    print(f"Commit: git commit -am 'Release {unit.distribution} {version}'")
    print(f"Tag the merged commit: git tag -a {tag} -m '{unit.distribution} {version}' && git push origin {tag}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
