"""The airflow type: a DAG run whose id is the attempt's key, so that it exists at most once."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from interlock_triggers._call import Call
from interlock_triggers._http import NotAccepted, Reply, Unclear, parse_url
from interlock_triggers._types import Attempt, Category, Started, Status, failed, running, succeeded

from . import _airflow_api, _json_api
from ._airflow_api import V1, Api
from ._forms import AirflowForm
from ._http import answered, rejection, start_error

_RUNNING = ("queued", "running", "restarting", "scheduled")
_SAYS_NOTHING_ABOUT_THE_FIRST = (401, 403, 408, 425, 429)
"""Answers to a repeated start that leave open whether the first start arrived, although its run does not exist yet."""
_SET_HERE = ("dag_run_id", "logical_date", "execution_date")
_OF_THE_API = ("conf", "note", "data_interval_start", "data_interval_end", "run_after")


def start(call: Call[AirflowForm], attempt: Attempt) -> Started:
    """Create the DAG run."""
    body = _body(call, attempt)
    try:
        api = _airflow_api.reach(call)
        if api.version == V1:
            # Airflow 2 allows one run per logical date. This instant is unique and never in the future.
            body["logical_date"] = datetime.fromtimestamp(call.clients.timing.now(), UTC).isoformat()
        else:
            body["logical_date"] = None
    except NotAccepted as error:
        raise _before_start(call, attempt, error) from None
    started = Started(call.type, attempt.key, None, {"api": api.version})
    url = api.runs(call.config.dag_id)
    try:
        reply = _airflow_api.send(call, api, "POST", url, body, doubtful=attempt.resumed)
    except NotAccepted as error:
        raise _before_start(call, attempt, error) from None
    except Unclear as error:
        return _settled(call, api, attempt, started, call.unconfirmed(str(error), error.category))
    return _answered(call, api, attempt, started, reply)


def _answered(call: Call[AirflowForm], api: Api, attempt: Attempt, started: Started, reply: Reply) -> Started:
    host = parse_url(call.config.url).authority
    if reply.ok:
        if (_json_api.parsed(reply) or {}).get("dag_run_id") == attempt.key:
            return started
        error: Exception = call.unconfirmed(f"{host} answered {reply.status}, but not with our DAG run")
        return _settled(call, api, attempt, started, error)
    if reply.status == 409:
        rejected = call.rejected(
            Category.PERMANENT,
            f"{host} answered 409 and has no DAG run of this attempt{_json_api.said(call, reply)}",
        )
        return _settled(call, api, attempt, started, rejected)
    error = start_error(call, host, reply)
    if not reply.doubtful:
        raise error
    if reply.status < 500 and reply.status not in _SAYS_NOTHING_ABOUT_THE_FIRST:
        error = rejection(call, answered(call, host, reply), reply)
    return _settled(call, api, attempt, started, error)


def _before_start(call: Call[AirflowForm], attempt: Attempt, error: NotAccepted) -> Exception:
    """The error when this invocation sent no start, although an earlier invocation may have sent one."""
    if attempt.resumed:
        return call.unconfirmed(str(error), error.category)
    return call.rejected(error.category, str(error))


def _settled(call: Call[AirflowForm], api: Api, attempt: Attempt, started: Started, otherwise: Exception) -> Started:
    """Return the start if our run exists. Raise the error otherwise."""
    try:
        if _exists(call, api, attempt):
            return started
    except (NotAccepted, Unclear) as error:
        raise call.unconfirmed(f"the server cannot be asked for the DAG run: {error}", error.category) from None
    raise otherwise


def _exists(call: Call[AirflowForm], api: Api, attempt: Attempt) -> bool:
    reply = _airflow_api.send(call, api, "GET", api.run(call.config.dag_id, attempt.key))
    if reply.ok and (_json_api.parsed(reply) or {}).get("dag_run_id") == attempt.key:
        return True
    if reply.status == 404:
        return False
    raise Unclear(f"answered {reply.status}", timed_out=False)


def find(call: Call[AirflowForm], attempt: Attempt) -> str | None:
    """The attempt's DAG run, if it exists."""
    try:
        api = _airflow_api.reach(call)
        return attempt.key if _exists(call, api, attempt) else None
    except (NotAccepted, Unclear) as error:
        raise call.unreadable(str(error), error.category) from None


def check(call: Call[AirflowForm], run_id: str, details: Mapping[str, str]) -> Status:
    """The status of a DAG run."""
    try:
        api = _airflow_api.reach(call, details.get("api"))
        reply = _airflow_api.send(call, api, "GET", api.run(call.config.dag_id, run_id))
    except (NotAccepted, Unclear) as error:
        raise call.unreadable(str(error), error.category) from None
    run = _json_api.object_of(call, reply)
    state = str(run.get("state") or "")
    if state in _RUNNING:
        return running(state=state)
    duration = _seconds_between(run.get("start_date"), run.get("end_date"))
    if state == "success":
        return succeeded(duration, state=state)
    if state == "failed":
        return failed(Category.TRANSIENT, f"DAG run {run_id} failed", duration, state=state)
    raise call.unreadable(f"Airflow reports an unknown state: {call.clean(state) or 'none'}")


def _body(call: Call[AirflowForm], attempt: Attempt) -> dict[str, Any]:
    """The API's request body. A body without any of the API's fields is the conf. The conf gets the execution date."""
    given = call.config.body
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            raise call.rejected(Category.PERMANENT, "the body is a text that is not JSON") from None
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise call.rejected(Category.PERMANENT, "the body must be an object")
    owned = [name for name in _SET_HERE if name in given]
    if owned:
        raise call.rejected(Category.PERMANENT, f"the body's {owned[0]} is set by the trigger")
    fields = given if any(name in given for name in _OF_THE_API) else {"conf": given}
    conf = fields.get("conf") or {}
    if not isinstance(conf, dict):
        raise call.rejected(Category.PERMANENT, "the body's conf must be an object")
    return {
        **fields,
        "conf": {"date": attempt.date, **attempt.partition, **conf},
        "dag_run_id": attempt.key,
    }


def _seconds_between(begin: object, end: object) -> float | None:
    try:
        first, last = (datetime.fromisoformat(str(text)) for text in (begin, end))
        return (last - first).total_seconds()
    except (ValueError, TypeError):
        return None
