"""Filter patterns select the same records as on AWS."""

from typing import Any

import pytest

from interlock_local import LocalStackError
from interlock_local.pump._filter import check_patterns, wanted


def record(sort_key: str = "SENSOR#a", event_name: str = "INSERT", **image: Any) -> dict[str, Any]:
    return {"eventName": event_name, "dynamodb": {"Keys": {"SK": {"S": sort_key}}, "NewImage": image}}


def sort_key(condition: Any) -> dict[str, Any]:
    return {"dynamodb": {"Keys": {"SK": {"S": [condition]}}}}


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        (sort_key("SENSOR#a"), record("SENSOR#a"), True),
        (sort_key("SENSOR#a"), record("SENSOR#ab"), False),
        (sort_key({"prefix": "SENSOR#"}), record("SENSOR#a"), True),
        (sort_key({"prefix": "SENSOR#"}), record("CONFIG"), False),
        (sort_key({"suffix": "#a"}), record("SENSOR#a"), True),
        (sort_key({"anything-but": "CONFIG"}), record("CONFIG"), False),
        (sort_key({"anything-but": ["CONFIG", "X"]}), record("SENSOR#a"), True),
        ({"dynamodb": {"NewImage": {"runToken": {"S": [{"exists": False}]}}}}, record(), True),
        ({"dynamodb": {"NewImage": {"runToken": {"S": [{"exists": False}]}}}}, record(runToken={"S": "t"}), False),
        ({"dynamodb": {"NewImage": {"runToken": {"S": [{"exists": True}]}}}}, record(runToken={"S": "t"}), True),
        ({"dynamodb": {"OldImage": {"x": {"S": [{"anything-but": "y"}]}}}}, record(), False),
        ({"eventName": ["INSERT", "MODIFY"]}, record(event_name="MODIFY"), True),
        ({"eventName": ["INSERT", "MODIFY"]}, record(event_name="REMOVE"), False),
        ({"eventName": ["INSERT"], **sort_key("CONFIG")}, record("SENSOR#a"), False),
    ],
)
def test_a_pattern_matches_as_on_aws(pattern: dict[str, Any], value: dict[str, Any], expected: bool) -> None:
    check_patterns([pattern])
    assert wanted(value, [pattern]) is expected


def test_one_matching_pattern_or_no_pattern_is_enough() -> None:
    assert wanted(record(), [{"eventName": ["REMOVE"]}, {"eventName": ["INSERT"]}])
    assert wanted(record(), [])


@pytest.mark.parametrize(
    "pattern",
    [
        {"eventName": "INSERT"},
        {"eventName": []},
        {"eventName": [{"numeric": ["=", 1]}]},
        sort_key({"wildcard": "*"}),
        sort_key({"anything-but": {"prefix": "MARKER#"}}),
    ],
)
def test_unsupported_pattern_is_rejected(pattern: dict[str, Any]) -> None:
    with pytest.raises(LocalStackError, match="filter pattern at"):
        check_patterns([pattern])
