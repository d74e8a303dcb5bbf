"""Two stream-routers and a watchdog on the same sensor and the same rerun request, on a real server's tables.

INTERLOCK_RACE_ROUNDS says how many dates they race for (`nox -s races`: 1,000). Nothing here decides who is first: a
look of the watchdog takes more requests than a record, so that in some rounds the routers begin a little later.
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
from interlock_controller.effects import BusEntry, Outbox
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
"""How much later than the watchdog a router begins at most."""
NAMES = TableNames.of_environment("races")
PIPELINE = """
pipeline: {id: racing}
schedule: {trigger: {key: ready, check: exists}}
validation: {rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}, maxDriftReruns: 5}
"""


class Outside:
    """Step Functions and the bus: a name is taken once, events are remembered; shared by all who race."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.asked: Counter[str] = Counter()
        self.accepted: dict[str, Mapping[str, Any]] = {}
        self.told: dict[str, tuple[str, Mapping[str, Any]]] = {}

    def start(self, name: str, execution_input: Mapping[str, Any]) -> None:
        """Start an execution; one of that name that exists already is success."""
        with self._lock:
            self.asked[name] += 1
            self.accepted.setdefault(name, execution_input)

    def status(self, name: str) -> str:
        """Every execution runs on."""
        return "RUNNING"

    def publish(self, entries: Sequence[BusEntry]) -> None:
        """Consumers know duplicates by their id."""
        with self._lock:
            for entry in entries:
                detail = json.decode(entry.detail)
                self.told[detail["id"]] = (entry.detail_type, detail)

    def tokens_of(self, date: str) -> list[str]:
        """The run tokens of the executions that were accepted for a date."""
        with self._lock:
            return [str(given["runToken"]) for given in self.accepted.values() if given["date"] == date]

    def opener_of(self, date: str) -> str:
        """Who was the first to commit the run of a date."""
        with self._lock:
            said = [detail for _, detail in self.told.values() if detail.get("date") == date]
        by_watchdog = any("sensorKey" in (detail.get("detail") or {}) for detail in said)
        return "watchdog" if by_watchdog else "stream-router"

    def events_of(self, date: str) -> Counter[str]:
        """The distinct events of a date by type."""
        with self._lock:
            return Counter(name for name, detail in self.told.values() if detail.get("date") == date)


class Part:
    """A Lambda's worth of objects over a client of its own."""

    def __init__(self, client: Any, outside: Outside) -> None:
        self.store = store = Store(DynamoTables(client), NAMES)
        self.outbox = Outbox(store, outside, outside, now=now, execution_timeout=TIMEOUT)
        self.reruns = RerunIntake(store, execution_timeout=TIMEOUT)
        self.again = 0

    def insist(self, act: Callable[[], object]) -> None:
        """As a stream or a tick does: what was contended comes again."""
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
        sensors = SensorIntake(self.store, cache, execution_timeout=TIMEOUT)
        configs, jobs = ConfigIntake(self.store, cache), OutcomeIntake(self.store, cache)
        self._router = RecordRouter(self.outbox, configs, sensors, self.reruns, jobs)

    def take(self, change: Change) -> None:
        """The record, then the records that its commit leads to."""
        self.insist(lambda: self._router.route(change))
        for row in self.store.pending(now()):
            follows = Change(row["PK"], row["SK"], row, now())
            self.insist(lambda follows=follows: self._router.route(follows))  # type: ignore[misc]


class WatchdogPart(Part):
    """A watchdog that gives the stream no grace for what was committed, and looks again and again."""

    delay_seconds = 0.0

    def __init__(self, client: Any, outside: Outside) -> None:
        super().__init__(client, outside)
        recovery = Recovery(
            self.store,
            self.outbox,
            self.reruns,
            outside,
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
        """Two looks: at sensors whose run is missing, and at what waits."""
        for check in (self._reconcile, self._pending) * 2:
            self._look(check)

    def settle(self) -> None:
        """What nobody acted upon meanwhile, as the next tick would."""
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
    """Scheduler: without an SLA nobody asks for a timer."""

    def create(self, key: RunKey, timer: Timer) -> None:
        """Refuse."""
        raise AssertionError(f"{key} has no SLA, and asks for {timer.name}")

    delete = create


def now() -> datetime:
    return datetime.now(UTC)


def make_client(endpoint_url: str) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(proxies={}, retries={"mode": "standard", "max_attempts": 3}),
    )


