"""Invokes the functions of a deployment, and asks each whether it is well."""

import json
from typing import Any

from interlock_local import LocalStackError


def invoke_function(functions: Any, environment: str, service: str, payload: dict[str, Any]) -> Any:
    """Invoke one of a deployment's functions and return its answer; LocalStackError when it failed."""
    name = f"{environment}-interlock-{service}"
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(payload).encode())
    body = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        raise LocalStackError(f"The function {name} failed: {json.dumps(body)[:600]}.")
    return body


def ping_function(functions: Any, environment: str, service: str) -> None:
    """LocalStackError unless the function says that it and what it touches are well."""
    health = invoke_function(functions, environment, service, {"__ping__": True})
    if health["status"] != "healthy":
        raise LocalStackError(f"The function {service} is not well: {json.dumps(health['checks'])}.")
