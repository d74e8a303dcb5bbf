"""Reads pipeline and calendar files for the commands that take paths, and says what is wrong with them."""

import os
import stat
from collections.abc import Iterable
from io import BufferedReader
from pathlib import Path
from typing import NoReturn

from msgspec import UNSET, Struct

from interlock_cli._output import CliError
from interlock_cli._search import Search, why
from interlock_config import Problem, Review, review

MOST_BYTES = 256 * 1024
"""Largest file that is worth reading; what the package accepts is less or equal, and is its own affair."""


class Gathered(Struct, frozen=True):
    """What paths lead to: the content of each file, and the reason why a place cannot be read."""

    files: dict[str, bytes]
    unreadable: dict[str, str]

    def review(self) -> Review:
        """Everything that is wrong with the files and between them, after what cannot be read."""
        found = review(self.files)
        problems = (Problem(place, "", UNSET, reason) for place, reason in self.unreadable.items())
        return Review(found.documents, (*problems, *found.problems))


class _Unreadable(Exception):
    """A file that is there and cannot be read, with the reason."""


def read_files(paths: Iterable[str | Path]) -> Gathered:
    """The files that the paths name, each once: folders and patterns opened, at most a byte more than can be used."""
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
    """Everything that is wrong with the files that the paths name, and between them; what cannot be read too."""
    return read_files(paths).review()


def _read_into(gathered: Gathered, file: Path) -> None:
    try:
        gathered.files[str(file)] = _content(file)
    except OSError as error:
        gathered.unreadable[str(file)] = why(error, file)
    except _Unreadable as error:
        gathered.unreadable[str(file)] = str(error)


def _content(file: Path) -> bytes:
    """What a file holds, or what comes out of a pipe: a shell's <(command) is one."""
    kind = file.stat().st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISFIFO(kind):
        raise _Unreadable("is no file, folder or pipe")
    with open(file, "rb", opener=_open_without_waiting) as opened:
        return _from_pipe(opened) if stat.S_ISFIFO(kind) else opened.read(MOST_BYTES + 1)


def _open_without_waiting(path: str, flags: int) -> int:
    """Opening a pipe waits for somebody to write to it, unless it is told not to."""
    return os.open(path, flags | os.O_NONBLOCK)


def _from_pipe(opened: BufferedReader) -> bytes:
    """What is written to a pipe until its end, which has come at once when nobody has it open for writing."""
    first = opened.raw.read(1)
    content = first or b""
    if first != b"":
        os.set_blocking(opened.fileno(), True)
        content += opened.read(MOST_BYTES + 1 - len(content))
    if not content:
        raise _Unreadable("is a pipe that nobody writes anything to")
    return content


def refuse(review: Review) -> NoReturn:
    """End the command with every problem, one line each, and exit code 2."""
    lines = [f"{problem.severity}: {problem}" for problem in review.problems]
    errors = sum(1 for problem in review.problems if problem.severity == "error")
    files = len({problem.source for problem in review.problems if problem.severity == "error"})
    lines.append(f"{errors} error{'s' * (errors != 1)} in {files} file{'s' * (files != 1)}; nothing was written")
    raise CliError("\n".join(lines))
