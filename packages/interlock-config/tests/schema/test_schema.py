"""The JSON Schema: current, valid, described throughout, with examples that hold."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

import interlock_config
from interlock_config import alerts_schema, calendar_schema, decode_calendar_yaml, decode_yaml, json_schema
from interlock_config._files._yaml import read_yaml

ABSENT = {"$ref": "#/$defs/Absent"}
FOLDER = Path(interlock_config.__file__).parent
SCHEMAS = {
    "pipeline.schema.json": json_schema,
    "calendar.schema.json": calendar_schema,
    "alerts.schema.json": alerts_schema,
}


@pytest.mark.parametrize(("name", "make"), SCHEMAS.items(), ids=SCHEMAS.keys())
def test_the_schema_in_the_package_is_current(name: str, make: Callable[[], dict[str, Any]]) -> None:
    written = json.dumps(make(), indent=2, ensure_ascii=False) + "\n"
    assert (FOLDER / name).read_text(encoding="utf-8") == written, "write it again: see the README, section JSON Schema"


@pytest.mark.parametrize("make", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_it_is_a_schema_of_its_draft(make: Callable[[], dict[str, Any]]) -> None:
    schema = make()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("make", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_every_property_is_described_and_its_examples_hold(make: Callable[[], dict[str, Any]]) -> None:
    schema = make()
    definitions = schema.get("$defs", {})
    for name, part in _properties(schema):
        is_section = "$ref" in part or any("$ref" in way and way != ABSENT for way in part.get("anyOf", ()))
        assert part.get("description") or is_section, name
        validator = Draft202012Validator({**part, "$defs": definitions}, format_checker=FormatChecker())
        assert part.get("examples") or is_section, name
        for example in part.get("examples", []):
            assert validator.is_valid(example), (name, example)
        if "default" in part:
            assert validator.is_valid(part["default"]), name


def test_every_definition_is_used() -> None:
    schema = json_schema()
    text = json.dumps(schema)
    for name in schema["$defs"]:
        assert f'"#/$defs/{name}"' in text


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("name: us\ndays: [saturday, Sunday]\ndates: [2026-07-04]", True),
        ("name: us", True),
        ("days: [saturday]", False),
        ("name: us\ndays: [someday]", False),
        ("name: us\ndates: [2026-02-30]", False),
        ("name: us\nday: []", False),
    ],
)
def test_the_calendar_schema_and_reading_agree(text: str, right: bool) -> None:
    validator = Draft202012Validator(calendar_schema(), format_checker=FormatChecker())
    assert validator.is_valid(read_yaml(text, "")[0]) is right
    if right:
        decode_calendar_yaml(text)
    else:
        with pytest.raises(interlock_config.ConfigError):
            decode_calendar_yaml(text)


SAMPLES = ["1h30m", "-5m", "0", "1000", "-1.5e3", "aNy", "GeT", "sATURDAY", "${INTERLOCK_X}"]
TAKES_LINE_ENDS = (r"^\s*\S+(\s+\S+){4}\s*$", r"^(?!first-sensor-arrival|postrun-baseline)(?=[\s\S]*\S)")
"""Patterns of crons and sensor keys: reading also accepts such texts (see the test below)."""


@pytest.mark.parametrize("make", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_no_pattern_accepts_a_line_end_behind_a_value(make: Callable[[], dict[str, Any]]) -> None:
    schema = make()
    texts = {text for _, part in _properties(schema) for text in _texts(part.get("examples", []))} | set(SAMPLES)
    for pattern in set(_patterns(schema)) - set(TAKES_LINE_ENDS):
        matching = [text for text in texts if re.search(pattern, text)]
        assert matching, pattern
        for end in ("\n", "\r\n", "\r", " ", "\u2028"):
            assert not any(re.search(pattern, text + end) for text in matching), (pattern, end)


def test_crons_and_keys_may_end_with_a_line_end() -> None:
    text = """
pipeline: {id: orders}
schedule:
  cron: |
    0 8 * * *
  trigger: {key: "orders\\n", check: exists}
validation: {rules: [{key: "orders\\n", check: exists}]}
job: {type: command, config: {command: load}}
"""
    assert decode_yaml(text).schedule.cron == "0 8 * * *\n"
    assert Draft202012Validator(json_schema()).is_valid(read_yaml(text, "")[0])


def _patterns(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        found = part.get("pattern")
        if isinstance(found, str):
            yield found
        for inner in part.values():
            yield from _patterns(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _patterns(inner)


def _texts(example: Any) -> Iterator[str]:
    if isinstance(example, str):
        yield example
    elif isinstance(example, list):
        for inner in example:
            yield from _texts(inner)


def _properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from schema["properties"].items()
    for name, definition in schema.get("$defs", {}).items():
        yield from ((f"{name}.{key}", part) for key, part in definition.get("properties", {}).items())
