"""The output of all commands: lines and tables in a terminal, JSON or CSV for programs, one sentence for an error.

No other module writes to a stream. Each text is read as foreign: it has no markup, and `shown` escapes it.
"""

import csv
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from io import StringIO, TextIOWrapper
from typing import Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

import click
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from interlock_cli._output._errors import CliError as CliError
from interlock_cli._output._errors import OutputError as OutputError
from interlock_cli._output._foreign import guarded, shown

_WIDTH_OF_FILES = 200
_REST = "  "
"""The indent of the rest of a paragraph."""

Part: TypeAlias = str | tuple[str, str]
"""A text, or a style of rich and a text. Only the style is read as markup."""

Cell: TypeAlias = Part | list[list[Part]]
"""A part, or several lines of parts."""


def _colours() -> Literal["auto"] | None:
    """The colour system of rich. With NO_COLOR it is None, which also leaves out bold: https://no-color.org."""
    return None if os.environ.get("NO_COLOR") else "auto"


class _Guarded(Console):
    """A console without markup. It escapes control characters also in the text of its renderables."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of a renderable, with their texts escaped."""
        for segment in super().render(renderable, options):
            is_clean = segment.control or segment.text.replace("\n", "").isprintable()
            yield segment if is_clean else Segment(guarded(segment.text), segment.style)


class Output:
    """A stream of lines and tables for a person."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._is_live = False

    @property
    def is_terminal(self) -> bool:
        """Whether the stream is a terminal, and no file or pipe."""
        return self._console.is_terminal

    @property
    def renews(self) -> bool:
        """Whether the stream is a terminal that can renew a line in place. TERM=dumb cannot."""
        return self.is_terminal and not self._console.is_dumb_terminal

    @property
    def width(self) -> int:
        """The number of columns."""
        return self._console.width

    @property
    def height(self) -> int:
        """The number of lines of the terminal."""
        return self._console.height

    def lines_of(self, show: Callable[[], None]) -> int:
        """The number of lines of the terminal that `show` would print. Nothing is printed."""
        with self._console.capture() as captured:
            show()
        widths = (Text.from_ansi(line).cell_len for line in captured.get().splitlines())
        return sum(max(1, -(-width // self.width)) for width in widths)

    def line(self, *parts: Part) -> None:
        """Print the parts as one line, which is never broken. A line end within a part is escaped."""
        # Below the line is the picture of `live`, which rich moves by whole lines.
        self._console.print(_text(parts), soft_wrap=not self._is_live)

    def paragraph(self, *parts: Part) -> None:
        """Print the parts as one line. In a terminal a long line breaks between words, and its rest is indented."""
        if not self.is_terminal:
            self.line(*parts)
            return
        for number, line in enumerate(_text(parts).wrap(self._console, self.width - len(_REST))):
            self._console.print(Text(_REST if number else "").append_text(line), soft_wrap=True)

    def table(self, made: "Rows") -> None:
        """Print a table. Lines for a file or a pipe end with their last word."""
        if self.is_terminal:
            self._console.print(made.table)
            return
        with self._console.capture() as captured:
            self._console.print(made.table)
        for line in captured.get().splitlines():
            self._console.print(Text(line.rstrip()), soft_wrap=True)

    def live(self, picture: RenderableType) -> Live:
        """A picture that stays below all further lines. `start` shows it, `stop` removes it."""
        self._is_live = True
        return Live(picture, console=self._console, refresh_per_second=8, transient=True)


class LinesBelow:
    """Lines that stay below all further lines of a terminal, and are renewed in place."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._live: Live | None = None

    def show(self, lines: Iterable[str]) -> None:
        """Replace the lines. A long line breaks between words."""
        # A full line would have no place for the ^C of the terminal, which would move the lines.
        picture = Constrain(Group(*(Text(shown(line)) for line in lines)), self._out.width - len("^C"))
        if self._live is None:
            self._live = self._out.live(picture)
            self._live.start()
        self._live.update(picture, refresh=True)

    def remove(self) -> None:
        """Remove the lines."""
        if self._live is not None:
            self._live.stop()
            self._live = None


class Rows:
    """A table without borders."""

    def __init__(self, columns: Sequence[str], title: str, whole: tuple[str, ...]) -> None:
        heading = Text(title, style="bold") if title else None
        self.table = Table(title=heading, title_justify="left", box=None, pad_edge=False, header_style="bold")
        for column in columns:
            self.table.add_column(column, overflow="fold", no_wrap=column in whole)

    def add_row(self, *cells: Cell) -> None:
        """Add a row. A line end within a part is escaped."""
        self.table.add_row(*(_cell(cell) for cell in cells))


