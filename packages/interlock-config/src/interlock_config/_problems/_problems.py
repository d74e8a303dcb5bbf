"""The form and the text of a problem of a file."""

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import UNSET, Struct

from ._secrets import shown_at
from ._showing import Path, readable, render, show

Severity = Literal["error", "warning"]

MOST_ERRORS = 200
"""Errors of one document after which its rest is not checked."""

MOST_WARNINGS = 200
"""Warnings of one document after which further ones are not recorded."""


class Problem(Struct, frozen=True, omit_defaults=True):
    """A problem of one place of one file.

    `path` has the form `schedule.include.dates[2]` and is empty for the whole document. `value` is the value at this
    place: `msgspec.UNSET` without one, and only the beginning of a long one. `message` says which values are allowed.
    Possible secrets are left out of all three. `line` counts from 1 and is known for YAML only. An `error` keeps the
    pipeline from running, a `warning` does not.
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
        place = self.path if nothing else f"{self.path} = {show(self.value)}".lstrip(" =")
        return ": ".join(part for part in (where, place, self.message) if part)


class ConfigError(ValueError):
    """A document cannot be used. The base class of this package's errors.

    `problems` has every problem that was found, errors and warnings, in the order of the document.
    """

    problems: tuple[Problem, ...]

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class Findings:
    """Collects the problems of one document, with the lines of its places."""

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
        """Record that the document cannot be used because of this place. `line` replaces the line of the place.

        Raises ConfigError if the document then has MOST_ERRORS errors.
        """
        self.failed = True
        self._errors += 1
        self._paths.append(path)
        if value is not None:
            self._given.append(path)
        self._add(path, value, message, "error", line)
        if self._errors >= MOST_ERRORS:
            more = Problem(self.source, "", UNSET, f"has {MOST_ERRORS} errors or more; the rest was not checked")
            raise ConfigError((*self.in_order(), more))

    def warning(self, path: Path, value: Any, message: str) -> None:
        """Record a place that is allowed but probably not meant. After MOST_WARNINGS, record only that more exist."""
        self._warned += 1
        if self._warned <= MOST_WARNINGS:
            self._add(path, value, message, "warning", None)
        elif self._warned == MOST_WARNINGS + 1:
            self._add((), UNSET, f"has more than {MOST_WARNINGS} warnings; the rest is not shown", "warning", None)

    def set_aside(self, path: Path) -> None:
        """Treat this place like a place with an error: the error of another place concerns its value."""
        self._paths.append(path)

    def gives(self, path: Path) -> bool:
        """Whether an error was recorded at or below this place: the file gives a value there, although a wrong one."""
        return any(known[: len(path)] == path for known in self._given)

    def touches(self, path: Path) -> bool:
        """Whether an error was recorded at, above or below this place."""
        return any(path[: len(known)] == known[: len(path)] for known in self._paths)

    def covers(self, path: Path) -> bool:
        """Whether an error was recorded at or above this place."""
        return any(known == path[: len(known)] for known in self._paths)

    def in_order(self) -> tuple[Problem, ...]:
        """All problems, by line if lines are known, else in the order in which they were found."""
        return tuple(sorted(self.problems, key=lambda problem: problem.line or 0))

    def _add(self, path: Path, value: Any, message: str, severity: Severity, line: int | None) -> None:
        line = line_of(self.lines, path) if line is None else line
        self.problems.append(problem_at(self.source, path, value, message, severity, line))


def problem_at(
    source: str, path: Path, value: Any, message: str, severity: Severity = "error", line: int | None = None
) -> Problem:
    """The problem of a place, without the secrets in its value and its path."""
    return Problem(source, render(path, is_empty=value is None), shown_at(path, value), message, severity, line)


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """The line of a place, or of the nearest place around it with a known line."""
    for length in range(len(path), -1, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None
