"""Runs a Lambda's entry point: it wires the service once per process, answers operators and flushes telemetry."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from interlock_telemetry._deadline import InvocationDeadline, LambdaContext
from interlock_telemetry._environment import Settings
from interlock_telemetry._errors import InvalidEnvironment
from interlock_telemetry._flush import flush
from interlock_telemetry._instruments import span
from interlock_telemetry._logs import configure_logging
from interlock_telemetry._operator import answer_operator
from interlock_telemetry._within import bind_deadline


class Wired(Protocol):
    """A wired service: the checks of a ping by name, and its settings."""

    @property
    def health(self) -> Mapping[str, Callable[[], object]]:
        """The checks of a ping, by the name of the checked part. A check raises if its part does not answer."""

    @property
    def settings(self) -> Settings:
        """The environment variables that every service reads."""


S = TypeVar("S", bound=Wired)


def _now() -> datetime:
    return datetime.now(UTC)


class LambdaEntry(Generic[S]):
    """A Lambda handler: `handle = LambdaEntry("watchdog", wire, tick)`.

    `wire` builds the service from the environment at the first invocation. If it raises, the invocation raises the same
    error, and the next invocation calls `wire` again. A SHUTDOWN_BUFFER that leaves no time for work is such an error.
    `work` handles one invocation with the service, the event and Lambda's context. `{"__ping__": true}` and
    `{"__profile__": …}` are answered here. Every call of an `aws_client` and of `call_in_time` ends by the deadline,
    which is the end of the invocation minus SHUTDOWN_BUFFER. Logs go to standard error as JSON lines. Spans and metrics
    are flushed at the end of each invocation, also if it raises.

    With SnapStart, the `modules` of the service are imported before AWS takes the snapshot of this process, and nothing
    else happens before it: each restored environment seeds its random numbers and wires a service of its own.
    """

    def __init__(
        self,
        name: str,
        wire: Callable[[Mapping[str, str]], S],
        work: Callable[[S, dict[str, Any], LambdaContext | None], dict[str, Any]],
        *,
        modules: Sequence[str] = (),
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._name, self._wire, self._work, self._now = name, wire, work, now
        self._service: S | None = None
        self._is_cold = True
        configure_logging(name)
        if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
            from interlock_telemetry._snapshot import hook_snapshot

            hook_snapshot(modules, self.reset)

    def __call__(self, event: dict[str, Any], context: LambdaContext | None = None) -> dict[str, Any]:
        """Handle one invocation and return its answer."""
        service = self._service
        if service is None:
            service = self._wire(os.environ)
            _check_buffer(service.settings, context)
            self._service = service
        with bind_deadline(InvocationDeadline.from_context(context, service.settings.shutdown_buffer)):
            return self._answer(service, event, context)

    def _answer(self, service: S, event: dict[str, Any], context: LambdaContext | None) -> dict[str, Any]:
        answer = answer_operator(
            event,
            lambda inner: self(inner, context),
            service=self._name,
            checks=service.health,
            bucket=service.settings.profile_bucket,
            now=self._now(),
        )
        if answer is not None:
            return answer
        try:
            with span(self._name, kind="server", **self._invocation(context)):
                return self._work(service, event, context)
        finally:
            flush(context=context)

    def _invocation(self, context: LambdaContext | None) -> dict[str, str | int | bool]:
        """The attributes of the invocation, by OpenTelemetry's conventions for FaaS spans."""
        is_cold, self._is_cold = self._is_cold, False
        request_id = getattr(context, "aws_request_id", None)
        own = {} if request_id is None else {"faas.invocation_id": str(request_id)}
        return {"faas.coldstart": is_cold, **own}

    def reset(self) -> None:
        """Drop the service, so that the next invocation wires it again from the environment at that time."""
        self._service = None


def _check_buffer(settings: Settings, context: LambdaContext | None) -> None:
    """Reject a buffer that leaves no time for work. The first invocation has almost the function's whole timeout."""
    if not isinstance(context, LambdaContext):
        return
    left = timedelta(milliseconds=context.get_remaining_time_in_millis())
    if settings.shutdown_buffer >= left:
        written = settings.get("SHUTDOWN_BUFFER")
        allowed = f"shorter than the function's timeout, of which {left.total_seconds():.1f}s remain"
        raise InvalidEnvironment((), (f"SHUTDOWN_BUFFER is {written!r}, must be {allowed}",))
