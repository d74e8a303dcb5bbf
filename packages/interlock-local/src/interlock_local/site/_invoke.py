"""Invokes the functions of a deployment, and checks their health."""

import json
import time
from typing import Any

from interlock_local import LocalStackError

# Seconds.
_PATIENCE = 120.0
_BETWEEN_PINGS = 0.2

_LONGEST = 600
_ERROR, _OF_FILES = "error: ", "targets"
_SLOW = ("no answer within", "RetryLater: too little time is left")
"""The begins of faults that a busy machine causes: of a check without an answer, and of one that began too late."""


def invoke_function(functions: Any, environment: str, service: str, payload: dict[str, Any]) -> Any:
    """Invoke a function of a deployment and return its answer. Raises LocalStackError if the function failed."""
    name = f"{environment}-interlock-{service}"
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(payload).encode())
    body = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        raise LocalStackError(f"The function {name} failed: {_failure_in(body)[:_LONGEST]}.")
    return body


def ping_function(functions: Any, environment: str, service: str) -> list[str]:
    """Check the health of a function and its resources. The result are the faults that the user's files cause.

    A function that works at its reserved concurrency rejects the ping. On a busy machine a check may take longer than
    the ping waits for it. Both are no faults, and the ping is repeated.

    Raises:
        LocalStackError: the function is not healthy, or is busy or slow for two minutes.
    """
    end = time.monotonic() + _PATIENCE
    while True:
        faults = _faults_in(_ping(functions, environment, service, end))
        # A wrong target of alerts.yaml lets alerts wait. The stack must run, so that another file can be pushed.
        of_files = [faults.pop(_OF_FILES)] if _OF_FILES in faults else []
        is_slow = bool(faults) and all(text.startswith(_SLOW) for text in faults.values())
        if not is_slow:
            break
        if time.monotonic() > end:
            checked = " and ".join(faults)
            raise LocalStackError(
                f"The machine is slow: the function {service} has not checked {checked} in time for {_PATIENCE:.0f} s."
            )
        time.sleep(_BETWEEN_PINGS)
    if faults:
        listed = "; ".join(f"{name}: {text}" for name, text in faults.items())
        raise LocalStackError(f"The function {service} is not healthy: {listed}.")
    return of_files


def _faults_in(answer: Any) -> dict[str, str]:
    checks: dict[str, str] = answer["checks"]
    return {name: text.removeprefix(_ERROR) for name, text in checks.items() if text.startswith(_ERROR)}


def _failure_in(body: Any) -> str:
    """The error of a function in one sentence, as Lambda reports it."""
    if isinstance(body, dict) and isinstance(message := body.get("errorMessage"), str):
        kind = body.get("errorType")
        return f"{kind}: {message}" if kind else message
    return json.dumps(body)


def _ping(functions: Any, environment: str, service: str, end: float) -> Any:
    while True:
        try:
            return invoke_function(functions, environment, service, {"__ping__": True})
        except functions.exceptions.TooManyRequestsException as error:
            if time.monotonic() > end:
                raise LocalStackError(
                    f"The function {service} has rejected a ping for {_PATIENCE:.0f} s: {error}."
                ) from None
        time.sleep(_BETWEEN_PINGS)
