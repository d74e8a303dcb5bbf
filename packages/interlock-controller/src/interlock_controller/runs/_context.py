"""What every step of a run works with: the store, the job targets, the clock and the end of its time."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from msgspec import Struct

from interlock_store import Store
from interlock_telemetry import Metric, measure
from interlock_triggers import Attempt, Capability, Started, Status


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


class Counts(Protocol):
    """Adds to a counter of the telemetry."""

    def __call__(self, metric: Metric, value: float, **attributes: str) -> None:
        """Add `value`."""


class StepContext(Struct, frozen=True):
    """What an invocation works with. `until` is its end (UTC); `environment` is what job configs may name."""

    store: Store
    jobs: Jobs
    now: Callable[[], datetime]
    until: Callable[[], datetime]
    execution_timeout: timedelta
    environment: Mapping[str, str]
    count: Counts = measure
