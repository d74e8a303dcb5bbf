"""Invokes the functions of a deployment, and checks their health."""

import json
import time
from typing import Any

from interlock_local import LocalStackError

# Seconds.
_BUSY_PATIENCE = 120.0
_BETWEEN_PINGS = 0.2


def invoke_function(functions: Any, environment: str, service: str, payload: dict[str, Any]) -> Any:
    """Invoke a function of a deployment and return its answer. Raises LocalStackError if the function failed."""
    name = f"{environment}-interlock-{service}"
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(payload).encode())
    body = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        raise LocalStackError(f"The function {name} failed: {json.dumps(body)[:600]}.")
    return body


def ping_function(functions: Any, environment: str, service: str) -> None:
    """Check the health of a function and its resources.

    A function that works at its reserved concurrency rejects the ping. The ping is repeated until it is accepted.

    Raises:
        LocalStackError: the function is not healthy, or is busy for two minutes.
    """
    health = _ping(functions, environment, service)
    if health["status"] != "healthy":
        raise LocalStackError(f"The function {service} is not healthy: {json.dumps(health['checks'])}.")


def _ping(functions: Any, environment: str, service: str) -> Any:
    end = time.monotonic() + _BUSY_PATIENCE
    while True:
        try:
            return invoke_function(functions, environment, service, {"__ping__": True})
        except functions.exceptions.TooManyRequestsException as error:
            if time.monotonic() > end:
                raise LocalStackError(
                    f"The function {service} has rejected a ping for {_BUSY_PATIENCE:.0f} s: {error}."
                ) from None
        time.sleep(_BETWEEN_PINGS)
