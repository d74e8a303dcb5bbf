"""Reads pipeline and calendar files for the commands that take paths, and says what is wrong with them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

from interlock_cli._output import CliError
from interlock_config import Review, review

_ENDINGS = frozenset({".yaml", ".yml", ".json"})
_MOST_BYTES = 128 * 1024


def read_files(paths: Iterable[Path]) -> dict[str, bytes]:
    """The files that the paths name, folders opened; one byte more than allowed is read of those too large."""
    found: dict[str, bytes] = {}
    for path in paths:
        for file in _files_of(path):
            try:
                with file.open("rb") as opened:
                    found[str(file)] = opened.read(_MOST_BYTES + 1)
            except OSError as error:
                raise CliError(f"{file}: cannot be read: {error.strerror}") from None
    return found


def _files_of(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in _ENDINGS and file.is_file())
        if not files:
            raise CliError(f"{path}: the folder holds no *.yaml, *.yml or *.json file")
        return files
    if not path.exists():
        raise CliError(f"{path}: no such file or folder")
    return [path]


def review_files(files: Mapping[str, bytes]) -> Review:
    """Everything that is wrong with the files and between them."""
    return review(files)


def refuse(review: Review) -> NoReturn:
    """End the command with every problem, one line each, and exit code 2."""
    lines = [f"{problem.severity}: {problem}" for problem in review.problems]
    errors = sum(1 for problem in review.problems if problem.severity == "error")
    files = len({problem.source for problem in review.problems if problem.severity == "error"})
    lines.append(f"{errors} error{'s' * (errors != 1)} in {files} file{'s' * (files != 1)}; nothing was written")
    raise CliError("\n".join(lines))
