"""The http type: one request. The answer is the outcome."""

import json
from collections.abc import Mapping
from typing import Any

from interlock_triggers._call import Call
from interlock_triggers._errors import StartRejected
from interlock_triggers._http import Forbidden, NotAccepted, Reply, Request, Unclear, checked_headers, parse_url
from interlock_triggers._text import decoded
from interlock_triggers._types import Attempt, Category, Started, over, succeeded

from ._forms import BadConfig, HttpForm, Text, as_json, as_text, seconds

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_WITH_BODY = ("POST", "PUT", "PATCH")
_THROTTLED = (408, 429)


def start(call: Call[HttpForm], attempt: Attempt) -> Started:
    """Send the request. Its answer ends the job."""
    request = _request(call, attempt)
    host = parse_url(request.url).authority
    try:
        reply = call.clients.caller.call(request, call.deadline, doubtful=attempt.resumed)
    except NotAccepted as error:
        raise call.rejected(error.category, str(error)) from None
    except Unclear as error:
        raise call.unconfirmed(str(error), error.category) from None
    if reply.ok:
        return over(call.type, succeeded(status=str(reply.status)))
    raise start_error(call, host, reply)


def start_error(call: Call[Any], host: str, reply: Reply) -> Exception:
    """The error for a start whose answer is not a success.

    In doubt, no such answer rejects the first request: the target may answer 409 or 422 to a known key, and a target
    that has changed meanwhile may give any answer.
    """
    message = answered(call, host, reply)
    return call.unconfirmed(message) if reply.doubtful else rejection(call, message, reply)


def rejection(call: Call[Any], message: str, reply: Reply) -> StartRejected:
    """The error for an answer that certainly rejected the start."""
    again = reply.status >= 500 or reply.status in _THROTTLED
    return call.rejected(Category.TRANSIENT if again else Category.PERMANENT, message)


def answered(call: Call[Any], host: str, reply: Reply) -> str:
    """The answer of a host as text, with the start of its body."""
    said = decoded(call.redactor.scrub_bytes(reply.answer.body))
    return f"{host} answered {reply.status}{f': {said}' if said else ''}"


def _request(call: Call[HttpForm], attempt: Attempt) -> Request:
    config = call.config
    if config.method not in _METHODS:
        raise call.rejected(Category.PERMANENT, f"method must be one of {', '.join(_METHODS)}")
    body, content_type = _body(config, attempt)
    try:
        parse_url(config.url)
        headers = configured_headers(config.headers)
        limit = seconds(config.timeout)
    except (Forbidden, BadConfig) as error:
        raise call.rejected(Category.PERMANENT, str(error)) from None
    if body is not None and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = content_type
    headers["Idempotency-Key"] = attempt.key
    if attempt.traceparent is not None and not any(name.lower() == "traceparent" for name in headers):
        headers["traceparent"] = attempt.traceparent
    return Request(config.method, config.url, headers, body, limit)


def configured_headers(headers: Mapping[str, Text]) -> dict[str, str]:
    """Headers of a config as text, checked. Raises Forbidden for a header that must not be sent."""
    return checked_headers({name: as_text(value) for name, value in headers.items()})


def _body(config: HttpForm, attempt: Attempt) -> tuple[bytes | None, str]:
    """The body and its type. Without a configured body, methods with a body send the execution date."""
    if config.body is None:
        wanted = attempt.partition if config.method in _WITH_BODY else None
        return (None if wanted is None else as_json(wanted).encode()), "application/json"
    if isinstance(config.body, str):
        return config.body.encode(), "application/json" if _is_json(config.body) else "text/plain; charset=utf-8"
    return as_json(config.body).encode(), "application/json"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
