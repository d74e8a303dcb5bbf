"""What a problem of a file is and how it reads; it finds none."""

import difflib
import math
import re
from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct

Path = tuple[str | int, ...]
"""Where a value sits in its document: mapping keys and list positions, outermost first."""

Severity = Literal["error", "warning"]

MOST_ERRORS = 200
"""Errors of one document after which the rest of it is not looked at."""

MOST_WARNINGS = 200
"""Warnings of one document after which further ones are not recorded."""

_SHOWN_CHARACTERS = 60
_CREDENTIALS = re.compile(r"://[^/@\s]{1,500}@")
_SECRET_NAME = re.compile(r"header|authori[sz]ation|token|passw|secret|credential|api.?key|cookie", re.IGNORECASE)
_HIDDEN = "…"
_SHORTEST_BEGINNING = 3


class Problem(Struct, frozen=True, omit_defaults=True):
    """One thing wrong with one place of one file.

    `path` reads like `schedule.include.dates[2]` (empty: the whole document), `value` is what stands there
    (`msgspec.UNSET` when nothing does), `message` says what is allowed. `line` counts from 1 and is known for
    YAML only. An `error` keeps the pipeline from running; a `warning` does not.
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
        self._warned = 0

    def error(self, path: Path, value: Any, message: str, line: int | None = None) -> None:
        """Record that the document cannot be used because of this place; `line` where it is not the place's.

        Raises ConfigError when that makes MOST_ERRORS.
        """
        self.failed = True
        self._paths.append(path)
        self._add(path, value, message, "error", line)
        if len(self._paths) >= MOST_ERRORS:
            more = Problem(self.source, "", UNSET, f"has {MOST_ERRORS} errors or more; the rest was not looked at")
            raise ConfigError((*self.in_order(), more))

    def warning(self, path: Path, value: Any, message: str) -> None:
        """Record that this place is allowed and probably not meant; beyond MOST_WARNINGS only that there are more."""
        self._warned += 1
        if self._warned <= MOST_WARNINGS:
            self._add(path, value, message, "warning", None)
        elif self._warned == MOST_WARNINGS + 1:
            self._add((), UNSET, f"has more than {MOST_WARNINGS} warnings; the rest is not shown", "warning", None)

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
        shown = _without_secrets(value, hide=any(_is_secret(step) for step in path))
        line = line_of(self.lines, path) if line is None else line
        self.problems.append(Problem(self.source, render(path), shown, message, severity, line))


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """The line of a place, or of the nearest place around it that has one."""
    for length in range(len(path), -1, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def render(path: Path) -> str:
    """A path as people write it: `schedule.include.dates[2]`, `job.config.headers["a.b"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step and all(character.isalnum() or character in "-_" for character in step):
            text += f".{step}" if text else step
        else:
            text += f"[{show(step)}]"
    return text


def show(value: Any) -> str:
    """A value on one short line, as JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        text = ascii(value) if isinstance(value, int | float | str) else type(value).__name__
    return readable(text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…")


def readable(text: str) -> str:
    """The text with everything escaped that a terminal would not show as it is."""
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was most likely meant, if any is near."""
    plain = {_plain(candidate): candidate for candidate in known}
    wanted = _plain(name[:100])
    found = difflib.get_close_matches(wanted, plain, n=1, cutoff=0.7)
    if not found and len(wanted) >= _SHORTEST_BEGINNING:
        found = [candidate for candidate in plain if candidate.startswith(wanted)]
    return plain[found[0]] if found else None


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """`; did you mean x?` for a name that is near a known one, else nothing."""
    found = nearest(name, known) if isinstance(name, str) else None
    return f"; did you mean {readable(found)}?" if found else ""


def _plain(name: str) -> str:
    return name.strip().casefold().replace("_", "").replace("-", "")


def _is_secret(name: str | int) -> bool:
    """Whether values of this name may be secrets: headers carry tokens, and problems are printed in build logs.

    A misspelled `headers` holds the same.
    """
    return isinstance(name, str) and (_SECRET_NAME.search(name) is not None or nearest(name, ("headers",)) is not None)


def _without_secrets(value: Any, *, hide: bool) -> Any:
    """A value as it may be shown: hidden, or without what its own keys call secret and the passwords of its URLs."""
    if value is UNSET or value is None:
        return value
    if hide:
        return _HIDDEN
    if isinstance(value, str):
        return _CREDENTIALS.sub(f"://{_HIDDEN}@", value)
    if isinstance(value, dict):
        return {key: _without_secrets(inner, hide=_is_secret(key)) for key, inner in value.items()}
    return [_without_secrets(inner, hide=False) for inner in value] if isinstance(value, list) else value
