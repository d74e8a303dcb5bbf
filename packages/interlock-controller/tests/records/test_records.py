"""The intakes over the in-memory tables: post-run sensors, dry runs and external outcomes, row by row."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from interlock_config import decode_yaml
from interlock_controller.effects import Wakes
from interlock_controller.records import OutcomeIntake, RerunIntake, SensorIntake
from interlock_lifecycle import CloseRun, JobEntry, JobOutcome, PassEvaluation, RunKey, RunStatus, Sensor
from interlock_lifecycle.runs import CloseFacts, decide_completion, open_run
from interlock_lifecycle.sensors import UnreadableSensor, request_time_of, take_baseline
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
    """The intakes of one store, and the event types in its outbox."""

    def __init__(self, text: str = PIPELINE) -> None:
        self.rows: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.tables = MemoryTables(self._changed)
        self.store = Store(self.tables, NAMES)
        cache = ConfigCache(self.store, lambda: NOW)
        self.sensors = SensorIntake(
            self.store, cache, Wakes(self.store, lambda token: False, lambda: NOW), execution_timeout=TIMEOUT
        )
        self.reruns = RerunIntake(self.store, execution_timeout=TIMEOUT)
        self.jobs = OutcomeIntake(self.store, cache, Wakes(self.store, lambda token: False, lambda: NOW))
        self.emitted: list[str] = []
        self.store.put_config(decode_yaml(text, "bronze.yaml"))

    def _changed(self, key: tuple[str, str, str], before: Any, after: Mapping[str, Any] | None) -> None:
        if key[2].startswith("EVENT#") and before is None and after is not None:
            self.emitted.append(str(after["detailType"]))

    def write(self, key: str, at: datetime = NOW, **fields: object) -> Sensor:
        """An external process writes a sensor. The result is its stream record."""
        fields = {"date": "2026-03-03", **fields}
        self.store.put_sensor("bronze", key, fields)
        return Sensor("bronze", key, fields, at)

    def complete(self, **audit: object) -> None:
        """Complete a run of the date, with a baseline."""
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
        self.emitted.clear()

    def ask(self, at: datetime, *, sk: str = "RERUN_REQUEST#stream#2026-03-03", **attributes: object) -> None:
        """An external process requests a rerun, and the stream delivers its row."""
        row = {"PK": "PIPELINE#bronze", "SK": sk, "reason": "manual", **attributes}
        self.tables.transact([Put(NAMES.control, row)])
        stored = self.tables.get(NAMES.control, "PIPELINE#bronze", sk)
        assert stored is not None
        self.reruns.requested(read_rerun_request(stored, at))

    def request(self) -> Mapping[str, Any]:
        """The date's rerun request in the pending index."""
        rows = [row for row in self.store.pending(NOW + timedelta(days=9)) if row["SK"].startswith("RERUN_REQUEST#")]
        return rows[0] if rows else {}

    def awaits_post_run(self) -> bool:
        """Whether the date is in the post-run index."""
        return bool(list(self.tables.query(NAMES.control, "POSTRUN", index="GSI1")))


LATER = NOW + timedelta(hours=1)


def test_a_run_awaits_its_post_run_sensors_until_judged() -> None:
    floor = Floor()
    floor.complete(rows=10)
    assert floor.awaits_post_run()
    floor.sensors.arrived(floor.write("audit", LATER, rows=10))
    assert (floor.emitted, floor.awaits_post_run()) == (["POST_RUN_PASSED"], False)
    floor.sensors.arrived(floor.write("audit", LATER + timedelta(minutes=1), rows=10, note="again"))
    assert floor.emitted == ["POST_RUN_PASSED", "POST_RUN_PASSED"]


@pytest.mark.parametrize(("rows", "emitted"), [(10, "POST_RUN_PASSED"), (11, "POST_RUN_DRIFT")])
def test_a_post_run_record_is_judged_after_the_next_days_row(rows: int, emitted: str) -> None:
    floor = Floor()
    floor.complete(rows=10)
    record = floor.write("audit", LATER, rows=rows)
    floor.write("audit", LATER + timedelta(days=1), rows=0, date="2026-03-04")
    floor.sensors.arrived(record)
    assert floor.emitted == [emitted]
    assert not floor.awaits_post_run()


