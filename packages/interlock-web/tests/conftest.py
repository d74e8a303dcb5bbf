"""A deployment in memory with a pipeline for each state of the overview, and with hostile texts."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import anyio
import pytest
from msgspec import Struct
from starlette.applications import Starlette

from interlock_config import decode_yaml
from interlock_lifecycle import (
    Announce,
    ClockVerdict,
    CloseRun,
    CommitIntent,
    JobEntry,
    JobIntent,
    MarkStarted,
    OpenWait,
    PassEvaluation,
    RecordBreach,
    Run,
    RunKey,
    RunStatus,
    Verdict,
    Wait,
    digest,
)
from interlock_lifecycle.runs import decide_started, open_run
from interlock_sla import Clock, Outcome, parse_execution_date
from interlock_store import Commit, MemoryTables, Store, TableNames
from interlock_store._write import Item, Put
from interlock_web import LOOPBACK, Reader, make_app

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
NAMES = TableNames.of_environment("test")
SECRET = "hunter2-secret"
PIPELINE = """
pipeline: {id: NAME, owner: OWNER}
schedule:
  timezone: Europe/Berlin
  trigger: {key: landing, check: exists}
sla: {deadline: "08:00", expectedDuration: 20m}
validation: {trigger: ALL, rules: [{key: landing, check: gte, field: count, value: 1000}]}
job: {type: command, config: {command: "load --password=SECRET"}}
""".replace("SECRET", SECRET)


class CountingTables(MemoryTables):
    """Tables in memory that count the requests as DynamoDB would get them, and note the index of each query."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[str] = []

    def get(self, table: str, pk: str, sk: str) -> Item | None:
        self.requests.append("get")
        return super().get(table, pk, sk)

    def get_many(self, table: str, keys: Any) -> dict[tuple[str, str], Item]:
        wanted = list(keys)
        self.requests += ["batch"] * -(-len(wanted) // 100)
        return super().get_many(table, wanted)

    def query(self, table: str, pk: str, **options: Any) -> Iterator[Item]:
        rows = list(super().query(table, pk, **options))
        # A page of DynamoDB has at most 1 MB.
        size = sum(len(json.dumps(row, default=str)) for row in rows)
        self.requests += [f"query {pk.partition('#')[0]}"] * (1 + size // 2**20)
        return iter(rows)


class Deployment:
    """Writes the rows of a deployment as the controller writes them."""

    def __init__(self) -> None:
        self.tables = CountingTables()
        self.store = Store(self.tables, NAMES)
        self.now = NOW

    def pipeline(self, name: str, owner: str = "team-a", text: str = PIPELINE) -> None:
        config = decode_yaml(text.replace("NAME", name).replace("OWNER", owner), f"{name}.yaml")
        self.store.put_config(config)
        row = self.tables.get(NAMES.control, f"PIPELINE#{name}", "CONFIG")
        assert row is not None
        self.row({**row, "createdAt": "2026-01-01T00:00:00.000000Z"})

    def row(self, row: Item, table: str = NAMES.control) -> None:
        self.tables.transact([Put(table, row)])

    def begin(self, name: str, date: str = "2026-03-03", at: datetime = NOW - timedelta(hours=3)) -> Run:
        key = RunKey(name, "stream", parse_execution_date(date))
        start = open_run(key, decided_at=at, execution_timeout=timedelta(hours=4), arrived_at=at - timedelta(hours=1))
        assert self.store.commit(start) is Commit.COMMITTED
        started = decide_started(start.run, start.run.run_token, now=at, execution_timeout=timedelta(hours=4))
        assert isinstance(started, MarkStarted)
        assert self.store.commit(started) is Commit.COMMITTED
        return self.run(start.run.key)

    def run(self, key: RunKey) -> Run:
        found = self.store.run(key)
        assert found is not None
        return found

    def hold(self, run: Run, rule: str = "landing count gte 1000") -> None:
        wait = Wait(run.key, run.run_token, held={rule: run.committed_at}, task_token="t", look_at=NOW)
        assert self.store.commit(OpenWait(run, wait, None)) is Commit.COMMITTED

    def start_job(self, run: Run) -> None:
        intent = JobIntent(0, "k", NOW, "command", {"command": SECRET}, run.committed_at + timedelta(minutes=5))
        assert self.store.commit(CommitIntent(run, intent)) is Commit.COMMITTED

    def close(
        self,
        run: Run,
        status: RunStatus = RunStatus.COMPLETED,
        reason: str = "",
        outcome: Outcome = Outcome.MET,
        at: datetime = NOW,
        deadline: datetime | None = None,
    ) -> None:
        """Close a run. With a deadline, `at` determines the verdict."""
        if deadline is not None:
            outcome = Outcome.BREACH if at > deadline else Outcome.MET
        entry = JobEntry(key=run.key, at=at, event="success", error=reason or None, attempt=0, duration=60.0)
        verdicts = {Clock.ABSOLUTE: ClockVerdict(outcome, deadline or NOW - timedelta(hours=2), at)}
        close = CloseRun(run, status, at, entry, Verdict(run.key), verdicts, (), reason=reason)
        assert self.store.commit(close) is Commit.COMMITTED

    def breach(self, name: str, date: str = "2026-03-03") -> None:
        key = RunKey(name, "stream", parse_execution_date(date))
        judged = {Clock.ABSOLUTE: ClockVerdict(Outcome.BREACH, NOW - timedelta(hours=1), NOW)}
        assert self.store.commit(RecordBreach(key, None, Verdict(key), judged, ())) is Commit.COMMITTED

    def miss(self, name: str, date: str = "2026-03-03") -> None:
        assert self.store.commit(Announce(name, (), f"missed#stream#0#{date}", NOW)) is Commit.COMMITTED

    def passed(self, run: Run, at: datetime, count: int) -> None:
        """The evaluation that let the job of a run start, with its event."""
        assert self.store.commit(PassEvaluation(run, at, None, ())) is Commit.COMMITTED
        rows = [{"key": "landing", "row": "landing", "data": {"count": count}}]
        kind, date = "VALIDATION_PASSED", str(run.key.date)
        wire = {"id": "01", "timestamp": at.isoformat(), "attempt": run.attempt, "detail": {"rows": rows}}
        row = {
            "PK": f"PIPELINE#{run.key.pipeline_id}",
            "SK": f"{int(at.timestamp() * 1000):013d}#{kind}#01",
            "eventType": kind,
            "scheduleId": run.key.schedule_id,
            "date": date,
            "detail": json.dumps(wire),
        }
        self.row(row, NAMES.events)

    def event(self, name: str, text: str, date: str = "2026-03-03", kind: str = "RUN_HELD", at: datetime = NOW) -> None:
        stamp = f"{int(at.timestamp() * 1000):013d}"
        row = {
            "PK": f"PIPELINE#{name}",
            "SK": f"{stamp}#{kind}#{digest(text, date)}",
            "eventType": kind,
            "date": date,
            "message": text,
        }
        self.row(row, NAMES.events)

    def all_states(self) -> None:
        """One pipeline per state, named by it."""
        for name in ("failed", "breached", "missed", "held", "running", "late", "completed", "quiet"):
            self.pipeline(name, "team-b" if name == "held" else "team-a")
        self.close(self.begin("failed"), RunStatus.FAILED_FINAL, "exit code 3")
        self.breach("breached")
        self.miss("missed")
        self.hold(self.begin("held"))
        self.start_job(self.begin("running"))
        self.close(self.begin("late"), outcome=Outcome.BREACH)
        self.close(self.begin("completed"))


@pytest.fixture
def site() -> Deployment:
    return Deployment()


@pytest.fixture
def reader(site: Deployment) -> Iterator[Reader]:
    found = Reader(site.tables, NAMES, clock=lambda: site.now, fresh_seconds=0, old_seconds=0)
    yield found
    found.close()


class Answer(Struct):
    """The answer of the page."""

    status: int
    headers: dict[str, str]
    text: str


class Client:
    """Asks an ASGI application without a network."""

    def __init__(self, app: Starlette) -> None:
        self.app = app

    def get(
        self, url: str, *, method: str = "GET", host: str = "127.0.0.1:4580", headers: Sequence[Any] = ()
    ) -> Answer:
        path, _, query = url.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(b"host", host.encode("latin-1")), *headers],
            "server": ("127.0.0.1", 4580),
            "client": ("127.0.0.1", 1),
        }
        sent: list[Any] = []

        received: list[Any] = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            if not received:
                await anyio.sleep_forever()
            return received.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        async def ask() -> None:
            await self.app(scope, receive, send)

        anyio.run(ask)
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(sent[0]["status"], answered, body.decode())


@pytest.fixture
def open_fresh(site: Deployment) -> Callable[[], Client]:
    """The page of a new process, which has read nothing."""
    return lambda: Client(make_app(Reader(site.tables, NAMES, clock=lambda: site.now), "test", hosts=LOOPBACK))


@pytest.fixture
def open_page(reader: Reader) -> Callable[..., Client]:
    def make(**options: Any) -> Client:
        return Client(make_app(reader, "test", **{"hosts": LOOPBACK, "poll_seconds": 0.01, **options}))

    return make


@pytest.fixture
def client(open_page: Callable[..., Client]) -> Client:
    return open_page()
