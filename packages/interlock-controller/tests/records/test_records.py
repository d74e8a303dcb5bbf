"""The intakes over the twin of the tables: post-run sensors, dry runs and external outcomes, row by row."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from interlock_config import decode_yaml
from interlock_controller.records import OutcomeIntake, RerunIntake, SensorIntake
from interlock_lifecycle import CloseRun, JobEntry, JobOutcome, PassEvaluation, RunKey, RunStatus, Sensor
from interlock_lifecycle.runs import CloseFacts, decide_completion, open_run
from interlock_lifecycle.sensors import UnreadableSensor, take_baseline
from interlock_lifecycle.sensors._accounted import fingerprint
from interlock_sla import Exclusions, parse_execution_date
from interlock_store import Commit, ConfigCache, MemoryTables, Store, TableNames, format_time, read_rerun_request
from interlock_store._write import Put

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
KEY = RunKey("bronze", "stream", parse_execution_date("2026-03-03"))
NAMES = TableNames.of_environment("test")
PIPELINE = """
pipeline: {id: bronze}
dryRun: false
schedule: {trigger: {key: ready, check: equals, field: ready, value: true}}
sla: {maxDuration: 1h, expectedDuration: 10m}
validation: {rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}, maxRetries: 1}
postRun: {driftField: rows, rules: [{key: audit, check: gte, field: rows, value: 10}]}
"""


class Floor:
    """The intakes of one store, and what its outbox holds."""

    def __init__(self, text: str = PIPELINE) -> None:
        self.rows: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.tables = MemoryTables(self._changed)
        self.store = Store(self.tables, NAMES)
        cache = ConfigCache(self.store, lambda: NOW)
        self.sensors = SensorIntake(self.store, cache, execution_timeout=TIMEOUT)
        self.reruns = RerunIntake(self.store, execution_timeout=TIMEOUT)
        self.jobs = OutcomeIntake(self.store, cache)
        self.told: list[str] = []
        self.store.put_config(decode_yaml(text, "bronze.yaml"))

    def _changed(self, key: tuple[str, str, str], before: Any, after: Mapping[str, Any] | None) -> None:
        if key[2].startswith("EVENT#") and before is None and after is not None:
            self.told.append(str(after["detailType"]))

    def write(self, key: str, at: datetime = NOW, **fields: object) -> Sensor:
        """An external process writes a sensor; the record that the stream will carry."""
        fields = {"date": "2026-03-03", **fields}
        self.store.put_sensor("bronze", key, fields)
        return Sensor("bronze", key, fields, at)

    def complete(self, **audit: object) -> None:
        """A run of the date as it is once its job succeeded, with a baseline."""
        config = self.store.config("bronze").config
        assert config is not None
        start = open_run(KEY, decided_at=NOW, execution_timeout=TIMEOUT, arrived_at=NOW)
        assert self.store.commit(start) is Commit.COMMITTED
        taken = take_baseline(config, KEY, {"audit": audit} if audit else {})
        assert taken is None or isinstance(taken, dict)
        assert self.store.commit(PassEvaluation(start.run, NOW, taken, ())) is Commit.COMMITTED
        run = self.store.run(KEY)
        facts = CloseFacts(run, config, 0, Exclusions(), self.store.sla(KEY), taken)
        token = start.run.run_token
        done = decide_completion(
            facts, token, JobOutcome("success"), now=NOW + timedelta(minutes=5), execution_timeout=TIMEOUT
        )
        assert isinstance(done, CloseRun)
        assert self.store.commit(done) is Commit.COMMITTED
        self.told.clear()

    def ask(self, at: datetime, *, sk: str = "RERUN_REQUEST#stream#2026-03-03", **attributes: object) -> None:
        """An external process asks for a rerun, and the stream brings its row."""
        row = {"PK": "PIPELINE#bronze", "SK": sk, "reason": "manual", **attributes}
        self.tables.transact([Put(NAMES.control, row)])
        stored = self.tables.get(NAMES.control, "PIPELINE#bronze", sk)
        assert stored is not None
        self.reruns.requested(read_rerun_request(stored, at))

    def request(self) -> Mapping[str, Any]:
        """The date's rerun request as it lies in the pending index."""
        rows = [row for row in self.store.pending(NOW + timedelta(days=9)) if row["SK"].startswith("RERUN_REQUEST#")]
        return rows[0] if rows else {}

    def awaits_post_run(self) -> bool:
        """Whether the date lies in the post-run index."""
        return bool(list(self.tables.query(NAMES.control, "POSTRUN", index="GSI1")))


