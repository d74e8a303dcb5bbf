"""Two stream-routers and a watchdog on the same sensor and the same rerun request, on a real server's tables.

INTERLOCK_RACE_ROUNDS is the number of dates in the race (`nox -s races`: 1,000). The test does not decide which
component is first. A look of the watchdog takes more requests than a record, so in some rounds the routers begin later.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from msgspec import json

from interlock_config import PipelineConfig, decode_yaml
from interlock_controller import Contended
from interlock_controller.effects import BusEntry, Outbox, RowRepairs, Wakes
from interlock_controller.records import Change, ConfigIntake, OutcomeIntake, RecordRouter, RerunIntake, SensorIntake
from interlock_controller.watch import Check, Recovery, WorkerPool, all_checks
from interlock_lifecycle import JobOutcome, RequestRerun, Run, RunKey, RunStatus, Verdict
from interlock_lifecycle.runs import CloseFacts, decide_completion
from interlock_lifecycle.slas import SlaFacts, Timer
from interlock_local.stack import LocalStack
from interlock_sla import Exclusions, parse_execution_date
from interlock_store import Commit, ConfigCache, DynamoTables, Overview, Store, TableBusy, TableNames

ROUNDS = int(os.environ.get("INTERLOCK_RACE_ROUNDS", "40"))
TIMEOUT = timedelta(hours=4)
LOOK_SECONDS = 0.06
"""The largest delay of a router after the watchdog."""
NAMES = TableNames.of_environment("races")
PIPELINE = """
pipeline: {id: racing}
schedule: {trigger: {key: ready, check: exists}}
validation: {rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}, maxDriftReruns: 5}
"""


class Outside:
    """Step Functions and the bus, shared by all parts. An execution name is accepted once, and events are kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.asked: Counter[str] = Counter()
        self.accepted: dict[str, Mapping[str, Any]] = {}
        self.events: dict[str, tuple[str, Mapping[str, Any]]] = {}

    def start(self, name: str, execution_input: Mapping[str, Any]) -> None:
        """Start an execution. An existing execution of this name is success."""
        with self._lock:
            self.asked[name] += 1
            self.accepted.setdefault(name, execution_input)

    def status(self, name: str) -> str:
        """Every execution is running."""
        return "RUNNING"

    def publish(self, entries: Sequence[BusEntry]) -> None:
        """Keep events by id, so that duplicates count once."""
        with self._lock:
            for entry in entries:
                detail = json.decode(entry.detail)
                self.events[detail["id"]] = (entry.detail_type, detail)

    def tokens_of(self, date: str) -> list[str]:
        """The run tokens of the accepted executions of a date."""
        with self._lock:
            return [str(given["runToken"]) for given in self.accepted.values() if given["date"] == date]

    def opener_of(self, date: str) -> str:
        """The component that was first to commit the run of a date."""
        with self._lock:
            said = [detail for _, detail in self.events.values() if detail.get("date") == date]
        by_watchdog = any("sensorKey" in (detail.get("detail") or {}) for detail in said)
        return "watchdog" if by_watchdog else "stream-router"

    def events_of(self, date: str) -> Counter[str]:
        """The distinct events of a date by type."""
        with self._lock:
            return Counter(name for name, detail in self.events.values() if detail.get("date") == date)


class Part:
    """The objects of a Lambda over a separate client."""

    def __init__(self, client: Any, outside: Outside) -> None:
        self.store = store = Store(DynamoTables(client), NAMES)
        self.outbox = Outbox(store, outside, outside, now=now, execution_timeout=TIMEOUT)
        self.reruns = RerunIntake(store, execution_timeout=TIMEOUT)
        self.again = 0

    def insist(self, act: Callable[[], object]) -> None:
        """Repeat a contended action, as a stream or a tick does."""
        while True:
            try:
                act()
            except (Contended, TableBusy):
                self.again += 1
            else:
                return


class RouterPart(Part):
    """A stream-router."""

    delay_seconds = LOOK_SECONDS

    def __init__(self, client: Any, outside: Outside) -> None:
        super().__init__(client, outside)
        cache = ConfigCache(self.store, now)
        wakes = Wakes(self.store, lambda token: False, now)
        sensors = SensorIntake(self.store, cache, wakes, execution_timeout=TIMEOUT)
        configs, jobs = ConfigIntake(self.store, cache, wakes), OutcomeIntake(self.store, cache, wakes)
        self._router = RecordRouter(self.outbox, configs, sensors, self.reruns, jobs, RowRepairs(self.store, now=now))

    def take(self, change: Change) -> None:
        """Handle the record, then the records of its commit."""
        self.insist(lambda: self._router.route(change))
        for row in self.store.pending(now()):
            follows = Change(row["PK"], row["SK"], row, now())
            self.insist(lambda follows=follows: self._router.route(follows))  # type: ignore[misc]


