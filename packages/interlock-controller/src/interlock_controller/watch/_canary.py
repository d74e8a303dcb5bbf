"""Sends a canary through the bus, the alert queue and Slack, which shows that an alert would arrive."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from interlock_controller.effects import Bus, BusEntry
from interlock_lifecycle.events import CANARY_SOURCE, CANARY_TYPE, make_event_id
from interlock_telemetry import get_logger

_log = get_logger(__name__)


class Canary:
    """Puts canaries on the bus. The alert-dispatcher measures the time of their way."""

    def __init__(self, bus: Bus | None, *, now: Callable[[], datetime]) -> None:
        """`bus` is None if no canary is sent. `now`: the wall clock (UTC)."""
        self._bus = bus
        self._now = now

    def send(self) -> None:
        """Put one canary on the bus. A failure is logged, and never makes a tick fail.

        The canary has no row and is not sent again: it measures the way itself, and the next tick sends the next one.
        """
        if self._bus is None:
            return
        moment = self._now()
        detail = {"id": make_event_id(moment, "canary"), "timestamp": moment.astimezone(UTC)}
        try:
            self._bus.publish([BusEntry(CANARY_TYPE, msgspec.json.encode(detail).decode(), CANARY_SOURCE)])
        except Exception as error:  # noqa: BLE001 - the tick is done, and a canary that does not arrive raises an alarm
            _log.warning("canary_not_sent", reason=f"{type(error).__name__}: {error}")
