"""The in-memory twin of the tables: the same rows, conditions and order, in dictionaries."""

import copy
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import assert_never

from interlock_store._tables import TransactionRefused
from interlock_store._write import Check, Delete, Item, Put, Update, Write, key_of

Key = tuple[str, str, str]


class MemoryTables:
    """Tables in memory. `on_change` hears of every row that changed, with its old and new image, in order."""

    def __init__(self, on_change: Callable[[Key, Item | None, Item | None], None] | None = None) -> None:
        self._rows: dict[Key, Item] = {}
        self._lock = threading.RLock()
        self._on_change = on_change

    def get(self, table: str, pk: str, sk: str) -> Item | None:
        """One row."""
        with self._lock:
            return copy.deepcopy(self._rows.get((table, pk, sk)))

    def get_many(self, table: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """The rows that exist among `keys`."""
        found = {key: self.get(table, *key) for key in keys}
        return {key: row for key, row in found.items() if row is not None}

    def query(
        self,
        table: str,
        pk: str,
        *,
        prefix: str = "",
        index: str | None = None,
        after: str | None = None,
        up_to: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[Item]:
        """Rows of one partition in the order of their sort key."""
        hash_name, range_name = (f"{index}PK", f"{index}SK") if index else ("PK", "SK")
        with self._lock:
            rows = [
                row
                for (name, _, _), row in self._rows.items()
                if name == table and row.get(hash_name) == pk and _in_range(row.get(range_name), prefix, after, up_to)
            ]
            rows.sort(key=lambda row: str(row[range_name]), reverse=newest_first)
            return iter(copy.deepcopy(rows[:limit]))

    def rows_of(self, table: str) -> list[Item]:
        """Every row of a table in the order of the keys; what a scan of the real thing would read."""
        with self._lock:
            rows = [row for (name, _, _), row in self._rows.items() if name == table]
            return copy.deepcopy(sorted(rows, key=lambda row: (row["PK"], row["SK"])))

    def transact(self, writes: Sequence[Write]) -> None:
        """All writes or none."""
        with self._lock:
            keys = [key_of(write) for write in writes]
            if len(set(keys)) != len(keys):
                raise ValueError("a transaction may touch each row once")
            refused = [at for at, write in enumerate(writes) if not write.expect.holds(self._rows.get(keys[at]))]
            if refused:
                raise TransactionRefused(refused)
            for key, write in zip(keys, writes, strict=True):
                self._apply(key, write)

    def _apply(self, key: Key, write: Write) -> None:
        before = self._rows.get(key)
        after: Item | None
        match write:
            case Check():
                return
            case Put():
                after = copy.deepcopy(write.item)
            case Update():
                after = {**(before or {"PK": key[1], "SK": key[2]}), **copy.deepcopy(dict(write.set))}
                for name in write.remove:
                    after.pop(name, None)
            case Delete():
                after = None
            case _:
                assert_never(write)
        if after is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = after
        if self._on_change is not None and before != after:
            self._on_change(key, copy.deepcopy(before), copy.deepcopy(after))


def _in_range(sort_key: object, prefix: str, after: str | None, up_to: str | None) -> bool:
    if not isinstance(sort_key, str):
        return False
    if after is not None:
        return sort_key > after
    return sort_key <= up_to if up_to is not None else sort_key.startswith(prefix)
