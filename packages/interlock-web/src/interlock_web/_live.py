"""The changes of an open overview as server-sent events. Viewers of the same days share one query per day."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import anyio
from anyio import to_thread
from msgspec import Struct

from interlock_web._board import ROWS_OF_A_PART, Board
from interlock_web._pages import Change, Pages, View
from interlock_web._reader import Reader
from interlock_web._views import finished, read_board

MOST_STREAMS = 100
_MOST_CHANGES = 200
_MOST_REASONS = 100
"""The most urgent rows whose reasons are followed. One batch reads as many."""

_MOST_SHOWN = 64
"""The boards that are kept for the streams of their pages. Equal rows are shared."""

_RELOAD = "event: reload\ndata: the page shows other days, or many changes\n\n"


class Streams:
    """The open streams of a server."""

    def __init__(self, reader: Reader, pages: Pages, poll_seconds: float) -> None:
        """poll_seconds: the time between two looks at the tables."""
        self._reader = reader
        self._pages = pages
        self._poll_seconds = poll_seconds
        self._open = 0
        self._shown: dict[str, Board] = {}
        self.is_ending = False

    @property
    def is_full(self) -> bool:
        """Whether as many streams are open as the server takes."""
        return self._open >= MOST_STREAMS

    def remember(self, board: Board) -> str:
        """Keep a board that a page shows, for the changes since then. The result is its mark."""
        mark = board.mark
        others = [entry for entry in self._shown.items() if entry[0] != mark]
        self._shown = dict([*others[1 - _MOST_SHOWN :], (mark, board)])
        return mark

    def shown(self, mark: str) -> Board | None:
        """The board with this mark. None for one that is forgotten, or that another process has shown."""
        return self._shown.get(mark)

    async def follow(
        self, view: View, is_gone: Callable[[], Awaitable[bool]], seen: str = "", *, at_once: bool = False
    ) -> AsyncIterator[str]:
        """The events of one stream, until the server ends or the viewer is gone.

        seen: the mark of the shown board. at_once: the page is old, so the first look comes without a pause.
        """
        self._open += 1
        try:
            look = _Look(self._reader, self._pages, self, view, seen)
            event = "retry: 5000\n\n"
            while not self.is_ending and not await is_gone():
                yield event
                if not at_once:
                    # Short steps, so that the end of the server is seen soon.
                    with anyio.move_on_after(self._poll_seconds):
                        while not self.is_ending:
                            await anyio.sleep(min(self._poll_seconds, 0.2))
                at_once = False
                if not self.is_ending:
                    event = await to_thread.run_sync(look.event)
        finally:
            self._open -= 1


class _Seen(Struct, frozen=True):
    """A board as a viewer has it. reasons: those of its held rows, None before the first look."""

    board: Board
    reasons: Mapping[str, str] | None = None

    def changed(self, board: Board, reasons: Mapping[str, str]) -> set[str]:
        """The pipelines of a later board whose rows or reasons differ."""
        known, earlier = {row.pipeline: row for row in self.board.rows}, self.reasons or {}
        changed = {row.pipeline for row in board.rows if known.get(row.pipeline) != row}
        return changed | {name for name, reason in reasons.items() if earlier.get(name, reason) != reason}

    def moved(self, board: Board) -> set[str]:
        """The pipelines that came into an earlier part of the rows, since others left it."""
        part = {name: place // ROWS_OF_A_PART for name, place in self.board.places.items()}
        return {name for name, place in board.places.items() if place // ROWS_OF_A_PART < part.get(name, 0)}


class _Look:
    """The rows as one viewer has them."""

    def __init__(self, reader: Reader, pages: Pages, streams: Streams, view: View, mark: str) -> None:
        self._reader = reader
        self._pages = pages
        self._streams = streams
        self._view = view
        self._mark = mark
        self._seen: _Seen | None = None

    def event(self) -> str:
        """The next event. A look that finds no change, or fails, is a comment or a problem."""
        try:
            return self._next()
        except Exception as error:  # noqa: BLE001 (the stream goes on once the tables answer again)
            return message("problem", f"the tables cannot be read: {type(error).__name__}")

    def _next(self) -> str:
        board = read_board(self._reader, self._view)
        held = [row for row in board.rows[:_MOST_REASONS] if row.is_held]
        reasons = {row.pipeline: row.reason for row in finished(self._reader, held)}
        before = self._seen or self._at_first(board)
        if before is None or before.board.days != board.days:
            return _RELOAD
        changed = before.changed(board, reasons)
        gone = before.board.places.keys() - board.places.keys()
        moved = before.moved(board) - changed
        if len(changed) + len(moved) > _MOST_CHANGES:
            return _RELOAD
        sent = finished(self._reader, [row for row in board.rows if row.pipeline in changed or row.pipeline in moved])
        self._seen = _Seen(board, reasons)
        if not sent and not gone and board.elsewhere == before.board.elsewhere:
            return ": no change\n\n"
        places, names = board.places, ["", *(row.pipeline for row in board.rows)]
        changes = [
            Change(row, places[row.pipeline], names[places[row.pipeline]], row.pipeline in moved) for row in sent
        ]
        text = self._pages.changes(board, changes, sorted(gone), self._view)
        return message("rows", text, self._streams.remember(board))

    def _at_first(self, board: Board) -> _Seen | None:
        """The board that the page shows, which is older than the first look. None if it is not known."""
        shown = board if self._mark in ("", board.mark) else self._streams.shown(self._mark)
        return None if shown is None else _Seen(shown)


def message(event: str, text: str, mark: str = "") -> str:
    """A server-sent event. Each line of its text is a field. mark: its id, which a viewer sends to go on."""
    fields = [f"event: {event}", *([f"id: {mark}"] if mark else []), *(f"data: {line}" for line in text.splitlines())]
    return "\n".join(fields) + "\n\n"
