"""When DynamoDB may delete which row: `ttl` is whole epoch seconds, and no live row has one that is near."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from interlock_lifecycle import (
    Announce,
    ClockVerdict,
    CommitIntent,
    JobEntry,
    JobIntent,
    MarkStarted,
    OpenAttempt,
    RecordBreach,
    RequestRerun,
    RerunEntry,
    Run,
    RunKey,
    StartRun,
    Verdict,
    WithdrawIntent,
)
from interlock_lifecycle.events import EventType, make_event
from interlock_lifecycle.runs import CloseFacts, Exhaustion, decide_started, exhaust
from interlock_lifecycle.slas import SlaFacts
from interlock_sla import Clock, Exclusions, Outcome
from interlock_store import Commit, Store
from interlock_store._write import Put

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
LEASE = TIMEOUT + timedelta(minutes=30)
PK = "PIPELINE#bronze"


def ttls(store: Store, table: str) -> dict[str, Any]:
    """The `ttl` of each kind of row."""
    found = {}
    for row in store._tables.query(table, PK):
        assert isinstance(row.get("ttl", Decimal(0)), Decimal)
        assert row.get("ttl", Decimal(0)) % 1 == 0
        found[row["SK"].partition("#")[0]] = row.get("ttl")
    return found


def after(length: timedelta) -> Decimal:
    return Decimal(int((NOW + length).timestamp()))


def started(store: Store, run: Run) -> Run:
    decision = decide_started(run, run.run_token, now=NOW, execution_timeout=TIMEOUT)
    assert isinstance(decision, MarkStarted)
    assert store.commit(decision) is Commit.COMMITTED
    found = store.run(run.key)
    assert found is not None
    return found


def test_a_running_row_outlives_its_lease_by_thirty_days(store: Store, start: StartRun) -> None:
    store.commit(start)
    assert ttls(store, store.names.control)["TRIGGER"] == after(LEASE + timedelta(days=30))
    started(store, start.run)
    assert ttls(store, store.names.control)["TRIGGER"] == after(LEASE + timedelta(days=30))


def test_arrivals_configs_and_requests_are_never_deleted(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    store.commit(RequestRerun(key, "late-data", NOW, None, ()))
    control = ttls(store, store.names.control)
    assert (control["SENSOR"], control["RERUN_REQUEST"]) == (None, None)


def test_a_closed_row_stays_for_ever(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    run = started(store, start.run)
    facts = CloseFacts(run, None, 0, Exclusions(), SlaFacts(None, Verdict(key)))
    store.commit(exhaust(facts, run.run_token, Exhaustion.INFRA, reason="x", now=NOW))  # type: ignore[arg-type]
    assert ttls(store, store.names.control)["TRIGGER"] is None


def test_logs_reruns_events_and_markers_live_thirty_days(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    run = started(store, start.run)
    rerun = RerunEntry(key, "job-fail-retry", NOW, "fail")
    retried = OpenAttempt(run, start.run, rerun, JobEntry(key, NOW, "fail"), ())
    assert store.commit(retried) is Commit.COMMITTED
    event = make_event(EventType.SLA_WARNING, key, NOW, source="test", message="m")
    store.commit(Announce("bronze", (event,), marker="warned", at=NOW))
    month = after(timedelta(days=30))
    control = ttls(store, store.names.control)
    assert (control["EVENT"], control["MARKER"]) == (month, month)
    assert ttls(store, store.names.joblog) == {"JOB": month}
    assert ttls(store, store.names.rerun) == {"RERUN": month}


def test_a_verdict_lives_four_hundred_days_from_its_latest_clock(store: Store, key: RunKey) -> None:
    for clock, at in ((Clock.ABSOLUTE, NOW - timedelta(hours=1)), (Clock.RELATIVE, NOW)):
        verdicts = {clock: ClockVerdict(Outcome.BREACH, at, at)}
        assert store.commit(RecordBreach(key, None, store.verdict(key), verdicts, ())) is Commit.COMMITTED
    assert ttls(store, store.names.control)["VERDICT"] == after(timedelta(days=400))


def test_events_of_one_millisecond_survive_next_to_others(
    store: Store, tables: Any, start: StartRun, key: RunKey
) -> None:
    """An external job took the same millisecond, and the two behind it."""
    stamp = int(NOW.timestamp() * 1000)
    for offset in range(3):
        sk = f"JOB#stream#{key.date}#{stamp + offset}"
        tables.transact([Put(store.names.joblog, {"PK": PK, "SK": sk, "event": "success", "runId": str(offset)})])
    store.commit(start)
    for number in range(5):
        run = store.run(key)
        assert run is not None
        intent = JobIntent(run.attempt, "key", NOW + timedelta(minutes=5), "command", {}, NOW)
        store.commit(CommitIntent(run, intent))
        promised = store.run(key)
        assert promised is not None
        entry = JobEntry(key, NOW, "infra-trigger-failure", error=str(number))
        assert store.commit(WithdrawIntent(promised, entry)) is Commit.COMMITTED
    found = store.entries(key)
    assert [one.run_id for one in found[:3]] == ["0", "1", "2"]
    assert [one.error for one in found[3:]] == [str(number) for number in range(5)]
    assert [int(one.at.timestamp() * 1000) - stamp for one in found] == list(range(8))
