"""The surroundings of every step of a run: the store, the job targets, the clock and the end of the invocation."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from msgspec import Struct

from interlock_controller.effects import EndWait
from interlock_store import Store
from interlock_telemetry import Metric, measure
from interlock_triggers import Attempt, Capability, Started, Status


class Jobs(Protocol):
    """Starts jobs and reads their status: interlock_triggers, or its stand-in under a virtual clock.

    `taken` are the values that the config has from variables of the environment. No answer shows them.
    """

    def capability(self, job_type: str) -> Capability:
        """The target's protection against double starts."""

    def find(
        self, job_type: str, config: Mapping[str, Any], attempt: Attempt, *, until: datetime, taken: Collection[str]
    ) -> Started | None:
        """The attempt's job, if its start was accepted. Raises CheckFailed if that is unknown now."""

    def start(
        self, job_type: str, config: Mapping[str, Any], attempt: Attempt, *, until: datetime, taken: Collection[str]
    ) -> Started:
        """Start a job. Raises StartRejected or OutcomeUnknown."""

    def check(
        self, job_type: str, config: Mapping[str, Any], started: Started, *, until: datetime, taken: Collection[str]
    ) -> Status:
        """The status of a started job. Raises TriggerError if it cannot be read."""


class Counts(Protocol):
    """Adds to a counter of the telemetry."""

    def __call__(self, metric: Metric, value: float, **attributes: str) -> None:
        """Add `value`."""


def no_secrets(config: Mapping[str, Any]) -> Sequence[str]:
    """A deployment that reads no secrets."""
    return ()


class StepContext(Struct, frozen=True):
    """The surroundings of an invocation. `until` is its end (UTC). `environment` has the variables for job configs.

    has_job_events: whether events of job targets wake runs in this deployment. If not, every followed job is polled.
    unreadable_secrets: a sentence for each reference of a job's config to a secret that cannot be read now.
    """

    store: Store
    jobs: Jobs
    end_wait: EndWait
    now: Callable[[], datetime]
    until: Callable[[], datetime]
    execution_timeout: timedelta
    environment: Mapping[str, str]
    count: Counts = measure
    has_job_events: bool = True
    unreadable_secrets: Callable[[Mapping[str, Any]], Sequence[str]] = no_secrets

    @property
    def region(self) -> str | None:
        """The AWS region whose console shows the jobs. A stack at another endpoint has no console."""
        return None if self.environment.get("AWS_ENDPOINT_URL") else self.environment.get("AWS_REGION")
