"""The index of days: each decision places its row by its urgency, and one query finds a day's dates."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_lifecycle import (
    Announce,
    ClockVerdict,
    CloseRun,
    CommitIntent,
    ExpireTrigger,
    JobEntry,
    JobIntent,
    OpenWait,
    RecordBreach,
    Run,
    RunKey,
    RunStatus,
    StartRun,
    Verdict,
    Wait,
    WithdrawIntent,
)
from interlock_lifecycle.runs import open_run
from interlock_sla import Clock, Outcome, parse_execution_date
from interlock_store import Commit, DateState, Days, Migration, MigrationAction, RowScan, Store
from interlock_store._write import Item, Put

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
DAY = date(2026, 3, 3)
BREACH = ClockVerdict(Outcome.BREACH, NOW - timedelta(hours=1), NOW)
INTENT = JobIntent(0, "k", NOW, "command", {"command": "true", "token": "secret"}, NOW)


@pytest.fixture
def days(store: Store) -> Days:
    return Days(store._tables, store.names)


def of_day(days: Days, *, limit: int = 1000) -> dict[str, DateState]:
    return {f"{key.pipeline_id} {key.date}": state for key, state in days.page(DAY, limit).dates.items()}


def begin(store: Store, name: str, text: str = "2026-03-03") -> Run:
    key = RunKey(name, "stream", parse_execution_date(text))
    start = open_run(key, decided_at=NOW, execution_timeout=timedelta(hours=4), arrived_at=None)
    assert store.commit(start) is Commit.COMMITTED
    return start.run


def end(store: Store, run: Run, status: RunStatus, reason: str = "", **judged: Any) -> None:
    entry = JobEntry(key=run.key, at=NOW, event="success")
    close = CloseRun(run, status, NOW, entry, Verdict(run.key), judged.get("verdicts", {}), (), reason=reason)
    assert store.commit(close) is Commit.COMMITTED


def test_a_day_lists_its_most_urgent_dates_first(store: Store, days: Days) -> None:
    end(store, begin(store, "a-done"), RunStatus.COMPLETED)
    assert store.commit(CommitIntent(begin(store, "b-runs"), INTENT)) is Commit.COMMITTED
    begin(store, "c-held")
    missed = Announce("d-missed", (), "missed#cron#0#2026-03-03", NOW)
    key = RunKey("e-late", "cron", parse_execution_date("2026-03-03"))
    late = RecordBreach(key, None, Verdict(key), {Clock.ABSOLUTE: BREACH}, ())
    assert store.commit(missed) is Commit.COMMITTED
    assert store.commit(late) is Commit.COMMITTED
    end(store, begin(store, "f-failed"), RunStatus.FAILED_FINAL)
    begin(store, "g-other-day", "2026-03-04")
    assert list(of_day(days)) == [
        f"{name} 2026-03-03" for name in ("f-failed", "e-late", "d-missed", "c-held", "b-runs", "a-done")
    ]


def test_a_date_has_the_parts_that_the_overview_shows(store: Store, days: Days) -> None:
    end(store, begin(store, "bronze"), RunStatus.COMPLETED, verdicts={Clock.ABSOLUTE: BREACH})
    (state,) = of_day(days).values()
    assert state == DateState(
        state.key,
        RunStatus.COMPLETED,
        reason="sensor",
        committed_at=NOW,
        closed_at=NOW,
        verdict={Clock.ABSOLUTE: BREACH},
    )
    assert state.is_breached


def test_a_met_deadline_has_no_row_of_its_own(store: Store, days: Days) -> None:
    met = ClockVerdict(Outcome.MET, NOW, NOW)
    end(store, begin(store, "bronze"), RunStatus.COMPLETED, verdicts={Clock.ABSOLUTE: met})
    assert [state.verdict for state in of_day(days, limit=2).values()] == [{}]


def test_a_withdrawn_job_start_holds_the_run_again(store: Store, days: Days) -> None:
    run = begin(store, "bronze")
    assert store.commit(CommitIntent(run, INTENT)) is Commit.COMMITTED
    assert [state.has_job for state in of_day(days).values()] == [True]
    started = store.run(run.key)
    assert started is not None
    entry = JobEntry(key=run.key, at=NOW, event="rejected")
    assert store.commit(WithdrawIntent(started, entry)) is Commit.COMMITTED
    assert [state.has_job for state in of_day(days).values()] == [False]


def test_hours_are_found_under_their_day(store: Store, days: Days) -> None:
    for hour in range(3):
        begin(store, "bronze", f"2026-03-03T0{hour}")
    begin(store, "bronze", "2026-03-02T23")
    assert list(of_day(days)) == [f"bronze 2026-03-03T0{hour}" for hour in range(3)]


def test_a_page_says_whether_the_day_has_more(store: Store, days: Days) -> None:
    for name in ("a", "b", "c"):
        begin(store, name)
    assert (days.page(DAY, 3).is_whole, days.page(DAY, 4).is_whole) == (False, True)
    assert list(of_day(days, limit=2)) == ["a 2026-03-03", "b 2026-03-03"]


def test_an_expired_trigger_is_a_failed_date(store: Store, days: Days) -> None:
    key = RunKey("bronze", "cron", parse_execution_date("2026-03-03"))
    run = replace(
        open_run(key, decided_at=NOW, execution_timeout=timedelta(hours=4), arrived_at=None).run,
        status=RunStatus.FAILED_FINAL,
    )
    expire = ExpireTrigger(run, Verdict(key), {}, ())
    assert store.commit(expire) is Commit.COMMITTED
    assert [state.status for state in of_day(days).values()] == [RunStatus.FAILED_FINAL]


def test_the_reasons_of_held_and_failed_runs_come_at_once(store: Store, days: Days) -> None:
    held, failed = begin(store, "held"), begin(store, "failed")
    wait = Wait(held.key, held.run_token, held={"landing count gte 1000": NOW})
    assert store.commit(OpenWait(held, wait, None)) is Commit.COMMITTED
    end(store, failed, RunStatus.FAILED_FINAL, reason="exit code 3")
    end(store, begin(store, "done"), RunStatus.COMPLETED)
    notes = days.notes(of_day(days).values())
    assert notes == {held.key: "landing count gte 1000", failed.key: "exit code 3"}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"SK": "TRIGGER#stream#yesterday"}, "yesterday"),
        ({"SK": "SENSOR#landing"}, "no place in the index of days"),
        ({"SK": "MARKER#missed#2026-03-03"}, "no place in the index of days"),
        ({"SK": "MARKER#missed#cron#0#2026-03-03", "markedAt": "soon"}, "'soon' is not a time"),
    ],
)
def test_a_row_without_a_date_is_listed_as_a_problem(store: Store, days: Days, row: Item, problem: str) -> None:
    place = {"GSI2PK": "DAY#2026-03-03", "GSI2SK": "1#x"}
    store._tables.transact([Put(store.names.control, {"PK": "PIPELINE#bronze", **place, **row})])
    begin(store, "silver")
    page = days.page(DAY)
    assert [key.pipeline_id for key in page.dates] == ["silver"]
    assert len(page.problems) == 1
    assert problem in page.problems[0]


@pytest.mark.parametrize(
    "spoiled", [{"status": "fine"}, {"attempt": "many"}, {"committedAt": "noon"}, {"status": "RUNNING", "closedAt": 3}]
)
def test_an_unreadable_run_is_shown_with_its_problem(store: Store, days: Days, spoiled: Item) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": "TRIGGER#stream#2026-03-03", "status": "COMPLETED", **spoiled}
    store._tables.transact([Put(store.names.control, {**row, "GSI2PK": "DAY#2026-03-03", "GSI2SK": "1#x"})])
    (state,) = of_day(days).values()
    assert "TRIGGER#stream#2026-03-03" in state.problem
    assert state.status is None


def test_a_migration_places_the_dates_of_an_older_version(store: Store, days: Days, scan: RowScan) -> None:
    done, runs, held = (begin(store, name) for name in ("done", "runs", "held"))
    end(store, done, RunStatus.COMPLETED, verdicts={Clock.ABSOLUTE: BREACH})
    assert store.commit(CommitIntent(runs, INTENT)) is Commit.COMMITTED
    found = of_day(days)
    for page in scan.pages(store.names.control):
        for row in page.rows:
            whole = store._tables.get(store.names.control, row["PK"], row["SK"])
            assert whole is not None
            older = {name: value for name, value in whole.items() if not name.startswith("GSI2")}
            store._tables.transact([Put(store.names.control, older)])
    assert of_day(days) == {}
    changes = [change for page in _migrate(store, scan) for change in page.changes]
    assert {change.action for change in changes} == {MigrationAction.INDEX_DAY}
    assert len(changes) == 4
    assert of_day(days) == found
    assert [change for page in _migrate(store, scan) for change in page.changes] == []
    assert held.key in days.page(DAY).dates


def _migrate(store: Store, scan: RowScan) -> Any:
    return Migration(store, scan, now=NOW, execution_timeout=timedelta(hours=4), apply=True).run()


def test_a_long_name_still_has_a_place(store: Store, days: Days, start: StartRun) -> None:
    key = RunKey("p" * 1100, "stream", parse_execution_date("2026-03-03"))
    assert (
        store.commit(open_run(key, decided_at=NOW, execution_timeout=timedelta(hours=4), arrived_at=None))
        is Commit.COMMITTED
    )
    assert list(days.page(DAY).dates) == [key]
