"""The in-memory twin of the tables: the same rows, conditions and order, in dictionaries."""

import copy
import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, assert_never

from interlock_store._limits import check_transaction, meets, stored
from interlock_store._tables import PROJECTED, TransactionRejected
from interlock_store._write import Check, Delete, Item, Put, Update, Write, key_of

Key = tuple[str, str, str]
_Entry = tuple[str, Key]
"""A row's place in a partition: its sort key there, then its own key."""

_UNCHANGING = frozenset({str, int, bool, float, Decimal, bytes, type(None)})


class MemoryTables:
    """Tables in memory. `on_change` receives each changed row with its old and new image, in order."""

    def __init__(self, on_change: Callable[[Key, Item | None, Item | None], None] | None = None) -> None:
        self._rows: dict[Key, Item] = {}
        # By index ("" is the table itself): the rows of each partition, sorted by their sort key.
        self._partitions: dict[str, dict[tuple[str, str], list[_Entry]]] = {"": {}}
        self._lock = threading.RLock()
        self._on_change = on_change

    def get(self, table: str, pk: str, sk: str) -> Item | None:
        """One row."""
        with self._lock:
            row = self._rows.get((table, pk, sk))
            return None if row is None else _copy(row)

    def get_many(self, table: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """The rows that exist among `keys`."""
        with self._lock:
            rows = self._rows
            return {key: _copy(row) for key in keys if (row := rows.get((table, *key))) is not None}

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
        with self._lock:
            entries = self._partition(table, pk, index or "")
            chosen = _between(entries, prefix, after, up_to)
            found = chosen if not newest_first else reversed(list(chosen))
            rows = [self._rows[key] for _, key in islice(found, limit)]
            return iter([_copy(_projected(row, index)) for row in rows])

    def _partition(self, table: str, pk: str, index: str) -> list[_Entry]:
        if index not in self._partitions:
            self._partitions[index] = {}
            for key, row in self._rows.items():
                self._place(index, key, row)
        return self._partitions[index].get((table, pk), [])

    def _place(self, index: str, key: Key, row: Item) -> None:
        pk, sk = row.get(f"{index}PK"), row.get(f"{index}SK")
        if isinstance(pk, str) and isinstance(sk, str):
            insort(self._partitions[index].setdefault((key[0], pk), []), (sk, key))

    def _displace(self, index: str, key: Key, row: Item) -> None:
        pk, sk = row.get(f"{index}PK"), row.get(f"{index}SK")
        if isinstance(pk, str) and isinstance(sk, str):
            entries = self._partitions[index][(key[0], pk)]
            del entries[bisect_left(entries, (sk, key))]

    def rows_of(self, table: str) -> list[Item]:
        """Every row of a table in the order of the keys, like a scan of DynamoDB."""
        with self._lock:
            rows = [row for (name, _, _), row in self._rows.items() if name == table]
            return [_copy(row) for row in sorted(rows, key=lambda row: (row["PK"], row["SK"]))]

    def transact(self, writes: Sequence[Write]) -> None:
        """All writes or none."""
        with self._lock:
            check_transaction(writes)
            keys = [key_of(write) for write in writes]
            rejected = [at for at, write in enumerate(writes) if not meets(self._rows.get(keys[at]), write.expect)]
            if rejected:
                raise TransactionRejected(rejected)
            # Values that cannot be stored are found before the first write.
            rows = [_after(write, self._rows.get(key)) for key, write in zip(keys, writes, strict=True)]
            for key, row in zip(keys, rows, strict=True):
                self._change(key, row)

    def _change(self, key: Key, after: Item | None) -> None:
        before = self._rows.get(key)
        if before is after:
            return
        self._replace(key, before, after)
        if self._on_change is not None and before != after:
            self._on_change(key, _copy(before), _copy(after))

    def _replace(self, key: Key, before: Item | None, after: Item | None) -> None:
        for index in self._partitions:
            if before is not None:
                self._displace(index, key, before)
            if after is not None:
                self._place(index, key, after)
        if after is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = after


def _after(write: Write, before: Item | None) -> Item | None:
    """The row after the write. None if the write removes it."""
    match write:
        case Check():
            return before
        case Put():
            return stored(write.item)
        case Update():
            kept = {name: value for name, value in (before or {}).items() if name not in write.remove}
            return stored({"PK": write.pk, "SK": write.sk, **kept, **write.set})
        case Delete():
            return None
        case _:
            assert_never(write)


def _projected(row: Item, index: str | None) -> Item:
    """The attributes of a row that an index holds."""
    names = PROJECTED.get(index or "")
    if names is None:
        return row
    keys = ("PK", "SK", f"{index}PK", f"{index}SK")
    return {name: row[name] for name in (*keys, *names) if name in row}


def _copy(value: Any) -> Any:
    """A copy that shares no mutable part with the original. It is faster than copy.deepcopy for rows."""
    kind = type(value)
    if kind in _UNCHANGING:
        return value
    if kind is dict:
        return {name: inner if type(inner) in _UNCHANGING else _copy(inner) for name, inner in value.items()}
    if kind is list:
        return [_copy(inner) for inner in value]
    return copy.deepcopy(value)


def _between(entries: list[_Entry], prefix: str, after: str | None, up_to: str | None) -> Iterator[_Entry]:
    """The entries with a sort key that is greater than `after`, is at most `up_to`, or begins with `prefix`."""
    if after is not None:
        first = bisect_left(entries, (after,))
        return (entry for entry in islice(entries, first, None) if entry[0] > after)
    if up_to is not None:
        return _while(entries, 0, lambda sort_key: sort_key <= up_to)
    return _while(entries, bisect_left(entries, (prefix,)), lambda sort_key: sort_key.startswith(prefix))


def _while(entries: list[_Entry], first: int, fits: Callable[[str], bool]) -> Iterator[_Entry]:
    for entry in islice(entries, first, None):
        if not fits(entry[0]):
            return
        yield entry