LATER = NOW + timedelta(hours=1)


def test_a_completed_run_waits_for_its_post_run_sensors_until_they_have_been_judged() -> None:
    floor = Floor()
    floor.complete(rows=10)
    assert floor.awaits_post_run()
    floor.sensors.arrived(floor.write("audit", LATER, rows=10))
    assert (floor.told, floor.awaits_post_run()) == (["POST_RUN_PASSED"], False)
    floor.sensors.arrived(floor.write("audit", LATER + timedelta(minutes=1), rows=10, note="again"))
    assert floor.told == ["POST_RUN_PASSED", "POST_RUN_PASSED"]


@pytest.mark.parametrize(("rows", "told"), [(10, "POST_RUN_PASSED"), (11, "POST_RUN_DRIFT")])
def test_a_post_run_record_is_judged_although_the_next_days_row_has_taken_its_place(rows: int, told: str) -> None:
    floor = Floor()
    floor.complete(rows=10)
    record = floor.write("audit", LATER, rows=rows)
    floor.write("audit", LATER + timedelta(days=1), rows=0, date="2026-03-04")
    floor.sensors.arrived(record)
    assert floor.told == [told]
    assert not floor.awaits_post_run()


def test_a_post_run_record_that_a_newer_one_of_its_date_has_replaced_leaves_the_word_to_it() -> None:
    floor = Floor()
    floor.complete(rows=10)
    record, newer = floor.write("audit", LATER, rows=0), floor.write("audit", LATER, rows=10)
    floor.sensors.arrived(record)
    assert floor.told == []
    floor.sensors.arrived(newer)
    assert floor.told == ["POST_RUN_PASSED"]


def test_more_data_after_a_final_failure_is_settled_without_an_event() -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    floor.complete()
    row = dict(floor.tables.get(NAMES.control, "PIPELINE#bronze", "TRIGGER#stream#2026-03-03") or {})
    floor.tables.transact([Put(NAMES.control, {**row, "status": "FAILED_FINAL"})])
    for minute in range(2):
        floor.sensors.arrived(floor.write("ready", LATER + timedelta(minutes=minute), ready=True, n=minute))
    assert floor.told == ["LATE_DATA_ARRIVAL"]


def test_what_was_said_of_a_post_run_record_is_not_said_otherwise_when_it_is_brought_again() -> None:
    second = "value: 10}, {key: ledger, check: gte, field: rows, value: 10}]}"
    floor = Floor(PIPELINE.replace("value: 10}]}", second))
    floor.complete(rows=10)
    floor.store.put_sensor("bronze", "ledger", {"date": "2026-03-03", "rows": 2})
    record = floor.write("audit", LATER, rows=10)
    floor.sensors.arrived(record)
    for row in [row for row in floor.store.pending(NOW + timedelta(days=9)) if row["SK"].startswith("EVENT#")]:
        floor.store.forget_event(row["PK"], row["SK"])
    floor.store.put_sensor("bronze", "ledger", {"date": "2026-03-03", "rows": 10})
    floor.sensors.arrived(record)
    assert floor.told == ["POST_RUN_FAILED"]


