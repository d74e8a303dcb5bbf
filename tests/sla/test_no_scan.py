"""No component scans a table, except the migration: the test counts the API calls of a day on moto's DynamoDB."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from sla.stage import NAMES, PIPELINE, TIMEOUT, Stage

from interlock_lifecycle import RunKey, RunStatus
from interlock_sla import parse_execution_date
from interlock_store import DynamoScan, DynamoTables, Migration, Tables
from interlock_store._write import Write, key_of

START = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
DATE = parse_execution_date("2026-03-03")
KEY = RunKey(PIPELINE, "stream", DATE)
TEXT = """
pipeline: {id: p}
schedule: {trigger: {key: ready, check: exists}, evaluation: {window: 1h, interval: 5m}}
sla: {deadline: "08:00", maxDuration: 3h, expectedDuration: 10m}
validation: {rules: [{key: ready, check: gte, field: count, value: 10}]}
job: {type: glue, config: {jobName: j}, maxRetries: 1, maxManualReruns: 1, maxDriftReruns: 2}
postRun: {driftField: rows, sensorTimeout: 1h, rules: [{key: audit, check: exists}]}
"""
BY_KEY = {
    "GetItem",
    "BatchGetItem",
    "Query",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "TransactWriteItems",
}
"""The allowed API calls, without calls that read a whole table."""


class StreamedTables(DynamoTables):
    """Tables on DynamoDB that deliver changes at once, as a stream does after a delay."""

    def __init__(self, client: Any, on_change: Callable[..., None]) -> None:
        super().__init__(client)
        self._on_change = on_change

    def transact(self, writes: Sequence[Write]) -> None:
        keys = [key_of(write) for write in writes]
        before = [self.get(*key) for key in keys]
        super().transact(writes)
        for key, old in zip(keys, before, strict=True):
            self._on_change(key, old, self.get(*key))


class Deployment(Stage):
    """The stage over boto3's own client. `calls` counts the calls to DynamoDB."""

    def __init__(self) -> None:
        self.client = boto3.client("dynamodb", region_name="us-east-1")
        self.calls: Counter[str] = Counter()
        super().__init__(START)
        self.client.meta.events.register("before-call.dynamodb", self._note)

    def open_tables(self) -> Tables:
        for name in (NAMES.control, NAMES.joblog, NAMES.rerun, NAMES.events):
            self._create(name)
        return StreamedTables(self.client, self._changed)

    def _create(self, name: str) -> None:
        attributes = ("PK", "SK", "GSI1PK", "GSI1SK") if name == NAMES.control else ("PK", "SK")
        index = {
            "IndexName": "GSI1",
            "KeySchema": _schema("GSI1PK", "GSI1SK"),
            "Projection": {"ProjectionType": "ALL"},
        }
        self.client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in attributes],
            KeySchema=_schema("PK", "SK"),
            **({"GlobalSecondaryIndexes": [index]} if name == NAMES.control else {}),
        )

    def _note(self, model: Any, **more: Any) -> None:
        self.calls[model.name] += 1

    def kinds(self) -> list[str]:
        """The types of all events, in the order of their ids."""
        seen = {detail["id"]: kind for _, kind, detail in self.reported}
        return [seen[event_id] for event_id in sorted(seen)]

    def after(self, minutes: int) -> None:
        self.run_until(self.now + timedelta(minutes=minutes))


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield Deployment()


def status(stage: Stage) -> tuple[RunStatus, int]:
    run = stage.store.run(KEY)
    assert run is not None
    return run.status, run.attempt


def test_day_with_retries_reruns_and_drift_makes_no_scan(stage: Deployment) -> None:
    stage.jobs.plan = [("transient", 2), ("ok", 2)]
    stage.push(TEXT)
    stage.store.put_sensor(PIPELINE, "audit", {"rows": 100, "date": "2026-03-03", "updatedAt": stage.now.isoformat()})
    stage.sense(DATE, count=10)
    stage.after(30)
    assert status(stage) == (RunStatus.COMPLETED, 1)

    stage.store.put_sensor(PIPELINE, "audit", {"rows": 500, "date": "2026-03-03", "updatedAt": stage.now.isoformat()})
    stage.after(30)
    assert status(stage) == (RunStatus.COMPLETED, 2)

    stage.sense(DATE, count=20, updatedAt=stage.now.isoformat())
    stage.after(30)
    assert status(stage) == (RunStatus.COMPLETED, 3)

    stage.store.put_sensor(PIPELINE, f"ready#{DATE.compact}", {"count": 30, "updatedAt": stage.now.isoformat()})
    stage.rerun(KEY)
    stage.after(180)
    assert status(stage) == (RunStatus.COMPLETED, 4)

    reported = set(stage.kinds())
    assert reported >= {
        "JOB_FAILED",
        "JOB_COMPLETED",
        "POST_RUN_DRIFT",
        "LATE_DATA_ARRIVAL",
        "RERUN_ACCEPTED",
        "SLA_MET",
    }
    assert "POST_RUN_SENSOR_MISSING" in reported
    assert "WATCHDOG_DEGRADED" not in reported
    assert set(stage.calls) <= BY_KEY
    assert {"Query", "TransactWriteItems", "BatchGetItem"} <= set(stage.calls)


def test_recovery_makes_no_scan(stage: Deployment) -> None:
    stage.jobs.plan = [("ok", 30)]
    stage.push(TEXT)
    stage.after(10)
    stage.router_is_up = False
    stage.sense(DATE, count=10, updatedAt=stage.now.isoformat())
    stage.after(30)
    assert status(stage)[0] is RunStatus.RUNNING
    stage.abort()
    stage.after(60)
    reported = stage.kinds()
    assert reported.count("TRIGGER_RECOVERED") >= 2
    assert status(stage) == (RunStatus.COMPLETED, 0)
    assert set(stage.calls) <= BY_KEY


def test_only_migration_scans(stage: Deployment) -> None:
    """This test also shows that the counter sees scans."""
    scan = DynamoScan(stage.client)
    for _ in Migration(stage.store, scan, now=stage.now, execution_timeout=TIMEOUT).run():
        pass
    assert stage.calls["Scan"] == 1
