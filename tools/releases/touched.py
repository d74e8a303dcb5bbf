"""Print the packages and the Terraform roots that the changes between two commits touch, with their dependents.

A path that no rule knows touches everything. A change of infra/shared touches all services.

Examples:
  python -m releases.touched origin/main HEAD
  python -m releases.touched none HEAD --github
"""

import argparse
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from releases.git import GitError, git
from releases.workspace import Unit, Workspace

SHARED = "shared"
LAST = "orchestrator"
"""The service that is applied after the others: its state machine needs modes of their new functions."""

BUILDER = "packages/interlock-local/src/interlock_local/zips/"
"""The builder of the zips, so that its change may change each of them."""

_INERT = re.compile(
    r"(?:docs|tests|examples|benchmarks|findings|tools|\.github|\.ci)/"
    r"|infra/(?:(?:bootstrap|examples|stack|tests)/|\.checkov\.yaml$)"
    r"|infra/(?:[\w-]+/){1,2}tests/"
    r"|(?:packages|services)/[\w-]+/(?:tests/|CHANGELOG\.md$|README\.md$|LICENSE$)"
    r"|(?:[\w./-]+/)?[\w-]+\.md$"
    r"|(?:noxfile\.py|LICENSE|\.editorconfig|\.gitattributes|\.gitignore|\.pre-commit-[\w-]+\.yaml)$"
)
"""The paths whose change is in no zip and in no plan."""

_LOCAL_PATH = re.compile(r'"(?:\$\{path\.module\}/)?(\.\.?/[^"$]+)"')


@dataclass(frozen=True)
class Touched:
    """Touched packages, and services whose zip or Terraform root is touched. `shared`: the root infra/shared."""

    packages: tuple[str, ...]
    services: tuple[str, ...]
    shared: bool

    @property
    def roots(self) -> list[str]:
        """The Terraform roots below infra/, in the order in which they are applied."""
        first = [name for name in self.services if name != LAST]
        last = [LAST] if LAST in self.services else []
        return [*([SHARED] if self.shared else []), *(f"services/{name}" for name in [*first, *last])]

    def as_json(self) -> dict[str, Any]:
        """The names for people and workflows."""
        return {
            "packages": list(self.packages),
            "services": list(self.services),
            "roots": self.roots,
            "shared": self.shared,
            "first": [name for name in self.services if name != LAST],
            "last": LAST in self.services,
        }


def touched(workspace: Workspace, paths: Iterable[str], locked: Iterable[str] = ()) -> Touched:
    """The units that changed paths touch.

    paths: relative to the checkout, with slashes. locked: the services whose locked dependencies changed.
    """
    changed: set[str] = set(locked)
    infra: set[str] = set()
    roots = _roots(workspace.root)
    for path in paths:
        units = [unit for unit in workspace.units.values() if _is_below(path, unit, workspace.root)]
        used_by = {name for name, places in roots.items() if any(_is_in(path, place) for place in places)}
        if _INERT.match(path):
            continue
        changed |= {unit.name for unit in units}
        infra |= used_by
        if path.startswith(BUILDER):
            changed |= {unit.name for unit in workspace.units.values() if unit.is_service}
        elif not units and not used_by and path != "uv.lock":
            return _everything(workspace)
    units = workspace.dependents(workspace.units[name] for name in changed)
    services = {unit.name for unit in units if unit.is_service} | infra - {SHARED}
    if SHARED in infra:
        services |= {unit.name for unit in workspace.units.values() if unit.is_service}
    packages = sorted(unit.name for unit in units if not unit.is_service)
    return Touched(tuple(packages), tuple(sorted(services)), SHARED in infra)


def _everything(workspace: Workspace) -> Touched:
    names = sorted(workspace.units)
    services = tuple(name for name in names if workspace.units[name].is_service)
    return Touched(tuple(name for name in names if name not in services), services, True)


def _is_below(path: str, unit: Unit, root: Path) -> bool:
    return _is_in(path, unit.home.relative_to(root).as_posix())