def test_drift_asks_for_a_rerun_once_and_the_rerun_takes_its_own_baseline() -> None:
    floor = Floor()
    floor.complete(rows=10)
    record = floor.write("audit", LATER, rows=0)
    floor.sensors.arrived(record)
    floor.sensors.arrived(record)
    assert set(floor.told) == {"POST_RUN_DRIFT"}
    assert (floor.request()["reason"], floor.request()["requestedAt"]) == ("data-drift", format_time(LATER))
    floor.reruns.requested(read_rerun_request(floor.request(), LATER))
    run = floor.store.run(KEY)
    assert run is not None
    assert (run.status, run.attempt, floor.store.baseline(KEY)) == (RunStatus.RUNNING, 1, {})
    floor.told.clear()
    floor.sensors.arrived(record)
    assert floor.told == []


def test_data_that_came_within_the_second_of_the_evaluation_but_after_it_is_late_data() -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    record = floor.write("ready", NOW, ready=True)
    completed_having_seen(floor, record, "another fingerprint")
    floor.sensors.arrived(record)
    assert floor.request()["reason"] == "late-data"


@pytest.mark.parametrize(("hidden", "reason"), [(True, None), (False, "late-data")])
def test_of_two_writes_in_the_second_of_the_evaluation_the_one_that_nobody_saw_is_late_data_unless_overwritten(
    hidden: bool, reason: str | None
) -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    first, second = (floor.write("ready", NOW, ready=True, rows=rows) for rows in (1, 2))
    unseen, seen = (first, second) if hidden else (second, first)
    completed_having_seen(floor, first, fingerprint(seen.fields))
    floor.sensors.arrived(unseen)
    assert floor.request().get("reason") == reason


@pytest.mark.parametrize("over", [{"ready": False}, {"ready": True, "date": "2026-03-04"}, {"ready": True, "date": 7}])
def test_an_unseen_write_is_late_data_although_what_replaced_it_says_nothing_of_its_date(
    over: dict[str, object],
) -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    seen, unseen = (floor.write("ready", NOW, ready=True, rows=rows) for rows in (1, 2))
    completed_having_seen(floor, seen, fingerprint(seen.fields))
    floor.write("ready", NOW, **over)
    floor.sensors.arrived(unseen)
    assert floor.request()["reason"] == "late-data"


def test_late_data_beside_a_request_that_is_refused_asks_for_itself() -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun").replace("maxRetries", "maxManualReruns: 0, maxRetries"))
    floor.complete()
    asked = {"PK": "PIPELINE#bronze", "SK": "RERUN_REQUEST#stream#2026-03-03", "requestedAt": format_time(NOW)}
    floor.tables.transact([Put(NAMES.control, asked)])
    record = floor.write("ready", LATER, ready=True)
    for _ in range(2):
        floor.sensors.arrived(record)
    assert floor.told == ["LATE_DATA_ARRIVAL"]
    assert [entry.event for entry in floor.store.entries(KEY)].count("late-data-arrival") == 1
    standing = floor.request()
    assert (standing["requestedAt"], standing["lateData"]) == (format_time(NOW), format_time(LATER))
    floor.reruns.requested(read_rerun_request(standing, LATER))
    assert floor.told == ["LATE_DATA_ARRIVAL", "RERUN_REJECTED"]
    assert (floor.request()["reason"], floor.request()["requestedAt"]) == ("late-data", format_time(LATER))
    floor.sensors.arrived(record)
    floor.reruns.requested(read_rerun_request(standing, LATER))
    floor.reruns.requested(read_rerun_request(floor.request(), LATER))
    assert floor.told == ["LATE_DATA_ARRIVAL", "RERUN_REJECTED", "RERUN_ACCEPTED"]
    assert floor.request() == {}


def test_drift_beside_a_request_that_is_refused_asks_for_itself_as_drift() -> None:
    floor = Floor(PIPELINE.replace("maxRetries", "maxManualReruns: 0, maxRetries"))
    floor.complete(rows=10)
    asked = {"PK": "PIPELINE#bronze", "SK": "RERUN_REQUEST#stream#2026-03-03", "requestedAt": Decimal(7)}
    floor.tables.transact([Put(NAMES.control, asked)])
    floor.sensors.arrived(floor.write("audit", LATER, rows=0))
    floor.reruns.requested(read_rerun_request(floor.request(), LATER))
    assert floor.told == ["POST_RUN_DRIFT", "RERUN_REJECTED"]
    assert floor.request()["reason"] == "data-drift"


