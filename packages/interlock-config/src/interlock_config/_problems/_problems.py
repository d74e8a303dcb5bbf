"""What a problem of a file is and how it reads; it finds none."""

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import UNSET, Struct

from ._secrets import shown_at
from ._showing import Path, readable, render, show

Severity = Literal["error", "warning"]

MOST_ERRORS = 200
"""Errors of one document after which the rest of it is not looked at."""

MOST_WARNINGS = 200
"""Warnings of one document after which further ones are not recorded."""


class Problem(Struct, frozen=True, omit_defaults=True):
    """One thing wrong with one place of one file.

    `path` reads like `schedule.include.dates[2]` (empty: the whole document), `value` is what stands there
    (`msgspec.UNSET` when nothing does; of a long one the beginning), `message` says what is allowed. What may be
    a secret is left out of all three. `line` counts from 1 and is known for YAML only. An `error` keeps the
    pipeline from running; a `warning` does not.
    """

    source: str
    path: str
    value: Any
    message: str
    severity: Severity = "error"
    line: int | None = None

    def __str__(self) -> str:
        """One line: `file:line: path = value: message`."""
        source = readable(self.source)
        where = source if self.line is None else f"{source}:{self.line}"
        nothing = self.value is UNSET or self.value is None
        what = self.path if nothing else f"{self.path} = {show(self.value)}".lstrip(" =")
        return ": ".join(part for part in (where, what, self.message) if part)


class ConfigError(ValueError):
    """A document cannot be used; the root of this package's errors.

    `problems` holds every problem that was found, errors and warnings, in the order of the document.
    """

    problems: tuple[Problem, ...]

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class Findings:
    """Collects the problems of one document, with the lines its places stand on."""

    def __init__(self, source: str, lines: dict[Path, int] | None = None) -> None:
        self.source = source
        self.lines = lines or {}
        self.problems: list[Problem] = []
        self.failed = False
        """Whether any error was recorded."""
        self._paths: list[Path] = []
        self._given: list[Path] = []
        self._errors = 0
        self._warned = 0

    def error(self, path: Path, value: Any, message: str, line: int | None = None) -> None:
        """Record that the document cannot be used because of this place; `line` where it is not the place's.

        Raises ConfigError when that makes MOST_ERRORS.
        """
        self.failed = True
        self._errors += 1
        self._paths.append(path)
        if value is not None:
            self._given.append(path)
        self._add(path, value, message, "error", line)
        if self._errors >= MOST_ERRORS:
            more = Problem(self.source, "", UNSET, f"has {MOST_ERRORS} errors or more; the rest was not looked at")
            raise ConfigError((*self.in_order(), more))

    def warning(self, path: Path, value: Any, message: str) -> None:
        """Record that this place is allowed and probably not meant; beyond MOST_WARNINGS only that there are more."""
        self._warned += 1
        if self._warned <= MOST_WARNINGS:
            self._add(path, value, message, "warning", None)
        elif self._warned == MOST_WARNINGS + 1:
            self._add((), UNSET, f"has more than {MOST_WARNINGS} warnings; the rest is not shown", "warning", None)

    def set_aside(self, path: Path) -> None:
        """Take this place for one with an error: an error of another place was about what belongs here."""
        self._paths.append(path)

    def gives(self, path: Path) -> bool:
        """Whether an error was recorded at or below this place: something was given there, though it was wrong."""
        return any(known[: len(path)] == path for known in self._given)

    def touches(self, path: Path) -> bool:
        """Whether an error was recorded at, above or below this place."""
        return any(path[: len(known)] == known[: len(path)] for known in self._paths)

    def spoils(self, path: Path) -> bool:
        """Whether an error was recorded at or above this place."""
        return any(known == path[: len(known)] for known in self._paths)

    def in_order(self) -> tuple[Problem, ...]:
        """All problems, by line where lines are known, else as found."""
        return tuple(sorted(self.problems, key=lambda problem: problem.line or 0))

    def _add(self, path: Path, value: Any, message: str, severity: Severity, line: int | None) -> None:
        line = line_of(self.lines, path) if line is None else line
        self.problems.append(problem_at(self.source, path, value, message, severity, line))


def problem_at(
    source: str, path: Path, value: Any, message: str, severity: Severity = "error", line: int | None = None
) -> Problem:
    """The problem of a place, with what of its value and its path may be shown."""
    return Problem(source, render(path, is_empty=value is None), shown_at(path, value), message, severity, line)


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """The line of a place, or of the nearest place around it that has one."""
    for length in range(len(path), -1, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None
