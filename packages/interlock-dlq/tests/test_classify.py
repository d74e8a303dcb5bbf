"""Which errors may pass when the record is tried again."""

from typing import Any

import msgspec
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from interlock_dlq import MalformedRecord, Permanence, RetryLater, classify

TRANSIENT, PERMANENT = Permanence.TRANSIENT, Permanence.PERMANENT


def answered(code: str, **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "m"}, **more}, "PutItem")


def cancelled(*codes: str | None) -> ClientError:
    return answered("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


class MalformedRow(Exception):
    """Another package's word for a record that is wrong."""


class WorseMalformedRow(MalformedRow):
    """Its child."""


class StoreError(Exception):
    """An error that says nothing of itself."""


class Declared(ValueError):
    """A ValueError that knows better."""

    permanence = TRANSIENT


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        # The record is wrong.
        (MalformedRecord("no PK"), PERMANENT),
        (MalformedRow(), PERMANENT),
        (WorseMalformedRow(), PERMANENT),
        (ValueError(), PERMANENT),
        (msgspec.ValidationError(), PERMANENT),
        (UnicodeDecodeError("utf-8", b"", 0, 1, ""), PERMANENT),
        (KeyError("PK"), PERMANENT),
        (IndexError(), PERMANENT),
        (TypeError(), PERMANENT),
        (AttributeError(), PERMANENT),
        (ZeroDivisionError(), PERMANENT),
        (AssertionError(), PERMANENT),
        # The moment is wrong.
        (RetryLater("busy"), TRANSIENT),
        (TimeoutError(), TRANSIENT),
        (ConnectionResetError(), TRANSIENT),
        (OSError(), TRANSIENT),
        (MemoryError(), TRANSIENT),
        # Nobody knows.
        (RuntimeError(), TRANSIENT),
        (StoreError(), TRANSIENT),
        # The error says so itself.
        (Declared(), TRANSIENT),
    ],
)
def test_an_error_is_permanent_only_if_the_record_is_at_fault(error: Exception, expected: Permanence) -> None:
    assert classify(error) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answered("ThrottlingException"), TRANSIENT),
        (answered("ProvisionedThroughputExceededException"), TRANSIENT),
        (answered("InternalServerError"), TRANSIENT),
        (answered("ServiceUnavailable"), TRANSIENT),
        (answered("TransactionConflictException"), TRANSIENT),
        (answered("ConditionalCheckFailedException"), TRANSIENT),
        (answered("AccessDeniedException"), TRANSIENT),
        (answered("ResourceNotFoundException"), TRANSIENT),
        (answered("ExpiredTokenException"), TRANSIENT),
        (answered("SomethingNew"), TRANSIENT),
        (answered("ValidationException"), PERMANENT),
        (answered("ItemCollectionSizeLimitExceededException"), PERMANENT),
        (answered("SerializationException"), PERMANENT),
        (cancelled("None", "TransactionConflict"), TRANSIENT),
        (cancelled("ThrottlingError", "None"), TRANSIENT),
        (cancelled("ConditionalCheckFailed"), TRANSIENT),
        (cancelled("None", "ValidationError"), PERMANENT),
        (cancelled("TransactionConflict", "ItemCollectionSizeLimitExceeded"), PERMANENT),
        (cancelled(), TRANSIENT),
        (EndpointConnectionError(endpoint_url="http://x"), TRANSIENT),
        (ConnectTimeoutError(endpoint_url="http://x"), TRANSIENT),
        (ReadTimeoutError(endpoint_url="http://x"), TRANSIENT),
        (NoCredentialsError(), TRANSIENT),
        (ParamValidationError(report="bad"), PERMANENT),
    ],
)
def test_of_what_aws_says_only_a_wrong_request_is_permanent(error: Exception, expected: Permanence) -> None:
    assert classify(error) is expected


def raised(error: Exception, cause: Exception, *, explicitly: bool = True) -> Exception:
    """`error` as it is after `raise error from cause`, or after being raised while `cause` was handled."""
    error.__context__ = cause
    if explicitly:
        error.__cause__ = cause
    return error


def test_an_error_that_says_nothing_is_what_it_was_raised_from() -> None:
    assert classify(raised(StoreError(), answered("ValidationException"))) is PERMANENT
    assert classify(raised(StoreError(), answered("ThrottlingException"))) is TRANSIENT


def test_an_error_that_says_something_hides_what_it_was_raised_from() -> None:
    assert classify(raised(RetryLater("busy"), KeyError("PK"))) is TRANSIENT
    assert classify(raised(ValueError(), TimeoutError())) is PERMANENT


def test_an_error_that_merely_happened_while_another_was_handled_is_not_that_one() -> None:
    assert classify(raised(StoreError(), KeyError("PK"), explicitly=False)) is TRANSIENT


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = StoreError(), StoreError()
    first.__cause__, second.__cause__ = second, first
    assert classify(first) is TRANSIENT


@pytest.mark.parametrize(
    ("errors", "expected"),
    [([ValueError()], PERMANENT), ([ValueError(), TimeoutError()], TRANSIENT), ([TimeoutError()], TRANSIENT)],
)
def test_a_group_is_permanent_only_if_all_of_it_is(errors: list[Exception], expected: Permanence) -> None:
    assert classify(ExceptionGroup("several", errors)) is expected
