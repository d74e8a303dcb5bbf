"""`interlock events` shows each row of the events table, whatever its attributes are, and marks the unreadable ones."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hostile import HOSTILE, mutated, raw_signs, values
from hypothesis import given
from hypothesis import strategies as st

from interlock_cli import main
from interlock_cli._signals._event_rows import read_event
from interlock_cli._signals._events import EventFeed
from interlock_config import decode_yaml
from interlock_store import MemoryTables, Store, TableNames
from interlock_store._write import Put

NAMES = TableNames.of_environment("test")
SK = "1772550000000#JOB_TRIGGERED#e-1"
ROW = {
    "PK": "PIPELINE#bronze",
    "SK": SK,
    "eventType": "JOB_TRIGGERED",
    "eventId": "e-1",
    "pipelineId": "bronze",
    "scheduleId": "stream",
    "date": "2026-03-03",
    "message": "job started",
    "detail": '{"pipelineId": "bronze"}',
    "timestamp": Decimal(1772550000000),
    "ttl": Decimal(1780000000),
}
PIPELINE = """
pipeline: {id: bronze}
schedule: {trigger: {key: ready, check: exists}}
validation: {trigger: ALL, rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""
Events = Callable[..., Result]
INVALID: list[tuple[str, Any, str]] = [
    ("timestamp", None, "timestamp is missing"),
    ("timestamp", "yesterday", "timestamp is not a whole number of milliseconds: 'yesterday'"),
    ("timestamp", Decimal("1.5"), "timestamp is not a whole number of milliseconds: Decimal('1.5')"),
    ("timestamp", Decimal("9.9E+125"), "timestamp is a time out of range"),
    ("timestamp", True, "timestamp is not a whole number of milliseconds: True"),
    ("detail", "{not json", "detail is not JSON: '{not json'"),
    ("detail", "[1, 2]", "detail is not a JSON object: '[1, 2]'"),
    ("detail", '{"a": NaN}', "detail has NaN, which is not JSON"),
    ("detail", '{"a": 1e999}', "detail has a number out of range"),
    ("detail", "[" * 200_000, "detail is nested too deeply"),
    ("detail", {"a": "map"}, "detail is not a text"),
    ("eventType", None, "eventType is missing"),
    ("eventType", [Decimal(1)], "eventType is not a text: [Decimal('1')]"),
    ("pipelineId", None, "pipelineId is missing"),
    ("date", {"a"}, "date is not a text: {'a'}"),
    ("message", b"\x1b[31m", "message is not a text"),
]


@pytest.fixture
def events(tables: MemoryTables) -> Events:
    Store(tables, NAMES).put_config(decode_yaml(PIPELINE, "bronze.yaml"))

    def run(*rows: dict[str, Any], options: tuple[str, ...] = ()) -> Result:
        for row in rows:
            tables.transact([Put(NAMES.events, row)])
        return CliRunner().invoke(main, ["events", *options], env={"NO_COLOR": "1"})

    return run


def test_a_row_of_the_event_sink_is_shown_whole(events: Events) -> None:
    done = events(ROW)
    assert done.output == "2026-03-03 15:00:00Z JOB_TRIGGERED              bronze 2026-03-03  job started\n"
    (wire,) = [json.loads(line) for line in events(options=("--json",)).output.splitlines()]
    assert (wire["detail"], wire["timestamp"]) == ({"pipelineId": "bronze"}, 1772550000000)
    assert "unreadable" not in wire


@pytest.mark.parametrize(("options", "code"), [(("--follow",), 0), ((), 130)])
def test_an_interrupt_ends_only_the_following(
    events: Events, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], code: int
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("interlock_cli._signals._events._print", interrupt)
    assert events(ROW, options=options).exit_code == code


@pytest.mark.parametrize(("name", "value", "problem"), INVALID, ids=range(len(INVALID)))
def test_an_invalid_attribute_is_named_and_hides_no_row(events: Events, name: str, value: Any, problem: str) -> None:
    row = {**ROW, name: value}
    if value is None:
        del row[name]
    later = {**ROW, "SK": SK.replace("000#", "001#")}
    done = events(row, later)
    assert done.exit_code == 0, done.output
    first, second = done.output.splitlines()
    assert f"unreadable ({problem}" in first
    assert "unreadable" not in second
    done = events(options=("--json",))
    assert done.exit_code == 0, done.output
    first, second = (json.loads(line) for line in done.output.splitlines())
    assert problem in first["unreadable"]
    assert first[name] is None
    assert (name in first["raw"]) is (value is not None)
    assert "unreadable" not in second


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("name", ["eventType", "pipelineId", "date", "message", "detail"])
def test_hostile_text_of_each_field_is_escaped(events: Events, name: str, text: str) -> None:
    for options in ((), ("--json",)):
        done = events({**ROW, name: text}, options=options)
        assert done.exit_code == 0, done.output
        assert raw_signs(done.output) == []
        assert len(done.output.splitlines()) == 1


@given(st.one_of(mutated(ROW), st.dictionaries(st.sampled_from(sorted(ROW)), values())))
def test_every_row_is_shown(row: dict[str, Any]) -> None:
    found = read_event({**row, "PK": ROW["PK"], "SK": ROW["SK"]})
    assert json.loads(json.dumps(found.wire, default=str)).keys() >= {"eventType", "timestamp", "pipelineId"}
    assert f"{found.at}{found.type:<26}{found.pipeline}{found.date}{found.message}"


@pytest.mark.parametrize("pk", ["INTERLOCK", "PIPELINE#", "SENSOR#a"])
def test_foreign_row_in_the_index_hides_no_event(events: Events, tables: MemoryTables, pk: str) -> None:
    tables.transact([Put(NAMES.control, {"PK": pk, "SK": "CONFIG", "GSI1PK": "CONFIG", "GSI1SK": pk})])
    done = events(ROW)
    assert (done.exit_code, done.output.count("JOB_TRIGGERED")) == (0, 1)


@pytest.mark.parametrize("sk", ["9999999999999#X#1", "1#X#1", "²#X#1", "17725500000000000#X#1", "0" * 13 + "#X#1"])
def test_a_forged_sort_key_hides_no_later_event(tables: MemoryTables, sk: str) -> None:
    feed = EventFeed(Store(tables, NAMES), "bronze")
    assert list(feed.fresh()) == []
    now = int(datetime.now(UTC).timestamp() * 1000)
    forged = {"PK": ROW["PK"], "SK": sk}
    tables.transact([Put(NAMES.events, forged)])
    list(feed.fresh())
    row = {**ROW, "SK": f"{now:013d}#JOB_TRIGGERED#e-2"}
    tables.transact([Put(NAMES.events, row)])
    assert [found["SK"] for found in feed.fresh()] == [row["SK"]]
