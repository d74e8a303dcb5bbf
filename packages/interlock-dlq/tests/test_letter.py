"""The content of dead letters."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ulid import ULID

from interlock_dlq import MalformedRecord, Permanence, decode_letter, encode_letter, make_letter

AT = datetime(2026, 3, 3, 8, 0, 0, 123000, tzinfo=UTC)
RECORD: dict[str, Any] = {
    "eventID": "e-1",
    "eventName": "INSERT",
    "dynamodb": {"SequenceNumber": "111", "NewImage": {"PK": {"S": "PIPELINE#bronze"}, "n": {"N": "1"}}},
}


def test_letter_has_record_and_reason() -> None:
    letter = make_letter(RECORD, KeyError("PK"), source="arn:s", now=AT, attempts=3, correlation_id="e-1")
    assert json.loads(encode_letter(letter)) == {
        "id": letter.id,
        "source": "arn:s",
        "reason": "'PK'",
        "errorType": "KeyError",
        "permanence": "permanent",
        "payload": RECORD,
        "at": "2026-03-03T08:00:00.123000Z",
        "attempts": 3,
        "correlationId": "e-1",
        "storedAt": "",
    }


def test_ids_are_unique_ulids_of_their_time() -> None:
    letters = [make_letter(RECORD, KeyError(), source="s", now=AT) for _ in range(1000)]
    assert len({letter.id for letter in letters}) == 1000
    assert {ULID.from_str(letter.id).datetime for letter in letters} == {AT}


def test_encoded_letter_decodes_to_equal_letter() -> None:
    letter = make_letter(RECORD, TimeoutError("slow"), source="s", now=AT)
    assert letter.permanence is Permanence.TRANSIENT
    assert decode_letter(encode_letter(letter)) == letter


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(payload=st.dictionaries(TEXT, JSON, max_size=4))
def test_no_part_of_json_record_is_lost(payload: dict[str, Any]) -> None:
    letter = make_letter(payload, ValueError(), source="s", now=AT)
    assert decode_letter(encode_letter(letter)).payload == payload


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Decimal("1.10"), "1.10"),
        ({"a"}, "a"),
        (b"\x00\xff", "AP8="),
        (AT, "2026-03-03T08:00:00.123000Z"),
        ("\ud800", "ud800"),
        (2**80, str(2**80)),
    ],
)
def test_value_without_json_form_is_kept_as_text(value: object, kept: str) -> None:
    letter = make_letter({"value": value, "other": "whole"}, ValueError("\ud800"), source="s", now=AT)
    text = encode_letter(letter)
    assert kept in text
    assert "whole" in text
    assert decode_letter(text).id == letter.id


def test_letter_has_no_character_that_sqs_rejects() -> None:
    letter = make_letter(
        {"a\uffff": ["\ufffe", "\\uffff", "ok\ufffd\U0001f600"]}, ValueError("\uffff"), source="s", now=AT
    )
    text = encode_letter(letter)
    assert not {"\ufffe", "\uffff"} & set(text)
    assert decode_letter(text) == letter


def test_long_reason_is_cut_but_record_is_not() -> None:
    letter = make_letter({"value": "x" * 5000}, ValueError("y" * 5000), source="s", now=AT)
    assert len(letter.reason) == 1000
    assert letter.payload["value"] == "x" * 5000


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"id": 1}', b"\xff"])
def test_other_text_than_letter_is_malformed(text: str | bytes) -> None:
    with pytest.raises(MalformedRecord, match="not a dead letter"):
        decode_letter(text)
