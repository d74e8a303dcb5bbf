"""The writes of the model on the WAIT# row do the same as those of the store, for all small rows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product

from model.rows import Row, forget_token, open_wait, record_wake, register

from interlock_lifecycle import OpenWait, RegisterWait, Run, RunKey, RunStatus, StartRun, Wait
from interlock_sla import parse_execution_date
from interlock_store import Commit, MemoryTables, Store, TableNames, format_time
from interlock_store._rows import wait_row
from interlock_store._write import Put

NOW = datetime(2026, 3, 3, 8, tzinfo=UTC)
LATER = NOW + timedelta(minutes=30)
KEY = RunKey("orders", "stream", parse_execution_date("2026-03-03"))
RUN = Run(KEY, RunStatus.RUNNING, 0, "run-1", committed_at=NOW, lease_until=LATER)


def rows() -> Iterator[Row]:
    """The small rows that can exist. A row without a token is not in the index."""
    numbers = ((1, 0, 0), (1, 1, 0), (1, 0, 1), (2, 0, 0))
    for (run, wakes, registrations), token, overdue in product(numbers, (0, 1, 2), (False, True)):
        if token or not overdue:
            yield Row(run, wakes, registrations, token, overdue)


def pairs() -> Iterator[tuple[Row | None, Row]]:
    """A row as it is, and as it was read."""
    yield from product((None, *rows()), rows())


def wait_of(row: Row) -> Wait:
    token = f"token-{row.token}" if row.token else None
    look_at = (NOW if row.overdue else LATER) if token else None
    return Wait(KEY, f"run-{row.run}", row.wakes, row.registrations, task_token=token, look_at=look_at)


def store_with(row: Row | None) -> Store:
    """A store with the trigger row of run 1, and a WAIT# row."""
    tables = MemoryTables()
    store = Store(tables, TableNames("control", "joblog", "rerun", "events"))
    store.commit(StartRun(RUN, None))
    if row is not None:
        wait = wait_of(row)
        item = wait_row(wait, LATER)
        if wait.look_at is not None:
            at = format_time(wait.look_at)
            item |= {"taskToken": wait.task_token, "lookAt": at, "GSI1PK": "LOOKING", "GSI1SK": at}
        tables.transact([Put("control", item)])
    return store


def row_in(store: Store) -> Row | None:
    wait = store.waits.of_run(KEY)
    if wait is None:
        return None
    token = int(wait.task_token[-1]) if wait.task_token else 0
    is_overdue = bool(store.waits.overdue(NOW)[0])
    return Row(int(wait.run_token[-1]), wait.wakes, wait.registrations, token, is_overdue)


def test_the_store_holds_each_small_row_of_the_model() -> None:
    assert [row_in(store_with(row)) for row in (None, *rows())] == [None, *rows()]


def test_record_wake_of_the_model_is_that_of_the_store() -> None:
    for row, read in pairs():
        store = store_with(row)
        expected = record_wake(row, read)
        assert store.waits.record_wake(wait_of(read), NOW) == (expected is not None), (row, read)
        assert row_in(store) == (expected or row), (row, read)


def test_forget_token_of_the_model_is_that_of_the_store() -> None:
    for row, read in pairs():
        store = store_with(row)
        store.waits.forget_token(wait_of(read))
        assert row_in(store) == (forget_token(row, read) or row), (row, read)


def test_register_of_the_model_is_that_of_the_store() -> None:
    for row, look in pairs():
        store = store_with(row)
        expected = register(row, look, 3)
        wait = wait_of(look._replace(token=3, overdue=False))
        assert (store.commit(RegisterWait(wait)) is Commit.COMMITTED) == (expected is not None), (row, look)
        assert row_in(store) == (expected or row), (row, look)


def test_open_wait_of_the_model_is_that_of_the_store() -> None:
    for row, read in product((None, *rows()), (None, *rows())):
        store = store_with(row)
        expected = open_wait(row, read, 1)
        decision = OpenWait(RUN, Wait(KEY, "run-1"), wait_of(read) if read else None)
        assert (store.commit(decision) is Commit.COMMITTED) == (expected is not None), (row, read)
        assert row_in(store) == (expected or row), (row, read)
