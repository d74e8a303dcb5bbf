"""Requests to the JSON APIs of Airflow and Databricks, and the meaning of their answers for a start or a check."""

from collections.abc import Mapping
from typing import Any

from interlock_triggers._call import Call
from interlock_triggers._errors import TriggerError
from interlock_triggers._http import Forbidden, NotAccepted, Reply, Request, parse_url
from interlock_triggers._text import decoded
from interlock_triggers._types import Category

from ._forms import as_json

_LIMIT = 1024 * 1024
_THROTTLED = (408, 429)
_GONE = (404, 410)


def send(
    call: Call[Any],
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Mapping[str, Any] | None = None,
    *,
    seconds: float = 30.0,
    doubtful: bool = False,
) -> Reply:
    """Send one request. Raises Unclear and NotAccepted like the caller, and NotAccepted for a forbidden URL."""
    sent = {"Accept": "application/json", **headers}
    if body is not None:
        sent["Content-Type"] = "application/json"
    content = None if body is None else as_json(body).encode()
    try:
        parse_url(url)
    except Forbidden as error:
        raise NotAccepted(Category.PERMANENT, str(error)) from None
    request = Request(method, url, sent, content, seconds, _LIMIT)
    return call.clients.caller.call(request, call.deadline, doubtful=doubtful)


def object_of(call: Call[Any], reply: Reply) -> Mapping[str, Any]:
    """The JSON object of a reply to a question. Raises CheckFailed for any other reply."""
    if not reply.ok:
        raise answer_error(call, reply)
    document = parsed(reply)
    if document is None:
        raise call.unreadable("the answer is not a JSON object")
    return document


def parsed(reply: Reply) -> Mapping[str, Any] | None:
    """The JSON object of a reply, or None."""
    try:
        document = reply.answer.json()
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def answer_error(call: Call[Any], reply: Reply) -> TriggerError:
    """The error for a question whose answer has a status outside of 2xx."""
    message = f"answered {reply.status}{said(call, reply)}"
    # Only the API answers with JSON. A page of a proxy does not know whether a job exists.
    if reply.status in _GONE and parsed(reply) is not None:
        return call.gone(message)
    again = reply.status >= 500 or reply.status in _THROTTLED
    return call.unreadable(message, Category.TRANSIENT if again else Category.PERMANENT)


def said(call: Call[Any], reply: Reply) -> str:
    """The start of a reply's body, after a colon."""
    text = decoded(call.redactor.scrub_bytes(reply.answer.body))
    return f": {text}" if text else ""
