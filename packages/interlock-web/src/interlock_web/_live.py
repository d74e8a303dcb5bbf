"""The changes of an open overview as server-sent events. Viewers of the same days share one query per day."""

from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
from anyio import to_thread

from interlock_web._board import Row
from interlock_web._pages import Pages, View
from interlock_web._reader import Reader
from interlock_web._views import finished, read_board

MOST_STREAMS = 100
_MOST_CHANGES = 200


class Streams:
    """The open streams of a server."""

    def __init__(self, reader: Reader, pages: Pages, poll_seconds: float) -> None:
        """poll_seconds: the time between two looks at the tables."""
        self._reader = reader
        self._pages = pages
        self._poll_seconds = poll_seconds
        self._open = 0
        self.is_ending = False

    @property
    def is_full(self) -> bool:
        """Whether as many streams are open as the server takes."""
        return self._open >= MOST_STREAMS

    async def follow(self, view: View, is_gone: Callable[[], Awaitable[bool]], seen: str = "") -> AsyncIterator[str]:
        """The events of one stream, until the server ends or the viewer is gone. seen: the mark of the shown board."""
        self._open += 1
        try:
            look = _Look(self._reader, self._pages, view, seen)
            # The page was read just now, so the first look comes after a pause.
            event = "retry: 5000\n\n"
            while not self.is_ending and not await is_gone():
                yield event
                # Short steps, so that the end of the server is seen soon.
                with anyio.move_on_after(self._poll_seconds):
                    while not self.is_ending:
                        await anyio.sleep(min(self._poll_seconds, 0.2))
                if not self.is_ending:
                    event = await to_thread.run_sync(look.event)
        finally:
            self._open -= 1


class _Look:
    """The rows as one viewer has them."""

    def __init__(self, reader: Reader, pages: Pages, view: View, mark: str) -> None:
        self._reader = reader
        self._pages = pages
        self._view = view
        self._mark = mark
        self._seen: dict[str, Row] | None = None

    def event(self) -> str:
        """The next event. A look that finds no change, or fails, is a comment or a problem."""
        try:
            board, _ = read_board(self._reader, self._view)
        except Exception as error:  # noqa: BLE001 (the stream goes on once the tables answer again)
            return message("problem", f"the tables cannot be read: {type(error).__name__}")
        rows = {row.pipeline: row for row in board.rows}
        seen, self._seen = self._seen, rows
        if seen is None:
            # The page is older than this look: a change since then has changed the mark.
            seen = rows if self._mark in ("", board.mark) else {}
        changed = [row for name, row in rows.items() if seen.get(name) != row][:_MOST_CHANGES]
        if not changed and seen.keys() == rows.keys():
            return ": no change\n\n"
        return message("rows", self._pages.changes(board, finished(self._reader, changed), self._view))


def message(event: str, text: str) -> str:
    """A server-sent event. Each line of its text is a field."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"event: {event}\n{lines}\n"
