"""The content of records as values of a type."""

import base64
from decimal import Decimal
from typing import Any

import pytest

from interlock_dlq import MalformedRecord, record_decoder


def row(**attributes: Any) -> dict[str, Any]:
    return {"dynamodb": {"NewImage": attributes}}


@pytest.mark.parametrize(
    ("attribute", "into", "value"),
    [
        ({"S": "text"}, str, "text"),
        ({"N": "12"}, int, 12),
        ({"N": "0.1"}, float, 0.1),
        ({"N": "0.1"}, Decimal, Decimal("0.1")),
        ({"N": "12345678901234567890.123456789"}, Decimal, Decimal("12345678901234567890.123456789")),
        ({"N": "12"}, Decimal, Decimal(12)),
        ({"N": "1E+3"}, Decimal, Decimal(1000)),
        ({"BOOL": False}, bool, False),
        ({"NULL": True}, None, None),
        ({"B": "AP8="}, bytes, b"\x00\xff"),
        ({"L": [{"N": "1"}, {"S": "a"}]}, list[int | str], [1, "a"]),
        ({"M": {"a": {"M": {"b": {"N": "2"}}}}}, dict[str, dict[str, int]], {"a": {"b": 2}}),
        ({"SS": ["a", "b"]}, set[str], {"a", "b"}),
        ({"NS": ["1", "2"]}, set[int], {1, 2}),
        ({"BS": ["AA=="]}, list[bytes], [b"\x00"]),
    ],
)
def test_attribute_of_each_kind_has_its_python_value(attribute: Any, into: Any, value: object) -> None:
    assert record_decoder(dict[str, into])(row(a=attribute)) == {"a": value}


def test_removed_row_and_tombstone_need_type_with_none() -> None:
    removed, tombstone = {"dynamodb": {"OldImage": {}}}, {"topic": "t", "value": None}
    for record in (removed, tombstone):
        assert record_decoder(dict[str, int] | None)(record) is None
        with pytest.raises(MalformedRecord, match="the record is not dict"):
            record_decoder(dict[str, int])(record)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"body": None},
        {"body": "{"},
        {"body": "[1]"},
        {"kinesis": {"data": "*"}},
        {"kinesis": {}},
        {"kinesis": None},
        {"topic": "t", "value": base64.b64encode(b"\xff").decode()},
        {"topic": "t", "value": 7},
        row(a={"X": "1"}),
        row(a={"N": "many"}),
        row(a={"S": "1", "N": "1"}),
        row(a={}),
        {"dynamodb": {"NewImage": []}},
        {"dynamodb": None},
    ],
)
def test_unreadable_content_is_malformed(record: dict[str, Any]) -> None:
    with pytest.raises(MalformedRecord, match="the record is not dict"):
        record_decoder(dict[str, int])(record)
