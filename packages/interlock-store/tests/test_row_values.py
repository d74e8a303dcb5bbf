"""Values of rows that no component writes: out of range, or of another type."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from interlock_lifecycle import RunKey
from interlock_lifecycle.runs import needs_start
from interlock_sla import parse_execution_date
from interlock_store import MemoryTables, Store, TableNames, read_rerun_request
from interlock_store._write import Put

NAMES = TableNames.of_environment("values")
KEY = RunKey("p", "stream", parse_execution_date("2026-03-03"))
AT = datetime(2026, 3, 3, 10, tzinfo=UTC)


def store_with(table: str, sk: str, **values: Any) -> Store:
    tables = MemoryTables()
    tables.transact([Put(table, {"PK": "PIPELINE#p", "SK": sk, **values})])
    return Store(tables, NAMES)


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ({"attempt": Decimal(2), "duration": Decimal("1.5")}, 1),
        ({"attempt": Decimal("9.9E+125")}, 0),
        ({"attempt": Decimal(1_000_001)}, 0),
        ({"attempt": Decimal(-1)}, 0),
        ({"duration": "NaN"}, 0),
        ({"duration": "Infinity"}, 0),
    ],
)
def test_a_joblog_row_out_of_range_is_left_out(values: dict[str, Any], count: int) -> None:
    store = store_with(NAMES.joblog, "JOB#stream#2026-03-03#1772535600000", event="success", **values)
    assert len(store.entries(KEY)) == count


@pytest.mark.parametrize("reason", [["late-data"], {"a": Decimal(1)}, {"late-data"}, None, True])
def test_a_request_with_any_reason_can_be_compared(reason: Any) -> None:
    sk = "RERUN_REQUEST#stream#2026-03-03"
    store = store_with(NAMES.control, sk, reason=reason, requestedAt="2026-03-03T10:00:00Z")
    row = {"PK": "PIPELINE#p", "SK": sk, "reason": reason, "requestedAt": "2026-03-03T10:00:00Z"}
    standing = store.rerun_stands(read_rerun_request(row, AT))
    assert standing is not None
    assert not standing.is_own


def test_the_run_of_an_older_tool_needs_no_start() -> None:
    index = {"GSI1PK": "PENDING", "GSI1SK": "2026-03-03T10:00:00.000000Z"}
    store = store_with(NAMES.control, "TRIGGER#stream#2026-03-03", status="RUNNING", ttl=Decimal(1775365200), **index)
    run = store.run(KEY)
    assert run is not None
    assert run.is_running
    assert not needs_start(run, run.run_token)


@pytest.mark.parametrize("pk", ["INTERLOCK", "PIPELINE#", "p"])
def test_a_foreign_row_in_the_index_is_no_pipeline(pk: str) -> None:
    tables = MemoryTables()
    for key in (pk, "PIPELINE#p"):
        tables.transact([Put(NAMES.control, {"PK": key, "SK": "CONFIG", "GSI1PK": "CONFIG", "GSI1SK": key})])
    store = Store(tables, NAMES)
    assert store.pipelines() == ["p"]
    assert store.pipelines_naming("closed") == []