def test_late_data_that_is_brought_again_while_its_own_request_waits_is_logged_once() -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    floor.complete()
    record = floor.write("ready", LATER, ready=True)
    for _ in range(2):
        floor.sensors.arrived(record)
    assert [entry.event for entry in floor.store.entries(KEY)].count("late-data-arrival") == 1
    assert "lateData" not in floor.request()


def test_late_data_beside_a_request_that_is_granted_asks_for_nothing_more() -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    floor.complete()
    asked = {"PK": "PIPELINE#bronze", "SK": "RERUN_REQUEST#stream#2026-03-03", "requestedAt": format_time(NOW)}
    floor.tables.transact([Put(NAMES.control, asked)])
    floor.sensors.arrived(floor.write("ready", LATER, ready=True))
    floor.reruns.requested(read_rerun_request(floor.request(), LATER))
    assert (floor.told, floor.request()) == (["LATE_DATA_ARRIVAL", "RERUN_ACCEPTED"], {})


def test_a_second_late_write_beside_our_own_request_is_told_and_asks_for_nothing_more() -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun").replace("maxRetries", "maxDriftReruns: 0, maxRetries"))
    floor.complete()
    for minute in range(2):
        floor.sensors.arrived(floor.write("ready", LATER + timedelta(minutes=minute), ready=True, minute=minute))
    floor.reruns.requested(read_rerun_request(floor.request(), LATER))
    assert floor.told == ["LATE_DATA_ARRIVAL", "LATE_DATA_ARRIVAL", "RERUN_REJECTED"]
    assert floor.request() == {}


def completed_having_seen(floor: Floor, record: Sensor, seen: str) -> None:
    """The run that the record opens, completed within one second; its evaluation saw this fingerprint."""
    floor.sensors.arrived(record)
    run, config = floor.store.run(KEY), floor.store.config("bronze").config
    assert run is not None
    assert config is not None
    floor.store.commit(PassEvaluation(run, NOW, None, (), {"ready": seen}))
    facts = CloseFacts(floor.store.run(KEY), config, 0, Exclusions(), floor.store.sla(KEY))
    done = decide_completion(facts, run.run_token, JobOutcome("success"), now=NOW, execution_timeout=TIMEOUT)
    assert isinstance(done, CloseRun)
    floor.store.commit(done)


def test_a_rerun_row_without_a_time_counts_against_the_budget_of_a_request() -> None:
    floor = Floor()
    floor.complete()
    row = {"PK": "PIPELINE#bronze", "SK": "RERUN#stream#2026-03-03#0", "reason": "manual", "triggeredAt": "yesterday"}
    floor.tables.transact([Put(NAMES.rerun, row)])
    floor.ask(LATER, requestedAt=format_time(LATER))
    assert floor.told == ["RERUN_REJECTED"]


@pytest.fixture
def shadow() -> Floor:
    return Floor(PIPELINE.replace("dryRun: false", "dryRun: true"))


def test_a_dry_run_observes_once_and_starts_nothing(shadow: Floor) -> None:
    shadow.store.put_sensor("bronze", "audit", {"rows": 10})
    record = shadow.write("ready", ready=True)
    shadow.sensors.arrived(record)
    shadow.sensors.arrived(record)
    assert shadow.told == ["DRY_RUN_WOULD_TRIGGER", "DRY_RUN_SLA_PROJECTION", "DRY_RUN_COMPLETED"]
    assert shadow.store.run(KEY) is None
    assert shadow.store.arrived_at(KEY) == NOW
    assert shadow.store.baseline(KEY) == {"audit": {"rows": 10}}
    assert shadow.store.shadow(KEY).triggered_at == NOW
    shadow.sensors.arrived(shadow.write("ready", LATER, ready=True, rows=3))
    shadow.sensors.arrived(shadow.write("audit", LATER, rows=0))
    assert shadow.told[3:] == ["DRY_RUN_LATE_DATA", "DRY_RUN_DRIFT"]
    assert shadow.request() == {}


