"""Takes state-change events of job targets from the queue of job events, and wakes the runs that follow the jobs."""

import json
from collections.abc import Mapping
from typing import Any

from interlock_controller.effects import Wakes
from interlock_controller.records._change import MalformedRecord
from interlock_lifecycle.waits import job_of_event
from interlock_store import Store
from interlock_telemetry import get_logger

_log = get_logger(__name__)

_ACCOUNT_IN_ARN = 4


class JobEventIntake:
    """Takes events of EventBridge's default bus. An event only means that the run asks its target."""

    def __init__(self, store: Store, wakes: Wakes) -> None:
        self._store = store
        self._wakes = wakes

    def take(self, message: Mapping[str, Any]) -> None:
        """Wake the run of the event's job. The events of other jobs and of other accounts have no effect.

        Raises MalformedRecord for a body that is no event. Any other error is one of the table or of Step Functions.
        """
        event = _read(str(message.get("body") or ""))
        job = job_of_event(event)
        if job is None:
            raise MalformedRecord(f"{event.get('source')!r} {event.get('detail-type')!r} names no job of a known type")
        if not _is_of_same_account(event, message):
            _log.warning("job_event_of_other_account", account=str(event.get("account"))[:40])
            return
        key = self._store.waits.run_of_job(job)
        wait = None if key is None else self._store.waits.of_run(key)
        if wait is not None and wait.for_job:
            self._wakes.wake(wait)


def _read(body: str) -> Mapping[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedRecord(f"the message is not JSON: {type(error).__name__}") from error
    if not isinstance(event, Mapping):
        raise MalformedRecord("the message is not an event of EventBridge")
    return event


def _is_of_same_account(event: Mapping[str, Any], message: Mapping[str, Any]) -> bool:
    """Whether the event is of the account of the queue, as far as both are known."""
    parts = str(message.get("eventSourceARN", "")).split(":")
    account = event.get("account")
    return account is None or len(parts) <= _ACCOUNT_IN_ARN or str(account) == parts[_ACCOUNT_IN_ARN]