class WatchdogPart(Part):
    """A watchdog that gives the stream no grace after a commit, and looks several times."""

    delay_seconds = 0.0

    def __init__(self, client: Any, outside: Outside) -> None:
        super().__init__(client, outside)
        recovery = Recovery(
            self.store,
            self.outbox,
            self.reruns,
            outside,
            Wakes(self.store, lambda token: False, now),
            execution_timeout=TIMEOUT,
            pending_grace=timedelta(),
            probe_after=timedelta(hours=1),
        )
        overview = Overview(DynamoTables(client), NAMES)
        checks = all_checks(
            self.store, overview, recovery, NoTimers(), now=now, execution_timeout=TIMEOUT, workers=WorkerPool()
        )
        self._reconcile, self._pending = checks["stranded-sensors"], checks["pending"]

    def take(self, change: Change) -> None:
        """Look for sensors without a run, and for pending rows, twice each."""
        for check in (self._reconcile, self._pending) * 2:
            self._look(check)

    def settle(self) -> None:
        """Act upon the remaining pending rows, as the next tick does."""
        self._look(self._pending)

    def _look(self, check: Check) -> None:
        try:
            check(now())
        except ExceptionGroup as group:
            _, other = group.split((Contended, TableBusy))
            if other is not None:
                raise other from None
            self.again += 1


class NoTimers:
    """A Scheduler without timers, since the pipeline has no SLA."""

    def create(self, key: RunKey, timer: Timer) -> None:
        """Fail the test."""
        raise AssertionError(f"{key} has no SLA but creates {timer.name}")

    delete = create


def now() -> datetime:
    return datetime.now(UTC)


def make_client(stack: LocalStack) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=stack.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=stack.key.access_key,
        aws_secret_access_key=stack.key.secret,
        config=Config(proxies={}, retries={"mode": "standard", "max_attempts": 3}),
    )


def create_tables(client: Any) -> None:
    """Create tables that the stack's own Lambdas do not read."""
    keys = [{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}]
    index = [{**key, "AttributeName": f"GSI1{key['AttributeName']}"} for key in keys]
    parts = [{"AttributeName": key["AttributeName"], "AttributeType": "S"} for key in (*keys, *index)]
    for name in (NAMES.control, NAMES.joblog, NAMES.rerun):
        is_indexed = name == NAMES.control
        more: dict[str, Any] = {}
        if is_indexed:
            projection = {"ProjectionType": "ALL"}
            more = {"GlobalSecondaryIndexes": [{"IndexName": "GSI1", "KeySchema": index, "Projection": projection}]}
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=keys,
            AttributeDefinitions=parts if is_indexed else parts[:2],
            **more,
        )


class Race:
    """The three parts, the tables and the outside. Each round uses another date."""

    def __init__(self, stack: LocalStack) -> None:
        self.outside = Outside()
        self.client = make_client(stack)
        create_tables(self.client)
        self.store = Store(DynamoTables(self.client), NAMES)
        self.config: PipelineConfig = decode_yaml(PIPELINE, "racing.yaml")
        self.store.put_config(self.config)
        self.store.note_config(self.config.id, now() - timedelta(hours=1))
        routers = [RouterPart(make_client(stack), self.outside) for _ in range(2)]
        self.watchdog = WatchdogPart(make_client(stack), self.outside)
        self.parts: list[RouterPart | WatchdogPart] = [*routers, self.watchdog]
        self._pool = ThreadPoolExecutor(len(self.parts))

    def close(self) -> None:
        self._pool.shutdown()
        for name in (NAMES.control, NAMES.joblog, NAMES.rerun):
            self.client.delete_table(TableName=name)

    def key_of(self, number: int) -> RunKey:
        """The key of a separate hour for each round."""
        hour = datetime(2026, 1, 1) + timedelta(hours=number)
        return RunKey(self.config.id, self.config.schedule_id, parse_execution_date(f"{hour:%Y-%m-%dT%H}"))

    def all_take(self, change: Change) -> None:
        """Start all parts at once. An error of any part fails the test."""
        barrier = threading.Barrier(len(self.parts))

        def begin(part: RouterPart | WatchdogPart, delay: float) -> None:
            barrier.wait(30)
            time.sleep(delay)
            part.take(change)

        late = random.uniform(0.0, 1.0)
        for done in [self._pool.submit(begin, part, part.delay_seconds * late) for part in self.parts]:
            done.result(60)

    def change_of(self, sk: str) -> Change:
        """The record of the current row."""
        pk = f"PIPELINE#{self.config.id}"
        row = self.store._tables.get(NAMES.control, pk, sk)
        assert row is not None
        return Change(pk, sk, row, now())

    def run_of(self, key: RunKey) -> Run:
        run = self.store.run(key)
        assert run is not None
        return run


