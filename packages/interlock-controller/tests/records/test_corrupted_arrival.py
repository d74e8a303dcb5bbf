"""A corrupted row in the place of a date's first arrival holds up no sensor, live or dry."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interlock_config import decode_yaml
from interlock_controller.effects import Wakes
from interlock_controller.records import SensorIntake
from interlock_controller.slas import SlaAlerts
from interlock_lifecycle import RunKey, Sensor
from interlock_lifecycle.events import EventType
from interlock_sla import parse_execution_date
from interlock_store import ConfigCache, MemoryTables, Store, TableNames
from interlock_store._write import Put

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
KEY = RunKey("bronze", "stream", parse_execution_date("2026-03-03"))
PIPELINE = """
pipeline: {id: bronze}
schedule: {trigger: {key: ready, check: exists}}
sla: {maxDuration: 1h}
validation: {trigger: ALL, rules: [{key: ready, check: exists}, {key: rows, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


@pytest.fixture(params=[{}, {"data": {"arrivedAt": "soon"}}, {"arrivedAt": 5}])
def store(request: pytest.FixtureRequest) -> Store:
    made = Store(MemoryTables(), TableNames.of_environment("test"))
    row: dict[str, Any] = {"PK": "PIPELINE#bronze", "SK": f"SENSOR#first-sensor-arrival#{KEY.date}", **request.param}
    made._tables.transact([Put(made.names.control, row)])
    return made


def arrive(store: Store, key: str = "ready", at: datetime = NOW) -> None:
    """An external process writes a sensor, and the stream delivers its record."""
    fields: Mapping[str, object] = {"date": "2026-03-03"}
    store.put_sensor("bronze", key, fields)
    intake = SensorIntake(
        store,
        ConfigCache(store, lambda: NOW),
        Wakes(store, lambda token: False, lambda: NOW),
        execution_timeout=timedelta(hours=4),
    )
    intake.arrived(Sensor("bronze", key, fields, at))


def emitted(store: Store) -> list[str]:
    rows = store.pending(NOW + timedelta(days=9))
    return [row["detailType"] for row in rows if row["SK"].startswith("EVENT#")]


def test_the_relative_clock_starts_at_the_sensor(store: Store) -> None:
    store.put_config(decode_yaml(PIPELINE, "bronze.yaml"))
    arrive(store)
    run = store.run(KEY)
    assert run is not None
    assert run.is_running
    assert store.arrived_at(KEY) == NOW
    breach_at = NOW + timedelta(hours=1)
    SlaAlerts(store, lambda: breach_at).fire(KEY, EventType.RELATIVE_SLA_BREACH, breach_at)
    assert emitted(store) == ["RELATIVE_SLA_BREACH"]


def test_a_dry_run_waits_from_the_sensor_on_and_observes(store: Store) -> None:
    store.put_config(decode_yaml(PIPELINE + "dryRun: true\n", "bronze.yaml"))
    arrive(store)
    assert (store.arrived_at(KEY), emitted(store)) == (NOW, [])
    arrive(store, "rows", NOW + timedelta(minutes=5))
    assert store.arrived_at(KEY) == NOW
    assert "DRY_RUN_WOULD_TRIGGER" in emitted(store)


def test_a_dry_run_whose_rules_hold_at_once_observes(store: Store) -> None:
    store.put_config(decode_yaml(PIPELINE + "dryRun: true\n", "bronze.yaml"))
    store.put_sensor("bronze", "rows", {"n": 1})
    arrive(store)
    assert store.arrived_at(KEY) == NOW
    assert "DRY_RUN_WOULD_TRIGGER" in emitted(store)
