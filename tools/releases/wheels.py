"""The wheel and the source distribution of a unit: built, compared, and installed without the checkout."""

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from packaging.version import Version

from releases import lowest
from releases.git import extract, released, tag_of
from releases.rules import shipped
from releases.workspace import Unit, Workspace


class StepFailed(Exception):
    """A command failed. The text is its message with the end of its output."""


def run(command: list[str], cwd: Path) -> str:
    """The output of a command. Raises StepFailed if it fails."""
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = f"{done.stdout}\n{done.stderr}".strip().splitlines()
        raise StepFailed("\n".join([f"{' '.join(command[:4])} …: exit code {done.returncode}", *said[-12:]]))
    return done.stdout


def build(workspace: Workspace, unit: Unit, into: Path) -> tuple[Path, Path]:
    """The source distribution, and the wheel that is built from it."""
    out = into / "files"
    run(["uv", "build", "--quiet", "--package", unit.distribution, "--out-dir", str(out)], workspace.root)
    return next(out.glob("*.tar.gz")), next(out.glob("*.whl"))


def contents(workspace: Workspace, unit: Unit, sdist: Path, wheel: Path, scratch: Path) -> Iterator[str]:
    """The wheel from the source distribution is that of the checkout, and both hold each file that they must."""
    direct = scratch / "direct"
    command = ["uv", "build", "--quiet", "--wheel", "--package", unit.distribution, "--out-dir", str(direct)]
    run(command, workspace.root)
    from_sdist, from_checkout = _digests(wheel), _digests(next(direct.glob("*.whl")))
    names = from_sdist.keys() | from_checkout.keys()
    different = sorted(name for name in names if from_sdist.get(name) != from_checkout.get(name))
    if different:
        yield f"the wheels of the source distribution and of the checkout differ: {', '.join(different)}"
    source = unit.home / "src"
    wanted = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    if missing := sorted(wanted - from_sdist.keys()):
        yield f"{wheel.name} lacks {', '.join(missing)}"
    if not unit.is_service:
        licence = f"{unit.module}-{unit.version}.dist-info/licenses/LICENSE"
        needed = (licence, f"{unit.module}/py.typed")
        yield from (f"{wheel.name} lacks {name}" for name in needed if name not in from_sdist)
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    own = (path for path in shipped(unit) if path.is_relative_to(unit.home))
    names_of_files = (path.relative_to(unit.home) for path in own if path.is_file())
    yield from (f"{sdist.name} lacks {name}" for name in names_of_files if str(name) not in packed)


def _digests(wheel: Path) -> dict[str, str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def install_alone(workspace: Workspace, unit: Unit, file: Path, scratch: Path) -> Iterator[str]:
    """The file installs into a new environment with the wheels of its siblings, and its modules can be imported."""
    siblings = scratch / "siblings"
    for sibling in workspace.closure(unit):
        if sibling != unit and not list(siblings.glob(f"{sibling.module}-*.whl")):
            command = ["uv", "build", "--quiet", "--wheel", "--package", sibling.distribution]
            run([*command, "--out-dir", str(siblings)], workspace.root)
    siblings.mkdir(exist_ok=True)
    place = scratch / f"alone-{file.suffix.lstrip('.')}"
    python = new_environment(place)
    try:
        command = ["uv", "pip", "install", "--quiet", "--no-sources", f"--python={python}", f"--find-links={siblings}"]
        run([*command, str(file)], scratch)
        run(["uv", "pip", "check", "--quiet", f"--python={python}"], scratch)
        # The wheel of the source distribution has the same files, so that its import is enough.
        imported = [["-c", f"import {unit.module}"]]
        is_wheel = file.suffix == ".whl"
        for check in lowest.checks(workspace.root, unit.home, unit.distribution) if is_wheel else imported:
            run([str(python), *check], scratch)
    except StepFailed as failed:
        yield f"{file.name} does not work in a new environment: {failed}"


def new_environment(place: Path) -> Path:
    """The Python of a new, empty environment."""
    run(["uv", "venv", "--quiet", f"--python={sys.executable}", str(place)], place.parent)
    return place / "bin" / "python"


def lowest_versions(workspace: Workspace, unit: Unit, scratch: Path) -> Iterator[str]:
    """The unit works with the lowest versions that it declares, those of released siblings included."""
    older = scratch / "older"
    older.mkdir()
    python = new_environment(scratch / "lowest")
    script = Path(lowest.__file__)
    try:
        for sibling, version in lowest_releases(workspace, unit):
            # The whole commit, because a wheel may contain parts of the repository beyond its package.
            tag = tag_of(sibling, str(version))
            commit = extract(workspace.root, tag, workspace.root, scratch / tag)
            source = commit / sibling.home.relative_to(workspace.root)
            run(["uv", "build", "--quiet", "--no-sources", "--wheel", "--out-dir", str(older), str(source)], scratch)
        run([str(python), str(script), unit.name, f"--root={workspace.root}", f"--older={older}"], scratch)
    except StepFailed as failed:
        yield f"the lowest versions do not work: {failed}"


def lowest_releases(workspace: Workspace, unit: Unit) -> list[tuple[Unit, Version]]:
    """For each sibling that the unit names: the lowest release within its range, unless it is today's version."""
    found = []
    for requirement, sibling in workspace.siblings(unit):
        fitting = [version for version in released(workspace.root, sibling) if version in requirement.specifier]
        if fitting and str(fitting[0]) != sibling.version:
            found.append((sibling, fitting[0]))
    return found