def test_a_newer_row_of_its_date_supersedes_a_post_run_record() -> None:
    floor = Floor()
    floor.complete(rows=10)
    record, newer = floor.write("audit", LATER, rows=0), floor.write("audit", LATER, rows=10)
    floor.sensors.arrived(record)
    assert floor.emitted == []
    floor.sensors.arrived(newer)
    assert floor.emitted == ["POST_RUN_PASSED"]


def test_more_data_after_a_final_failure_emits_no_event() -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    floor.complete()
    row = dict(floor.tables.get(NAMES.control, "PIPELINE#bronze", "TRIGGER#stream#2026-03-03") or {})
    floor.tables.transact([Put(NAMES.control, {**row, "status": "FAILED_FINAL"})])
    for minute in range(2):
        floor.sensors.arrived(floor.write("ready", LATER + timedelta(minutes=minute), ready=True, n=minute))
    assert floor.emitted == ["LATE_DATA_ARRIVAL"]


def test_a_redelivered_post_run_record_keeps_its_judgement() -> None:
    second = "value: 10}, {key: ledger, check: gte, field: rows, value: 10}]}"
    floor = Floor(PIPELINE.replace("value: 10}]}", second))
    floor.complete(rows=10)
    floor.store.put_sensor("bronze", "ledger", {"date": "2026-03-03", "rows": 2})
    record = floor.write("audit", LATER, rows=10)
    floor.sensors.arrived(record)
    for row in [row for row in floor.store.pending(NOW + timedelta(days=9)) if row["SK"].startswith("EVENT#")]:
        floor.store.forget_events([row])
    floor.store.put_sensor("bronze", "ledger", {"date": "2026-03-03", "rows": 10})
    floor.sensors.arrived(record)
    assert floor.emitted == ["POST_RUN_FAILED"]


def test_drift_requests_one_rerun_with_its_own_baseline() -> None:
    floor = Floor()
    floor.complete(rows=10)
    record = floor.write("audit", LATER, rows=0)
    floor.sensors.arrived(record)
    floor.sensors.arrived(record)
    assert set(floor.emitted) == {"POST_RUN_DRIFT"}
    assert (floor.request()["reason"], floor.request()["requestedAt"]) == ("data-drift", request_name(record))
    floor.reruns.requested(read_rerun_request(floor.request(), LATER))
    run = floor.store.run(KEY)
    assert run is not None
    assert (run.status, run.attempt, floor.store.baseline(KEY)) == (RunStatus.RUNNING, 1, {})
    floor.emitted.clear()
    floor.sensors.arrived(record)
    assert floor.emitted == []


def test_unseen_write_in_second_of_evaluation_is_late_data() -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    record = floor.write("ready", NOW, ready=True)
    completed_having_seen(floor, record, "another fingerprint")
    floor.sensors.arrived(record)
    assert floor.request()["reason"] == "late-data"


@pytest.mark.parametrize(("hidden", "reason"), [(True, None), (False, "late-data")])
def test_unseen_write_in_same_second_is_late_data(hidden: bool, reason: str | None) -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    first, second = (floor.write("ready", NOW, ready=True, rows=rows) for rows in (1, 2))
    unseen, seen = (first, second) if hidden else (second, first)
    completed_having_seen(floor, first, fingerprint(seen.fields))
    floor.sensors.arrived(unseen)
    assert floor.request().get("reason") == reason


@pytest.mark.parametrize("over", [{"ready": False}, {"ready": True, "date": "2026-03-04"}, {"ready": True, "date": 7}])
def test_unseen_write_is_late_data_despite_its_replacement(
    over: dict[str, object],
) -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    seen, unseen = (floor.write("ready", NOW, ready=True, rows=rows) for rows in (1, 2))
    completed_having_seen(floor, seen, fingerprint(seen.fields))
    floor.write("ready", NOW, **over)
    floor.sensors.arrived(unseen)
    assert floor.request()["reason"] == "late-data"