def _is_in(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")


def _roots(root: Path) -> dict[str, set[str]]:
    """The places that each Terraform root reads, by the name of its service, and SHARED for infra/shared."""
    folders = {path.name: path for path in sorted(root.glob("infra/services/*")) if path.is_dir()}
    if (root / "infra" / "shared").is_dir():
        folders[SHARED] = root / "infra" / "shared"
    return {name: set(_places(folder, root)) for name, folder in folders.items()}


def _places(folder: Path, root: Path) -> Iterator[str]:
    """A folder with Terraform files, and the folders and files that it names, directly or not."""
    seen: set[Path] = set()
    queue = [folder]
    while queue:
        place = queue.pop()
        if place in seen or place.resolve() == (root / "infra").resolve() or not place.exists():
            continue
        seen.add(place)
        yield place.relative_to(root).as_posix()
        for file in sorted(place.glob("*.tf")) if place.is_dir() else []:
            named = _LOCAL_PATH.findall(file.read_text())
            queue += [Path(os.path.normpath(place / one)) for one in named]


def locked_changes(workspace: Workspace, before: str, after: str) -> list[str]:
    """The services whose locked dependencies differ between the texts of two lock files."""
    old, new = _locked(before), _locked(after)
    services = [unit for unit in workspace.units.values() if unit.is_service]
    return [unit.name for unit in services if _closure(old, unit) != _closure(new, unit)]


def _locked(text: str) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for package in tomllib.loads(text).get("package", []):
        found.setdefault(package["name"], []).append(package)
    return found


def _closure(locked: Mapping[str, list[Mapping[str, Any]]], unit: Unit) -> str:
    """The locked packages of a unit and of its extras, with their hashes. Packages for tests do not count."""
    seen: dict[str, Any] = {}
    queue = [unit.distribution]
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen[name] = [_shown(package) for package in locked.get(name, [])]
        queue += [one["name"] for package in seen[name] for one in package["needs"]]
    return json.dumps(seen, sort_keys=True)


def _shown(package: Mapping[str, Any]) -> dict[str, Any]:
    extras = package.get("optional-dependencies", {}).values()
    files = [package.get("sdist", {}), *package.get("wheels", [])]
    return {
        "version": package.get("version"),
        "hashes": sorted(file["hash"] for file in files if "hash" in file),
        "needs": [*package.get("dependencies", []), *(one for extra in extras for one in extra)],
    }


def between(workspace: Workspace, before: str, after: str) -> Touched:
    """The units that the changes between two commits touch. A commit that does not exist touches everything."""
    if not _exists(workspace.root, before):
        return _everything(workspace)
    paths = git(workspace.root, "diff", "--name-only", "--no-renames", before, after).splitlines()
    if "pyproject.toml" in paths:
        settings = [
            tomllib.loads(_show(workspace.root, commit, "pyproject.toml")).get("tool", {}).get("uv")
            for commit in (before, after)
        ]
        if settings[0] == settings[1]:
            paths.remove("pyproject.toml")
    locks = (
        tuple(_show(workspace.root, commit, "uv.lock") for commit in (before, after))
        if "uv.lock" in paths
        else ("", "")
    )
    return touched(workspace, paths, locked_changes(workspace, *locks))


def _exists(root: Path, commit: str) -> bool:
    try:
        git(root, "cat-file", "-e", f"{commit}^{{commit}}")
    except GitError:
        return False
    return True


def _show(root: Path, commit: str, path: str) -> str:
    listed = git(root, "ls-tree", "--name-only", commit, "--", path)
    return git(root, "show", f"{commit}:{PurePosixPath(path)}") if listed else ""


def main(arguments: list[str] | None = None, root: Path | None = None) -> int:
    """Print JSON. Exit code 2: the second commit does not exist."""
    parser = argparse.ArgumentParser(
        prog="python -m releases.touched", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", help="the earlier commit. One that does not exist touches everything")
    parser.add_argument("after", help="the later commit")
    parser.add_argument("--github", action="store_true", help="also add each value to the file $GITHUB_OUTPUT")
    given = parser.parse_args(arguments)
    try:
        found = between(Workspace.read(root or Path.cwd()), given.before, given.after).as_json()
    except GitError as failed:
        print(f"error: {failed}", file=sys.stderr)
        return 2
    print(json.dumps(found, indent=2))
    if given.github:
        with Path(os.environ["GITHUB_OUTPUT"]).open("a") as output:
            output.writelines(f"{name}={json.dumps(value)}\n" for name, value in found.items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
