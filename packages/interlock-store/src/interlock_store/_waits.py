"""The waits of executions: who waits, what was recorded about a wake, and which waits are overdue."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from interlock_lifecycle import RunKey, Wait
from interlock_lifecycle.waits import JobName
from interlock_store._rows import (
    INDEX,
    JOBRUN,
    LOOKING,
    MalformedRow,
    format_time,
    job_pk,
    pipeline_pk,
    read_job_run,
    read_wait,
    run_sk,
)
from interlock_store._tables import TableNames, Tables, TransactionRejected
from interlock_store._write import Expect, Item, Update


class Waits:
    """Typed access to the WAIT# and JOBRUN# rows. All reads by key are strongly consistent."""

    def __init__(self, tables: Tables, names: TableNames) -> None:
        self._tables = tables
        self._control = names.control

    def of_run(self, key: RunKey) -> Wait | None:
        """The wait of a run's execution."""
        row = self._tables.get(self._control, pipeline_pk(key.pipeline_id), run_sk("WAIT", key))
        return None if row is None else read_wait(row)

    def of_pipeline(self, pipeline_id: str) -> list[Wait]:
        """The waits of all runs of a pipeline, in one query. Rows that cannot be read are left out."""
        return _whole(self._tables.query(self._control, pipeline_pk(pipeline_id), prefix="WAIT#"))

    def overdue(self, up_to: datetime) -> tuple[list[Wait], list[Item]]:
        """The registered waits that should have ended at or before `up_to` (UTC): by a look, or by a recorded wake.

        The second part is the rows that are in the index by mistake: they are no registered waits, or are unreadable.
        """
        rows = list(self._tables.query(self._control, LOOKING, index=INDEX, up_to=format_time(up_to)))
        waits = [(row, _registered(row)) for row in rows]
        return [wait for _, wait in waits if wait is not None], [row for row, wait in waits if wait is None]

    def run_of_job(self, job: JobName) -> RunKey | None:
        """The run that follows a job. None for a job that Interlock did not start, or that is unknown by now."""
        row = self._tables.get(self._control, job_pk(job), JOBRUN)
        return None if row is None else read_job_run(row)

    def record_wake(self, wait: Wait, at: datetime) -> bool:
        """Add one to the wakes of a wait, if it is as it was read. A registered wait is overdue `at` (UTC) from now on.

        The result is False if the row has changed or is gone, and the caller reads it again.
        """
        changes: Item = {"wakes": wait.wakes + 1, "wokenAt": format_time(at)}
        if wait.task_token is None:
            # A wait that is registered in the meantime must get the success, so its token is read first.
            return self._update(wait, changes, (), Expect(equals={"wakes": wait.wakes}, absent=("taskToken",)))
        changes |= {"GSI1PK": LOOKING, "GSI1SK": format_time(at)}
        return self._update(wait, changes, (), Expect(equals={"wakes": wait.wakes, "taskToken": wait.task_token}))

    def forget_token(self, wait: Wait) -> None:
        """Take the token of an ended wait out of its row, unless another wait was registered since."""
        if wait.task_token is not None:
            known = Expect(equals={"taskToken": wait.task_token})
            self._update(wait, {}, ("taskToken", "lookAt", "GSI1PK", "GSI1SK"), known)

    def _update(self, wait: Wait, changes: Item, remove: tuple[str, ...], known: Expect) -> bool:
        pk, sk = pipeline_pk(wait.key.pipeline_id), run_sk("WAIT", wait.key)
        expect = replace(known, equals={"runToken": wait.run_token, **known.equals})
        try:
            self._tables.transact([Update(self._control, pk, sk, set=changes, remove=remove, expect=expect)])
        except TransactionRejected:
            return False
        return True


def _registered(row: Item) -> Wait | None:
    found = _whole([row]) if str(row["SK"]).startswith("WAIT#") else []
    return found[0] if found and found[0].task_token is not None else None


def _whole(rows: Iterable[Item]) -> list[Wait]:
    found = []
    for row in rows:
        try:
            wait = read_wait(row)
        except MalformedRow:
            continue
        if wait.is_whole:
            found.append(wait)
    return found