def create_tables(client: Any) -> None:
    """Tables that no stream of the stack's own Lambdas reads."""
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
    """The three parts, the tables and the outside; each round is about a date of its own."""

    def __init__(self, endpoint_url: str) -> None:
        self.outside = Outside()
        self.client = make_client(endpoint_url)
        create_tables(self.client)
        self.store = Store(DynamoTables(self.client), NAMES)
        self.config: PipelineConfig = decode_yaml(PIPELINE, "racing.yaml")
        self.store.put_config(self.config)
        self.store.note_config(self.config.id, now() - timedelta(hours=1))
        routers = [RouterPart(make_client(endpoint_url), self.outside) for _ in range(2)]
        self.watchdog = WatchdogPart(make_client(endpoint_url), self.outside)
        self.parts: list[RouterPart | WatchdogPart] = [*routers, self.watchdog]
        self._pool = ThreadPoolExecutor(len(self.parts))

    def close(self) -> None:
        self._pool.shutdown()
        for name in (NAMES.control, NAMES.joblog, NAMES.rerun):
            self.client.delete_table(TableName=name)

    def key_of(self, number: int) -> RunKey:
        """An hour of its own for each round."""
        hour = datetime(2026, 1, 1) + timedelta(hours=number)
        return RunKey(self.config.id, self.config.schedule_id, parse_execution_date(f"{hour:%Y-%m-%dT%H}"))

    def all_take(self, change: Change) -> None:
        """All parts begin at once; whatever one raises ends the test."""
        barrier = threading.Barrier(len(self.parts))

        def begin(part: RouterPart | WatchdogPart, delay: float) -> None:
            barrier.wait(30)
            time.sleep(delay)
            part.take(change)

        late = random.uniform(0.0, 1.0)
        for done in [self._pool.submit(begin, part, part.delay_seconds * late) for part in self.parts]:
            done.result(60)

    def change_of(self, sk: str) -> Change:
        """The record of a row as it is now."""
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
    made = Race(stack.endpoint_url)
    yield made
    made.close()


def put_sensor(race: Race, key: RunKey, at: datetime) -> None:
    date = str(key.date)
    fields = {"date": date[:10], "hour": date[11:], "updatedAt": at.isoformat()}
    race.store.put_sensor(key.pipeline_id, "ready", fields)


def sensor_arrives(race: Race, key: RunKey) -> None:
    """Its record comes three minutes later, when the watchdog looks for its run, too."""
    put_sensor(race, key, now() - timedelta(minutes=3))
    race.all_take(race.change_of("SENSOR#ready"))
    race.watchdog.settle()


def check_first_attempt(race: Race, key: RunKey) -> None:
    run = race.run_of(key)
    assert (run.status, run.attempt, run.started_token) == (RunStatus.RUNNING, 0, run.run_token)
    assert race.outside.tokens_of(str(key.date)) == [run.run_token]
    events = race.outside.events_of(str(key.date))
    # The watchdog says when it was the first to open the run, and when it was the first to start it.
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
def test_whoever_is_first_there_is_one_attempt_each(race: Race) -> None:
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
    # Each execution was started once; asking again for a name that is taken is how a repetition looks.
    assert len(race.outside.accepted) == 2 * ROUNDS
    asked = sum(race.outside.asked.values())
    contended = sum(part.again for part in race.parts)
    print(
        f"{ROUNDS} rounds: {asked} StartExecution for {2 * ROUNDS} attempts, {contended} acts tried again; "
        f"dates opened by {dict(opened_by)}"
    )
    # It was a race: each side was the first at times.
    assert set(opened_by) == {"stream-router", "watchdog"}
