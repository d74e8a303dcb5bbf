"""The rules of a release that need no build: version and tag, changelog, requirements, public API."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import griffe
from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

from releases import changelog
from releases.git import commit_of, differs, extract, git, released, tag_of
from releases.workspace import Unit, Workspace

_COLOUR = re.compile(r"\x1b\[\d+m")


def shipped(unit: Unit) -> list[Path]:
    """The files and folders that reach users: those of the unit, and the parts of the repository in its wheel."""
    own = [unit.home / name for name in ("src", "pyproject.toml", "README.md", "LICENSE")]
    root = unit.home.parents[1]
    return [path for path in own if path.exists()] + [path for one in unit.packed for path in sorted(root.glob(one))]


def version_and_tag(workspace: Workspace, unit: Unit, tag: str | None, between: bool = False) -> Iterator[str]:
    """The version is a plain release above the released ones, and the tag is that of the version at this commit.

    between: the version may be that of the last release, also with other files.
    """
    version = unit.version
    if not _is_plain(version):
        yield f"pyproject.toml: version must be three numbers such as 0.2.0, got {version!r}"
        return
    expected = tag_of(unit, version)
    if tag is not None and tag != expected:
        yield f"tag {tag} is not the tag of pyproject.toml's version {version}: expected {expected}"
    versions = released(workspace.root, unit)
    if between and versions and Version(version) == versions[-1]:
        return
    if Version(version) in versions:
        yield from _tagged(workspace, unit, expected, tag)
    elif versions and Version(version) < versions[-1]:
        yield f"pyproject.toml: version {version} is below the released {versions[-1]}"


def _tagged(workspace: Workspace, unit: Unit, expected: str, tag: str | None) -> Iterator[str]:
    """The tag of the version exists: it is at this commit, or the shipped files are still the same."""
    tagged, head = commit_of(workspace.root, expected), git(workspace.root, "rev-parse", "HEAD")
    if tag == expected and tagged != head:
        yield f"tag {expected} is at commit {tagged[:12]}, but this is {head[:12]}"
    elif differs(workspace.root, expected, shipped(unit)):
        command = f'nox -s "release({unit.name})" -- VERSION'
        yield f"version {unit.version} is tagged at {tagged[:12]}, and its files have changed since: {command}"


def _is_plain(text: str) -> bool:
    try:
        version = Version(text)
    except InvalidVersion:
        return False
    return len(version.release) == 3 and text == ".".join(map(str, version.release))


def changelog_of(unit: Unit, tag: str | None) -> Iterator[str]:
    """The changelog has the version with entries. Before the tag, unreleased entries count too."""
    path = unit.home / "CHANGELOG.md"
    if not path.exists():
        yield "CHANGELOG.md does not exist"
        return
    text = path.read_text()
    open_entries = changelog.entries(text, changelog.UNRELEASED)
    if changelog.UNRELEASED not in changelog.sections(text):
        yield f"CHANGELOG.md has no heading '## {changelog.UNRELEASED}'"
    if tag is None and open_entries:
        return
    if not changelog.entries(text, unit.version):
        yield f"CHANGELOG.md has no entries under '## {unit.version} - YYYY-MM-DD'"
    if tag is not None and open_entries:
        yield f"CHANGELOG.md has {open_entries} unreleased entries at the tag of {unit.version}"


def requirements(workspace: Workspace, unit: Unit, tag: str | None) -> Iterator[str]:
    """Each requirement has a lower bound. That of a sibling is a range without breaking changes, with a release."""
    siblings = {sibling.distribution: sibling for _, sibling in workspace.siblings(unit)}
    for requirement in unit.requirements:
        if not any(one.operator in (">=", "==", "~=", ">") for one in requirement.specifier):
            yield f"pyproject.toml: {requirement} has no lower bound"
        elif requirement.name in siblings:
            yield from _sibling(workspace, requirement, siblings[requirement.name], tag)


def _sibling(workspace: Workspace, requirement: Requirement, sibling: Unit, tag: str | None) -> Iterator[str]:
    bounds = {one.operator: Version(one.version) for one in requirement.specifier}
    if set(bounds) != {">=", "<"}:
        yield f"pyproject.toml: {requirement} must be a range such as {sibling.distribution}>=0.2,<0.3"
        return
    limit = next_breaking(bounds[">="])
    if bounds["<"] > limit:
        yield f"pyproject.toml: {requirement} permits breaking changes: the upper bound must be at most {limit}"
    if Version(sibling.version) not in requirement.specifier:
        yield f"pyproject.toml: {requirement} excludes the {sibling.version} of this checkout"
    versions = released(workspace.root, sibling)
    if tag is not None and not any(version in requirement.specifier for version in versions):
        known = ", ".join(map(str, versions)) or "none"
        yield f"no released version fulfils {requirement} (released: {known}): tag {sibling.distribution} first"


def next_breaking(version: Version) -> Version:
    """The lowest later version that may break users: the next minor version of 0.x, else the next major version."""
    return Version(f"{version.major + 1}") if version.major else Version(f"0.{version.minor + 1}")


def _three(version: Version) -> str:
    return f"{version.major}.{version.minor}.{version.micro}"


def public_api(workspace: Workspace, unit: Unit, between: bool = False) -> Iterator[str]:
    """No public object of the last release is broken, unless the version says so. A service has no public objects.

    between: a version that is released already says nothing about the next one.
    """
    if between and Version(unit.version) in released(workspace.root, unit):
        return
    last = None if unit.is_service else last_release(workspace, unit)
    if last is None or Version(unit.version) >= next_breaking(last):
        return
    for line in breakages(workspace, unit, tag_of(unit, str(last))):
        yield f"{line}: breaks users of {last}, so the version must be {_three(next_breaking(last))} or higher"


def last_release(workspace: Workspace, unit: Unit) -> Version | None:
    """The newest tagged version below the version in pyproject.toml. None before the first release."""
    below = [version for version in released(workspace.root, unit) if version < Version(unit.version)]
    return below[-1] if below else None


def breakages(workspace: Workspace, unit: Unit, tag: str) -> list[str]:
    """The breaking changes of the public API since a tag, each with the file, the line and the object."""
    with tempfile.TemporaryDirectory(prefix="interlock-api-") as scratch:
        before = _modules(unit.module, extract(workspace.root, tag, unit.home / "src", Path(scratch)))
        after = _modules(unit.module, unit.home / "src")
        found = []
        for name in sorted(before.keys() & after.keys()):
            changes = griffe.find_breaking_changes(before[name], after[name])
            found += [_explained(change, name, unit) for change in changes]
            found += _withdrawn(before[name], after[name], unit)
    return list(dict.fromkeys(found))


def _withdrawn(before: griffe.Module, after: griffe.Module, unit: Unit) -> Iterator[str]:
    """The names that left `__all__` and that griffe does not report: it looks for objects only.

    A withdrawn name may still be imported in its module, and a name that `__getattr__` makes is no object of it.
    """
    names = _exported(before) - _exported(after)
    place = after.members.get("__all__", after)
    for name in sorted(names):
        if name in after.members or name not in before.members:
            path = str(after.filepath).rpartition("/src/")[2]
            yield f"{unit.name}/src/{path}:{place.lineno or 1}: {after.path}.{name}: It was removed from __all__"


def _exported(module: griffe.Module) -> set[str]:
    return {str(name) for name in module.exports or ()}


def _explained(change: griffe.Breakage, module: str, unit: Unit) -> str:
    """The place and the name by which users import the object, such as `interlock_sla.Window(start)`."""
    path, line, name, reason = _COLOUR.sub("", change.explain(griffe.ExplanationStyle.ONE_LINE)).split(":", 3)
    name = change.obj.path if name.strip() == "<module>" else f"{module}.{name.strip()}"
    return f"{unit.name}/src/{path.rpartition('/src/')[2]}:{line}: {name}: {reason.strip()}"


def _modules(name: str, source: Path) -> dict[str, griffe.Module]:
    """The public modules of a package, by path. Nothing is imported."""
    package = griffe.load(name, search_paths=[source], try_relative_path=False, resolve_aliases=True)
    found: dict[str, griffe.Module] = {}
    queue = [package]
    while queue:
        module = queue.pop()
        if isinstance(module, griffe.Module):
            found[module.path] = module
            queue += [one for one in module.modules.values() if not one.name.startswith("_")]
    return found
