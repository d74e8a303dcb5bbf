"""Does the work of each minute: the pending alerts, the check of the settings, and the digest."""

from collections.abc import Callable
from datetime import timedelta

from interlock_alert_dispatcher.drain import Drained
from interlock_alert_dispatcher.wiring import Service
from interlock_telemetry import InvocationDeadline, get_logger

_log = get_logger(__name__)

RESERVED = timedelta(seconds=6)
"""The time that the pending alerts leave to the checkup and the digest, at most a quarter of the invocation."""


def run_tick(service: Service, deadline: InvocationDeadline) -> Drained:
    """Post pending alerts, check the settings, and post the digest if it is due.

    A failure of one part keeps no other part from its work. The first failure is raised at the end.
    """
    results: list[Drained] = []
    early = deadline.earlier(min(RESERVED, deadline.remaining() / 4))
    parts: dict[str, Callable[[], object]] = {
        "drain": lambda: results.append(service.drain.run(early)),
        "checkup": lambda: service.checkup.run(deadline),
        "digest": lambda: service.digest.run(deadline),
    }
    failures: list[Exception] = []
    for name, run in parts.items():
        try:
            run()
        except Exception as failure:  # noqa: BLE001 - it is raised after the other parts
            _log.error("tick_failed", part=name, reason=f"{type(failure).__name__}: {failure}")
            failures.append(failure)
    if failures:
        raise failures[0]
    return results[0]