def test_late_data_requests_a_rerun_after_a_rejected_request() -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun").replace("maxRetries", "maxManualReruns: 0, maxRetries"))
    floor.complete()
    asked = {"PK": "PIPELINE#bronze", "SK": "RERUN_REQUEST#stream#2026-03-03", "requestedAt": format_time(NOW)}
    floor.tables.transact([Put(NAMES.control, asked)])
    record = floor.write("ready", LATER, ready=True)
    for _ in range(2):
        floor.sensors.arrived(record)
    assert floor.emitted == ["LATE_DATA_ARRIVAL"]
    assert [entry.event for entry in floor.store.entries(KEY)].count("late-data-arrival") == 1
    standing = floor.request()
    assert (standing["requestedAt"], standing["lateData"]) == (format_time(NOW), format_time(LATER))
    floor.reruns.requested(read_rerun_request(standing, LATER))
    assert floor.emitted == ["LATE_DATA_ARRIVAL", "RERUN_REJECTED"]
    assert (floor.request()["reason"], floor.request()["requestedAt"]) == ("late-data", request_name(record))
    floor.sensors.arrived(record)
    floor.reruns.requested(read_rerun_request(standing, LATER))
    floor.reruns.requested(read_rerun_request(floor.request(), LATER))
    assert floor.emitted == ["LATE_DATA_ARRIVAL", "RERUN_REJECTED", "RERUN_ACCEPTED"]
    assert floor.request() == {}


def test_drift_requests_a_rerun_after_a_rejected_request() -> None:
    floor = Floor(PIPELINE.replace("maxRetries", "maxManualReruns: 0, maxRetries"))
    floor.complete(rows=10)
    asked = {"PK": "PIPELINE#bronze", "SK": "RERUN_REQUEST#stream#2026-03-03", "requestedAt": Decimal(7)}
    floor.tables.transact([Put(NAMES.control, asked)])
    floor.sensors.arrived(floor.write("audit", LATER, rows=0))
    floor.reruns.requested(read_rerun_request(floor.request(), LATER))
    assert floor.emitted == ["POST_RUN_DRIFT", "RERUN_REJECTED"]
    assert floor.request()["reason"] == "data-drift"


def test_redelivered_late_data_is_logged_once() -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    floor.complete()
    record = floor.write("ready", LATER, ready=True)
    for _ in range(2):
        floor.sensors.arrived(record)
    assert [entry.event for entry in floor.store.entries(KEY)].count("late-data-arrival") == 1
    assert "lateData" not in floor.request()


def test_late_data_requests_nothing_after_a_granted_request() -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    floor.complete()
    asked = {"PK": "PIPELINE#bronze", "SK": "RERUN_REQUEST#stream#2026-03-03", "requestedAt": format_time(NOW)}
    floor.tables.transact([Put(NAMES.control, asked)])
    floor.sensors.arrived(floor.write("ready", LATER, ready=True))
    floor.reruns.requested(read_rerun_request(floor.request(), LATER))
    assert (floor.emitted, floor.request()) == (["LATE_DATA_ARRIVAL", "RERUN_ACCEPTED"], {})


def test_a_second_late_write_requests_no_second_rerun() -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun").replace("maxRetries", "maxDriftReruns: 0, maxRetries"))
    floor.complete()
    for minute in range(2):
        floor.sensors.arrived(floor.write("ready", LATER + timedelta(minutes=minute), ready=True, minute=minute))
    floor.reruns.requested(read_rerun_request(floor.request(), LATER))
    assert floor.emitted == ["LATE_DATA_ARRIVAL", "LATE_DATA_ARRIVAL", "RERUN_REJECTED"]
    assert floor.request() == {}


