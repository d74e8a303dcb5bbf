"""Reads the answer of a function to a batch: done, failed from a record on, or not delivered."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from interlock_local.pump._record import LastAttempt, StreamRecord


class Done(Struct, frozen=True):
    """The whole batch was handled."""


class FailedFrom(Struct, frozen=True):
    """The records before ``index`` were handled. The record at ``index`` failed."""

    index: int
    last: LastAttempt
    reason: str


class Undelivered(Struct, frozen=True):
    """The function did not run: it was throttled or unreachable. This does not count as a failure."""

    reason: str


Answer = Done | FailedFrom | Undelivered


def read_answer(response: Mapping[str, Any], body: bytes, records: Sequence[StreamRecord], *, partial: bool) -> Answer:
    """Read an Invoke response like the event source mapping of AWS.

    ``partial``: whether the mapping reports batch item failures. Then no answer, an empty answer, and an absent, null
    or empty ``batchItemFailures`` are success. A malformed answer fails the whole batch, and so does an identifier
    that is empty, missing or of another batch. Otherwise the batch failed from its lowest named record on.
    """
    last = LastAttempt(
        request_id=response.get("ResponseMetadata", {}).get("RequestId", ""),
        function_error=response.get("FunctionError"),
        status_code=response.get("StatusCode", 200),
        executed_version=response.get("ExecutedVersion", "$LATEST"),
    )
    if last.function_error is not None:
        return FailedFrom(0, last, body[:500].decode("utf-8", "replace"))
    if not partial:
        return Done()
    failures = _named_failures(body)
    if failures is None:
        return FailedFrom(0, last, "the function's answer is not a partial batch response")
    if not failures:
        return Done()
    places = {record.sequence_number: index for index, record in enumerate(records)}
    indexes = [places.get(identifier) for identifier in failures]
    known = [index for index in indexes if index is not None]
    if len(known) < len(indexes):
        return FailedFrom(0, last, "the function named a record of another batch")
    return FailedFrom(min(known), last, "the function named failed records")


def _named_failures(body: bytes) -> list[str] | None:
    """The identifiers that the answer names. None for an answer of another shape."""
    if not body.strip():
        return []
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    if answer in (None, "", {}):
        return []
    if not isinstance(answer, dict):
        return None
    failures = answer.get("batchItemFailures")
    if failures is None:
        return []
    if not isinstance(failures, list) or not all(isinstance(item, dict) for item in failures):
        return None
    # A missing or null identifier does not name a record of the batch, so the whole batch fails.
    return [str(item.get("itemIdentifier") or "") for item in failures]
