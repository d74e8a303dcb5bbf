"""Reports a load of data: its rows, its duration, and its success or failure."""

from __future__ import annotations

from ._rows import InvalidRow

TYPE_CHECKING = False  # the module typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

_MEASURED = ("complete", "count", "duration", "error")
_LONGEST_ERROR = 1000


class Load:
    """A load of data as a context manager, made by `Sensors.load`.

    The end of the block writes the row with `complete`, `count`, `duration` (seconds) and, after an exception, `error`.
    `complete` is true only without an exception. `fields` takes further fields, which a failed load does not report.
    """

    def __init__(self, report: Callable[[dict[str, Any]], object], fields: dict[str, Any]) -> None:
        if taken := [name for name in _MEASURED if name in fields]:
            raise InvalidRow([f"{name}: the load writes this field" for name in taken])
        self._report, self._known = report, fields
        self.fields: dict[str, Any] = dict(fields)
        self.count: int | None = None

    def add(self, count: int) -> None:
        """Count further rows of the load."""
        self.count = (self.count or 0) + count

    def __enter__(self) -> Load:
        import time

        self._clock, self._started = time.monotonic, time.monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        measured: dict[str, Any] = {"complete": error is None, "duration": round(self._clock() - self._started, 3)}
        if self.count is not None:
            measured["count"] = self.count
        if error is None:
            self._report({**self.fields, **measured})
            return
        text = f"{type(error).__name__}: {error}".encode(errors="replace").decode()[:_LONGEST_ERROR]
        try:
            self._report({**self._known, **measured, "error": text})
        except Exception:
            import logging

            # The caller gets the error of the load, so this second error is logged.
            logging.getLogger(__name__).exception("the failed load could not be reported")
