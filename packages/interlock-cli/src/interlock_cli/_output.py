"""The output of all commands: tables in a terminal, JSON with --json, one sentence for an error."""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Literal

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

_WIDTH_OF_FILES = 200


def _colours() -> Literal["auto"] | None:
    """The colour system of rich. With NO_COLOR it is None, which also leaves out bold: https://no-color.org."""
    return None if os.environ.get("NO_COLOR") else "auto"


class CliError(click.ClickException):
    """An error that the user can fix. It is one sentence, or one line per problem, with exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print the message to stderr."""
        out = error_console()
        if "\n" not in self.message:
            out.print("[bold red]error:[/] ", end="")
        out.print(_readable(self.message), markup=False)


class OutputError(CliError):
    """The result cannot be written, although the input has no error. The exit code is 1."""

    exit_code = 1


def console() -> Console:
    """Standard output. Colours obey NO_COLOR. Output to a file or pipe has no colours and wider lines."""
    made = Console(highlight=False, emoji=False, color_system=_colours())
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = _WIDTH_OF_FILES
    return made


def error_console() -> Console:
    """Standard error. Its lines are never broken."""
    return Console(stderr=True, highlight=False, emoji=False, soft_wrap=True, color_system=_colours())


def progress_printer(out: Console) -> Callable[[str], None]:
    """A function that prints each step of long work, with the seconds since this call."""
    began = time.monotonic()

    def say(line: str) -> None:
        out.print(f"[dim]{time.monotonic() - began:5.1f} s[/] {line}")

    return say


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def print_json_line(value: Any) -> None:
    """One JSON document on one line of stdout, flushed at once."""
    sys.stdout.write(json.dumps(value, default=str) + "\n")
    sys.stdout.flush()


def table(*columns: str, title: str | None = None, whole: tuple[str, ...] = ()) -> Table:
    """An empty table without borders. The columns of `whole` are never broken."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=column in whole)
    return made


def show_span(seconds: float) -> str:
    """A length of time in its two largest units: 1h05m, 3m20s, 12s."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def plain(text: object) -> str:
    """The text for use within rich's markup. Its brackets are not read as markup."""
    return escape(str(text))


def _readable(text: str) -> str:
    """The text with its control characters escaped, except line ends and tabs."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else f"\\u{ord(sign):04x}" for sign in text)