@pytest.mark.parametrize("answer", ["rejected", "waiting"])
def test_each_late_record_of_one_second_requests_a_rerun(answer: str) -> None:
    budgets = "maxDriftReruns: 0, maxManualReruns: 0, maxRetries"
    floor = Floor(PIPELINE.replace("postRun", "# postRun").replace("maxRetries", budgets))
    floor.complete()
    first = floor.write("ready", LATER, ready=True, rows=1)
    floor.sensors.arrived(first)
    floor.reruns.requested(read_rerun_request(floor.request(), LATER))
    floor.emitted.clear()
    asked = {"PK": "PIPELINE#bronze", "SK": "RERUN_REQUEST#stream#2026-03-03", "requestedAt": format_time(NOW)}
    if answer == "waiting":
        floor.tables.transact([Put(NAMES.control, asked)])
    second = floor.write("ready", LATER, ready=True, rows=2)
    for record in (second, first, second):
        floor.sensors.arrived(record)
    assert floor.emitted == ["LATE_DATA_ARRIVAL"]
    if answer == "waiting":
        floor.reruns.requested(read_rerun_request(floor.request(), LATER))
    assert (floor.request()["reason"], floor.request()["requestedAt"]) == ("late-data", request_name(second))


def request_name(record: Sensor) -> str:
    """The requestedAt of the rerun that a record requests."""
    return format_time(request_time_of(record))


def completed_having_seen(floor: Floor, record: Sensor, seen: str) -> None:
    """Complete the run of the record within one second, with an evaluation that saw this fingerprint."""
    floor.sensors.arrived(record)
    run, config = floor.store.run(KEY), floor.store.config("bronze").config
    assert run is not None
    assert config is not None
    floor.store.commit(PassEvaluation(run, NOW, None, (), {"ready": seen}))
    facts = CloseFacts(floor.store.run(KEY), config, 0, Exclusions(), floor.store.sla(KEY))
    done = decide_completion(facts, run.run_token, JobOutcome("success"), now=NOW, execution_timeout=TIMEOUT)
    assert isinstance(done, CloseRun)
    floor.store.commit(done)


def test_a_rerun_row_without_a_time_counts_in_the_budget() -> None:
    floor = Floor()
    floor.complete()
    row = {"PK": "PIPELINE#bronze", "SK": "RERUN#stream#2026-03-03#0", "reason": "manual", "triggeredAt": "yesterday"}
    floor.tables.transact([Put(NAMES.rerun, row)])
    floor.ask(LATER, requestedAt=format_time(LATER))
    assert floor.emitted == ["RERUN_REJECTED"]


@pytest.fixture
def dry_run() -> Floor:
    return Floor(PIPELINE.replace("dryRun: false", "dryRun: true"))


def test_a_dry_run_observes_once_and_starts_nothing(dry_run: Floor) -> None:
    dry_run.store.put_sensor("bronze", "audit", {"rows": 10})
    record = dry_run.write("ready", ready=True)
    dry_run.sensors.arrived(record)
    dry_run.sensors.arrived(record)
    assert dry_run.emitted == ["DRY_RUN_WOULD_TRIGGER", "DRY_RUN_SLA_PROJECTION", "DRY_RUN_COMPLETED"]
    assert dry_run.store.run(KEY) is None
    assert dry_run.store.arrived_at(KEY) == NOW
    assert dry_run.store.baseline(KEY) == {"audit": {"rows": 10}}
    assert dry_run.store.dry_run(KEY).triggered_at == NOW
    dry_run.sensors.arrived(dry_run.write("ready", LATER, ready=True, rows=3))
    dry_run.sensors.arrived(dry_run.write("audit", LATER, rows=0))
    assert dry_run.emitted[3:] == ["DRY_RUN_LATE_DATA", "DRY_RUN_DRIFT"]
    assert dry_run.request() == {}


