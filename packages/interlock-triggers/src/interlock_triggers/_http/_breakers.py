"""Circuit breakers, one per host and port: a failing host gets no requests for a while."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pybreaker

from interlock_triggers._deadline import Timing

_log = logging.getLogger("interlock_triggers")


class CircuitOpen(Exception):
    """The host failed too often. No request was sent."""


class _HostFailed(Exception):
    """Reports a failure to the breaker."""


class Breakers:
    """The circuit breakers of a process, by `host:port`.

    A circuit opens after `trip_after` failures in a row and then admits one trial every `timeout` seconds until one
    succeeds. Network errors and 5xx answers are failures, 4xx answers are not. `on_change` is called with each new
    state (`closed`, `open`, `half-open`), for a metric. The log has the state as `circuit_breaker_state`. The breakers
    are thread-safe, and a slow call never delays another call.
    """

    def __init__(
        self,
        trip_after: int = 5,
        timeout: float = 60.0,
        on_change: Callable[[str, str], None] | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._trip_after = trip_after
        self._timeout = timeout
        self._on_change = on_change
        self._monotonic = (timing or Timing()).monotonic
        self._lock = threading.RLock()
        self._breakers: dict[str, pybreaker.CircuitBreaker] = {}
        self._tried_at: dict[str, float] = {}

    def states(self) -> Mapping[str, str]:
        """The state of every host that ever got a request."""
        with self._lock:
            return {name: str(breaker.current_state) for name, breaker in self._breakers.items()}

    def admit(self, name: str) -> None:
        """Pass, or raise CircuitOpen."""
        with self._lock:
            breaker = self._breaker(name)
            if breaker.current_state == pybreaker.STATE_CLOSED:
                return
            waited = self._monotonic() - self._tried_at.get(name, 0.0)
            if waited < self._timeout:
                raise CircuitOpen(
                    f"{name} failed {self._trip_after} times in a row and gets no requests for "
                    f"{self._timeout - waited:.0f} s"
                )
            self._tried_at[name] = self._monotonic()
            breaker.half_open()

    def record(self, name: str, *, failed: bool) -> None:
        """Record the outcome of an admitted call."""

        def outcome() -> None:
            if failed:
                raise _HostFailed

        # The real call is over: pybreaker holds its lock during a call, so that other callers would wait.
        with self._lock:
            try:
                self._breaker(name).call(outcome)
            except (_HostFailed, pybreaker.CircuitBreakerError):
                return

    def _breaker(self, name: str) -> pybreaker.CircuitBreaker:
        if name not in self._breakers:
            self._breakers[name] = pybreaker.CircuitBreaker(
                fail_max=self._trip_after, reset_timeout=self._timeout, name=name, listeners=[_Listener(self)]
            )
        return self._breakers[name]

    def changed(self, name: str, state: str) -> None:
        """Log a new state, and pass it on."""
        if state == pybreaker.STATE_OPEN:
            self._tried_at[name] = self._monotonic()
        level = logging.WARNING if state == pybreaker.STATE_OPEN else logging.INFO
        _log.log(level, "circuit_breaker_state", extra={"host": name, "state": state})
        if self._on_change is not None:
            self._on_change(name, state)


class _Listener(pybreaker.CircuitBreakerListener):
    def __init__(self, breakers: Breakers) -> None:
        self._breakers = breakers

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        """Called by pybreaker."""
        self._breakers.changed(str(cb.name), str(new_state.name))
