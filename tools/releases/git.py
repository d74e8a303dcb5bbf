"""The few questions to git, and the names of tags."""

import io
import subprocess
import tarfile
from pathlib import Path

from packaging.version import InvalidVersion, Version

from releases.workspace import Unit


class GitError(Exception):
    """Git has no answer. The text is its message."""


def git(root: Path, *arguments: str) -> str:
    """The output of a git command. Raises GitError if it fails."""
    return _run(root, *arguments).decode().strip()


def _run(root: Path, *arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    if done.returncode != 0:
        raise GitError(f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def tag_of(unit: Unit, version: str) -> str:
    """The tag of a release, such as interlock-sla-v0.2.0."""
    return f"{unit.distribution}-v{version}"


def released(root: Path, unit: Unit) -> list[Version]:
    """The tagged versions of a unit, the lowest first.

    Raises GitError in a clone without the whole history, because tags may be missing there, and for a tag whose end is
    not a version.
    """
    if git(root, "rev-parse", "--is-shallow-repository") == "true":
        raise GitError("this clone has no complete history, so tags may be missing: git fetch --unshallow --tags")
    prefix = tag_of(unit, "")
    tags = git(root, "tag", "--list", f"{prefix}*").splitlines()
    try:
        return sorted(Version(tag.removeprefix(prefix)) for tag in tags)
    except InvalidVersion as wrong:
        raise GitError(f"a tag that begins with {prefix} must end with a version: {wrong}") from wrong


def commit_of(root: Path, reference: str) -> str:
    """The commit of a tag or branch."""
    return git(root, "rev-list", "-n1", reference)


def differs(root: Path, reference: str, paths: list[Path]) -> bool:
    """Whether files of the checkout differ from those of a commit."""
    names = [str(path.relative_to(root)) for path in paths]
    return bool(git(root, "diff", "--name-only", reference, "--", *names))


def extract(root: Path, reference: str, folder: Path, into: Path) -> Path:
    """Copy a folder of a commit into another place, and return its copy."""
    name = str(folder.relative_to(root))
    with tarfile.open(fileobj=io.BytesIO(_run(root, "archive", "--format=tar", reference, name))) as archive:
        archive.extractall(into, filter="data")
    return into / name
