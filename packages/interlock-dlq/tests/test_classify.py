"""The errors for which a retry of the record can help."""

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
    """An error of another package for a wrong record."""


class WorseMalformedRow(MalformedRow):
    """Its subclass."""


class StoreError(Exception):
    """An error without a known permanence."""


class Declared(ValueError):
    """A ValueError with a permanence of its own."""

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
        # The record is fine, but not now.
        (RetryLater("busy"), TRANSIENT),
        (TimeoutError(), TRANSIENT),
        (ConnectionResetError(), TRANSIENT),
        (OSError(), TRANSIENT),
        (MemoryError(), TRANSIENT),
        # An unknown error.
        (RuntimeError(), TRANSIENT),
        (StoreError(), TRANSIENT),
        # The error has a permanence of its own.
        (Declared(), TRANSIENT),
    ],
)
def test_error_is_permanent_only_if_record_is_cause(error: Exception, expected: Permanence) -> None:
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
def test_aws_error_is_permanent_only_for_wrong_request(error: Exception, expected: Permanence) -> None:
    assert classify(error) is expected


def raised(error: Exception, cause: Exception, *, explicitly: bool = True) -> Exception:
    """`error` as it is after `raise error from cause`, or after being raised while `cause` was handled."""
    error.__context__ = cause
    if explicitly:
        error.__cause__ = cause
    return error


def test_unknown_error_counts_as_its_cause() -> None:
    assert classify(raised(StoreError(), answered("ValidationException"))) is PERMANENT
    assert classify(raised(StoreError(), answered("ThrottlingException"))) is TRANSIENT


def test_known_error_hides_its_cause() -> None:
    assert classify(raised(RetryLater("busy"), KeyError("PK"))) is TRANSIENT
    assert classify(raised(ValueError(), TimeoutError())) is PERMANENT


def test_error_in_handler_does_not_count_as_handled_error() -> None:
    assert classify(raised(StoreError(), KeyError("PK"), explicitly=False)) is TRANSIENT


def test_circular_chain_of_causes_ends() -> None:
    first, second = StoreError(), StoreError()
    first.__cause__, second.__cause__ = second, first
    assert classify(first) is TRANSIENT


@pytest.mark.parametrize(
    ("errors", "expected"),
    [([ValueError()], PERMANENT), ([ValueError(), TimeoutError()], TRANSIENT), ([TimeoutError()], TRANSIENT)],
)
def test_group_is_permanent_only_if_all_its_errors_are(errors: list[Exception], expected: Permanence) -> None:
    assert classify(ExceptionGroup("several", errors)) is expected
