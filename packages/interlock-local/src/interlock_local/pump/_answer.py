"""What a function's answer to a batch means: all done, failed from some record on, or never delivered."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from interlock_local.pump._record import LastAttempt, StreamRecord


class Done(Struct, frozen=True):
    """The whole batch was handled."""


class FailedFrom(Struct, frozen=True):
    """The records before ``index`` were handled; the one at ``index`` was not, and counts as failed."""

    index: int
    last: LastAttempt
    reason: str


class Undelivered(Struct, frozen=True):
    """The function never ran (throttled, or its service could not be reached): nobody's failure, so try again."""

    reason: str


Answer = Done | FailedFrom | Undelivered


def read_answer(response: Mapping[str, Any], body: bytes, records: Sequence[StreamRecord], *, partial: bool) -> Answer:
    """Judge an Invoke response as AWS's event source mapping does.

    ``partial`` says whether the mapping reports batch item failures. Then no answer, an empty one, or an absent,
    null or empty ``batchItemFailures`` is success; a malformed answer or an identifier that is empty, missing or
    not of this batch fails the whole batch; otherwise the batch failed from its lowest named record on.
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
        return FailedFrom(0, last, "the function named a record that is not of this batch")
    return FailedFrom(min(known), last, "the function named failed records")


def _named_failures(body: bytes) -> list[str] | None:
    """The identifiers that the answer names; None for an answer that is not of the known shape."""
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
    # A missing or null identifier is no record of the batch, which fails it as a whole.
    return [str(item.get("itemIdentifier") or "") for item in failures]
