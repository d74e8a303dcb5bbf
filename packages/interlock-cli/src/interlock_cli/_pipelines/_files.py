"""Reads and checks pipeline and calendar files for the commands that take paths."""

import os
import stat
from collections.abc import Iterable
from io import BufferedReader
from pathlib import Path
from typing import NoReturn

from msgspec import UNSET, Struct

from interlock_cli._output._counted import counted
from interlock_cli._output._errors import Rejection
from interlock_cli._pipelines._search import Search, why
from interlock_config import Problem, Review, review

MOST_BYTES = 256 * 1024
"""Size of the largest file that is read whole. interlock-config has limits of its own, which are not larger."""


class Gathered(Struct, frozen=True):
    """The result of reading paths: the content of each file, and the reason for each path that cannot be read."""

    files: dict[str, bytes]
    unreadable: dict[str, str]

    def review(self) -> Review:
        """All problems: the unreadable paths first, then those of each file and between files."""
        found = review(self.files)
        problems = (Problem(place, "", UNSET, reason) for place, reason in self.unreadable.items())
        return Review(found.documents, (*problems, *found.problems))


class _Unreadable(Exception):
    """A file that exists and cannot be read, with the reason."""


def read_files(paths: Iterable[str | Path]) -> Gathered:
    """The files that the paths, folders and patterns name, each once.

    At most MOST_BYTES + 1 bytes of a file are read, so that a file that is too long is noticed.
    """
    gathered = Gathered({}, {})
    seen: set[str] = set()
    for path in paths:
        search = Search(path)
        gathered.unreadable.update(search.unreadable)
        for file in search.files:
            if (whole := os.path.realpath(file)) not in seen:
                seen.add(whole)
                _read_into(gathered, file)
    return gathered


def review_paths(paths: Iterable[str | Path]) -> Review:
    """All problems of the files that the paths name and between them, with the unreadable paths."""
    return read_files(paths).review()


def _read_into(gathered: Gathered, file: Path) -> None:
    try:
        gathered.files[str(file)] = _content(file)
    except OSError as error:
        gathered.unreadable[str(file)] = why(error, file)
    except _Unreadable as error:
        gathered.unreadable[str(file)] = str(error)


def _content(file: Path) -> bytes:
    """The content of a file or of a pipe, such as <(command) of a shell."""
    kind = file.stat().st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISFIFO(kind):
        raise _Unreadable("is not a file, folder or pipe")
    with open(file, "rb", opener=_open_without_waiting) as opened:
        return _from_pipe(opened) if stat.S_ISFIFO(kind) else opened.read(MOST_BYTES + 1)


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file without blocking. Otherwise opening a pipe waits for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _from_pipe(opened: BufferedReader) -> bytes:
    """The content of a pipe up to its end. A pipe that no process has open for writing ends at once."""
    first = opened.raw.read(1)
    content = first or b""
    if first != b"":
        os.set_blocking(opened.fileno(), True)
        content += opened.read(MOST_BYTES + 1 - len(content))
    if not content:
        raise _Unreadable("is a pipe without data")
    return content


def reject(review: Review) -> NoReturn:
    """End the command with exit code 2 and one line for each problem."""
    lines = [f"{problem.severity}: {problem}" for problem in review.problems]
    errors = sum(1 for problem in review.problems if problem.severity == "error")
    files = len({problem.source for problem in review.problems if problem.severity == "error"})
    lines.append(f"{counted(errors, 'error')} in {counted(files, 'file')}; nothing was written")
    raise Rejection(*lines)