def test_reference_data_of_any_date_lets_a_waiting_dry_run_pass() -> None:
    reference = "{key: holidays, check: equals, field: open, value: true, anyDate: true}"
    text = PIPELINE.replace("dryRun: false", "dryRun: true").replace(
        "check: exists}]}", f"check: exists}}, {reference}]}}", 1
    )
    floor = Floor(text)
    floor.sensors.arrived(floor.write("ready", ready=True))
    assert floor.told == []
    floor.sensors.arrived(floor.write("holidays", NOW + timedelta(minutes=9), date="Q1", open=True))
    assert floor.told[:1] == ["DRY_RUN_WOULD_TRIGGER"]
    assert floor.store.shadow(KEY).triggered_at == NOW + timedelta(minutes=9)


def test_a_rejected_row_lets_a_waiting_dry_run_look_again() -> None:
    volume = "check: exists}, {key: volume, check: exists}]}"
    floor = Floor(PIPELINE.replace("dryRun: false", "dryRun: true").replace("check: exists}]}", volume, 1))
    floor.sensors.arrived(floor.write("ready", ready=True))
    with pytest.raises(UnreadableSensor):
        floor.sensors.arrived(floor.write("ready", NOW + timedelta(minutes=1), ready=True, date="2026/03/03"))
    floor.sensors.arrived(floor.write("volume", NOW + timedelta(minutes=2)))
    assert floor.told == ["SENSOR_REJECTED"]
    with pytest.raises(UnreadableSensor):
        floor.sensors.arrived(floor.write("ready", NOW + timedelta(minutes=3), ready=True, date="1970-01-01"))
    assert floor.told[1] == "DRY_RUN_WOULD_TRIGGER"
    assert floor.store.run(KEY) is None


def test_a_dry_run_too_leaves_the_word_to_a_newer_write_of_the_date(shadow: Floor) -> None:
    shadow.store.put_sensor("bronze", "audit", {"rows": 10})
    shadow.sensors.arrived(shadow.write("ready", ready=True))
    shadow.told.clear()
    older = shadow.write("audit", LATER, rows=0)
    shadow.write("audit", LATER, rows=10)
    shadow.sensors.arrived(older)
    assert shadow.told == []


def test_a_dry_runs_rerun_requests_are_answered_within_the_budget(shadow: Floor) -> None:
    shadow.sensors.arrived(shadow.write("ready", ready=True))
    shadow.told.clear()
    for minute in (10, 10, 20):
        at = NOW + timedelta(minutes=minute)
        shadow.ask(at, requestedAt=format_time(at))
    assert shadow.told == ["DRY_RUN_WOULD_RERUN", "DRY_RUN_RERUN_REJECTED"]
    assert shadow.store.shadow(KEY).reruns == ("manual",)
    assert shadow.store.run(KEY) is None
    standing = shadow.store.standing_request(KEY)
    assert standing is not None
    assert not standing.waits


@pytest.mark.parametrize("stamp", [Decimal(1772539200), "2026-03-03T12:00:00Z", "noon", "", None, True, [1]])
def test_a_request_is_answered_whatever_its_time_is_written_as(stamp: object) -> None:
    floor = Floor()
    for _ in range(2):
        floor.ask(NOW, requestedAt=stamp)
    run = floor.store.run(KEY)
    assert run is not None
    assert run.attempt == 0
    assert floor.told[0] == "RERUN_ACCEPTED"
    row = floor.tables.get(NAMES.control, "PIPELINE#bronze", "RERUN_REQUEST#stream#2026-03-03")
    assert row is not None
    assert row["requestedAt"] == stamp


