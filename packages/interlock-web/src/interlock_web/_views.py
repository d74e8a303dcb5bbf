"""The overview that a person asks for: the query of an address, and the rows that answer it."""

from collections.abc import Mapping, Sequence
from datetime import date as calendar_day
from datetime import datetime

from msgspec.structs import replace

from interlock_lifecycle import RunKey
from interlock_lifecycle.slas import deadlines_of_run
from interlock_sla import Deadline
from interlock_store import StoredConfig
from interlock_web._board import ROWS_OF_A_PART, Board, Choice, Row, make_board, with_reasons
from interlock_web._charts import DatedRun, DayPicture, draw_day
from interlock_web._defaults import MOST_DAYS
from interlock_web._pages import View
from interlock_web._reader import Reader
from interlock_web._states import CHOOSABLE, HELD_HERE, CellState

_LONGEST_WORD = 200
_DEEPEST = 25
_MOST_ROWS = 1_000_000
_MOST_DRAWN = 300
"""The dates whose phases are read for a time axis."""


class QueryError(ValueError):
    """The query of an address is invalid. Each argument is one problem."""


class UnknownOwner(Exception):
    """No pipeline has the chosen owner. Each argument is one sentence."""


def read_view(query: Mapping[str, str]) -> View:
    """The view of a query. Raises QueryError with all problems."""
    problems: list[str] = []
    days = _number(query, "days", View().days, 1, MOST_DAYS, problems)
    offset = _number(query, "offset", 0, 0, _MOST_ROWS, problems)
    until = None
    if text := query.get("until", ""):
        try:
            until = calendar_day.fromisoformat(text)
        except ValueError:
            problems.append(f"until is {text[:_LONGEST_WORD]!r}, must be a date such as 2026-03-03")
    words = {name: query.get(name, "") for name in ("owner", "state", "pipeline")}
    problems += [
        f"{name} is longer than {_LONGEST_WORD} characters"
        for name in ("owner", "pipeline")
        if len(words[name]) > _LONGEST_WORD
    ]
    if words["state"] and words["state"] not in CHOOSABLE:
        problems.append(_say_state(words["state"]))
    if problems:
        raise QueryError(*problems)
    return View(Choice(**words), until, days, offset)


def _say_state(text: str) -> str:
    allowed = f"state is {text[:_LONGEST_WORD]!r}, must be one of {', '.join(CHOOSABLE)}"
    return f"{allowed}. A date before its job is {CellState.HELD} here" if text in HELD_HERE else allowed


def _number(query: Mapping[str, str], name: str, default: int, least: int, most: int, problems: list[str]) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most:
        return int(text)
    problems.append(f"{name} is {text[:_LONGEST_WORD]!r}, must be a whole number from {least} to {most}")
    return default


def read_board(reader: Reader, view: View, *, with_unfinished: bool = True) -> Board:
    """The board of a view. A part behind the first one reads more rows of the days that have more.

    Viewers of the same view share a board as long as its facts stay as they are. with_unfinished: with the unfinished
    runs of other days.
    """
    depth = min(1 + view.offset // ROWS_OF_A_PART, _DEEPEST)
    facts = reader.board(view.until, view.days, depth, with_unfinished=with_unfinished)

    def make(earlier: Board | None) -> Board:
        board = make_board(facts.pages, facts.pipelines, facts.expected, view.choice, facts.read_at, facts.unfinished)
        return board if earlier is None else board.sharing(earlier)

    return replace(reader.kept((view.choice, view.days, depth, with_unfinished), facts, make), read_at=facts.read_at)


def finished(reader: Reader, rows: Sequence[Row]) -> list[Row]:
    """Rows with the reasons of their most urgent dates, which are one request."""
    return with_reasons(rows, reader.notes)


def day_of(reader: Reader, view: View) -> tuple[Board, list[Row], DayPicture | None]:
    """The newest day of a view: its board, the rows of the part, and these on a time axis."""
    board, rows = part_of(reader, replace(view, days=1), with_unfinished=False)
    dates = {row.pipeline: row.cells[0].dates for row in rows if row.cells and row.cells[0].dates}
    keys = [date.key for found in dates.values() for date in found][:_MOST_DRAWN]
    runs, arrivals = reader.phases(keys)
    pipelines = reader.board(view.until, 1).pipelines
    lines = {
        name: [
            DatedRun(
                date.key,
                runs.get(date.key),
                arrivals.get(date.key),
                _deadlines(pipelines.get(name), date.key, arrivals.get(date.key)),
                date.committed_at,
                date.closed_at,
            )
            for date in found
        ]
        for name, found in dates.items()
    }
    return board, rows, draw_day(lines, board.read_at)


def _deadlines(stored: StoredConfig | None, key: RunKey, arrived_at: datetime | None) -> tuple[Deadline, ...]:
    if stored is None or stored.config is None:
        return ()
    return deadlines_of_run(stored.config, key, arrived_at, stored.exclusions)


def part_of(reader: Reader, view: View, *, with_unfinished: bool = True) -> tuple[Board, list[Row]]:
    """The board, and the rows of the part of a view. Raises UnknownOwner.

    with_unfinished: with the unfinished runs of other days.
    """
    board = read_board(reader, view, with_unfinished=with_unfinished)
    if not board.has_owner:
        owners = ", ".join(board.owners) or "none"
        raise UnknownOwner(f"No pipeline has the owner {view.choice.owner!r}.", f"Owners: {owners}.")
    return board, finished(reader, board.rows[view.offset : view.offset + ROWS_OF_A_PART])
