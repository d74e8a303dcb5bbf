"""`interlock events --date --type --since --until`: exactly the events of the choice, over all pipelines in order."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interlock_cli import main
from interlock_cli._signals._events import Choice, EventFeed
from interlock_config import decode_yaml
from interlock_store import MemoryTables, Store, TableNames
from interlock_store._write import Put

NAMES = TableNames.of_environment("test")
PIPELINE = """
pipeline: {{id: {id}}}
schedule: {{trigger: {{key: ready, check: exists}}}}
validation: {{rules: [{{key: ready, check: exists}}]}}
job: {{type: command, config: {{command: "true"}}}}
"""


@pytest.fixture
def store(tables: MemoryTables) -> Store:
    made = Store(tables, NAMES)
    for name in ("bronze", "gold"):
        made.put_config(decode_yaml(PIPELINE.format(id=name), "p.yaml"))
    put(tables, "2026-03-02T23:59:59.999Z", "A", kind="JOB_FAILED")
    put(tables, "2026-03-03T00:00Z", "B", kind="JOB_COMPLETED", pipeline="gold")
    put(tables, "2026-03-03T12:00Z", "C", kind="SLA_BREACH", date="2026-03-02")
    put(tables, "2026-03-03T23:59:59.999Z", "D", kind="JOB_COMPLETED")
    put(tables, "2026-03-04T00:00Z", "E", kind="SLA_BREACH", pipeline="gold")
    return made


def put(
    tables: MemoryTables, at: str, message: str, *, kind: str, pipeline: str = "bronze", date: str = "2026-03-03"
) -> None:
    stamp = round(datetime.fromisoformat(at).timestamp() * 1000)
    row: dict[str, Any] = {
        "PK": f"PIPELINE#{pipeline}",
        "SK": f"{stamp:013d}#{kind}#{message}",
        "eventType": kind,
        "eventId": message,
        "pipelineId": pipeline,
        "scheduleId": "stream",
        "date": date,
        "message": message,
        "detail": "{}",
        "timestamp": Decimal(stamp),
    }
    tables.transact([Put(NAMES.events, row)])


@pytest.mark.parametrize(
    ("words", "first"),
    [((), ["A", "B", "C"]), (("--last", "1"), ["C"]), (("--last", "0"), []), (("--type", "SLA_BREACH"), ["C"])],
)
def test_following_prints_no_older_event_after_the_past_ones(
    words: tuple[str, ...], first: list[str], tables: MemoryTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first poll reads the last minute again, in which events may come out of order."""
    Store(tables, NAMES).put_config(decode_yaml(PIPELINE.format(id="bronze"), "p.yaml"))
    now, polls = datetime.now(UTC), iter(range(3))
    for second, (name, kind) in enumerate((("A", "JOB_FAILED"), ("B", "JOB_FAILED"), ("C", "SLA_BREACH"))):
        put(tables, (now - timedelta(seconds=20 - second)).isoformat(), name, kind=kind)

    def nap(_: float) -> None:
        if next(polls) == 2:
            raise KeyboardInterrupt
        put(tables, (now - timedelta(seconds=30)).isoformat(), "late", kind="SLA_BREACH")

    monkeypatch.setattr("interlock_cli._signals._events.time.sleep", nap)
    lines = invoke("--follow", *words, "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["message"] for line in lines] == [*first, "late"]


def invoke(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, ["events", *words], env={"NO_COLOR": "1"})
    assert done.exit_code == code, done.output
    return done


def found(*words: str) -> str:
    """The messages of the printed events."""
    return "".join(json.loads(line)["message"] for line in invoke(*words, "--json").stdout.splitlines())


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (("--since", "2026-03-03", "--until", "2026-03-03"), "BCD"),
        (("--since", "2026-03-01"), "ABCDE"),
        (("--since", "2026-03-03T12:00"), "CDE"),
        (("--since", "2026-03-03T12:00:00.001"), "DE"),
        (("--since", "2026-03-03T13:00+01:00", "--until", "2026-03-03T12:00Z"), "C"),
        (("--date", "2026-03-02"), "C"),
        (("--date", "2026-03-03", "--type", "JOB_COMPLETED"), "BD"),
        (("--since", "2026-03-01", "--type", "JOB_FAILED", "--type", "SLA_BREACH"), "ACE"),
        (("--since", "2026-03-01", "--last", "2"), "DE"),
        (("--since", "2026-03-01", "--last", "0"), ""),
        (("gold", "--since", "2026-03-01"), "BE"),
        (("--since", "2026-03-05"), ""),
        (("--type", "SLA_BREACH"), ""),
        ((), "ABCDE"),
        (("--last", "2"), "DE"),
    ],
)
def test_choice_has_exactly_its_events(options: tuple[str, ...], messages: str, store: Store) -> None:
    assert found(*options) == messages


def test_length_before_now_begins_the_period(store: Store, tables: MemoryTables) -> None:
    for minutes, message in ((10, "X"), (50, "Y"), (70, "Z")):
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        put(tables, at.isoformat(), message, kind="SLA_BREACH")
    assert found("--since", "1h") == "YX"
    assert found("--since", "2h", "--until", "30m") == "ZY"
    assert found("--type", "SLA_BREACH") == "ZYX"


def test_followed_events_have_the_choice_too(store: Store, tables: MemoryTables) -> None:
    now = datetime.now(UTC)
    feed = EventFeed(store, None, Choice(now, now, "2026-03-03", frozenset({"SLA_BREACH"})))
    put(tables, now.isoformat(), "X", kind="SLA_BREACH")
    put(tables, now.isoformat(), "Y", kind="JOB_FAILED")
    put(tables, now.isoformat(), "Z", kind="SLA_BREACH", date="2026-03-02")
    assert [row["message"] for row in feed.fresh()] == ["X"]
    assert list(feed.fresh()) == []


def test_all_invalid_options_are_reported_together(store: Store) -> None:
    said = invoke("--type", "BREACH", "--date", "x", "--since", "soon", "--until", "+2h", code=2).stderr
    for part in ("--type is 'BREACH'", "--date: 'x'", "--since is 'soon'", "--until is '+2h'"):
        assert part in said


def test_unknown_type_has_the_near_ones(store: Store) -> None:
    said = invoke("--type", "job_complete", "--type", "BOGUS", code=2).stderr.splitlines()
    assert said == [
        "error: --type is 'job_complete', must be an event type, such as SLA_BREACH; did you mean JOB_COMPLETED?",
        "error: --type is 'BOGUS', must be an event type, such as SLA_BREACH; docs/reference/events.md lists all",
    ]


def test_period_that_ends_before_its_begin_is_invalid(store: Store) -> None:
    said = invoke("--since", "2026-03-04", "--until", "2026-03-03", code=2).stderr
    assert said == "error: --since is '2026-03-04', must not be after --until '2026-03-03'\n"


def test_follow_has_no_end(store: Store) -> None:
    assert "--follow and --until exclude each other" in invoke("--follow", "--until", "1h", code=2).stderr
