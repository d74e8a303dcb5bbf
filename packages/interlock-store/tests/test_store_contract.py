"""The contract of every kind of tables for the store: conditions, transactions, order, values."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_alerts, decode_alerts_yaml, encode_json
from interlock_lifecycle import (
    Announce,
    AnsweredRequest,
    ClockVerdict,
    CloseRun,
    CommitIntent,
    DryRun,
    JobEntry,
    JobIntent,
    JobOutcome,
    MarkStarted,
    NoteAfterRun,
    NoteArrival,
    NoteRest,
    ObserveRun,
    OpenAttempt,
    PassEvaluation,
    RecordBreach,
    RecordStart,
    RecoverRun,
    RejectRerun,
    RequestRerun,
    RerunEntry,
    RestOfHour,
    Run,
    RunKey,
    RunStatus,
    StartRun,
    Verdict,
    WithdrawIntent,
)
from interlock_lifecycle.events import EventType, make_event
from interlock_lifecycle.reruns import RerunFacts, reject_rerun
from interlock_lifecycle.runs import CloseFacts, Exhaustion, decide_completion, decide_started, exhaust
from interlock_lifecycle.slas import SlaFacts
from interlock_rules import Check, Rule
from interlock_sla import Calendar, Clock, Exclusions, Outcome, Period, parse_execution_date
from interlock_store import (
    Commit,
    MalformedRow,
    MemoryTables,
    Overview,
    Silence,
    Store,
    TableNames,
    Tables,
    TransactionRejected,
    UnreadableSilence,
    format_time,
    read_rerun_request,
)
from interlock_store._write import NOTHING_THERE, Expect, Item, Put, Update
from interlock_store._write import Check as RowCheck

LANDING = Rule("landing", Check.EXISTS)
NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)


def started(store: Store, run: Run) -> Run:
    decision = decide_started(run, run.run_token, now=NOW, execution_timeout=TIMEOUT)
    assert isinstance(decision, MarkStarted)
    assert store.commit(decision) is Commit.COMMITTED
    return read(store, run.key)


def read(store: Store, key: RunKey) -> Run:
    run = store.run(key)
    assert run is not None
    return run


def no_sla(key: RunKey) -> SlaFacts:
    return SlaFacts(None, Verdict(key))


def pending_kinds(store: Store) -> list[str]:
    return sorted(row["SK"].partition("#")[0] for row in store.pending(NOW + timedelta(days=1)))


def test_a_run_comes_back_as_it_was_committed(store: Store, start: StartRun) -> None:
    assert store.commit(start) is Commit.COMMITTED
    assert read(store, start.run.key) == start.run
    assert store.arrived_at(start.run.key) == NOW


def test_the_second_start_of_a_date_is_fenced_and_writes_nothing(store: Store, start: StartRun) -> None:
    store.commit(start)
    second = replace(start, run=replace(start.run, run_token="other"), arrived_at=None)
    assert store.commit(second) is Commit.FENCED
    assert read(store, start.run.key).run_token == start.run.run_token


def test_another_writers_arrival_makes_the_start_stale(store: Store, start: StartRun, key: RunKey) -> None:
    store.put_sensor("bronze", f"first-sensor-arrival#{key.date}", {"arrivedAt": "2026-03-03T11:00:00Z"})
    assert store.commit(start) is Commit.STALE
    assert store.run(key) is None
    assert store.commit(replace(start, arrived_at=None)) is Commit.COMMITTED


def test_a_run_waits_in_the_pending_index_until_it_is_started(store: Store, start: StartRun) -> None:
    store.commit(start)
    assert pending_kinds(store) == ["TRIGGER"]
    run = started(store, start.run)
    assert run.started_token == run.run_token
    assert pending_kinds(store) == ["EVENT"]
    assert [row["SK"] for row in store.running()] == [f"TRIGGER#stream#{run.key.date}"]


def test_pending_leaves_out_what_is_younger_than_asked_for(store: Store, start: StartRun) -> None:
    store.commit(start)
    assert store.pending(NOW - timedelta(microseconds=1)) == []
    assert len(store.pending(NOW)) == 1


def test_a_start_is_recorded_once(store: Store, start: StartRun) -> None:
    store.commit(start)
    decision = decide_started(start.run, start.run.run_token, now=NOW, execution_timeout=TIMEOUT)
    assert isinstance(decision, MarkStarted)
    assert store.commit(decision) is Commit.COMMITTED
    assert store.commit(decision) is Commit.FENCED


def test_a_pass_is_recorded_once_with_its_baseline(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    decision = PassEvaluation(start.run, NOW, {"counts": {"count": 5, "ratio": 0.25, "empty": ""}}, ())
    assert store.commit(decision) is Commit.COMMITTED
    assert store.commit(decision) is Commit.FENCED
    baseline = store.all_sensors("bronze", "postrun-baseline")[f"postrun-baseline#{key.date}"]
    assert baseline == {"counts": {"count": Decimal(5), "ratio": Decimal("0.25"), "empty": ""}}


def intend(run: Run) -> JobIntent:
    config = {"command": "true", "ratio": 0.1, "empty": "", "nested": {"list": [1, None, True]}}
    return JobIntent(run.attempt, "key", NOW + timedelta(minutes=5), "command", config, NOW)


def test_of_two_invocations_one_may_promise_the_start(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    run = read(store, key)
    assert store.commit(CommitIntent(run, intend(run))) is Commit.COMMITTED
    assert store.commit(CommitIntent(run, intend(run))) is Commit.FENCED
    assert read(store, key).job_intent == intend(run)


def test_a_promise_is_answered_or_withdrawn_as_it_was_read(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    run = read(store, key)
    store.commit(CommitIntent(run, intend(run)))
    promised = read(store, key)
    answered = replace(intend(run), run_id="job-1", outcome=JobOutcome("success", at=NOW))
    assert store.commit(RecordStart(promised, answered, ())) is Commit.COMMITTED
    entry = JobEntry(key, NOW, "infra-trigger-failure", run_token=run.run_token)
    assert store.commit(WithdrawIntent(promised, entry)) is Commit.FENCED
    assert store.commit(WithdrawIntent(read(store, key), entry)) is Commit.COMMITTED
    assert read(store, key).job_intent is None


def close_facts(store: Store, run: Run, config: PipelineConfig | None = None) -> CloseFacts:
    return CloseFacts(run, config, 0, Exclusions(), no_sla(run.key))


def test_a_closed_run_leaves_the_indexes_and_loses_its_ttl(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    run = started(store, start.run)
    decision = decide_completion(
        close_facts(store, run), run.run_token, JobOutcome("success"), now=NOW, execution_timeout=TIMEOUT
    )
    assert store.commit(decision) is Commit.COMMITTED  # type: ignore[arg-type]
    closed = read(store, key)
    assert closed.status is RunStatus.COMPLETED
    assert store.running() == []
    assert [entry.event for entry in store.entries(key)] == ["success"]
    row = store._tables.get(store.names.control, "PIPELINE#bronze", f"TRIGGER#stream#{key.date}")
    assert row is not None
    assert "ttl" not in row


def test_a_close_does_not_pass_over_the_rest_of_an_hour(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    run = started(store, start.run)
    rest = RestOfHour("landing", "abc", NOW)
    assert store.commit(NoteRest(run, rest)) is Commit.COMMITTED
    assert store.commit(NoteRest(run, replace(rest, fingerprint="def"))) is Commit.FENCED

    def close(one: Run) -> CloseRun:
        outcome = JobOutcome("success")
        decision = decide_completion(
            close_facts(store, one), one.run_token, outcome, now=NOW, execution_timeout=TIMEOUT
        )
        assert isinstance(decision, CloseRun)
        return decision

    assert store.commit(close(run)) is Commit.FENCED
    noted = read(store, key)
    assert noted.rest == rest
    assert store.commit(RecoverRun(run, replace(noted, run_token="newer"), ())) is not Commit.COMMITTED
    assert store.commit(close(noted)) is Commit.COMMITTED
    asked = store.standing_request(key)
    assert asked is not None
    assert asked.is_own
    assert asked.waits


def test_the_rest_of_an_hour_is_logged_while_a_request_waits(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    store.request_rerun(key, reason="manual", note=None, requested_at=NOW)
    run = replace(started(store, start.run), rest=RestOfHour("landing", "abc", NOW))
    store.commit(NoteRest(replace(run, rest=None), run.rest))
    facts = replace(close_facts(store, run), request=store.standing_request(key))
    outcome = JobOutcome("success", at=NOW)
    decision = decide_completion(facts, run.run_token, outcome, now=NOW, execution_timeout=TIMEOUT)
    assert store.commit(decision) is Commit.COMMITTED  # type: ignore[arg-type]
    assert [(entry.event, entry.error) for entry in store.entries(key)] == [
        ("success", None),
        ("late-data-arrival", "repeated-hour"),
    ]
    asked = store.standing_request(key)
    assert asked is not None
    assert not asked.is_own
    assert asked.noted is not UNSET


def test_hours_that_run_or_await_reports_are_found_by_their_day(store: Store, start: StartRun, key: RunKey) -> None:
    def begin(text: str) -> Run:
        run = replace(start.run, key=replace(key, date=parse_execution_date(text)))
        store.commit(replace(start, run=run, arrived_at=None))
        return started(store, run)

    def close(run: Run, *, awaits: bool) -> None:
        done = JobOutcome("success")
        decision = decide_completion(close_facts(store, run), run.run_token, done, now=NOW, execution_timeout=TIMEOUT)
        assert isinstance(decision, CloseRun)
        store.commit(replace(decision, awaits_post_run=awaits))

    begin("2026-03-05T05")
    close(begin("2026-03-05T06"), awaits=True)
    close(begin("2026-03-05T07"), awaits=False)
    for other in ("2026-03-05", "2026-03-06T05"):
        begin(other)
    day = replace(key, date=parse_execution_date("2026-03-05"))
    assert [str(found.date) for found in store.hours_waiting(day)] == ["2026-03-05T05", "2026-03-05T06"]


def test_the_close_of_a_superseded_execution_changes_nothing(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    run = started(store, start.run)
    after = replace(run, run_token="newer", started_token=None, recoveries=1)
    assert store.commit(RecoverRun(run, after, ())) is Commit.COMMITTED
    decision = exhaust(close_facts(store, run), run.run_token, Exhaustion.INFRA, reason="late", now=NOW)
    assert store.commit(decision) is Commit.FENCED  # type: ignore[arg-type]
    assert read(store, key).is_running
    assert store.entries(key) == []


def test_a_recovered_run_is_pending_again(store: Store, start: StartRun) -> None:
    store.commit(start)
    run = started(store, start.run)
    store.commit(RecoverRun(run, replace(run, run_token="newer", started_token=None), ()))
    assert "TRIGGER" in pending_kinds(store)
    assert store.running() == []


def test_a_recovery_never_erases_an_intent_committed_meanwhile(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    run = started(store, start.run)
    recovery = RecoverRun(run, replace(run, run_token="newer", started_token=None, recoveries=1), ())
    store.commit(CommitIntent(run, intend(run)))
    assert store.commit(recovery) is Commit.STALE
    assert read(store, key).job_intent == intend(run)


def test_a_recovery_never_erases_a_pass_committed_meanwhile(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    run = started(store, start.run)
    recovery = RecoverRun(run, replace(run, run_token="newer", started_token=None, recoveries=1), ())
    store.commit(PassEvaluation(run, NOW, None, ()))
    assert store.commit(recovery) is Commit.STALE
    passed = read(store, key)
    assert (passed.run_token, passed.evaluated_at) == (run.run_token, NOW)
    again = RecoverRun(passed, replace(passed, run_token="newer", started_token=None, recoveries=1), ())
    assert store.commit(again) is Commit.COMMITTED


def test_a_close_without_an_outcome_leaves_the_intent_as_it_is(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    run = started(store, start.run)
    decision = exhaust(close_facts(store, run), run.run_token, Exhaustion.INFRA, reason="x", now=NOW)
    store.commit(CommitIntent(run, intend(run)))
    assert store.commit(decision) is Commit.COMMITTED  # type: ignore[arg-type]
    assert read(store, key).job_intent == intend(run)


def entry(key: RunKey, event: str, **fields: Any) -> JobEntry:
    return JobEntry(key, NOW, event, **fields)


@pytest.mark.parametrize("stamp", [Decimal("1772539200.5"), "1772539200.5", "", None, True, [1, "a"]])
def test_a_rerun_request_is_answered_with_any_form_of_its_time(
    store: Store, tables: Tables, key: RunKey, stamp: object
) -> None:
    asked: Item = {"PK": "PIPELINE#bronze", "SK": f"RERUN_REQUEST#stream#{key.date}", "requestedAt": stamp}
    tables.transact([Put(store.names.control, asked)])
    row = tables.get(store.names.control, asked["PK"], asked["SK"])
    assert row is not None
    request = read_rerun_request(row, NOW)
    facts = RerunFacts(None, Exclusions(), [], [], None, stands=store.rerun_stands(request) is not None)
    assert store.commit(reject_rerun(request, facts, "no")) is Commit.COMMITTED
    answered = tables.get(store.names.control, asked["PK"], asked["SK"])
    assert answered is not None
    assert (answered["outcome"], answered["requestedAt"]) == ("rejected", stamp)
    standing = store.standing_request(key)
    assert standing is not None
    assert not standing.waits


def test_reports_of_any_length_are_cut_to_fit_a_row(store: Store, tables: Tables, key: RunKey) -> None:
    row: Item = {"PK": "PIPELINE#bronze", "SK": f"JOB#stream#{key.date}#1772539200000", "event": "fail"}
    endless = {"error": "e" * 150_000, "category": "c" * 150_000}
    tables.transact([Put(store.names.joblog, {**row, **endless})])
    (entry,) = store.entries(key)
    assert entry.error is not None
    assert entry.category is not None
    assert entry.error.startswith("e" * 4000 + "… (cut; 150000")
    assert len(entry.category) < 4100


def test_requests_of_any_length_are_cut_to_fit_a_row(key: RunKey) -> None:
    row: Item = {"PK": "PIPELINE#bronze", "SK": f"RERUN_REQUEST#stream#{key.date}"}
    asked = read_rerun_request({**row, **dict.fromkeys(("reason", "note", "requestedBy"), "x" * 100_000)}, NOW)
    assert [len(str(text)) < 4100 for text in (asked.reason, asked.note, asked.requested_by)] == [True] * 3


@pytest.mark.parametrize(
    ("stamp", "stands"), [({}, False), ({"requestedAt": True}, False), ({"requestedAt": "x"}, True)]
)
def test_an_answered_request_stands_only_with_the_same_time(
    store: Store, tables: Tables, key: RunKey, stamp: Item, stands: bool
) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": f"RERUN_REQUEST#stream#{key.date}", "reason": "manual", **stamp}
    tables.transact([Put(store.names.control, row)])
    request = read_rerun_request(row, NOW)
    assert store.rerun_stands(request) is not None
    tables.transact([Put(store.names.control, {**row, "handledAt": "2026-03-03T12:00:00Z"})])
    assert (store.rerun_stands(request) is not None) is stands


def test_a_replaced_request_of_the_same_text_does_not_stand(store: Store, tables: Tables, key: RunKey) -> None:
    asked: Item = {"PK": "PIPELINE#bronze", "SK": f"RERUN_REQUEST#stream#{key.date}", "requestedAt": "5"}
    tables.transact([Put(store.names.control, {**asked, "requestedAt": 5})])
    assert not store.rerun_stands(read_rerun_request(asked, NOW))


@pytest.mark.parametrize(
    "spoiled", [{"reruns": "manual"}, {"retries": "1"}, {"retries": True}, {"data": {}}, {"data": "soon"}]
)
def test_a_corrupted_dry_run_row_counts_as_absent(store: Store, tables: Tables, key: RunKey, spoiled: Item) -> None:
    row: Item = {"PK": "PIPELINE#bronze", "SK": f"DRY_RUN#stream#{key.date}", **spoiled}
    tables.transact([Put(store.names.control, row)])
    found = store.dry_run(key)
    assert (found.corrupted, found.triggered_at, found.reruns, found.retries) == (spoiled, None, (), 0)


def test_two_events_of_one_millisecond_both_survive(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    for number in range(3):
        run = read(store, key)
        store.commit(CommitIntent(run, intend(run)))
        decision = WithdrawIntent(read(store, key), entry(key, "infra-trigger-failure", error=str(number)))
        assert store.commit(decision) is Commit.COMMITTED
    found = store.entries(key)
    assert [one.error for one in found] == ["0", "1", "2"]
    assert [round((one.at - NOW).total_seconds() * 1000) for one in found] == [0, 1, 2]


def test_a_retry_opens_the_next_attempt_and_counts_its_rerun(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    before = started(store, start.run)
    for number in range(2):
        after = replace(before, attempt=before.attempt + 1, run_token=f"t{number}", started_token=None)
        rerun = RerunEntry(key, "job-fail-retry", NOW, "fail")
        decision = OpenAttempt(before, after, rerun, entry(key, "fail", attempt=before.attempt), ())
        assert store.commit(decision) is Commit.COMMITTED
        assert store.commit(decision) is Commit.FENCED
        before = read(store, key)
    assert [rerun.reason for rerun in store.reruns(key)] == ["job-fail-retry", "job-fail-retry"]
    assert len(store.entries(key)) == 2


def test_a_breach_is_rejected_once_the_run_has_closed(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    run = started(store, start.run)
    verdicts = {Clock.RELATIVE: ClockVerdict(Outcome.BREACH, NOW, NOW)}
    breach = RecordBreach(key, run, Verdict(key), verdicts, ())
    store.commit(exhaust(close_facts(store, run), run.run_token, Exhaustion.INFRA, reason="x", now=NOW))  # type: ignore[arg-type]
    assert store.commit(breach) is Commit.STALE
    assert store.verdict(key).clocks == {}


def test_late_data_is_noted_on_a_request_that_waits(store: Store, tables: Tables, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    run = started(store, start.run)
    store.commit(exhaust(close_facts(store, run), run.run_token, Exhaustion.INFRA, reason="x", now=NOW))  # type: ignore[arg-type]
    store.request_rerun(key, reason="manual", note=None, requested_at=NOW)
    standing = store.standing_request(key)
    assert standing is not None
    answer = AnsweredRequest("2026-03-03T12:00:00Z", "rejected", NOW, True, standing.requested_at)
    rejection = RejectRerun(key, answer, JobEntry(key, NOW, "rerun-rejected"), ())
    entry = JobEntry(key, NOW, "late-data-arrival", run_token=run.run_token)
    note = NoteAfterRun(run, (), False, "told", NOW, entry, waiting=standing)
    assert store.commit(note) is Commit.STALE  # the run has failed
    pk, sk = f"PIPELINE#{key.pipeline_id}", f"TRIGGER#{key.schedule_id}#{key.date}"
    tables.transact([Update(store.names.control, pk, sk, set={"status": "COMPLETED"})])
    assert store.commit(note) is Commit.COMMITTED
    assert store.commit(note) is Commit.FENCED
    assert store.commit(rejection) is Commit.STALE
    handled = Update(store.names.control, pk, f"RERUN_REQUEST#{key.schedule_id}#{key.date}", set={"handledAt": "now"})
    tables.transact([handled])
    noted = store.standing_request(key)
    assert store.commit(replace(note, marker="again", waiting=noted)) is Commit.STALE
    tables.transact([replace(handled, set={}, remove=("handledAt",))])
    noted = store.standing_request(key)
    assert noted is not None
    follow_up = RequestRerun(key, "late-data", NOW, None, ())
    rejection = replace(rejection, request=replace(answer, noted=noted.noted), follow_up=follow_up)
    assert store.commit(rejection) is Commit.COMMITTED
    own = store.standing_request(key)
    assert own is not None
    assert (own.is_own, own.waits, own.noted) == (True, True, UNSET)


def test_a_breach_is_rejected_once_another_execution_has_the_run(store: Store, start: StartRun, key: RunKey) -> None:
    """The same status under another token: the run was recovered, or begun again, since it was judged."""
    store.commit(start)
    run = started(store, start.run)
    verdicts = {Clock.RELATIVE: ClockVerdict(Outcome.BREACH, NOW, NOW)}
    breach = RecordBreach(key, replace(run, run_token="the one before"), Verdict(key), verdicts, ())
    assert store.commit(breach) is Commit.STALE
    assert store.commit(replace(breach, run=run)) is Commit.COMMITTED


def test_a_clock_is_judged_once(store: Store, key: RunKey) -> None:
    verdict = ClockVerdict(Outcome.BREACH, NOW, NOW)
    breach = RecordBreach(key, None, Verdict(key), {Clock.ABSOLUTE: verdict}, ())
    assert store.commit(breach) is Commit.COMMITTED
    assert store.commit(breach) is Commit.STALE
    assert store.verdict(key).clocks == {Clock.ABSOLUTE: verdict}
    other = RecordBreach(key, None, store.verdict(key), {Clock.RELATIVE: verdict}, ())
    assert store.commit(other) is Commit.COMMITTED
    assert set(store.verdict(key).clocks) == {Clock.ABSOLUTE, Clock.RELATIVE}


SPOILED_JUDGEMENTS = [
    "met",
    None,
    Decimal(1),
    {},
    {"outcome": "fine", "deadline": "2026-03-03T12:00:00Z", "at": "2026-03-03T12:00:00Z"},
    {"outcome": "met", "deadline": "noon", "at": "2026-03-03T12:00:00Z"},
    {"outcome": ["met"], "deadline": Decimal(1), "at": None},
]


@pytest.mark.parametrize("spoiled", SPOILED_JUDGEMENTS)
def test_a_corrupted_judgement_stops_no_run_and_is_replaced(
    store: Store, tables: Tables, key: RunKey, spoiled: object
) -> None:
    fine = ClockVerdict(Outcome.MET, NOW, NOW)
    store.commit(RecordBreach(key, None, Verdict(key), {Clock.RELATIVE: fine}, ()))
    pk, sk = f"PIPELINE#{key.pipeline_id}", f"VERDICT#{key.schedule_id}#{key.date}"
    tables.transact([Update(store.names.control, pk, sk, set={"absolute": spoiled})])
    found = store.run_context(key).sla.verdict
    assert (found.clocks, found.corrupted) == ({Clock.RELATIVE: fine}, {Clock.ABSOLUTE: spoiled})
    breach = RecordBreach(key, None, found, {Clock.ABSOLUTE: ClockVerdict(Outcome.BREACH, NOW, NOW)}, ())
    assert store.commit(breach) is Commit.COMMITTED
    assert set(store.verdict(key).clocks) == set(Clock)
    assert store.commit(breach) is Commit.STALE


def test_the_routing_of_alerts_is_written_once(store: Store) -> None:
    rules, at = decode_alerts_yaml("version: 1\ntargets: {team: {slack: C0123456789}}\ndefault: [team]"), NOW
    assert store.put_alerts(rules, at)
    assert not store.put_alerts(rules, at + timedelta(days=1))
    row = store._tables.get(store.names.events, "ALERTS", "CONFIG")
    assert row is not None
    assert decode_alerts(row["config"]) == rules
    assert row["changedAt"] == format_time(at)
    assert store.put_alerts(decode_alerts_yaml("version: 1"), at)


def test_a_corrupted_routing_of_alerts_is_written_again(store: Store) -> None:
    rules = decode_alerts_yaml("version: 1")
    store.put_alerts(rules, NOW)
    store._tables.transact([Update(store.names.events, "ALERTS", "CONFIG", set={"config": "?"})])
    assert store.put_alerts(rules, NOW)


def silence_of(identifier: str, until: datetime, **more: Any) -> Silence:
    since = until - timedelta(hours=1)
    return Silence(id=identifier, pipeline="b*", since=since, until=until, reason="r", by="who", **more)


def test_silences_come_in_the_order_of_their_ends(store: Store) -> None:
    late, soon = silence_of("a", NOW + timedelta(hours=2), events=("SLA_MET",)), silence_of("b", NOW, every=True)
    for one in (late, soon):
        store.put_silence(one)
    assert list(store.silences()) == [soon, late]
    assert list(store.silences(NOW)) == [soon, late]
    assert list(store.silences(NOW + timedelta(seconds=1))) == [late]
    with pytest.raises(TransactionRejected):
        store.put_silence(late)


def test_a_silence_is_ended_once(store: Store) -> None:
    made = silence_of("a", NOW)
    assert not store.end_silence(made, NOW, "nobody")
    store.put_silence(made)
    assert store.end_silence(made, NOW - timedelta(minutes=5), "who else")
    assert not store.end_silence(made, NOW, "third")
    (found,) = store.silences()
    assert (found.ended_at, found.ended_by) == (NOW - timedelta(minutes=5), "who else")
    assert not found.is_in_force(NOW - timedelta(minutes=1))
    assert made.is_in_force(NOW - timedelta(minutes=1))
    assert not made.is_in_force(NOW)


@pytest.mark.parametrize(
    "junk",
    [
        {"pipeline": 3},
        {"until": "soon"},
        {"since": None},
        {"events": "x"},
        {"events": [1]},
        {"every": "yes"},
        {"by": ""},
    ],
)
def test_a_corrupted_silence_is_left_out(store: Store, junk: Item) -> None:
    store.put_silence(silence_of("a", NOW))
    store._tables.transact(
        [Update(store.names.events, "SILENCES", f"{round(NOW.timestamp() * 1000):013d}#a", set=junk)]
    )
    assert list(store.silences()) == []
    (found,) = store.silence_rows()
    assert isinstance(found, UnreadableSilence)
    assert (found.id, found.ended_at) == ("a", None)
    assert store.end_silence(found, NOW, "operator")
    assert not store.end_silence(found, NOW, "operator")
    assert [one.ended_at for one in store.silence_rows()] == [NOW]


def test_an_unreadable_end_of_a_silence_is_an_end(store: Store) -> None:
    store.put_silence(silence_of("a", NOW))
    place = f"{round(NOW.timestamp() * 1000):013d}#a"
    store._tables.transact([Update(store.names.events, "SILENCES", place, set={"endedAt": "?"})])
    assert [one.is_in_force(NOW - timedelta(minutes=1)) for one in store.silences()] == [False]


def test_pending_alerts_are_counted_up_to_a_limit(store: Store) -> None:
    assert store.pending_alerts() == 0
    for sk in ("0:1772524862003:a", "4:1772524862003:b", "DRAIN", "QUIET"):
        store._tables.transact([Put(store.names.events, {"PK": "PENDING_ALERTS", "SK": sk})])
    assert store.pending_alerts() == 2
    assert store.pending_alerts(limit=1) == 1
    for pk, sk in (
        ("PENDING_ALERTS", "TARGET#hook"),
        ("PENDING_ALERTS#hook", "1:1:c"),
        ("PENDING_ALERTS#hook", "DRAIN"),
    ):
        store._tables.transact([Put(store.names.events, {"PK": pk, "SK": sk})])
    assert store.pending_alerts() == 3
    assert [row["SK"] for row in store.pending_alert_rows()] == ["0:1772524862003:a", "4:1772524862003:b", "1:1:c"]


def test_a_marker_lets_events_out_once(store: Store, key: RunKey) -> None:
    event = make_event(EventType.SLA_WARNING, key, NOW, source="test", message="m")
    decision = Announce("bronze", (event,), marker="warned", at=NOW)
    assert store.commit(decision) is Commit.COMMITTED
    assert store.commit(decision) is Commit.FENCED
    assert pending_kinds(store) == ["EVENT"]
    row = store.pending(NOW)[0]
    store.forget_events([row])
    assert store.pending(NOW) == []


def test_configs_are_indexed_and_keep_when_they_were_first_seen(
    store: Store, tables: Any, config: PipelineConfig
) -> None:
    store.put_calendar(Calendar("us", frozenset(), frozenset({date(2026, 7, 4)})))
    row = {"config": encode_json(config)}
    store.put_config(config)
    store.index_config("bronze", row, NOW)
    indexed = tables.get(store.names.control, "PIPELINE#bronze", "CONFIG")
    store.index_config("bronze", indexed, NOW + timedelta(days=1))
    store.put_config(config)
    stored = store.config("bronze")
    assert stored.config == config
    assert (stored.created_at, stored.changed_at) == (NOW, NOW)
    assert stored.exclusions.excludes(date(2026, 7, 4))
    assert store.pipelines() == ["bronze"]


def test_a_config_of_another_tool_is_indexed_when_seen(store: Store, tables: Any) -> None:
    tables.transact([Put(store.names.control, {"PK": "PIPELINE#old", "SK": "CONFIG", "config": "{}"})])
    assert store.pipelines() == []
    store.index_config("old", {"config": "{}"}, NOW)
    assert store.pipelines() == ["old"]


def test_another_config_text_is_noted_with_its_time(store: Store, tables: Any, config: PipelineConfig) -> None:
    tables.transact([Put(store.names.control, {"PK": "PIPELINE#old", "SK": "CONFIG", "config": "{}"})])
    store.index_config("old", {"config": "{}"}, NOW)
    changed = {**tables.get(store.names.control, "PIPELINE#old", "CONFIG"), "config": "{ }"}
    tables.transact([Put(store.names.control, changed)])
    store.index_config("old", changed, NOW + timedelta(hours=1))
    row = tables.get(store.names.control, "PIPELINE#old", "CONFIG")
    assert (row["createdAt"], row["changedAt"]) == ("2026-03-03T12:00:00.000000Z", "2026-03-03T13:00:00.000000Z")


def test_a_record_of_an_older_config_text_notes_nothing(store: Store, tables: Any) -> None:
    tables.transact([Put(store.names.control, {"PK": "PIPELINE#old", "SK": "CONFIG", "config": "newer"})])
    store.index_config("old", {"config": "older"}, NOW)
    assert "createdAt" not in tables.get(store.names.control, "PIPELINE#old", "CONFIG")


@pytest.mark.parametrize(
    ("text", "words"),
    [("not json", "old"), ('{"pipeline": {"id": "other"}}', "old"), ("{}", "old")],
)
def test_an_unreadable_config_is_never_a_config(store: Store, tables: Any, text: str, words: str) -> None:
    tables.transact([Put(store.names.control, {"PK": "PIPELINE#old", "SK": "CONFIG", "config": text})])
    stored = store.config("old")
    assert stored.config is None
    assert stored.exists
    assert words in stored.problem


def test_a_config_whose_calendar_is_missing_is_unreadable(store: Store, config: PipelineConfig) -> None:
    store.put_config(config)
    assert store.config("bronze").config is None
    assert "us" in store.config("bronze").problem


def test_no_config_is_no_config(store: Store) -> None:
    assert not store.config("nobody").exists


def test_only_the_named_sensors_of_the_date_are_read(store: Store, key: RunKey) -> None:
    store.put_sensor("bronze", "landing", {"count": 1})
    store.put_sensor("bronze", f"landing#{key.date}", {"count": 2, "set": {"a", "b"}, "none": None, "deep": [{"x": 1}]})
    store.put_sensor("bronze", "landing#2026-03-03T10", {"count": 3})
    store.put_sensor("bronze", "landing-other", {"count": 4})
    found = store.readings(key, [LANDING]).rows
    assert set(found) == {"landing", f"landing#{key.date}"}
    expected = {"count": Decimal(2), "set": {"a", "b"}, "none": None, "deep": [{"x": Decimal(1)}]}
    assert found[f"landing#{key.date}"] == expected


def test_flat_sensor_rows_are_read_too(store: Store, tables: Any, key: RunKey) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": "SENSOR#landing", "count": Decimal(7), "ttl": 1}
    tables.transact([Put(store.names.control, row)])
    assert store.readings(key, [LANDING]).rows == {"landing": {"count": Decimal(7)}}


def test_a_sensor_row_without_fields_counts_as_absent(store: Store, tables: Any, key: RunKey) -> None:
    store.put_sensor("bronze", "landing", {"count": 7})
    for name, more in (("landing", {}), (f"landing#{key.date}", {"data": {}, "ttl": 1})):
        tables.transact([Put(store.names.control, {"PK": "PIPELINE#bronze", "SK": f"SENSOR#{name}", **more})])
    assert store.readings(key, [LANDING]).rows == {}
    assert store.sensor_rows("bronze", ["landing"]) == {}
    assert Overview(tables, store.names).sensor_rows([("bronze", "landing")]) == {}


def test_a_malformed_trigger_row_is_said_to_be_so(store: Store, tables: Any, key: RunKey) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": f"TRIGGER#stream#{key.date}", "status": "SPINNING"}
    tables.transact([Put(store.names.control, row)])
    with pytest.raises(MalformedRow, match="SPINNING"):
        store.run(key)


def test_external_joblog_rows_are_read_without_broken_ones(store: Store, tables: Any, key: RunKey) -> None:
    pk, sk = "PIPELINE#bronze", f"JOB#stream#{key.date}"
    for stamp, fields in {"1000": {"event": "success", "duration": "1.5"}, "x": {"event": "fail"}}.items():
        tables.transact([Put(store.names.joblog, {"PK": pk, "SK": f"{sk}#{stamp}", **fields})])
    assert [(one.event, one.duration, one.run_token) for one in store.entries(key)] == [("success", 1.5, None)]


def test_a_transaction_is_all_or_nothing(store: Store, tables: Any) -> None:
    control = store.names.control
    writes = [
        Put(control, {"PK": "a", "SK": "1"}),
        RowCheck(control, "a", "2", Expect(exists=True)),
        Put(control, {"PK": "a", "SK": "3"}),
    ]
    with pytest.raises(TransactionRejected) as rejected:
        tables.transact(writes)
    assert rejected.value.indexes == (1,)
    assert list(tables.query(control, "a")) == []


@pytest.mark.parametrize(
    ("expect", "holds"),
    [
        (Expect(), True),
        (Expect(exists=True), True),
        (Expect(exists=False), False),
        (Expect(equals={"n": 1, "s": "x"}), True),
        (Expect(equals={"n": 2}), False),
        (Expect(equals={"missing": 1}), False),
        (Expect(absent=("missing",)), True),
        (Expect(absent=("n",)), False),
    ],
)
def test_expectations_mean_the_same_everywhere(store: Store, tables: Any, expect: Expect, holds: bool) -> None:
    control = store.names.control
    tables.transact([Put(control, {"PK": "a", "SK": "1", "n": 1, "s": "x"}, NOTHING_THERE)])
    update = Update(control, "a", "1", set={"n": 5}, remove=("s",), expect=expect)
    if not holds:
        with pytest.raises(TransactionRejected):
            tables.transact([update])
    else:
        tables.transact([update])
    row = tables.get(control, "a", "1")
    assert row == ({"PK": "a", "SK": "1", "n": 5} if holds else {"PK": "a", "SK": "1", "n": 1, "s": "x"})


def test_a_partition_beyond_one_page_is_read_whole_and_in_order(store: Store, tables: Any) -> None:
    control, blob = store.names.control, "x" * 300_000
    for number in range(5):
        tables.transact([Put(control, {"PK": "big", "SK": f"{number}", "blob": blob})])
    assert [row["SK"] for row in tables.query(control, "big")] == list("01234")
    assert [row["SK"] for row in tables.query(control, "big", newest_first=True, limit=2)] == ["4", "3"]
    assert [row["SK"] for row in tables.query(control, "big", after="2")] == ["3", "4"]
    assert [row["SK"] for row in tables.query(control, "big", up_to="1")] == ["0", "1"]


def test_many_keys_are_read_in_pages(store: Store, tables: Any) -> None:
    control = store.names.control
    for start in range(0, 130, 10):
        tables.transact([Put(control, {"PK": "many", "SK": f"{n:03}"}) for n in range(start, start + 10)])
    found = tables.get_many(control, [("many", f"{n:03}") for n in range(140)])
    assert len(found) == 130


@pytest.mark.parametrize("data", [{}, {"arrivedAt": "soon"}, {"arrivedAt": None}, {"other": 1}])
def test_a_corrupted_first_arrival_counts_as_absent(
    store: Store, tables: Any, key: RunKey, data: dict[str, object]
) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": f"SENSOR#first-sensor-arrival#{key.date}", "data": data}
    tables.transact([Put(store.names.control, row)])
    assert store.arrived_at(key) is None


@pytest.mark.parametrize("sk", ["RERUN#stream#2026-03-03T11#0", "RERUN#stream#2026-03-03T11#zero#1"])
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"reason": "manual", "triggeredAt": "yesterday"}, "manual"),
        ({"reason": "job-fail-retry", "triggeredAt": Decimal(1772539200)}, "job-fail-retry"),
        ({"reason": Decimal(1), "triggeredAt": None, "sourceJobEvent": {"a"}}, "1"),
        ({}, ""),
    ],
)
def test_a_partly_readable_rerun_row_counts_by_its_reason(
    store: Store, tables: Tables, key: RunKey, sk: str, fields: Item, reason: str
) -> None:
    tables.transact([Put(store.names.rerun, {"PK": "PIPELINE#bronze", "SK": sk, **fields})])
    (found,) = store.reruns(key)
    assert (found.key, found.reason) == (key, reason)


@pytest.mark.parametrize("token", [Decimal(1), True, None, {"a"}])
def test_a_run_whose_token_is_no_text_cannot_be_read(
    store: Store, tables: Tables, start: StartRun, key: RunKey, token: object
) -> None:
    store.commit(start)
    sk = f"TRIGGER#stream#{key.date}"
    tables.transact([Update(store.names.control, "PIPELINE#bronze", sk, set={"runToken": token})])
    with pytest.raises(MalformedRow, match=f"PIPELINE#bronze / {sk}: runToken must be a string, got "):
        store.run(key)


@pytest.mark.parametrize("name", ["x" * 5_000, "é" * 600, "a#" * 600, "#" + "x" * 1_200])
def test_a_marker_of_any_length_is_set_once(store: Store, tables: Tables, key: RunKey, name: str) -> None:
    names = [f"{name}#{key.date}", f"{name}!#{key.date}", f"{name}#{'y' * 2_000}"]
    for marker in names:
        assert not store.is_marked("bronze", marker)
        said = Announce("bronze", (), marker=marker, at=NOW)
        assert [store.commit(said), store.commit(said)] == [Commit.COMMITTED, Commit.FENCED]
    assert Overview(tables, store.names).marked([("bronze", one) for one in [*names, "other"]]) == {
        ("bronze", one) for one in names
    }


@pytest.mark.parametrize("length", [0, 1_024 - len("MARKER##2026-03-03T11")])
def test_a_marker_that_fits_has_its_own_name(store: Store, tables: Tables, key: RunKey, length: int) -> None:
    marker = f"{'x' * length}#{key.date}"
    store.commit(Announce("bronze", (), marker=marker, at=NOW))
    assert tables.get(store.names.control, "PIPELINE#bronze", f"MARKER#{marker}") is not None


SPOILED_ARRIVALS: list[dict[str, object]] = [
    {},
    {"data": {"arrivedAt": "soon"}},
    {"data": {"arrivedAt": None, "others": [Decimal(1), {"a"}]}},
    {"data": {}},
    {"data": "2026-03-03", "arrivedAt": True},
    {"arrivedAt": Decimal(1), "ttl": Decimal(1)},
]


def notes_of_an_arrival(start: StartRun) -> list[StartRun | NoteArrival | ObserveRun]:
    """Every decision that notes a first arrival."""
    key = start.run.key
    return [start, NoteArrival(key, NOW), ObserveRun(DryRun(key, triggered_at=NOW), NOW, None, ())]


@pytest.mark.parametrize("which", range(3))
@pytest.mark.parametrize("spoiled", SPOILED_ARRIVALS)
def test_a_corrupted_arrival_stops_nothing_and_is_replaced(
    store: Store, tables: Tables, start: StartRun, key: RunKey, spoiled: Item, which: int
) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": f"SENSOR#first-sensor-arrival#{key.date}", **spoiled}
    tables.transact([Put(store.names.control, row)])
    assert store.arrived_at(key) is None
    assert store.commit(notes_of_an_arrival(start)[which]) is Commit.COMMITTED
    assert (store.arrived_at(key), store.run_context(key).sla.arrived_at) == (NOW, NOW)


class Hasty(MemoryTables):
    """Tables in which another writer notes an arrival right after the corrupted one was read."""

    noted: Item | None = None

    def get(self, table: str, pk: str, sk: str) -> Item | None:
        found = super().get(table, pk, sk)
        if self.noted is not None and sk == self.noted["SK"]:
            self.transact([Put(table, self.noted)])
        return found


@pytest.mark.parametrize("spoiled", [{"data": {"arrivedAt": "soon"}}, {}])
@pytest.mark.parametrize(
    "arrival", [{"data": {"arrivedAt": "2026-03-03T11:00:00Z"}}, {"arrivedAt": "2026-03-03T11:00"}]
)
def test_an_arrival_fixed_in_the_meantime_stays(start: StartRun, key: RunKey, spoiled: Item, arrival: Item) -> None:
    tables = Hasty()
    store = Store(tables, TableNames.of_environment("test"))
    row = {"PK": "PIPELINE#bronze", "SK": f"SENSOR#first-sensor-arrival#{key.date}"}
    tables.transact([Put(store.names.control, {**row, **spoiled})])
    tables.noted = {**row, **arrival}
    assert store.commit(start) is Commit.STALE
    assert (store.run(key), store.arrived_at(key)) == (None, NOW - timedelta(hours=1))


def test_the_second_start_of_a_date_replaces_no_arrival(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    store.put_sensor("bronze", f"first-sensor-arrival#{key.date}", {"arrivedAt": "soon"})
    assert store.commit(start) is Commit.FENCED
    assert store.arrived_at(key) is None


@pytest.mark.parametrize("abandon", [False, True])
def test_a_rerun_request_comes_back_as_it_was_asked(store: Store, key: RunKey, abandon: bool) -> None:
    store.request_rerun(key, reason="fixed", note="see ticket", requested_at=NOW, abandon_previous=abandon)
    row = store._tables.get(store.names.control, f"PIPELINE#{key.pipeline_id}", f"RERUN_REQUEST#stream#{key.date}")
    assert row is not None
    request = read_rerun_request(row, NOW)
    assert (request.key, request.reason, request.note, request.abandon_previous) == (
        key,
        "fixed",
        "see ticket",
        abandon,
    )


@pytest.mark.parametrize(
    ("value", "abandons"),
    [(True, True), ("true", True), ("True", True), (False, False), ("false", False), ("yes", False), (1, False)],
)
def test_only_a_plain_true_abandons_the_previous_job(value: object, abandons: bool) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": "RERUN_REQUEST#stream#2026-03-03", "abandonPrevious": value}
    assert read_rerun_request(row, NOW).abandon_previous is abandons


def test_how_often_a_start_was_sent_survives_in_its_intent(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    run = read(store, key)
    for sent in (1, 2, 3):
        assert store.commit(CommitIntent(run, replace(intend(run), sent=sent))) is Commit.COMMITTED
        run = read(store, key)
        assert run.job_intent == replace(intend(run), sent=sent)


def test_the_period_of_a_start_survives_in_its_intent(store: Store, start: StartRun, key: RunKey) -> None:
    store.commit(start)
    intent = replace(intend(read(store, key)), period=Period(NOW - timedelta(hours=23), NOW))
    assert store.commit(CommitIntent(read(store, key), intent)) is Commit.COMMITTED
    run = read(store, key)
    assert run.job_intent == intent
    # The next write is on condition that the row is as it was read.
    assert store.commit(CommitIntent(run, replace(intent, sent=2))) is Commit.COMMITTED


READING = {"date": "2026-03-03", "count": 3, "ratio": 0.5, "whole": Decimal("1.0"), "ok": True, "deep": [{"x": None}]}


@pytest.mark.parametrize(
    ("later", "changed"),
    [
        (READING, False),
        (dict(reversed(READING.items())), False),
        (READING | {"whole": 1, "ratio": Decimal("0.50")}, False),
        (READING | {"count": 4}, True),
        (READING | {"ok": 1}, True),
        (READING | {"count": "3"}, True),
        (READING | {"more": None}, True),
        ({"date": "2026-03-03"}, True),
        ({}, True),
    ],
)
def test_a_sensor_is_changed_only_by_another_reading(store: Store, later: dict[str, Any], changed: bool) -> None:
    assert store.change_sensor("bronze", "ready", READING)
    assert store.change_sensor("bronze", "ready", later) is changed
    assert store.change_sensor("bronze", "ready", later) is False
    fields = store.all_sensors("bronze")["ready"]
    assert {name: str(value) for name, value in fields.items()}.keys() == later.keys()
    assert store.change_sensor("bronze", "other", later)


def test_a_row_with_an_expiry_is_changed_by_a_reading_without(store: Store) -> None:
    store.put_sensor("bronze", "ready", READING, ttl=1_900_000_000)
    assert store.change_sensor("bronze", "ready", READING)
    assert not store.change_sensor("bronze", "ready", READING)


def test_only_a_readable_run_has_a_token(store: Store, start: StartRun) -> None:
    key = start.run.key
    assert store.run_token(key) is None
    store.commit(start)
    assert store.run_token(key) == start.run.run_token
    place = f"TRIGGER#{key.schedule_id}#{key.date}"
    store._tables.transact([Update(store.names.control, f"PIPELINE#{key.pipeline_id}", place, set={"status": "?"})])
    assert store.run_token(key) is None


def test_pings_of_empty_tables_succeed(store: Store) -> None:
    pings = store.pings()
    assert list(pings) == ["control", "joblog", "rerun"]
    assert [ask() for ask in pings.values()] == [None, None, None]
