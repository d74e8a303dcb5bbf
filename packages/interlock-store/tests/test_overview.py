"""The overview's reads of the newest dates: so many and no more, unreadable rows left to the reader or left out."""

from typing import Any

from interlock_store import MalformedRow, MemoryTables, Overview, TableNames, read_run
from interlock_store._write import Put

NAMES = TableNames.of_environment("overview")


def overview_of(*rows: tuple[str, str]) -> Overview:
    tables = MemoryTables()
    for sk, status in rows:
        row: dict[str, Any] = {"PK": "PIPELINE#p", "SK": f"TRIGGER#{sk}", "status": status}
        tables.transact([Put(NAMES.control, row)])
    return Overview(tables, NAMES)


def is_readable(row: dict[str, Any]) -> bool:
    try:
        read_run(row)
    except MalformedRow:
        return False
    return True


def test_the_newest_rows_of_a_schedule_include_unreadable_ones() -> None:
    overview = overview_of(
        ("cron#2026-03-01", "COMPLETED"),
        ("cron#2026-03-02", "DONE"),
        ("cron#2026-03-03", "FAILED_FINAL"),
        ("stream#2026-03-04", "RUNNING"),
    )
    rows = overview.newest_run_rows("p", "cron", 2)
    assert [(row["SK"], is_readable(row)) for row in rows] == [
        ("TRIGGER#cron#2026-03-03", True),
        ("TRIGGER#cron#2026-03-02", False),
    ]
    assert [str(run.key.date) for run in overview.newest_runs("p", "cron", 2)] == ["2026-03-03"]
