"""Makes the states of the server that wait at a task token behave as in Step Functions.

The server behind ignores TimeoutSecondsPath. It ignores the error of a Lambda function that such a state calls, so that
the state waits until its timeout for an answer that cannot come. And a retry waits at the token of the attempt before.
"""

import contextvars
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import stepfunctions

from interlock_local.server._behind import check_functions

_Context = dict[str, Any]
_Execute = Callable[[Mapping[str, Any], Any, dict[str, Any], _Context], tuple[Any, str | None]]
_Wait = Callable[[str, Any, str, Mapping[str, Any]], Any]

_EXPECTED = {
    "_execute_task": ("state_def", "raw_input", "execution", "ctx"),
    "_invoke_with_callback": ("resource", "input_data", "token", "state_def"),
    "_call_lambda": ("func_ref", "event"),
    "_resolve_lambda_function_ref": ("value", "optimized"),
    "_apply_input_path": ("state_def", "data", "ctx"),
    "_resolve_path_or_ctx": ("path", "data", "ctx"),
}
"""The functions of the server behind that are replaced or used, with their parameters."""

_LONGEST = 99_999_999
"""The timeout of a state without one, in seconds, as in Step Functions."""

_context: contextvars.ContextVar[_Context] = contextvars.ContextVar("context of the task")


def install_task_tokens() -> None:
    """Replace the functions of the server in this process. Call it once, before the first execution.

    Raises LocalStackError if they are not those of the pinned version.
    """
    check_functions(stepfunctions, _EXPECTED)
    tasks = _Tasks(stepfunctions._execute_task, stepfunctions._invoke_with_callback)
    stepfunctions._execute_task = tasks.execute
    stepfunctions._invoke_with_callback = tasks.wait


class _Tasks:
    """The replaced functions, around those of the server behind."""

    def __init__(self, execute: _Execute, wait: _Wait) -> None:
        self._execute = execute
        self._wait = wait

    def execute(
        self, state: Mapping[str, Any], given: Any, execution: dict[str, Any], context: _Context
    ) -> tuple[Any, str | None]:
        """Execute a task state. The answer is its output and the next state."""
        before = _context.set(context)
        try:
            return self._execute(_with_timeout(state, given, context), given, execution, context)
        finally:
            _context.reset(before)

    def wait(self, resource: str, arguments: Any, token: str, state: Mapping[str, Any]) -> Any:
        """Call the resource of a state and wait at the token. A failed attempt leaves a new token for the next."""
        try:
            if "states:::lambda:invoke" in resource:
                return _call_and_wait(arguments, token, state.get("TimeoutSeconds", _LONGEST))
            return self._wait(resource, arguments, token, state)
        except stepfunctions._ExecutionError:
            _context.get()["Task"] = {"Token": stepfunctions.new_uuid()}
            raise


def _with_timeout(state: Mapping[str, Any], given: Any, context: _Context) -> Mapping[str, Any]:
    """The state with the number of seconds to which its TimeoutSecondsPath leads."""
    path = state.get("TimeoutSecondsPath")
    if path is None:
        return state
    seconds = stepfunctions._resolve_path_or_ctx(path, stepfunctions._apply_input_path(state, given, context), context)
    if type(seconds) is not int or seconds <= 0:
        raise stepfunctions._ExecutionError(
            "States.Runtime", f"The TimeoutSecondsPath {path} must lead to a positive whole number."
        )
    return {**state, "TimeoutSeconds": seconds}


def _call_and_wait(arguments: Any, token: str, timeout: float) -> Any:
    """Invoke the function of an optimized integration, and wait for the token's answer.

    The timeout includes the invocation. An answer that comes before the end of the invocation counts at once.
    """
    function = stepfunctions._resolve_lambda_function_ref(arguments.get("FunctionName", ""), optimized=True)
    answered = threading.Event()
    stepfunctions._task_tokens[token] = {"event": answered, "result": None, "error": None, "heartbeat": None}
    # The account and the region of the request are context variables, which a new thread does not inherit.
    call = contextvars.copy_context().run
    parts = (_call, function, arguments.get("Payload", arguments), token)
    threading.Thread(target=call, args=parts, name="task-token-call", daemon=True).start()
    answered.wait(timeout)
    answer = stepfunctions._task_tokens.pop(token, {})
    # An answer between the end of the wait and the removal of the token was accepted, so it counts.
    if not answered.is_set():
        raise stepfunctions._ExecutionError("States.Timeout", f"No answer for the task token within {timeout} s.")
    if error := answer.get("error"):
        raise stepfunctions._ExecutionError(error["Error"], error["Cause"])
    return _read(answer.get("result"))


def _call(function: str, payload: Any, token: str) -> None:
    """Invoke a function. Its error is the answer of the token, unless there is one already."""
    try:
        stepfunctions._call_lambda(function, payload)
    except stepfunctions._ExecutionError as error:
        _fail(token, error.error, error.cause)
    except Exception as error:  # noqa: BLE001 (without an answer the state would wait until its timeout)
        _fail(token, "Lambda.Unknown", f"{type(error).__name__}: {error}")


def _fail(token: str, error: str, cause: str) -> None:
    answer = stepfunctions._task_tokens.get(token)
    if answer is not None and not answer["event"].is_set():
        answer["error"] = {"Error": error, "Cause": cause}
        answer["event"].set()


def _read(output: Any) -> Any:
    try:
        return json.loads(output) if isinstance(output, str) else output
    except ValueError:
        return output
