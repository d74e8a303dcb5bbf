"""Passes plain requests to the tables and their streams to the service behind, without the routing of the server.

The routing looks for dozens of services, hosts and paths before each request, which takes as long as a small read.
"""

import base64
import logging
import os
import uuid
from typing import Any

import msgspec
from ministack import app as behind
from ministack.core import responses
from ministack.services import dynamodb, dynamodb_streams

from interlock_local.keys import ACCESS_KEY, REGION
from interlock_local.server._access import Request
from interlock_local.server._durable import Answer
from interlock_local.server._tables import STREAM_TARGET, TABLE_TARGET

log = logging.getLogger(__name__)

_SERVICES: dict[str, Any] = {TABLE_TARGET: dynamodb, STREAM_TARGET: dynamodb_streams}


def is_direct(request: Request) -> bool:
    """Whether a request is one to the tables or their streams in its plain form. Its signature was checked."""
    if request.method != "POST" or request.path != "/" or request.query or "content-encoding" in request.headers:
        return False
    return request.headers.get("x-amz-target", "").partition(".")[0] in _SERVICES


async def answer_directly(request: Request) -> Answer:
    """The answer of the service, with the headers that the routing adds."""
    # The server behind resets its state under this lock.
    async with behind._get_reset_lock():
        pass
    responses.set_request_account_id(ACCESS_KEY)
    responses.set_request_region(REGION)
    service = _SERVICES[request.headers["x-amz-target"].partition(".")[0]]
    number = str(uuid.uuid4())
    try:
        status, headers, body = await service.handle_request("POST", "/", dict(request.headers), request.body, {})
    except Exception as error:
        log.exception("a request to the tables failed")
        status, headers = 500, {"Content-Type": "application/json"}
        body = msgspec.json.encode({"__type": "InternalError", "message": str(error)})
    headers |= {
        "x-amzn-requestid": number,
        "x-amz-request-id": number,
        "x-amz-id-2": base64.b64encode(os.urandom(48)).decode(),
    }
    wire = [(str(name).encode("latin-1"), str(value).encode("latin-1")) for name, value in headers.items()]
    return Answer(status, wire, body if isinstance(body, bytes) else body.encode())
