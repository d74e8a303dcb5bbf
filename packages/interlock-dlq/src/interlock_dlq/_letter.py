"""Defines the dead letter: one whole record that can never be processed, with the reason."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from interlock_dlq._classify import Permanence, classify
from interlock_dlq._errors import MalformedRecord
from interlock_dlq._text import encodable, repr_of, text_of

_LONGEST_REASON = 1000

OUTBOX = "outbox"
"""Source of letters that contain a row of the table: of an event that the bus rejects for good, or a corrupted one."""


class DeadLetter(Struct, frozen=True, kw_only=True, rename="camel"):
    """One record that was removed from its source.

    id: a ULID, so that letters sort by time. source: the origin of the record (an ARN, a queue).
    payload: the whole record as received. at: the time of the removal (UTC).
    attempts: the number of deliveries, 1 if the source does not report it.
    stored_at: the place of a letter that is too large for its queue, whose payload is empty here: an address as
    s3://bucket/key, or "the log".
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
    stored_at: str = ""


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
        reason=encodable(text_of(error)[:_LONGEST_REASON]),
        error_type=type(error).__name__,
        permanence=classify(error),
        payload=record,
        at=at,
        attempts=attempts,
        correlation_id=correlation_id,
    )


def encode_letter(letter: DeadLetter) -> str:
    """The letter as JSON. A value without a JSON form (a Decimal) is written as text.

    The characters U+FFFE and U+FFFF, which SQS takes in no message, are written as escapes. A payload that cannot be
    written is kept as its `repr`, under the only key `repr`.
    """
    try:
        text = msgspec.json.encode(letter, enc_hook=str).decode()
        return text.replace("\ufffe", r"\ufffe").replace("\uffff", r"\uffff")
    except Exception:  # noqa: BLE001 - lone surrogates, values whose text raises: an odd form is better than a lost record
        odd = msgspec.structs.replace(letter, payload={"repr": encodable(repr_of(letter.payload))})
        return msgspec.json.encode(odd).decode()


def decode_letter(text: str | bytes) -> DeadLetter:
    """The letter that `encode_letter` wrote. Raises MalformedRecord for any other text."""
    try:
        return msgspec.json.decode(text, type=DeadLetter)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise MalformedRecord(f"not a dead letter: {error}") from error
