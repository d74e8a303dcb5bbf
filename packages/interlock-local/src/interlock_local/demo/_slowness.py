"""Distinguishes a slow machine from a violated expectation, when a wait of the demo has ended."""

import os
import time
from collections.abc import Callable
from typing import Any, Protocol

from interlock_local import LocalStackError

_DRAIN_SECONDS = 10.0
_LONGEST_ANSWER = 5.0
"""Seconds. A function that is warm answers a ping within one second on an idle machine."""


class Stack(Protocol):
    """A running stack."""

    def drain(self, timeout: float) -> bool:
        """Wait until the streams are read to their end. False after `timeout` seconds."""
        ...

    def invoke(self, service: str, payload: dict[str, Any], /) -> Any:
        """Invoke a function. Raises LocalStackError if it failed."""
        ...


def slowness(stack: Stack, clock: Callable[[], float] = time.monotonic) -> str:
    """The signs that the machine is too slow for the waits of the demo, as one clause. Empty without a sign.

    Work that the stack has not done yet is a sign, and so is a late answer. A load alone is no sign.
    """
    signs = []
    if not stack.drain(_DRAIN_SECONDS):
        signs.append(f"stream records were still unread after {_DRAIN_SECONDS:.0f} s more")
    began = clock()
    try:
        stack.invoke("orchestrator", {"__ping__": True})
    except LocalStackError as error:
        signs.append(f"a function did not answer ({error})")
    took = clock() - began
    if took > _LONGEST_ANSWER:
        signs.append(f"a function answered after {took:.0f} s")
    if not signs:
        return ""
    return f"{' and '.join(signs)}; the load is {os.getloadavg()[0]:.0f} on {os.cpu_count()} processors"
