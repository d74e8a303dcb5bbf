"""Decides whether an error may pass when the record is tried again; it looks at the error only."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import MsgspecError

from interlock_dlq._errors import MalformedRecord, RetryLater


class Permanence(StrEnum):
    """Whether trying the same record again can help."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"


_TRANSIENT = (RetryLater, OSError, MemoryError, EOFError)
_PERMANENT = (
    MalformedRecord,
    MsgspecError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
)
# The request itself is wrong. Anything else that AWS may answer (throttled, denied, a table that is gone) is no fault
# of the record: the records wait until somebody mends it.
_PERMANENT_CODES = frozenset(
    {
        "InvalidParameterValue",
        "ItemCollectionSizeLimitExceeded",
        "ItemCollectionSizeLimitExceededException",
        "SerializationException",
        "ValidationError",
        "ValidationException",
    }
)


def classify(error: BaseException) -> Permanence:
    """Transient unless the error says that the record is at fault.

    In this order: an attribute `permanence` that the error carries; a type whose name begins with `Malformed`
    (permanent); an AWS error, by its code; known types (ValueError, KeyError and their like: permanent; timeouts and
    connections: transient); the error that this one was raised from. What is unknown is transient: the source tries
    it a limited number of times and keeps it then, while a wrong "permanent" would take it out of its order.
    """
    for candidate in _chain(error):
        found = _classify_one(candidate)
        if found is not None:
            return found
    return Permanence.TRANSIENT


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, then what it was raised from (`raise … from`), as far as that goes."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__


def _classify_one(error: BaseException) -> Permanence | None:
    declared = getattr(error, "permanence", None)
    if isinstance(declared, Permanence):
        return declared
    if isinstance(error, BaseExceptionGroup):
        return _classify_group(error)
    if any(kind.__name__.startswith("Malformed") for kind in type(error).__mro__):
        return Permanence.PERMANENT
    answer = getattr(error, "response", None)
    if isinstance(answer, Mapping) and isinstance(answer.get("Error"), Mapping):
        return _classify_answer(answer)
    if type(error).__module__.startswith("botocore."):
        wrong_request = type(error).__name__ == "ParamValidationError"
        return Permanence.PERMANENT if wrong_request else Permanence.TRANSIENT
    if isinstance(error, _TRANSIENT):
        return Permanence.TRANSIENT
    return Permanence.PERMANENT if isinstance(error, _PERMANENT) else None


def _classify_group(group: BaseExceptionGroup[BaseException]) -> Permanence:
    kinds = {classify(error) for error in group.exceptions}
    return Permanence.PERMANENT if kinds == {Permanence.PERMANENT} else Permanence.TRANSIENT


def _classify_answer(answer: Mapping[str, Any]) -> Permanence:
    """An AWS error answer; a cancelled transaction by the reasons that it gives for each of its writes."""
    codes = {answer["Error"].get("Code")}
    if "TransactionCanceledException" in codes:
        reasons = answer.get("CancellationReasons") or ()
        codes = {reason.get("Code") for reason in reasons}
    return Permanence.PERMANENT if codes & _PERMANENT_CODES else Permanence.TRANSIENT
