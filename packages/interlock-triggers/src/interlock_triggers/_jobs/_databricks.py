"""The databricks type: a run of a job, deduplicated by its idempotency token."""

from collections.abc import Mapping
from typing import Any

from interlock_triggers._call import Call
from interlock_triggers._http import Forbidden, NotAccepted, Reply, Unclear, parse_url
from interlock_triggers._types import Attempt, Category, Started, Status, failed, running, succeeded

from . import _json_api
from ._forms import DatabricksForm
from ._http import configured_headers, start_error

_API = "/api/2.1/jobs"
_RUNNING = ("QUEUED", "PENDING", "RUNNING", "TERMINATING", "BLOCKED", "WAITING_FOR_RETRY", "WAITING")
_SUCCESS = ("SUCCESS", "SUCCESS_WITH_FAILURES")
_TIMED_OUT = ("TIMEDOUT", "RUN_EXECUTION_TIMED_OUT", "TIMED_OUT")
_NEVER_RAN = ("SKIPPED", "EXCLUDED", "DISABLED", "MAXIMUM_CONCURRENT_RUNS_REACHED", "MAX_CONCURRENT_RUNS_REACHED")
_OF_THE_API = frozenset(
    (
        "dbt_commands",
        "jar_params",
        "job_parameters",
        "notebook_params",
        "only",
        "performance_target",
        "pipeline_params",
        "python_named_params",
        "python_params",
        "queue",
        "spark_submit_params",
        "sql_params",
    )
)


def start(call: Call[DatabricksForm], attempt: Attempt) -> Started:
    """Run the job now."""
    body = {**_arguments(call), "job_id": _job_id(call), "idempotency_token": attempt.key}
    try:
        url, headers = _address(call, "run-now")
        reply = _json_api.send(call, "POST", url, headers, body, doubtful=attempt.resumed)
    except NotAccepted as error:
        if attempt.resumed and error.category is not Category.PERMANENT:
            raise call.unconfirmed(str(error), error.category) from None
        raise call.rejected(error.category, str(error)) from None
    except Unclear as error:
        raise call.unconfirmed(str(error), error.category) from None
    host = parse_url(url).authority
    if not reply.ok:
        raise start_error(call, host, reply)
    run_id = (_json_api.parsed(reply) or {}).get("run_id")
    if not isinstance(run_id, int) or isinstance(run_id, bool):
        raise call.unconfirmed(f"{host} answered {reply.status}, but without a run_id")
    return Started(call.type, str(run_id))


def _job_id(call: Call[DatabricksForm]) -> int:
    text = str(call.config.job_id)
    if not (text.isascii() and text.isdigit()):
        raise call.rejected(Category.PERMANENT, "jobId must be the job's number")
    return int(text)


def _arguments(call: Call[DatabricksForm]) -> Mapping[str, Any]:
    """Fields of the API, unchanged. Any other arguments are job parameters, whose values are text."""
    given = call.config.arguments
    if not given or _OF_THE_API.issuperset(given):
        return given
    return {"job_parameters": {name: _parameter(value) for name, value in given.items()}}


def _parameter(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _address(call: Call[DatabricksForm], path: str) -> tuple[str, dict[str, str]]:
    try:
        parse_url(call.config.workspace_url)
        headers = configured_headers(call.config.headers)
    except Forbidden as error:
        raise NotAccepted(Category.PERMANENT, str(error)) from None
    return f"{call.config.workspace_url.partition('?')[0].rstrip('/')}{_API}/{path}", headers


def check(call: Call[DatabricksForm], run_id: str) -> Status:
    """The status of a run."""
    if not (run_id.isascii() and run_id.isdigit()):
        raise call.unreadable("the run id is not a number", Category.PERMANENT)
    try:
        url, headers = _address(call, f"runs/get?run_id={run_id}")
        reply = _json_api.send(call, "GET", url, headers)
    except (NotAccepted, Unclear) as error:
        raise call.unreadable(str(error), error.category) from None
    if _knows_no_such_run(reply):
        raise call.gone(f"answered {reply.status}{_json_api.said(call, reply)}")
    return _status(call, _json_api.object_of(call, reply))


def _knows_no_such_run(reply: Reply) -> bool:
    """Databricks answers 400 for a removed run (after 60 days, or by hand). Only the message names the reason."""
    document = _json_api.parsed(reply) or {}
    return reply.status == 400 and "does not exist" in str(document.get("message") or "")


def _status(call: Call[DatabricksForm], run: Mapping[str, Any]) -> Status:
    state = run.get("state")
    if not isinstance(state, dict):
        raise call.unreadable("the answer lacks state")
    life, result = str(state.get("life_cycle_state") or ""), str(state.get("result_state") or "")
    if life in _RUNNING:
        return running(state=life)
    said = call.clean(str(state.get("state_message") or ""))
    shown = result or life
    reason = f"{shown}{f': {said}' if said else ''}"
    duration = _duration(run)
    if life not in ("TERMINATED", "SKIPPED", "INTERNAL_ERROR"):
        raise call.unreadable(f"Databricks reports an unknown state: {call.clean(shown) or 'none'}")
    if life == "SKIPPED" or result in _NEVER_RAN:
        return failed(Category.PERMANENT, reason, duration, state=shown)
    if life == "TERMINATED" and result in _SUCCESS:
        return succeeded(duration, "" if result == "SUCCESS" else reason, state=shown)
    if life == "TERMINATED" and not result:
        raise call.unreadable("the run ended, but its result is missing")
    category = Category.TIMEOUT if result in _TIMED_OUT else Category.TRANSIENT
    return failed(category, reason, duration, state=shown)


def _duration(run: Mapping[str, Any]) -> float | None:
    begin, end = run.get("start_time"), run.get("end_time")
    if isinstance(begin, int) and isinstance(end, int) and end >= begin > 0:
        return (end - begin) / 1000
    return None
