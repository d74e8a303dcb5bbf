"""Reads pipeline and calendar files for the commands that take paths, and says what is wrong with them."""

from collections.abc import Iterable, Mapping
from glob import glob
from pathlib import Path
from typing import NoReturn

from interlock_cli._output import CliError
from interlock_config import Review, review

_ENDINGS = frozenset({".yaml", ".yml", ".json"})
_SCHEMA_ENDING = ".schema.json"
_PATTERN_SIGNS = frozenset("*?[")

MOST_BYTES = 256 * 1024
"""Largest file that is worth reading; what the package accepts is less or equal, and is its own affair."""


class UnreadablePaths(CliError):
    """Paths that lead to no file that can be read: each with the reason."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self.reasons = reasons
        lines = [f"{path}: {reason}" for path, reason in reasons.items()]
        super().__init__(lines[0] if len(lines) == 1 else "\n".join(f"error: {line}" for line in lines))


class _Unreadable(Exception):
    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason


def read_files(paths: Iterable[Path]) -> dict[str, bytes]:
    """The files that the paths name, each once: folders and patterns opened, at most a byte more than can be used.

    Raises UnreadablePaths naming every path that cannot be read.
    """
    found: dict[str, bytes] = {}
    seen: set[Path] = set()
    reasons: dict[str, str] = {}
    for path in paths:
        try:
            files = _files_of(path)
            if not files:
                raise _Unreadable(str(path), "no *.yaml, *.yml or *.json file is there")
            for file in files:
                if (whole := file.resolve()) not in seen:
                    seen.add(whole)
                    found[str(file)] = _content(file)
        except _Unreadable as error:
            reasons[error.path] = error.reason
    if reasons:
        raise UnreadablePaths(reasons)
    return found


def review_paths(paths: Iterable[Path]) -> Review:
    """Everything that is wrong with the files that the paths name, and between them; raises UnreadablePaths."""
    return review(read_files(paths))


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise _Unreadable(str(file), f"cannot be read: {error.strerror}") from None


def _files_of(path: Path) -> list[Path]:
    try:
        if path.is_dir():
            return _documents_in(path)
        if path.exists():
            return [path]
    except (OSError, ValueError):
        raise _Unreadable(repr(str(path)[:200]), "cannot be a path") from None
    if not _PATTERN_SIGNS & set(str(path)):
        raise _Unreadable(str(path), "no such file or folder")
    matches = sorted(Path(match) for match in glob(str(path), recursive=True))
    found = (file for match in matches for file in ([match] if match.is_file() else _documents_in(match)))
    return [file for file in found if _is_named_as_one(file)]


def _documents_in(folder: Path) -> list[Path]:
    """The files of a folder and its folders, without hidden ones and JSON Schemas."""
    return sorted(file for file in folder.rglob("*") if _is_document(file, folder) and file.is_file())


def _is_document(file: Path, folder: Path) -> bool:
    if any(part.startswith(".") for part in file.relative_to(folder).parts):
        return False
    return _is_named_as_one(file)


def _is_named_as_one(file: Path) -> bool:
    return file.suffix.lower() in _ENDINGS and not file.name.endswith(_SCHEMA_ENDING)


def refuse(review: Review) -> NoReturn:
    """End the command with every problem, one line each, and exit code 2."""
    lines = [f"{problem.severity}: {problem}" for problem in review.problems]
    errors = sum(1 for problem in review.problems if problem.severity == "error")
    files = len({problem.source for problem in review.problems if problem.severity == "error"})
    lines.append(f"{errors} error{'s' * (errors != 1)} in {files} file{'s' * (files != 1)}; nothing was written")
    raise CliError("\n".join(lines))
