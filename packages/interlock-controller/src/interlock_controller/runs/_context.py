"""What every step of the orchestrator has at hand, and how a step decides again when others were faster."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from msgspec import Struct

from interlock_controller.runs._request import Step
from interlock_store import Contended, Store
from interlock_triggers import Attempt, Capability, Started, Status

_TRIES = 5


class Jobs(Protocol):
    """What starts jobs and tells how they are: interlock_triggers, or its stand-in under a virtual clock."""

    def capability(self, job_type: str) -> Capability:
        """What the target offers against double starts."""

    def find(self, job_type: str, config: Mapping[str, Any], attempt: Attempt, *, until: datetime) -> Started | None:
        """The attempt's job, if its start was accepted; CheckFailed when that cannot be said now."""

    def start(self, job_type: str, config: Mapping[str, Any], attempt: Attempt, *, until: datetime) -> Started:
        """Start a job; StartRefused or OutcomeUnknown otherwise."""

    def check(self, job_type: str, config: Mapping[str, Any], started: Started, *, until: datetime) -> Status:
        """How a started job is; TriggerError when that cannot be read."""


class Desk(Struct, frozen=True):
    """What an invocation works with. `until` is its end (UTC); `environment` is what job configs may name."""

    store: Store
    jobs: Jobs
    now: Callable[[], datetime]
    until: Callable[[], datetime]
    execution_timeout: timedelta
    environment: Mapping[str, str]


def commit_until_settled(attempt: Callable[[], Step | None], *, what: str) -> Step:
    """Gather, decide and commit anew until the commit was not overtaken."""
    for _ in range(_TRIES):
        step = attempt()
        if step is not None:
            return step
    raise Contended(f"{what}: the run changed {_TRIES} times meanwhile")
