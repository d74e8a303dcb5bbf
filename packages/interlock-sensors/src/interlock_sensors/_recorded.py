"""A recorder for the tests of producers: the same checks and rows, and no network."""

from __future__ import annotations

from ._sensors import Sensors
from ._tables import DynamoTables, name_of
from ._values import content

TYPE_CHECKING = False  # the module typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import Any

    from ._rows import Row


class RecordedSensors(Sensors):
    """Sensors that keep their rows in memory. The arguments are those of Sensors.

    A repeated reading or request is not written again, as in a table.
    """

    def __init__(
        self, environment: str = "test", *, ttl_days: float | None = 400, clock: Callable[[], datetime] | None = None
    ) -> None:
        super().__init__(environment, ttl_days=ttl_days, clock=clock)
        self._made: _MemoryTables = _MemoryTables()

    @property
    def writes(self) -> list[dict[str, Any]]:
        """Each row that was written, in order, with plain values. Numbers are Decimal, as a reader gets them."""
        return [_plain(content({"M": row})) for row in self._made.writes]

    def fields(self, pipeline: str, key: str) -> dict[str, Any] | None:
        """The fields of a sensor row, such as the row `landing#2026-03-03`. None without a row."""
        place = (f"PIPELINE#{pipeline}", f"SENSOR#{key}")
        found: list[dict[str, Any]] = [row["data"] for row in self.writes if (row["PK"], row["SK"]) == place]
        return found[-1] if found else None


class _MemoryTables(DynamoTables):
    """The tables as a list of writes."""

    def __init__(self) -> None:
        super().__init__(None)
        self.writes: list[Row] = []
        self._rows: dict[tuple[str, str], Row] = {}

    def put(self, table: str, row: Row, unchanged: Callable[[Row, Row], bool]) -> bool:
        old = self._rows.get((table, name_of(row)))
        if old is not None and unchanged(old, row):
            return False
        self._rows[table, name_of(row)] = row
        self.writes.append(row)
        return True

    def put_many(self, table: str, rows: Sequence[Row], unchanged: Callable[[Row, Row], bool]) -> int:
        before = len(self.writes)
        for row in rows:
            self.put(table, row, unchanged)
        return len(self.writes) - before

    def _added(self, table: str, row: Row) -> Row | None:
        old = self._rows.get((table, name_of(row)))
        if old is None:
            self.put(table, row, lambda _old, _new: False)
        return old


def _plain(value: tuple[str, Any]) -> Any:
    tag, inner = value
    if tag == "M":
        return {name: _plain(one) for name, one in inner.items()}
    if tag in ("L", "NS", "SS", "BS"):
        return (list if tag == "L" else set)(_plain(one) for one in inner)
    return None if tag == "NULL" else inner
