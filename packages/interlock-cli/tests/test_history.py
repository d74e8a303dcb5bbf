"""`interlock history` prints the events of a period, or the verdict of each date in it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hostile import HOSTILE, raw_signs

from interlock_cli import main
from interlock_config import decode_yaml
from interlock_store import MemoryTables, Store, TableNames
from interlock_store._write import Put

NAMES = TableNames.of_environment("test")
PIPELINE = """
pipeline: {id: bronze}
schedule: {timezone: Europe/Berlin, trigger: {key: ready, check: exists}}
validation: {trigger: ALL, rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""
History = Callable[..., Result]
PERIOD = ("--since", "2026-03-02", "--until", "2026-03-05")


class Counted(MemoryTables):
    """Tables that count the rows which their queries have given."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    def query(self, *arguments: Any, **options: Any) -> Any:
        for row in super().query(*arguments, **options):
            self.read += 1
            yield row


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Counted:
    made = Counted()
    monkeypatch.setattr("interlock_cli._deployment._aws.DynamoTables", lambda _: made)
    monkeypatch.setenv("INTERLOCK_ENVIRONMENT", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    Store(made, NAMES).put_config(decode_yaml(PIPELINE, "bronze.yaml"))
    return made


class Clock(datetime):
    """A clock that stands in March 2026."""

    @classmethod
    def now(cls, tz: Any = None) -> "Clock":
        return cls(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def history(tables: Counted, monkeypatch: pytest.MonkeyPatch) -> History:
    monkeypatch.setattr("interlock_cli._signals._history.datetime", Clock)

    def run(*options: str) -> Result:
        return CliRunner().invoke(main, ["history", *options], env={"NO_COLOR": "1", "COLUMNS": "80"})

    return run


def put(tables: MemoryTables, at: str, kind: str, **attributes: Any) -> None:
    stamp = round(datetime.fromisoformat(at).astimezone(UTC).timestamp() * 1000)
    row = {
        "PK": "PIPELINE#bronze",
        "SK": f"{stamp:013d}#{kind}#e-{stamp}",
        "eventType": kind,
        "eventId": f"e-{stamp}",
        "pipelineId": "bronze",
        "scheduleId": "stream",
        "date": "2026-03-03",
        "message": "a message",
        "detail": "{}",
        "timestamp": Decimal(stamp),
    }
    tables.transact([Put(NAMES.events, {**row, **attributes})])


def put_verdict(tables: MemoryTables, date: str, outcome: str) -> None:
    row = {
        "PK": "PIPELINE#bronze",
        "SK": f"VERDICT#stream#{date}",
        "absolute": {"outcome": outcome, "deadline": "2026-03-04T07:00:00Z", "at": "2026-03-04T07:00:01Z"},
    }
    tables.transact([Put(NAMES.control, row)])


def test_events_are_printed_with_zone_and_utc(tables: Counted, history: History) -> None:
    put(tables, "2026-03-03T15:00:00Z", "JOB_COMPLETED")
    put(tables, "2026-03-03T23:30:05Z", "SLA_MET", message="in time")
    done = history("bronze", *PERIOD)
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "03-03 16:00 CET (15:00Z) JOB_COMPLETED 2026-03-03  a message",
        "03-04 00:30:05 CET (03-03 23:30:05Z) SLA_MET 2026-03-03  in time",
    ]


def test_event_of_another_year_has_its_year(tables: Counted, history: History) -> None:
    put(tables, "2025-12-31T22:30:00Z", "JOB_COMPLETED", date="2025-12-31")
    done = history("bronze", "--since", "2025-12-31")
    assert done.output == "2025-12-31 23:30 CET (22:30Z) JOB_COMPLETED 2025-12-31  a message\n"


def test_longest_line_without_its_message_has_80_columns(tables: Counted, history: History) -> None:
    put(tables, "2026-03-03T23:30:05Z", "IRREGULAR_SCHEDULE_MISSED", date="2026-03-03T07", message="")
    assert len(history("bronze", *PERIOD).output.rstrip()) <= 80


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        ("2026-03-03", "2026-03-03", ["B", "C"]),
        ("2026-03-03T00:00", "2026-03-03T23:59:59.999", ["B", "C"]),
        ("2026-03-02T23:00:00Z", "2026-03-02T23:00:00Z", ["B"]),
        ("2026-03-02T22:59:59.999+00:00", "2026-03-02T23:00:00Z", ["A", "B"]),
        ("2026-03-03T23:00+01:00", "2026-03-05", ["C", "D"]),
    ],
)
def test_period_is_in_the_zone_and_includes_its_ends(
    tables: Counted, history: History, since: str, until: str, found: list[str]
) -> None:
    for name, at in (
        ("A", "2026-03-02T22:59:59.999Z"),
        ("B", "2026-03-02T23:00:00Z"),
        ("C", "2026-03-03T22:59:59.999Z"),
        ("D", "2026-03-03T23:00:00Z"),
    ):
        put(tables, at, "RUN_HELD", message=name)
    done = history("bronze", "--since", since, "--until", until, "-o", "json")
    assert [event["message"] for event in json.loads(done.output)] == found


def test_query_reads_only_the_period(tables: Counted, history: History) -> None:
    for day in range(1, 29):
        put(tables, f"2026-02-{day:02}T12:00:00Z", "RUN_HELD")
    history("bronze", "--since", "2026-02-10", "--until", "2026-02-11")
    assert tables.read == 3, "two events, and the first one after the period"


def test_types_select_events(tables: Counted, history: History) -> None:
    for minute, kind in enumerate(("RUN_HELD", "SLA_BREACH", "RETRY_EXHAUSTED", "SLA_BREACH")):
        put(tables, f"2026-03-03T15:0{minute}:00Z", kind)
    done = history("bronze", *PERIOD, "--type", "SLA_BREACH", "--type", "RUN_HELD", "-o", "jsonl")
    kinds = [json.loads(line)["eventType"] for line in done.output.splitlines()]
    assert kinds == ["RUN_HELD", "SLA_BREACH", "SLA_BREACH"]


def test_each_date_has_one_line_with_its_verdict(tables: Counted, history: History) -> None:
    for date in ("2026-03-03", "2026-03-02", "2026-03-01"):
        put(tables, f"{date}T15:00:00Z", "JOB_COMPLETED", date=date)
    put(tables, "2026-03-03T15:30:00Z", "POST_RUN_PASSED")
    put(tables, "2026-03-03T16:00:00Z", "WATCHDOG_DEGRADED", date=7)
    put_verdict(tables, "2026-03-03", "breach")
    put_verdict(tables, "2026-03-02", "met")
    done = history("bronze", "--since", "2026-03-01", "--until", "2026-03-05", "--verdict")
    assert done.output.splitlines() == [
        "2026-03-01    stream  no verdict",
        "2026-03-02    stream  absolute met, deadline 03-04 08:00 CET (07:00Z)",
        "2026-03-03    stream  absolute breached, deadline 03-04 08:00 CET (07:00Z)",
    ]
    wire = history("bronze", "--since", "2026-03-03", "--until", "2026-03-05", "--verdict", "-o", "jsonl").output
    assert json.loads(wire) == {
        "pipeline": "bronze",
        "schedule": "stream",
        "date": "2026-03-03",
        "clocks": {
            "absolute": {
                "outcome": "breach",
                "deadline": "2026-03-04T07:00:00+00:00",
                "at": "2026-03-04T07:00:01+00:00",
            }
        },
        "unreadable": {},
    }


@pytest.mark.parametrize(("options", "line"), [((), "no events"), (("--verdict",), "no dates")])
def test_empty_period_is_said(history: History, options: tuple[str, ...], line: str) -> None:
    assert history("bronze", *options).output == f"{line} in this period\n"
    assert json.loads(history("bronze", "-o", "json", *options).output) == []
    assert history("bronze", "-o", "jsonl", *options).output == ""


def test_wrong_options_are_reported_together(history: History) -> None:
    done = history("bronze", "--since", "soon", "--until", "2026-02-30", "--type", "SLA_BREACHED")
    assert done.exit_code == 2
    assert "error: --type SLA_BREACHED: must be an event type, such as SLA_BREACH; did you mean SLA_" in done.output
    assert "error: --since soon: must be" in done.output
    assert "error: --until 2026-02-30: must be" in done.output


def test_period_that_ends_before_it_begins_is_rejected(history: History) -> None:
    done = history("bronze", "--since", "2026-03-03", "--until", "2026-03-02")
    assert (done.exit_code, "must not be after --until '2026-03-02'" in done.output) == (2, True)
    assert "--since 2199-01-01: must not be after now\n" in history("bronze", "--since", "2199-01-01").output


def test_unknown_pipeline_is_rejected(history: History) -> None:
    done = history("silver")
    assert (done.exit_code, "there is no pipeline 'silver'" in done.output) == (2, True)


def test_unreadable_row_is_marked_and_hides_no_other(tables: Counted, history: History) -> None:
    put(tables, "2026-03-03T15:00:00Z", "RUN_HELD", timestamp="soon")
    put(tables, "2026-03-03T15:01:00Z", "RUN_HELD")
    first, second = history("bronze", *PERIOD).output.splitlines()
    assert "unreadable (timestamp is not a whole number of milliseconds" in first
    assert second.endswith("a message")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_escaped(tables: Counted, history: History, text: str) -> None:
    put(tables, "2026-03-03T15:00:00Z", "RUN_HELD", message=text, date=text)
    for options in ((), ("--verdict",), ("-o", "json"), ("-o", "jsonl"), ("-o", "csv")):
        done = history("bronze", *PERIOD, *options)
        assert done.exit_code == 0
        assert not raw_signs(done.output)
