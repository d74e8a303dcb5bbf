"""`interlock sensor list` and `get`: rows with their dates, times and fields, for people and programs."""

import json
import re
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interlock_cli import main
from interlock_config import decode_yaml
from interlock_store import MemoryTables, Store, TableNames

PIPELINE = """
pipeline: {id: bronze}
schedule: {timezone: Europe/Berlin, trigger: {key: landing, check: exists}}
validation: {rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


@pytest.fixture
def store(tables: MemoryTables) -> Store:
    made = Store(tables, TableNames.of_environment("test"))
    made.put_config(decode_yaml(PIPELINE, "p.yaml"))
    return made


def invoke(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, ["sensor", *words], env={"NO_COLOR": "1", "COLUMNS": "80"})
    assert done.exit_code == code, done.output
    return done


def listed(*words: str) -> list[dict[str, Any]]:
    return list(json.loads(invoke("list", "bronze", *words, "--json").stdout))


def test_list_shows_the_date_and_the_fields(store: Store) -> None:
    row = {"date": "2026-03-03", "count": 12, "updatedAt": "2026-03-03T12:00:00Z"}
    store.put_sensor("bronze", "landing#2026-03-03", row)
    store.put_sensor("bronze", "rates", {"ok": True})
    lines = [line.split() for line in invoke("list", "bronze").stdout.splitlines()]
    assert lines[0] == ["key", "date", "written", "fields"]
    now = datetime.now(UTC)
    at = "03-03" if now.year == 2026 else "2026-03-03"
    assert lines[1][:5] == ["landing#2026-03-03", "2026-03-03", at, "13:00", "CET"]
    assert re.fullmatch(r"\(\d+d", lines[1][5])
    assert lines[-1] == ["rates", "no", "date", "ok=true"]


def test_list_is_limited_and_says_so(store: Store) -> None:
    for number in range(5):
        store.put_sensor("bronze", f"landing#2026-03-0{number + 1}", {"n": number})
    assert [row["key"][-1] for row in listed("--last", "3")] == ["3", "4", "5"]
    assert "more rows: show the older ones with --last or --key" in invoke("list", "bronze", "--last", "3").stdout
    assert "more rows" not in invoke("list", "bronze", "--last", "5").stdout


def test_list_shows_the_newest_rows_in_the_order_of_their_keys(store: Store) -> None:
    rows: dict[str, dict[str, Any]] = {
        "a": {"n": 1},
        "b": {"updatedAt": "2026-03-03T12:00:00Z", "date": "2026-03-01"},
        "c#2026-03-05": {},
        "d": {"updatedAt": "2026-03-03T12:00:00Z", "date": "2026-03-02"},
        "e#soon": {"updatedAt": "2026-03-04T12:00:00Z"},
        "f#2026-03-03T11": {},
        "g#2026-03-09": {"updatedAt": "2026-03-02T12:00:00Z"},
        "h": {"date": "soon"},
    }
    for key, fields in rows.items():
        store.put_sensor("bronze", key, fields)
    shown = [[row["key"][0] for row in listed("--last", str(number))] for number in range(1, 7)]
    assert ["".join(keys) for keys in shown] == ["c", "ce", "cde", "bcde", "bcdef", "bcdefg"]


def test_list_keeps_few_rows_in_memory(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fields(dict[str, Any]):
        __hash__ = object.__hash__  # type: ignore[assignment]

    alive: weakref.WeakSet[Fields] = weakref.WeakSet()
    most = 0

    def rows(*_: str) -> Iterator[tuple[str, Fields]]:
        nonlocal most
        for number in range(1000):
            row = Fields(n=number)
            alive.add(row)
            most = max(most, len(alive))
            yield f"landing#{number}", row

    monkeypatch.setattr(Store, "sensors_by_key", rows)
    assert len(listed("--last", "10")) == 10
    assert most < 20


def test_time_of_another_year_has_its_year(store: Store) -> None:
    store.put_sensor("bronze", "landing", {"updatedAt": "2024-07-03T12:00:00Z"})
    assert " 2024-07-03 14:00 CEST (" in invoke("list", "bronze").stdout
    assert " 2024-07-03 14:00 CEST (" in invoke("get", "bronze", "landing").stdout


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_time_at_an_end_of_the_calendar_is_shown(at: str, store: Store) -> None:
    store.put_config(
        decode_yaml(PIPELINE.replace("Europe/Berlin", "America/New_York" if "0001" in at else "Asia/Tokyo"), "p.yaml")
    )
    store.put_sensor("bronze", "landing", {"updatedAt": at})
    assert at.replace("Z", "+00:00") in invoke("get", "bronze", "landing").stdout


def test_list_takes_the_begin_of_a_key(store: Store) -> None:
    for key in ("landing", "landing#2026-03-03", "rates"):
        store.put_sensor("bronze", key, {"n": 1})
    assert [row["key"] for row in listed("--key", "landing")] == ["landing", "landing#2026-03-03"]
    assert invoke("list", "bronze", "--key", "x").stdout == "no sensor rows\n"


def test_own_rows_are_listed_on_request_only(store: Store) -> None:
    store.put_sensor("bronze", "first-sensor-arrival#2026-03-03", {"arrivedAt": "2026-03-03T12:00:00Z"})
    assert listed() == []
    assert [row["key"] for row in listed("--all")] == ["first-sensor-arrival#2026-03-03"]


def test_programs_get_numbers_with_all_their_digits(store: Store) -> None:
    exact = Decimal("0.1234567890123456789")
    fields = {"a": 3, "b": Decimal("0.5"), "c": exact, "d": [Decimal(1)], "e": {"f": Decimal("1E+2")}, "g": {"y", "x"}}
    store.put_sensor("bronze", "landing", fields)
    data = json.loads(invoke("get", "bronze", "landing", "--json").stdout)["data"]
    assert data == {"a": 3, "b": 0.5, "c": str(exact), "d": [1], "e": {"f": 100}, "g": ["x", "y"]}


def test_get_shows_each_field_on_a_line(store: Store) -> None:
    store.put_sensor("bronze", "landing", {"count": 12, "note": "a\x1b[31mb", "date": "2026-03-03"})
    assert invoke("get", "bronze", "landing").stdout.splitlines() == [
        "bronze SENSOR#landing, 2026-03-03",
        "  count: 12",
        "  note: 'a\\x1b[31mb'",
        "  date: '2026-03-03'",
    ]


def test_absent_row_is_a_negative_result(store: Store) -> None:
    assert invoke("get", "bronze", "landing", code=1).stderr == "error: bronze has no sensor row 'landing'\n"


def test_row_with_an_unreadable_date_has_its_problem(store: Store) -> None:
    store.put_sensor("bronze", "landing", {"date": "soon"})
    (row,) = listed()
    assert row["date"] is None
    assert row["problem"].startswith("date is 'soon'")
    assert "unreadable" in invoke("list", "bronze").stdout


@pytest.mark.parametrize("words", [("list", "gold"), ("get", "gold", "landing")])
def test_unknown_pipeline_is_an_error_of_the_input(words: tuple[str, ...], store: Store) -> None:
    assert invoke(*words, code=2).stderr == "error: there is no pipeline 'gold' in 'test'; known: bronze\n"