def test_reference_data_of_any_date_lets_a_waiting_dry_run_pass() -> None:
    reference = "{key: holidays, check: equals, field: open, value: true, anyDate: true}"
    text = PIPELINE.replace("dryRun: false", "dryRun: true").replace(
        "check: exists}]}", f"check: exists}}, {reference}]}}", 1
    )
    floor = Floor(text)
    floor.sensors.arrived(floor.write("ready", ready=True))
    assert floor.emitted == []
    floor.sensors.arrived(floor.write("holidays", NOW + timedelta(minutes=9), date="Q1", open=True))
    assert floor.emitted[:1] == ["DRY_RUN_WOULD_TRIGGER"]
    assert floor.store.dry_run(KEY).triggered_at == NOW + timedelta(minutes=9)


def test_a_rejected_row_lets_a_waiting_dry_run_look_again() -> None:
    volume = "check: exists}, {key: volume, check: exists}]}"
    floor = Floor(PIPELINE.replace("dryRun: false", "dryRun: true").replace("check: exists}]}", volume, 1))
    floor.sensors.arrived(floor.write("ready", ready=True))
    with pytest.raises(UnreadableSensor):
        floor.sensors.arrived(floor.write("ready", NOW + timedelta(minutes=1), ready=True, date="2026/03/03"))
    floor.sensors.arrived(floor.write("volume", NOW + timedelta(minutes=2)))
    assert floor.emitted == ["SENSOR_REJECTED"]
    with pytest.raises(UnreadableSensor):
        floor.sensors.arrived(floor.write("ready", NOW + timedelta(minutes=3), ready=True, date="1970-01-01"))
    assert floor.emitted[1] == "DRY_RUN_WOULD_TRIGGER"
    assert floor.store.run(KEY) is None


def test_a_newer_write_supersedes_a_record_of_a_dry_run(dry_run: Floor) -> None:
    dry_run.store.put_sensor("bronze", "audit", {"rows": 10})
    dry_run.sensors.arrived(dry_run.write("ready", ready=True))
    dry_run.emitted.clear()
    older = dry_run.write("audit", LATER, rows=0)
    dry_run.write("audit", LATER, rows=10)
    dry_run.sensors.arrived(older)
    assert dry_run.emitted == []


def test_rerun_requests_of_a_dry_run_have_a_budget(dry_run: Floor) -> None:
    dry_run.sensors.arrived(dry_run.write("ready", ready=True))
    dry_run.emitted.clear()
    for minute in (10, 10, 20):
        at = NOW + timedelta(minutes=minute)
        dry_run.ask(at, requestedAt=format_time(at))
    assert dry_run.emitted == ["DRY_RUN_WOULD_RERUN", "DRY_RUN_RERUN_REJECTED"]
    assert dry_run.store.dry_run(KEY).reruns == ("manual",)
    assert dry_run.store.run(KEY) is None
    standing = dry_run.store.standing_request(KEY)
    assert standing is not None
    assert not standing.waits


@pytest.mark.parametrize("stamp", [Decimal(1772539200), "2026-03-03T12:00:00Z", "noon", "", None, True, [1]])
def test_a_request_with_any_form_of_time_is_answered(stamp: object) -> None:
    floor = Floor()
    for _ in range(2):
        floor.ask(NOW, requestedAt=stamp)
    run = floor.store.run(KEY)
    assert run is not None
    assert run.attempt == 0
    assert floor.emitted[0] == "RERUN_ACCEPTED"
    row = floor.tables.get(NAMES.control, "PIPELINE#bronze", "RERUN_REQUEST#stream#2026-03-03")
    assert row is not None
    assert row["requestedAt"] == stamp


