"""The sensor inbox: a message becomes one sensor row, and nothing else can be written with a message."""

import json
from decimal import Decimal
from typing import Any

import pytest

from interlock_controller.records import MalformedRecord, SensorInbox
from interlock_store import MemoryTables, Store, TableNames

READING = {"pipelineId": "bronze", "key": "landing", "data": {"count": 10, "date": "2026-03-03"}}


Rows = list[dict[str, Any]]


def take(body: Any) -> Rows:
    """The rows that a message with this body writes."""
    written: Rows = []
    tables = MemoryTables(lambda key, before, after: written.append(dict(after or {})))
    inbox = SensorInbox(Store(tables, TableNames.of_environment("test")))
    inbox.take({"messageId": "m-1", "body": body if isinstance(body, str) else json.dumps(body)})
    return written


def test_reading_becomes_the_row_of_any_other_writer() -> None:
    (row,) = take({**READING, "ttl": 1_800_000_000})
    assert row == {
        "PK": "PIPELINE#bronze",
        "SK": "SENSOR#landing",
        "data": {"count": 10, "date": "2026-03-03"},
        "ttl": 1_800_000_000,
    }


def test_reading_without_ttl_has_none() -> None:
    (row,) = take(READING)
    assert "ttl" not in row


def test_numbers_keep_their_digits() -> None:
    (row,) = take('{"pipelineId": "p", "key": "k", "data": {"a": 0.1234567890123456789, "b": 12345678901234567890}}')
    assert row["data"] == {"a": Decimal("0.1234567890123456789"), "b": 12345678901234567890}


def test_key_may_name_a_period() -> None:
    (row,) = take({**READING, "key": "landing#2026-03-03T07"})
    assert row["SK"] == "SENSOR#landing#2026-03-03T07"


def test_names_of_columns_in_the_data_stay_in_the_data() -> None:
    (row,) = take({**READING, "data": {"PK": "PIPELINE#gold", "SK": "CONFIG", "quiet": True, "ttl": 1}})
    assert (row["PK"], row["SK"], row.keys() - {"PK", "SK"}) == ("PIPELINE#bronze", "SENSOR#landing", {"data"})


DEEP = "[" * 100_000 + "]" * 100_000

INVALID = {
    "no body": ("", "not a sensor reading"),
    "no JSON": ("count=10", "not a sensor reading"),
    "a list": ([READING], "Expected `object`"),
    "no pipeline": ({"key": "k", "data": {"a": 1}}, "missing required field `pipelineId`"),
    "no key": ({"pipelineId": "bronze", "data": {"a": 1}}, "missing required field `key`"),
    "no data": ({"pipelineId": "bronze", "key": "k"}, "missing required field `data`"),
    "empty data": ({**READING, "data": {}}, "$.data"),
    "data that are no object": ({**READING, "data": [1]}, "$.data"),
    "a further column": ({**READING, "PK": "PIPELINE#gold"}, "unknown field `PK`"),
    "a sort key": ({**READING, "SK": "CONFIG"}, "unknown field `SK`"),
    "a quiet row": ({**READING, "quiet": True}, "unknown field `quiet`"),
    "an index key": ({**READING, "GSI1PK": "CONFIG"}, "unknown field `GSI1PK`"),
    "another partition": ({**READING, "pipelineId": "bronze#x"}, "$.pipelineId"),
    "a line break in the id": ({**READING, "pipelineId": "bronze\n"}, "$.pipelineId"),
    "an empty id": ({**READING, "pipelineId": ""}, "$.pipelineId"),
    "an empty key": ({**READING, "key": ""}, "$.key"),
    "a blank key": ({**READING, "key": "  "}, "the key is blank"),
    "a number as key": ({**READING, "key": 7}, "$.key"),
    "a reserved key": ({**READING, "key": "first-sensor-arrival#2026-03-03"}, "reserved"),
    "the baseline": ({**READING, "key": "postrun-baseline"}, "reserved"),
    "a long key": ({**READING, "key": "é" * 509}, "longer than 1017 bytes"),
    "a long message": ({**READING, "data": {"a": "x" * 262_144}}, "longer than 256 KB"),
    "a ttl that is no number": ({**READING, "ttl": "soon"}, "$.ttl"),
    "a ttl before 1970": ({**READING, "ttl": 0}, "$.ttl"),
    "no number": ('{"pipelineId": "bronze", "key": "k", "data": {"a": NaN}}', "NaN is not a number"),
    "an infinite number": ('{"pipelineId": "bronze", "key": "k", "data": {"a": -Infinity}}', "-Infinity is not"),
    "a repeated name": ('{"pipelineId": "bronze", "key": "k", "key": "l", "data": {"a": 1}}', "occurs twice"),
    "a repeated field": ('{"pipelineId": "bronze", "key": "k", "data": {"a": 1, "a": 2}}', "occurs twice"),
    "a deep document": (f'{{"pipelineId": "bronze", "key": "k", "data": {{"a": {DEEP}}}}}', "deep"),
}


@pytest.mark.parametrize("kind", INVALID)
def test_invalid_message_is_rejected_with_its_reason(kind: str) -> None:
    body, reason = INVALID[kind]
    with pytest.raises(MalformedRecord) as rejected:
        take(body)
    assert reason in str(rejected.value)
