"""`interlock sensor put`: what the command knows about a row before it writes it."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interlock_cli import main
from interlock_config import decode_yaml
from interlock_store import MemoryTables, Store, TableNames
from interlock_store._write import Put

PIPELINE = """
pipeline: {id: bronze}
schedule: {trigger: {key: landing, check: equals, field: complete, value: true}}
validation:
  rules:
    - {key: landing, check: gte, field: count, value: 100}
    - {key: landing, check: age_lt, value: 2h}
    - {key: rates, check: exists, anyDate: true}
postRun: {rules: [{key: audit, check: exists}]}
job: {type: command, config: {command: "true"}}
"""
GOOD = ("complete=true", "count=120")


@pytest.fixture
def store(tables: MemoryTables) -> Store:
    made = Store(tables, TableNames.of_environment("test"))
    made.put_config(decode_yaml(PIPELINE, "p.yaml"))
    return made


def put(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, ["sensor", "put", "bronze", *words], env={"NO_COLOR": "1"})
    assert done.exit_code == code, done.output
    return done


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("landing", 'date="2026-99-99"'), "date is '2026-99-99', which is not a day or hour from 1900 to 9998"),
        (
            ("landing", 'date="2026/03/03"'),
            "date is '2026/03/03', which is not YYYY-MM-DD or YYYYMMDD, with THH for an",
        ),
        (("landing", 'date="2026-03-03"', "hour=30"), "hour is 30, which is not a whole number from 0 to 23"),
        (("landing#2026-03-03", 'date="2026-03-04"'), "date is '2026-03-04', which contradicts the key's 2026-03-03"),
        (
            ("landing#20260230",),
            "key is 'landing#20260230', whose part '20260230' is not a day or hour from 1900 to 9998",
        ),
        (("audit", 'date="soon"'), "date is 'soon', which is not YYYY-MM-DD"),
        (("unread", 'date="soon"'), "date is 'soon', which is not YYYY-MM-DD"),
    ],
)
def test_unreadable_date_is_an_error_and_replaces_no_row(words: tuple[str, ...], said: str, store: Store) -> None:
    store.put_sensor("bronze", words[0], {"count": 1})
    error = put(*words, *GOOD, code=2).stderr
    assert error.startswith("error: ")
    assert said in error
    assert error.endswith("; the row would count for no run (--force writes it)\n")
    assert store.all_sensors("bronze") == {words[0]: {"count": 1}}


def test_unreadable_date_is_written_by_force(store: Store) -> None:
    arguments = ("landing", 'date="2026-99-99"', *GOOD, "--force")
    warning = (
        "date is '2026-99-99', which is not a day or hour from 1900 to 9998; the row opens no run and counts for no run"
    )
    assert put(*arguments).stdout == f"written bronze SENSOR#landing\nwarning: {warning}\n"
    assert store.all_sensors("bronze")["landing"]["date"] == "2026-99-99"
    assert json.loads(put(*arguments, "--json").stdout)["warning"] == warning


def test_unreadable_date_is_an_error_without_a_readable_config(store: Store) -> None:
    store._tables.transact([_config_row(store, "{")])
    assert "which is not YYYY-MM-DD" in put("landing", 'date="soon"', code=2).stderr
    assert put("landing", 'date="2026-03-03"').stdout == "written bronze SENSOR#landing\n"


def _config_row(store: Store, text: str) -> Any:
    return Put(store.names.control, {"PK": "PIPELINE#bronze", "SK": "CONFIG", "config": text})


def test_reference_data_has_any_date(store: Store) -> None:
    assert put("rates", 'date="soon"').stdout == "written bronze SENSOR#rates\n"


@pytest.mark.parametrize(
    ("words", "warnings"),
    [
        (("landing", *GOOD), []),
        (("landing#2026-11-30T07", *GOOD), []),
        (("audit", "ok=true"), []),
        (
            ("landin", *GOOD),
            [
                "no rule and no trigger of bronze reads the key 'landin'; they read landing, rates, audit; "
                "did you mean landing?"
            ],
        ),
        (("x#1", "a=1"), ["no rule and no trigger of bronze reads the key 'x#1'; they read landing, rates, audit"]),
        (("landing", "cuont=1", "complete=true"), ["the row has no field 'count', which a rule or the trigger reads"]),
        (
            ("landing", "a=1", "--no-timestamp"),
            [
                f"the row has no field {name!r}, which a rule or the trigger reads"
                for name in ("count", "updatedAt", "complete")
            ],
        ),
        (
            ("landing", *GOOD, 'date="1970-01-02"'),
            [
                "date is '1970-01-02', which is {days} days back; schedule.dates.back allows 400; the row opens no "
                "run, and counts for a requested rerun of its date"
            ],
        ),
    ],
)
def test_row_that_decides_less_than_it_seems_is_a_warning(
    words: tuple[str, ...], warnings: list[str], store: Store
) -> None:
    first, *said = put(*words).stdout.splitlines()
    assert first == f"written bronze SENSOR#{words[0]}"
    days = [word for word in " ".join(said).split() if word.isdecimal()]
    assert said == [f"warning: {warning}".replace("{days}", days[0] if days else "") for warning in warnings]
    assert words[0] in store.all_sensors("bronze")


def test_all_problems_of_the_arguments_come_at_once(store: Store) -> None:
    assert put("", "a", "b=x", code=2).stderr.splitlines() == [
        "error: sensor key '' is empty",
        "error: 'a' is not FIELD=VALUE",
        "error: b=x: 'x' is not JSON (text needs quotes: 'b=\"x\"')",
    ]
