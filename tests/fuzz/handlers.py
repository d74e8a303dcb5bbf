"""The real handlers of the Lambdas around the parts of the SLA suite.

Only each handler's `wire` (environment to objects) and `now` are replaced. In a deployment they give the clients of AWS
and the wall clock. All code between a handler's entry and its parts runs: the operator's requests (ping, profile), the
invocation's deadline, correlation, the batch's order and partial answers, dead letters, and the flush of telemetry.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any

from simulation.job_events import QUEUE
from sla.lambdas import Lambdas, Parts

from interlock_controller.runs import StepContext
from interlock_orchestrator import handler as orchestrator
from interlock_sla_monitor import handler as sla_monitor
from interlock_sla_monitor.wiring import Service as SlaService
from interlock_stream_router import handler as stream_router
from interlock_stream_router.wiring import Service as RouterService
from interlock_telemetry import LambdaContext, LambdaEntry, environment
from interlock_watchdog import handler as watchdog
from interlock_watchdog.wiring import Service as WatchdogService

_SETTINGS = environment([], source={"JOB_EVENTS_QUEUE_ARN": QUEUE})


class _OrchestratorService:
    """The orchestrator's service with the stage's clock in place of the wall clock."""

    settings = _SETTINGS
    health: Mapping[str, Callable[[], None]] = {}

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def within(self, remaining: Callable[[], timedelta]) -> AbstractContextManager[None]:
        """No limit: the tables are in memory."""
        return nullcontext()

    def context(self, ends_at: datetime) -> StepContext:
        """The context of one invocation. `ends_at` is on the wall clock, so it is ignored here."""
        return self._parts.context()


def _entry(
    work: Callable[[Any, dict[str, Any], LambdaContext | None], dict[str, Any]], service: Any
) -> LambdaEntry[Any]:
    """The entry point of a Lambda whose wiring made this service."""
    return LambdaEntry("fuzz-tests", lambda variables: service, work)


class Handlers(Lambdas):
    """The entry points of stream-router, orchestrator, SLA monitor and watchdog."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        p, no_checks = parts, dict[str, Callable[[], None]]()
        router = RouterService(p.router, p.letters, p.inbox, p.job_events, None, no_checks, _SETTINGS, p.now)
        watch = WatchdogService(p.checks, p.recovery, p.bus, p.workers, no_checks, _SETTINGS, p.now)
        self._stream_router = _entry(stream_router.route, router)
        self._orchestrator = _entry(orchestrator.step, _OrchestratorService(parts))
        self._sla_monitor = _entry(sla_monitor.answer, SlaService(p.monitor, no_checks, _SETTINGS))
        self._watchdog = _entry(watchdog.watch, watch)

    def watchdog(self, event: dict[str, Any]) -> Any:
        return self._watchdog(event)

    def orchestrator(self, event: dict[str, Any]) -> Any:
        return self._orchestrator(event)

    def sla_monitor(self, event: dict[str, Any]) -> dict[str, Any]:
        return dict(self._sla_monitor(event))

    def stream_router(self, event: dict[str, Any]) -> dict[str, Any]:
        return dict(self._stream_router(event))
