"""A dead letter: one record that cannot be handled, whole, with the reason why."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from interlock_dlq._classify import Permanence, classify
from interlock_dlq._errors import MalformedRecord

_LONGEST_REASON = 1000

OUTBOX = "outbox"
"""Source of letters whose payload is an event's row that the bus can never take, and no record of an event source."""


class DeadLetter(Struct, frozen=True, kw_only=True, rename="camel"):
    """One record that was taken out of its source.

    `id` is a ULID, so that letters sort by time; `source` names where the record came from (an ARN, a queue);
    `payload` is the record as it was received, nothing left out; `at` is when it was given up (UTC); `attempts`
    counts its deliveries, as far as the source tells.
    """

    id: str
    source: str
    reason: str
    error_type: str
    permanence: Permanence
    payload: Mapping[str, Any]
    at: datetime
    attempts: int = 1
    correlation_id: str | None = None


def make_letter(
    record: Mapping[str, Any],
    error: BaseException,
    *,
    source: str,
    now: datetime | None = None,
    attempts: int = 1,
    correlation_id: str | None = None,
) -> DeadLetter:
    """The letter for a record that failed with `error`."""
    from ulid import ULID  # slow to import, and most invocations have no dead letter

    at = now or datetime.now(UTC)
    return DeadLetter(
        id=str(ULID.from_datetime(at)),
        source=source,
        reason=_plain(str(error)[:_LONGEST_REASON]),
        error_type=type(error).__name__,
        permanence=classify(error),
        payload=record,
        at=at,
        attempts=attempts,
        correlation_id=correlation_id,
    )


def encode_letter(letter: DeadLetter) -> str:
    """The letter as JSON; a value that JSON does not know (a Decimal) is written as text.

    A payload that cannot be written at all is kept as its `repr`, under the one key `repr`.
    """
    try:
        return msgspec.json.encode(letter, enc_hook=str).decode()
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        # Lone surrogates and the like: better odd than lost.
        odd = msgspec.structs.replace(letter, payload={"repr": _plain(repr(letter.payload))})
        return msgspec.json.encode(odd).decode()


def decode_letter(text: str | bytes) -> DeadLetter:
    """The letter that `encode_letter` wrote; MalformedRecord for anything else."""
    try:
        return msgspec.json.decode(text, type=DeadLetter)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise MalformedRecord(f"not a dead letter: {error}") from error


def _plain(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