@pytest.mark.parametrize("length", [990, 1_200, 20_000])
def test_a_request_with_a_long_time_hides_no_late_data(length: int) -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    floor.complete()
    floor.store.put_sensor("bronze", "ready", {"updatedAt": format_time(NOW)})
    for _ in range(2):
        floor.ask(LATER, requestedAt="soon" * (length // 4))
    assert floor.emitted == ["RERUN_REJECTED"]
    floor.sensors.arrived(floor.write("ready", LATER, ready=True))
    assert floor.request()["reason"] == "late-data"


def test_an_answered_request_that_waits_again_is_retired() -> None:
    floor = Floor()
    asked = {"requestedAt": format_time(LATER), "GSI1PK": "PENDING", "GSI1SK": format_time(LATER)}
    floor.ask(LATER, **asked)
    assert (floor.emitted, floor.request()) == (["RERUN_ACCEPTED"], {})
    floor.ask(LATER, **asked)
    assert (floor.emitted, floor.request()) == (["RERUN_ACCEPTED"], {})


def test_late_data_replaces_a_request_with_a_number_as_time() -> None:
    floor = Floor(PIPELINE.replace("postRun", "# postRun"))
    floor.complete()
    floor.ask(NOW, requestedAt=Decimal(1772539200), reason="job-fail-retry")
    floor.sensors.arrived(floor.write("ready", LATER, ready=True))
    assert floor.request()["reason"] == "late-data"


def test_a_request_for_another_schedule_is_a_rejected_rerun() -> None:
    floor = Floor()
    floor.sensors.arrived(floor.write("ready", ready=True))
    floor.ask(LATER, sk="RERUN_REQUEST#nightly#2026-03-03", requestedAt=format_time(LATER))
    assert [run.key for run in floor.store.runs("bronze")] == [KEY]
    assert floor.emitted == ["RERUN_REJECTED"]
    row = floor.tables.get(NAMES.control, "PIPELINE#bronze", "RERUN_REQUEST#nightly#2026-03-03")
    assert row is not None
    assert row["outcome"] == "rejected"


def test_a_dry_run_row_of_an_older_release_counts_reruns(dry_run: Floor) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": "DRY_RUN#stream#2026-03-03", "data": {"triggeredAt": format_time(NOW)}}
    dry_run.tables.transact([Put(NAMES.control, {**row, "ttl": 1793539200})])
    dry_run.store.put_sensor("bronze", "ready", {"updatedAt": format_time(LATER)})
    dry_run.ask(LATER, requestedAt=format_time(LATER))
    assert (dry_run.emitted, dry_run.store.dry_run(KEY).reruns) == (["DRY_RUN_WOULD_RERUN"], ("manual",))
    dry_run.jobs.reported(JobEntry(KEY, LATER, "fail"), LATER)
    assert dry_run.store.dry_run(KEY).retries == 1


def test_a_dry_run_row_of_an_older_release_counts_failures(dry_run: Floor) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": "DRY_RUN#stream#2026-03-03", "data": {"triggeredAt": format_time(NOW)}}
    dry_run.tables.transact([Put(NAMES.control, row)])
    dry_run.jobs.reported(JobEntry(KEY, LATER, "fail"), LATER)
    assert (dry_run.emitted, dry_run.store.dry_run(KEY).retries) == (["DRY_RUN_WOULD_RETRY"], 1)


def test_a_dry_runs_external_failures_are_judged_once_each(dry_run: Floor) -> None:
    for minute in (10, 10, 20):
        at = NOW + timedelta(minutes=minute)
        dry_run.jobs.reported(JobEntry(KEY, at, "fail", error="boom"), at)
    assert dry_run.emitted == ["DRY_RUN_WOULD_RETRY", "DRY_RUN_RETRY_EXHAUSTED"]
    assert dry_run.store.dry_run(KEY).retries == 1


def test_external_outcomes_of_a_live_pipeline_are_only_a_record() -> None:
    floor = Floor()
    floor.jobs.reported(JobEntry(KEY, NOW, "fail"), NOW)
    assert floor.emitted == []


def test_a_rerun_before_the_first_observation_is_counted(dry_run: Floor) -> None:
    dry_run.ask(NOW, requestedAt=format_time(NOW))
    dry_run.sensors.arrived(dry_run.write("ready", LATER, ready=True))
    seen = dry_run.store.dry_run(KEY)
    assert (seen.reruns, seen.triggered_at) == (("manual",), LATER)