@pytest.fixture
def race(stack: LocalStack) -> Iterator[Race]:
    made = Race(stack)
    yield made
    made.close()


def put_sensor(race: Race, key: RunKey, at: datetime) -> None:
    date = str(key.date)
    fields = {"date": date[:10], "hour": date[11:], "updatedAt": at.isoformat()}
    race.store.put_sensor(key.pipeline_id, "ready", fields)


def sensor_arrives(race: Race, key: RunKey) -> None:
    """Deliver its record three minutes after its time, when the watchdog also looks for its run."""
    put_sensor(race, key, now() - timedelta(minutes=3))
    race.all_take(race.change_of("SENSOR#ready"))
    race.watchdog.settle()


def check_first_attempt(race: Race, key: RunKey) -> None:
    run = race.run_of(key)
    assert (run.status, run.attempt, run.started_token) == (RunStatus.RUNNING, 0, run.run_token)
    assert race.outside.tokens_of(str(key.date)) == [run.run_token]
    events = race.outside.events_of(str(key.date))
    # The watchdog reports a run that it was first to open, and a run that it was first to start.
    assert events.pop("TRIGGER_RECOVERED", 0) <= 2
    assert events == {"JOB_TRIGGERED": 1}
    assert race.store.reruns(key) == []


def complete(race: Race, key: RunKey) -> None:
    run = race.run_of(key)
    facts = CloseFacts(run, race.config, 0, Exclusions(), SlaFacts(None, Verdict(key)))
    decision = decide_completion(facts, run.run_token, JobOutcome("success"), now=now(), execution_timeout=TIMEOUT)
    assert race.store.commit(decision) is Commit.COMMITTED  # type: ignore[arg-type]


def rerun_is_requested(race: Race, key: RunKey) -> None:
    put_sensor(race, key, now() + timedelta(seconds=1))
    assert race.store.commit(RequestRerun(key, "late-data", now(), None, ())) is Commit.COMMITTED
    race.all_take(race.change_of(f"RERUN_REQUEST#{key.schedule_id}#{key.date}"))
    race.watchdog.settle()


def check_second_attempt(race: Race, key: RunKey) -> None:
    run = race.run_of(key)
    assert (run.status, run.attempt, run.started_token) == (RunStatus.RUNNING, 1, run.run_token)
    tokens = race.outside.tokens_of(str(key.date))
    assert len(tokens) == len(set(tokens)) == 2
    assert run.run_token in tokens
    events = race.outside.events_of(str(key.date))
    assert (events["RERUN_ACCEPTED"], events["RERUN_REJECTED"], events["JOB_TRIGGERED"]) == (1, 0, 2)
    assert [one.reason for one in race.store.reruns(key)] == ["late-data"]
    assert [entry.event for entry in race.store.entries(key)].count("rerun-accepted") == 1


@pytest.mark.timeout(120 + 10 * ROUNDS)
def test_race_gives_one_attempt_for_sensor_and_request(race: Race) -> None:
    opened_by: Counter[str] = Counter()
    for number in range(ROUNDS):
        key = race.key_of(number)
        sensor_arrives(race, key)
        check_first_attempt(race, key)
        opened_by[race.outside.opener_of(str(key.date))] += 1
        complete(race, key)
        rerun_is_requested(race, key)
        check_second_attempt(race, key)
    waiting = [row["SK"] for row in race.store.pending(now())]
    assert waiting == []
    # Each execution was started once. A repetition asks again for an existing name.
    assert len(race.outside.accepted) == 2 * ROUNDS
    asked = sum(race.outside.asked.values())
    contended = sum(part.again for part in race.parts)
    print(
        f"{ROUNDS} rounds: {asked} StartExecution for {2 * ROUNDS} attempts, {contended} repeated actions, "
        f"dates opened by {dict(opened_by)}"
    )
    # It was a race: each side was first in some rounds.
    assert set(opened_by) == {"stream-router", "watchdog"}
