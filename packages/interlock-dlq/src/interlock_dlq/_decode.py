"""Decodes the content of a record into a type: the body of a message, the data of a stream, the row of a table."""

import base64
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from interlock_dlq._errors import MalformedRecord
from interlock_dlq._sources import Record

_UNREADABLE = (
    msgspec.MsgspecError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""The errors for content of another shape."""


def record_decoder(into: Any) -> Callable[[Record], Any]:
    """A function from a record of any source to its content as this type. It raises MalformedRecord.

    The content is the JSON of an SQS body, of Kinesis data or of a Kafka value, or the new row of a DynamoDB stream.
    A removed row and a Kafka tombstone are None, so the type must allow None for them.
    """
    decode_json = msgspec.json.Decoder(into).decode

    def decode(record: Record) -> Any:
        try:
            if "dynamodb" in record:
                return msgspec.convert(_new_row(record["dynamodb"]), into)
            content = _content(record)
            return msgspec.convert(None, into) if content is None else decode_json(content)
        except _UNREADABLE as error:
            raise MalformedRecord(f"the record is not {_name(into)}: {error}") from error

    return decode


def _name(into: Any) -> str:
    return getattr(into, "__name__", str(into))


def _content(record: Record) -> str | bytes | None:
    """The JSON text of a record that is not of DynamoDB."""
    if "kinesis" in record:
        return base64.b64decode(record["kinesis"]["data"], validate=True)
    if "topic" in record:
        value = record.get("value")
        return None if value is None else base64.b64decode(value, validate=True)
    body = record["body"]
    if not isinstance(body, str):
        raise TypeError("body must be a text")
    return body


def _new_row(change: Mapping[str, Any]) -> dict[str, Any] | None:
    image = change.get("NewImage")
    return None if image is None else {name: _plain(value) for name, value in image.items()}


def _plain(value: Mapping[str, Any]) -> Any:
    """The Python value of one attribute value, such as {"S": "text"}."""
    ((kind, content),) = value.items()
    return _READ[kind](content)


def _number(text: str) -> int | float | Decimal:
    """An int, or a float if it has the same digits, otherwise a Decimal."""
    exact = Decimal(text)
    if exact == exact.to_integral_value() and "E" not in text.upper():
        return int(exact)
    near = float(exact)
    return near if Decimal(repr(near)) == exact else exact


_READ: dict[str, Callable[[Any], Any]] = {
    "S": str,
    "N": _number,
    "BOOL": bool,
    "NULL": lambda content: None,
    "B": lambda content: base64.b64decode(content, validate=True),
    "L": lambda content: [_plain(item) for item in content],
    "M": lambda content: {name: _plain(item) for name, item in content.items()},
    "SS": list,
    "NS": lambda content: [_number(item) for item in content],
    "BS": lambda content: [base64.b64decode(item, validate=True) for item in content],
}