@pytest.mark.parametrize("length", [990, 1_200, 20_000])
def test_a_request_with_a_time_of_any_length_is_answered_once_and_does_not_stand_in_the_way(length: int) -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    floor.complete()
    floor.store.put_sensor("bronze", "ready", {"updatedAt": format_time(NOW)})
    for _ in range(2):
        floor.ask(LATER, requestedAt="soon" * (length // 4))
    assert floor.told == ["RERUN_REJECTED"]
    floor.sensors.arrived(floor.write("ready", LATER, ready=True))
    assert floor.request()["reason"] == "late-data"


def test_an_answered_request_that_is_pending_again_is_retired_and_not_answered_again() -> None:
    floor = Floor()
    asked = {"requestedAt": format_time(LATER), "GSI1PK": "PENDING", "GSI1SK": format_time(LATER)}
    floor.ask(LATER, **asked)
    assert (floor.told, floor.request()) == (["RERUN_ACCEPTED"], {})
    floor.ask(LATER, **asked)
    assert (floor.told, floor.request()) == (["RERUN_ACCEPTED"], {})


def test_late_data_replaces_an_answered_request_whose_time_was_a_number() -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    floor.complete()
    floor.ask(NOW, requestedAt=Decimal(1772539200), reason="job-fail-retry")
    floor.sensors.arrived(floor.write("ready", LATER, ready=True))
    assert floor.request()["reason"] == "late-data"


def test_a_request_for_another_schedule_starts_nothing_beside_the_run() -> None:
    floor = Floor()
    floor.sensors.arrived(floor.write("ready", ready=True))
    floor.ask(LATER, sk="RERUN_REQUEST#nightly#2026-03-03", requestedAt=format_time(LATER))
    assert [run.key for run in floor.store.runs("bronze")] == [KEY]
    assert floor.told == ["RERUN_REJECTED"]
    row = floor.tables.get(NAMES.control, "PIPELINE#bronze", "RERUN_REQUEST#nightly#2026-03-03")
    assert row is not None
    assert row["outcome"] == "rejected"


def test_a_shadow_of_an_older_tool_counts_what_follows(shadow: Floor) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": "DRY_RUN#stream#2026-03-03", "data": {"triggeredAt": format_time(NOW)}}
    shadow.tables.transact([Put(NAMES.control, {**row, "ttl": 1793539200})])
    shadow.store.put_sensor("bronze", "ready", {"updatedAt": format_time(LATER)})
    shadow.ask(LATER, requestedAt=format_time(LATER))
    assert (shadow.told, shadow.store.shadow(KEY).reruns) == (["DRY_RUN_WOULD_RERUN"], ("manual",))
    shadow.jobs.reported(JobEntry(KEY, LATER, "fail"), LATER)
    assert shadow.store.shadow(KEY).retries == 1


def test_a_failure_is_counted_on_a_shadow_of_an_older_tool(shadow: Floor) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": "DRY_RUN#stream#2026-03-03", "data": {"triggeredAt": format_time(NOW)}}
    shadow.tables.transact([Put(NAMES.control, row)])
    shadow.jobs.reported(JobEntry(KEY, LATER, "fail"), LATER)
    assert (shadow.told, shadow.store.shadow(KEY).retries) == (["DRY_RUN_WOULD_RETRY"], 1)


def test_a_dry_runs_external_failures_are_judged_once_each(shadow: Floor) -> None:
    for minute in (10, 10, 20):
        at = NOW + timedelta(minutes=minute)
        shadow.jobs.reported(JobEntry(KEY, at, "fail", error="boom"), at)
    assert shadow.told == ["DRY_RUN_WOULD_RETRY", "DRY_RUN_RETRY_EXHAUSTED"]
    assert shadow.store.shadow(KEY).retries == 1


def test_external_outcomes_of_a_live_pipeline_are_only_a_record() -> None:
    floor = Floor()
    floor.jobs.reported(JobEntry(KEY, NOW, "fail"), NOW)
    assert floor.told == []


def test_a_counted_rerun_before_the_first_observation_keeps_its_count(shadow: Floor) -> None:
    shadow.ask(NOW, requestedAt=format_time(NOW))
    shadow.sensors.arrived(shadow.write("ready", LATER, ready=True))
    seen = shadow.store.shadow(KEY)
    assert (seen.reruns, seen.triggered_at) == (("manual",), LATER)
