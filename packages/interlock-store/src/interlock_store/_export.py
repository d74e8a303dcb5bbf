"""Tables in memory with the rows of an export, for commands that read a deployment without access to it."""

from collections.abc import Iterable

from interlock_store._memory import MemoryTables
from interlock_store._store import Store
from interlock_store._tables import TableNames
from interlock_store._write import Item, Put

EXPORTED = ("control", "joblog", "events")
"""The tables whose rows an export must have, by the last part of their names."""


def store_of_rows(rows: Iterable[tuple[str, Item]]) -> Store:
    """A store with these rows, each with the last part of its table's name. A later row replaces an earlier one."""
    names, tables = TableNames.of_environment("export"), MemoryTables()
    for table, row in rows:
        tables.transact([Put(getattr(names, table), row)])
    return Store(tables, names)
