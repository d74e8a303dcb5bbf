"""Random values in each kind of row: the store reads it, the lifecycle decides, and the decision is committed."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import AnswerDryRun, CorruptedRun, Ignore, OpenAttempt, RejectRerun, Run, RunKey, RunStatus
from interlock_lifecycle.reruns import RerunFacts, count_rejection, decide_rerun, report_rejections
from interlock_lifecycle.rows import RepairFacts, decide_repair
from interlock_sla import Exclusions, parse_execution_date
from interlock_store import (
    Commit,
    CorruptedTrigger,
    MalformedRow,
    MemoryTables,
    Store,
    TableNames,
    corrupted_values,
    read_counter,
    read_rerun_request,
    read_trigger,
)
from interlock_store._write import Item, Put

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
NAMES = TableNames.of_environment("test")
KEY = RunKey("p", "stream", parse_execution_date("2026-03-03"))
TIMES = ["2026-03-03T11:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-03-03", "soon", ""]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=8),
    st.sampled_from(TIMES),
    st.sampled_from(["RUNNING", "COMPLETED", "FAILED_FINAL", "met", "breach", "{", '{"attempt":0}', "true", "1e999"]),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9),
    st.integers(-3, 10**30).map(Decimal),
    st.binary(max_size=4),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)
PIPELINE = """
pipeline: {id: p}
schedule: {trigger: {key: ready, check: exists}}
sla: {deadline: "10:00", maxDuration: 1h}
validation: {rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


def rows(sk: str, *names: str, base: tuple[Item, ...] = ({},)) -> st.SearchStrategy[Item]:
    """Rows under this key with random values of some of these attributes, in place of those of a whole row."""
    junk = st.dictionaries(st.sampled_from(names), VALUES, max_size=len(names))
    key = {"PK": "PIPELINE#p", "SK": sk}
    lost = st.sets(st.sampled_from(names), max_size=2)

    def half_written(whole: Item, found: Item, absent: set[str]) -> Item:
        return {**{name: value for name, value in {**whole, **found}.items() if name not in absent}, **key}

    return st.builds(half_written, st.sampled_from(base), junk, lost)


RUNNING: Item = {"status": "RUNNING", "runToken": "t", "leaseUntil": "2026-03-03T16:30:00Z", "attempt": Decimal(1)}
WHOLE = ({}, RUNNING, {**RUNNING, "startedToken": "t"}, {"status": "COMPLETED", "closedAt": "2026-03-03T11:00:00Z"})
RUNS = rows(
    f"TRIGGER#stream#{KEY.date}",
    *("status", "attempt", "runToken", "committedAt", "reason", "recoveries", "startedToken", "startedAt"),
    *("leaseUntil", "evaluatedAt", "evaluatedSensors", "jobIntent", "previousJob", "restOfHour", "closedAt", "ttl"),
    base=WHOLE,
)


REQUESTS = rows(f"RERUN_REQUEST#stream#{KEY.date}", "reason", "requestedAt", "requestedBy", "note", "abandonPrevious")
COUNTERS = rows(
    f"MARKER#rerun-rejected#stream#0#x#{KEY.date}", "markedAt", "count", "scheduleId", "date", "reason", "dryRun"
)


def store_with(row: Item, text: str = PIPELINE) -> tuple[Store, PipelineConfig]:
    store = Store(MemoryTables(), NAMES)
    config = decode_yaml(text, "p.yaml")
    store.put_config(config)
    store._tables.transact([Put(NAMES.control, row)])
    return store, config


def repaired(store: Store) -> Run:
    """The run of the date after the repair that any component makes."""
    try:
        run = store.run(KEY)
    except CorruptedTrigger as found:
        facts = RepairFacts(store.config("p").config, store.sla(KEY), store.entries(KEY), store.reruns(KEY))
        decision = decide_repair(found.corrupted, facts, NOW)
        assert decision.after.status is not RunStatus.RUNNING
        assert store.commit(decision) is Commit.COMMITTED
        run = store.run(KEY)
    assert run is not None
    return run


@settings(max_examples=300, deadline=None)
@given(RUNS)
def test_any_trigger_row_is_a_run_or_is_repaired(row: Item) -> None:
    store, _ = store_with(row)
    found = read_trigger(row)
    run = repaired(store)
    if isinstance(found, CorruptedRun):
        kept = found.status if found.is_closed else RunStatus.FAILED_FINAL
        assert (run.status, run.is_running) == (kept, False)
    elif run.is_running:
        assert run.lease_until is not None


@settings(max_examples=200, deadline=None)
@given(
    RUNS, rows(f"RERUN_REQUEST#stream#{KEY.date}", "reason", "requestedAt", "requestedBy", "note", "abandonPrevious")
)
def test_any_request_of_any_row_is_answered_once(row: Item, request: Item) -> None:
    store, config = store_with(row)
    store._tables.transact([Put(NAMES.control, request)])
    before = repaired(store)
    asked = read_rerun_request(request, NOW)
    standing = store.rerun_stands(asked)
    facts = RerunFacts(
        run=before,
        exclusions=Exclusions(),
        entries=store.entries(KEY),
        reruns=store.reruns(KEY),
        newest_sensor_update=store.newest_sensor_update(config, KEY),
        stands=standing is not None,
    )
    decision = decide_rerun(asked, facts, config, execution_timeout=timedelta(hours=4))
    assert isinstance(decision, OpenAttempt | RejectRerun)
    if isinstance(decision, RejectRerun):
        assert decision.counted is not None
        decision = count_rejection(decision, store.rejections("p", decision.counted.marker))  # type: ignore[assignment]
    assert store.commit(decision) is Commit.COMMITTED  # type: ignore[arg-type]
    after = store.run(KEY)
    assert after is not None
    assert after.attempt == before.attempt + isinstance(decision, OpenAttempt)
    assert not (before.is_running and isinstance(decision, OpenAttempt))


@settings(max_examples=200, deadline=None)
@given(rows(f"DRY_RUN#stream#{KEY.date}", "data", "seen", "reruns", "retries", "ttl"))
def test_any_dry_run_row_takes_its_next_answer(row: Item) -> None:
    store, config = store_with(row, PIPELINE + "dryRun: true\n")
    asked = read_rerun_request({"PK": "PIPELINE#p", "SK": f"RERUN_REQUEST#stream#{KEY.date}"}, NOW)
    dry_run = store.dry_run(KEY)
    facts = RerunFacts(None, Exclusions(), [], [], None, stands=False, dry_run=dry_run)
    decision = decide_rerun(asked, facts, config, execution_timeout=timedelta(hours=4))
    assert isinstance(decision, AnswerDryRun)
    assert store.commit(decision) is Commit.COMMITTED
    assert store.dry_run(KEY).retries == decision.after.retries


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        rows(f"VERDICT#stream#{KEY.date}", "absolute", "relative", "ttl"),
        rows(f"KEPT#stream#{KEY.date}", "rows", "version", "dormant", "GSI1PK"),
        rows(f"SENSOR#first-sensor-arrival#{KEY.date}", "data", "arrivedAt"),
        rows(f"SENSOR#postrun-baseline#{KEY.date}", "data", "ready"),
        rows(f"MARKER#x#{KEY.date}", "markedAt", "count", "quiet"),
    )
)
def test_any_note_is_read(row: Item) -> None:
    stored: dict[str, Any] = {name: value for name, value in row.items() if name != "GSI1PK" or isinstance(value, str)}
    if stored.get("GSI1PK") == "":
        del stored["GSI1PK"]
    store, _ = store_with(stored)
    corrupted_values(stored)
    store.verdict(KEY)
    store.kept(KEY)
    store.arrived_at(KEY)
    store.baseline(KEY)
    store.sla(KEY)
    store.rejections("p", f"x#{KEY.date}")


@settings(max_examples=200, deadline=None)
@given(
    rows("MARKER#rerun-rejected#stream#0#x#2026-03-03", "markedAt", "count", "scheduleId", "date", "reason", "dryRun")
)
def test_any_counter_is_reported_or_malformed(row: Item) -> None:
    store, _ = store_with(row)
    try:
        counted = read_counter(row)
    except MalformedRow:
        return
    assert not math.isnan(counted.after.count)
    assert store.commit(report_rejections(counted, NOW)) is Commit.COMMITTED
    assert not isinstance(store.rejections("p", counted.marker), Ignore)
