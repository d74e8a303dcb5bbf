"""Invokes the functions of a deployment, and checks their health."""

import json
from typing import Any

from interlock_local import LocalStackError


def invoke_function(functions: Any, environment: str, service: str, payload: dict[str, Any]) -> Any:
    """Invoke a function of a deployment and return its answer. Raises LocalStackError if the function failed."""
    name = f"{environment}-interlock-{service}"
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(payload).encode())
    body = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        raise LocalStackError(f"The function {name} failed: {json.dumps(body)[:600]}.")
    return body


def ping_function(functions: Any, environment: str, service: str) -> None:
    """Check the health of a function and its resources. Raises LocalStackError if it is not healthy."""
    health = invoke_function(functions, environment, service, {"__ping__": True})
    if health["status"] != "healthy":
        raise LocalStackError(f"The function {service} is not healthy: {json.dumps(health['checks'])}.")
