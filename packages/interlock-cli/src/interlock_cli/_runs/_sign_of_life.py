"""The sign of life of a backfill that waits: the dates under way with their reasons, and the number of those left."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from time import monotonic

from interlock_cli._output._console import LinesBelow, Output, error_console, show_span
from interlock_cli._runs._backfill import Result, Standing, Waiting

_READ_SECONDS = 3.0
_SLOWER = 4
"""The states are read after 3 s, then ever less often, at last every 30 s. A read takes a dozen requests per date."""

_SAY_SECONDS = 30.0
_MOST_DATES = 8


class SignOfLife:
    """On a terminal, a picture below the lines of the command. Otherwise a line on stderr after 30 s without a line.

    out: the console of the command's lines, None if it prints only at its end. A context manager.
    """

    def __init__(self, out: Output | None, standings: Callable[[int], list[Standing]]) -> None:
        self._standings = standings
        self._error = error_console()
        screen = next((one for one in (out, self._error) if one is not None and one.renews), None)
        self._below = None if screen is None else LinesBelow(screen)
        self._began = self._said_at = monotonic()
        self._changed_at = self._read_at = self._began
        self._shown: tuple[Result, ...] = ()
        self._known: list[Standing] = []

    def __enter__(self) -> "SignOfLife":
        return self

    def __exit__(self, *_: object) -> None:
        if self._below is not None:
            self._below.remove()

    def said(self) -> None:
        """Note that the command has printed a line."""
        self._said_at = monotonic()

    def show(self, waiting: Waiting) -> None:
        """Show a wait, unless it is too early for another line."""
        now = monotonic()
        if self._below is None:
            if now - self._said_at >= _SAY_SECONDS:
                self._said_at = now
                lines = [_head(waiting), *_dates(waiting, self._standings(_MOST_DATES))]
                self._error.line(f"waiting for {show_span(now - self._began)}: ", "; ".join(lines))
            return
        if waiting.open != self._shown:
            # The reasons of a date that goes on are not read.
            self._shown, self._changed_at, self._read_at = waiting.open, now, now
            self._known = [Standing(one.date, one.result) for one in waiting.open]
        elif now - self._read_at >= min(max(_READ_SECONDS, (now - self._changed_at) / _SLOWER), _SAY_SECONDS):
            self._read_at, self._known = now, self._standings(_MOST_DATES)
        self._below.show([f"{_head(waiting)} ({show_span(now - self._began)})", *_dates(waiting, self._known)])


def _dates(waiting: Waiting, standings: Sequence[Standing]) -> Iterator[str]:
    """The dates under way, those with the same state in one line."""
    now = datetime.now(UTC)
    same = defaultdict(list)
    for one in standings[:_MOST_DATES]:
        left = "" if one.until is None else f" ({show_span((one.until - now).total_seconds())} left)"
        same[f"{one.state}{': ' if one.reason else ''}{one.reason}{left}"].append(one.date)
    for state, (first, *more) in same.items():
        yield f"{first}{f' and {len(more)} more' if more else ''}  {state}"
    if len(waiting.open) > _MOST_DATES:
        yield f"{len(waiting.open) - _MOST_DATES} more under way"


def _head(waiting: Waiting) -> str:
    if waiting.total == 1:
        return "1 date under way"
    over = waiting.total - len(waiting.open) - waiting.left
    return f"{over} of {waiting.total} dates ended, {len(waiting.open)} under way, {waiting.left} left"
