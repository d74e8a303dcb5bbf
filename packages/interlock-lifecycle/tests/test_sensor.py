"""Decisions on an arriving sensor, by the state of its date's run."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle import Announce, Ignore, RequestRerun, Run, RunStatus, Sensor, StartRun
from interlock_lifecycle.events import EventType
from interlock_lifecycle.sensors import SensorFacts, decide_sensor, is_reserved, run_key_of, triggers
from interlock_sla import Exclusions

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
FIELDS = {"date": "2026-03-03", "hour": "11", "complete": True, "count": Decimal(120)}


def sensor(key: str = "landing#2026-03-03T11", at: datetime = NOW, **fields: object) -> Sensor:
    return Sensor("bronze-orders", key, FIELDS | fields, at)


def facts(run: Run | None = None, *, has_arrival: bool = False, exclusions: Exclusions | None = None) -> SensorFacts:
    return SensorFacts(run, has_arrival, exclusions or Exclusions())


@pytest.mark.parametrize(
    ("sensor_key", "complete", "expected"),
    [
        ("landing", True, True),
        ("landing#2026-03-03T11", True, True),
        ("landing-zone", True, False),
        ("land", True, False),
        ("landing", False, False),
        ("landing", "true", True),
        ("landing", None, False),
        ("first-sensor-arrival#2026-03-03", True, False),
    ],
)
def test_a_sensor_triggers_by_its_key_and_condition(
    config: PipelineConfig, sensor_key: str, complete: object, expected: bool
) -> None:
    assert triggers(sensor(sensor_key, complete=complete), config) is expected


def test_interlocks_own_rows_never_trigger() -> None:
    assert is_reserved("postrun-baseline#2026-03-03")
    assert not is_reserved("postrun-baseline-of-mine")


def test_an_undated_row_belongs_to_the_day_in_the_zone(config: PipelineConfig) -> None:
    late = Sensor("bronze-orders", "landing", {"complete": True}, datetime(2026, 3, 3, 23, 30, tzinfo=UTC))
    assert str(run_key_of(late, config).date) == "2026-03-04"


def test_the_first_sensor_opens_attempt_0_and_notes_its_arrival(config: PipelineConfig) -> None:
    decision = decide_sensor(sensor(), config, facts(), execution_timeout=TIMEOUT)
    assert isinstance(decision, StartRun)
    assert (decision.run.attempt, decision.run.status, decision.arrived_at) == (0, RunStatus.RUNNING, NOW)
    assert decision.run.lease_until == NOW + timedelta(hours=4, minutes=30)


def test_a_known_arrival_is_kept_and_does_not_block(config: PipelineConfig) -> None:
    decision = decide_sensor(sensor(), config, facts(has_arrival=True), execution_timeout=TIMEOUT)
    assert isinstance(decision, StartRun)
    assert decision.arrived_at is None


def test_a_redelivered_record_decides_the_same_token(config: PipelineConfig) -> None:
    once, twice = (decide_sensor(sensor(), config, facts(), execution_timeout=TIMEOUT) for _ in range(2))
    assert isinstance(once, StartRun)
    assert isinstance(twice, StartRun)
    assert once.run.run_token == twice.run.run_token


def test_a_later_record_decides_another_token(config: PipelineConfig) -> None:
    once = decide_sensor(sensor(), config, facts(), execution_timeout=TIMEOUT)
    later = decide_sensor(sensor(at=NOW + timedelta(seconds=1)), config, facts(), execution_timeout=TIMEOUT)
    assert isinstance(once, StartRun)
    assert isinstance(later, StartRun)
    assert once.run.run_token != later.run.run_token


def test_a_run_under_way_ignores_sensors(config: PipelineConfig, run: Run) -> None:
    assert isinstance(decide_sensor(sensor(), config, facts(run), execution_timeout=TIMEOUT), Ignore)


# Streams cut the time of a record to whole seconds: in the second of the close it may have come later.
@pytest.mark.parametrize(("seconds", "reported"), [(-1, False), (-0.4, True), (0, True), (3600, True)])
def test_data_after_a_final_failure_is_reported(
    config: PipelineConfig, run: Run, seconds: float, reported: bool
) -> None:
    failed = replace(run, status=RunStatus.FAILED_FINAL, closed_at=NOW - timedelta(seconds=seconds))
    decision = decide_sensor(sensor(), config, facts(failed), execution_timeout=TIMEOUT)
    assert isinstance(decision, Announce) is reported
    if isinstance(decision, Announce):
        (event,) = decision.events
        assert event.type is EventType.LATE_DATA_ARRIVAL
        assert event.detail is not None
        assert event.detail["runStatus"] == "FAILED_FINAL"
        assert event.detail["actionHint"].endswith(f"interlock rerun {run.key.pipeline_id} {run.key.date}")
        assert decision.marker == f"late-after-failure#{run.key.schedule_id}#{run.run_token}#{run.key.date}"


def test_data_after_completion_asks_for_a_rerun(config: PipelineConfig, run: Run) -> None:
    done = replace(run, status=RunStatus.COMPLETED, evaluated_at=NOW - timedelta(minutes=5))
    decision = decide_sensor(sensor(), config, facts(done), execution_timeout=TIMEOUT)
    assert isinstance(decision, RequestRerun)
    assert decision.reason == "late-data"
    assert [event.type for event in decision.events] == [EventType.LATE_DATA_ARRIVAL]


def test_a_sensor_that_the_evaluation_saw_is_not_late(config: PipelineConfig, run: Run) -> None:
    done = replace(run, status=RunStatus.COMPLETED, evaluated_at=NOW + timedelta(seconds=1))
    assert isinstance(decide_sensor(sensor(), config, facts(done), execution_timeout=TIMEOUT), Ignore)


def test_on_an_excluded_day_nothing_starts_and_it_is_said(config: PipelineConfig) -> None:
    excluded = facts(exclusions=Exclusions(dates=frozenset({date(2026, 3, 3)})))
    decision = decide_sensor(sensor(), config, excluded, execution_timeout=TIMEOUT)
    assert isinstance(decision, Announce)
    assert [event.type for event in decision.events] == [EventType.PIPELINE_EXCLUDED]


def test_exclusion_looks_at_the_wall_clock_of_the_pipelines_zone(config: PipelineConfig) -> None:
    midnight_in_berlin = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    excluded = facts(exclusions=Exclusions(dates=frozenset({date(2026, 3, 3)})))
    decision = decide_sensor(sensor(at=midnight_in_berlin), config, excluded, execution_timeout=TIMEOUT)
    assert isinstance(decision, Announce)
