"""The WAIT# row of the model, and each write on it. test_rows.py compares each write with the store's."""

from typing import NamedTuple


class Row(NamedTuple):
    """A WAIT# row. token: 0 for none. overdue: its time in the index has passed, as after a recorded wake."""

    run: int
    wakes: int = 0
    registrations: int = 0
    token: int = 0
    overdue: bool = False


def register(row: Row | None, look: Row, token: int, without: frozenset[str] = frozenset()) -> Row | None:
    """`RegisterWait`: the new row, or None if its condition fails. look: the row as the look has read it."""
    if row is None or row.run != look.run:
        return None
    if row.wakes != look.wakes and "register-without-wakes" not in without:
        return None
    if row.registrations != look.registrations and "register-without-registrations" not in without:
        return None
    return row._replace(registrations=row.registrations + 1, token=token, overdue=False)


def record_wake(row: Row | None, read: Row, without: frozenset[str] = frozenset()) -> Row | None:
    """`Waits.record_wake`: the new row, or None if the row has changed since it was read."""
    if row is None or (row.run, row.wakes) != (read.run, read.wakes):
        return None
    if row.token != read.token and "wake-without-token" not in without:
        return None
    return row._replace(wakes=row.wakes + 1, overdue=row.overdue or read.token != 0)


def forget_token(row: Row | None, read: Row) -> Row | None:
    """`Waits.forget_token`: the new row, or None if its condition fails."""
    if row is None or not read.token or (row.run, row.token) != (read.run, read.token):
        return None
    return row._replace(token=0, overdue=False)


def open_wait(row: Row | None, read: Row | None, run: int) -> Row | None:
    """`OpenWait`: the new row, or None if the row has changed. The caller checks the fence of the trigger row."""
    if (row.run if row else 0) != (read.run if read else 0):
        return None
    return Row(run)
