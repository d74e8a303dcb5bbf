"""Decides whether a retry of the record can help, from the error alone."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import MsgspecError

from interlock_dlq._errors import MalformedRecord, RetryLater


class Permanence(StrEnum):
    """Whether a retry of the same record can help."""

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
_PROGRAMMING = (
    TypeError,
    AttributeError,
    NameError,
    LookupError,
    AssertionError,
    ImportError,
    NotImplementedError,
    RecursionError,
)
# The request itself is wrong. For any other answer of AWS (throttled, access denied, a missing table) the record is not
# the cause: records wait until the cause is fixed.
_PERMANENT_CODES = frozenset(
    {
        "InvalidMessageContents",
        "InvalidParameterValue",
        "ItemCollectionSizeLimitExceeded",
        "ItemCollectionSizeLimitExceededException",
        "SerializationException",
        "ValidationError",
        "ValidationException",
    }
)


def classify(error: BaseException) -> Permanence:
    """Transient, unless the error shows that the record is the cause.

    The first of these decides:

    - an attribute `permanence` of the error
    - a type whose name begins with `Malformed`: permanent
    - the code of an AWS error
    - a known type: permanent for ValueError, KeyError and similar types, transient for timeouts and connections
    - the error that this error was raised from

    An unknown error is transient. The source then retries a limited number of times and keeps the record. A wrong
    "permanent" would take the record out of its order.
    """
    for candidate in _chain(error):
        found = _classify_one(candidate)
        if found is not None:
            return found
    return Permanence.TRANSIENT


def is_programming_error(error: BaseException) -> bool:
    """Whether the error is of a type that a mistake in the code raises as well as a wrong record."""
    is_declared = isinstance(getattr(error, "permanence", None), Permanence) or _is_named_malformed(error)
    return isinstance(error, _PROGRAMMING) and not is_declared


def place_of(error: BaseException) -> tuple[type[BaseException], str, int]:
    """The type of an error, and the file and line that raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return type(error), trace.tb_frame.f_code.co_filename if trace else "", trace.tb_lineno if trace else 0


def _is_named_malformed(error: BaseException) -> bool:
    return any(kind.__name__.startswith("Malformed") for kind in type(error).__mro__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, then the errors that it was raised from (`raise … from`)."""
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
    if _is_named_malformed(error):
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
    """The permanence of an AWS error. A cancelled transaction counts by the reasons for each of its writes."""
    codes = {answer["Error"].get("Code")}
    if "TransactionCanceledException" in codes:
        reasons = answer.get("CancellationReasons") or ()
        codes = {reason.get("Code") for reason in reasons}
    return Permanence.PERMANENT if codes & _PERMANENT_CODES else Permanence.TRANSIENT
