"""Wakes waiting executions: the wake is recorded first, then the success is sent to the execution's task token."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from interlock_controller._settling import OVERTAKEN, Overtaken, decide_until_settled
from interlock_lifecycle import Wait
from interlock_store import Store
from interlock_telemetry import bind_run, get_logger, run_bounded, span

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_log = get_logger(__name__)

_STALE = frozenset({"TaskDoesNotExist", "TaskTimedOut", "InvalidToken"})


EndWait: TypeAlias = Callable[[str], bool]
"""Lets the execution behind a task token go on. False if no execution waits at this token (any more)."""


class TaskTokens:
    """The task tokens of Step Functions."""

    def __init__(self, client: "SFNClient") -> None:
        self._client = client

    def end_wait(self, token: str) -> bool:
        """Let the execution go on (`EndWait`). A used, timed-out or unknown token is a normal result."""
        try:
            self._client.send_task_success(taskToken=token, output="{}")
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in _STALE:
                raise
            return False
        return True


class Wakes:
    """Wakes executions that wait (docs/reference/runs.md §4).

    The number of wakes on the WAIT# row decides every race: an execution registers its wait only if no wake was
    recorded since its look. After a crash between the record and the success, the row is overdue, and the watchdog
    sends the success. So each wake leads to a look.
    """

    def __init__(self, store: Store, end_wait: EndWait, now: Callable[[], datetime], *, parallel: int = 1) -> None:
        """`parallel`: the number of waits that `wake_all` wakes at a time."""
        self._parallel = parallel
        self._store = store
        self._end_wait = end_wait
        self._now = now

    def wake(self, wait: Wait) -> None:
        """Record a wake, and let the execution look if it waits. Raises the errors of the tables until the record.

        After the record, an error blocks nothing: the row is overdue, and the watchdog sends the success and reports
        the error if it stays.
        """
        found = self._record(wait)
        if found is None:
            return
        try:
            self.send(found)
        except Exception as error:  # noqa: BLE001 (the watchdog sends what this call did not)
            _log.error("wake_not_sent", run=str(wait.key), error=f"{type(error).__name__}: {error}")

    def wake_all(self, waits: Sequence[Wait]) -> None:
        """Wake each of these waits, also if others fail. Raises ExceptionGroup of the errors.

        The waits with the fewest wakes come first. A record that is delivered again after the end of its invocation
        thus goes on where it stopped.
        """
        ordered = sorted(waits, key=lambda wait: wait.wakes)
        if self._parallel == 1 or len(ordered) < 2:
            outcomes: list[BaseException | None] = [_error_of(partial(self.wake, wait)) for wait in ordered]
        else:
            acts = [partial(self.wake, wait) for wait in ordered]
            outcomes = [outcome.error for outcome in run_bounded(acts, self._parallel)]
        errors = [error for error in outcomes if isinstance(error, Exception)]
        if errors:
            raise ExceptionGroup(f"{len(errors)} of {len(waits)} waits could not be woken", errors)

    def _record(self, wait: Wait) -> Wait | None:
        """The wait whose wake was recorded. None if it has ended. Raises Contended."""
        found: Wait | None = wait

        def record_once() -> Wait | Overtaken | None:
            nonlocal found
            if found is None or not found.is_whole:
                return None
            if self._store.waits.record_wake(found, self._now()):
                return found
            found = self._store.waits.of_run(wait.key)
            return OVERTAKEN

        return decide_until_settled(record_once, subject=f"wake of {wait.key}")

    def send(self, wait: Wait) -> None:
        """Send the success to the wait's token. A sent token is forgotten, so that each gets one success.

        Raises the errors of the tables and of Step Functions.
        """
        if wait.task_token is None:
            return
        key = wait.key
        with bind_run(key.pipeline_id, key.schedule_id, str(key.date), token=wait.run_token), span("wake"):
            is_waiting = self._end_wait(wait.task_token)
            self._store.waits.forget_token(wait)
            _log.info("run_woken" if is_waiting else "wake_of_no_wait", run=str(key))


def _error_of(act: Callable[[], object]) -> Exception | None:
    try:
        act()
    except Exception as error:  # noqa: BLE001 (the caller raises it with the others)
        return error
    return None