def console() -> Output:
    """Standard output. Colours obey NO_COLOR. Output to a file or pipe has no colours and wider lines."""
    _escape_unencodable(sys.stdout)
    made = _Guarded(highlight=False, emoji=False, markup=False, color_system=_colours())
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = _WIDTH_OF_FILES
    return Output(made)


def error_console() -> Output:
    """Standard error."""
    _escape_unencodable(sys.stderr)
    return Output(_Guarded(stderr=True, highlight=False, emoji=False, markup=False, color_system=_colours()))


def progress_printer(out: Output) -> Callable[[str], None]:
    """A function that prints each step of long work, with the seconds since this call."""
    began = time.monotonic()

    def say(line: str) -> None:
        out.line(("dim", f"{time.monotonic() - began:5.1f} s"), " ", line)

    return say


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(_json(value, indent=2) + "\n")


def print_json_line(value: Any) -> None:
    """One JSON document on one line of stdout, flushed at once."""
    sys.stdout.write(_json(value) + "\n")
    sys.stdout.flush()


def print_csv_line(values: Iterable[Any]) -> None:
    """One line of CSV on stdout, flushed at once. A list or a mapping is JSON. A control character is escaped."""
    line = StringIO()
    csv.writer(line, lineterminator="\n").writerow([_csv_cell(value) for value in values])
    _escape_unencodable(sys.stdout)
    sys.stdout.write(line.getvalue())
    sys.stdout.flush()


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    return _json(value) if isinstance(value, dict | list | tuple | bool) else shown(value, len(str(value)))


def print_workflow_command(line: str) -> None:
    """One line for a program that reads the log of a build. It is never broken and has no colours."""
    _escape_unencodable(sys.stdout)
    click.echo(shown(line, len(line)))


def print_script(text: str) -> None:
    """A text of this program for another program, unchanged on stdout."""
    sys.stdout.write(text + "\n")


def _json(value: Any, indent: int | None = None) -> str:
    """The document in ASCII, so that a terminal obeys nothing in it. json.dumps leaves only DEL unescaped."""
    return json.dumps(value, indent=indent, default=str, ensure_ascii=True).replace("\x7f", "\\u007f")


def table(*columns: str, title: str = "", whole: tuple[str, ...] = ()) -> Rows:
    """An empty table. The columns of `whole` are never broken."""
    return Rows(columns, title, whole)


_TWO_DAYS = 48 * 3600


def show_span(seconds: float) -> str:
    """A length of time in its two largest units: 1h05m, 3m20s, 12s."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def show_age(seconds: float) -> str:
    """A length of time in days from two days on, otherwise in its two largest units."""
    return show_span(seconds) if seconds < _TWO_DAYS else f"{int(seconds // 86400)}d"


def show_moment(moment: datetime, zone: ZoneInfo, *, utc_too: bool = True, now: datetime | None = None) -> str:
    """A moment in the pipeline's zone and in UTC, in short form. Seconds are shown unless they are 0.

    now: the time of the reader. A moment of another year than this one has its year. A moment at an end of the
    calendar has no time in some zones, and is shown in its own.
    """
    clock = "%H:%M:%S" if moment.second else "%H:%M"
    try:
        local, utc = moment.astimezone(zone), moment.astimezone(UTC)
    except OverflowError:
        return moment.replace(microsecond=0).isoformat()
    day = "%m-%d" if now is None or now.astimezone(zone).year == local.year else "%Y-%m-%d"
    if local.utcoffset() == utc.utcoffset():
        return f"{utc.strftime(f'{day} {clock}')}Z"
    shown = f"{local.strftime(f'{day} {clock}')} {local.tzname()}"
    utc_day = "" if local.date() == utc.date() else f"{utc:%m-%d} "
    return f"{shown} ({utc_day}{utc.strftime(clock)}Z)" if utc_too else shown


def _cell(cell: Cell) -> Text:
    if not isinstance(cell, list):
        return _text([cell])
    return Text("\n").join(_text(line) for line in cell)


def _text(parts: Iterable[Part]) -> Text:
    text = Text()
    for part in parts:
        style, words = ("", part) if isinstance(part, str) else part
        text.append(shown(words), style=style)
    return text


def _escape_unencodable(stream: object) -> None:
    """Escape characters that the output cannot encode: foreign texts contain any, and some build logs are ASCII."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
