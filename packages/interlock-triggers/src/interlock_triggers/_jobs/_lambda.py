"""The lambda type: one synchronous invocation, never repeated. Its answer is the outcome."""

import json
from collections.abc import Mapping
from typing import Any

from interlock_triggers._call import Call
from interlock_triggers._types import Attempt, Category, Started, Status, failed, over, succeeded

from ._aws import AwsTrouble, ask
from ._forms import LambdaForm, as_json

_PAYLOAD_BYTES = 6 * 1024 * 1024
_ANSWER_BYTES = 64 * 1024
_LONGEST_SECONDS = 900
_BROKEN_CODE = (
    "Runtime.ImportModuleError",
    "Runtime.HandlerNotFound",
    "Runtime.UserCodeSyntaxError",
    "Runtime.InvalidEntrypoint",
)
_NOT_INVOKED = frozenset(
    (
        "CodeStorageExceededException",
        "EC2AccessDeniedException",
        "EC2ThrottledException",
        "EC2UnexpectedException",
        "EFSIOException",
        "EFSMountConnectivityException",
        "EFSMountFailureException",
        "EFSMountTimeoutException",
        "ENILimitReachedException",
        "InvalidRuntimeException",
        "InvalidSecurityGroupIDException",
        "InvalidSubnetIDException",
        "InvalidZipFileException",
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
        "ResourceConflictException",
        "ResourceNotReadyException",
        "SnapStartException",
        "SnapStartNotReadyException",
        "SnapStartTimeoutException",
        "SubnetIPAddressLimitReachedException",
    )
)
"""5xx answers that come before the function runs."""
_BUSY_STATUS = 503


def start(call: Call[LambdaForm], attempt: Attempt) -> Started:
    """Invoke the function. Its answer ends the job."""
    payload = _payload(call, attempt)
    if attempt.resumed:
        raise call.unknown("an earlier invocation may have invoked the function")
    name = call.config.function_name
    try:
        answer = ask(
            call,
            "lambda",
            "invoke",
            {"FunctionName": name, "InvocationType": "RequestResponse", "Payload": payload},
            region=_region(name),
            longest=_LONGEST_SECONDS,
            read=_with_payload,
        )
    except AwsTrouble as trouble:
        raise _start_error(call, trouble) from None
    return over(call.type, _status(call, answer))


def _with_payload(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**answer, "Payload": answer["Payload"].read(_ANSWER_BYTES)}


def _region(name: str) -> str | None:
    parts = name.split(":")
    return parts[3] if len(parts) >= 7 and parts[0] == "arn" else None


def _payload(call: Call[LambdaForm], attempt: Attempt) -> bytes:
    """The payload, a structure as JSON. Without a configured payload, the execution date."""
    given = call.config.payload
    text = given if isinstance(given, str) else as_json(attempt.partition if given is None else given)
    if isinstance(given, str):
        try:
            json.loads(given)
        except ValueError:
            raise call.rejected(Category.PERMANENT, "the payload is a text that is not JSON") from None
    payload = text.encode()
    if len(payload) > _PAYLOAD_BYTES:
        raise call.rejected(Category.PERMANENT, f"the payload exceeds {_PAYLOAD_BYTES} bytes")
    return payload


def _start_error(call: Call[LambdaForm], trouble: AwsTrouble) -> Exception:
    """An error is a rejection only if the function certainly did not run. Any other 5xx may come after the function."""
    server_side = trouble.status >= 500 and trouble.status != _BUSY_STATUS
    if trouble.code in _NOT_INVOKED or not (trouble.maybe or server_side):
        return call.rejected(trouble.category, call.clean(str(trouble)))
    return call.unknown(call.clean(str(trouble)), trouble.category)


def _status(call: Call[LambdaForm], answer: Mapping[str, Any]) -> Status:
    body = answer["Payload"].decode("utf-8", "replace")
    if not answer.get("FunctionError"):
        return succeeded(output=call.clean(body))
    try:
        error = json.loads(body)
    except ValueError:
        error = {}
    kind = str(error.get("errorType") or "") if isinstance(error, dict) else ""
    message = str(error.get("errorMessage") or "") if isinstance(error, dict) else ""
    reason = ": ".join(filter(None, ("the function failed", kind, message or body)))
    return failed(_category(kind, message), call.clean(reason), error=call.clean(kind))


def _category(kind: str, message: str) -> Category:
    if kind == "Sandbox.Timedout" or "Task timed out after" in message:
        return Category.TIMEOUT
    return Category.PERMANENT if kind in _BROKEN_CODE else Category.TRANSIENT
