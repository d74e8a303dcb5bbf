"""The first view of the page with 1,000 pipelines and 30 days: time, requests and bytes. The server is ministack.

`python benchmarks/web_overview.py [PIPELINES [DAYS [DAYS_OF_HISTORY]]]`
"""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import boto3
from botocore.config import Config
from msgspec.structs import replace

from interlock_config import decode_yaml, encode_json
from interlock_lifecycle import ClockVerdict, CloseRun, JobEntry, RunKey, RunStatus, Verdict
from interlock_lifecycle.runs import open_run
from interlock_local.site._tables import _table
from interlock_local.stack import Ministack
from interlock_sla import Clock, ExecutionDate, Outcome
from interlock_store import DynamoTables, TableNames, to_wire
from interlock_store._plan import plan
from interlock_store._write import Item, Put, Update
from interlock_web import Reader
from interlock_web._commands import Shell
from interlock_web._links import ServerLinks
from interlock_web._pages import Pages, View
from interlock_web._views import part_of

NAMES = TableNames.of_environment("bench")
NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
PIPELINE = """
pipeline: {id: NAME, owner: OWNER}
schedule: {timezone: Europe/Berlin, trigger: {key: landing, check: exists}}
sla: {deadline: "08:00", expectedDuration: 20m}
validation: {rules: [{key: landing, check: gte, field: count, value: 1000}, {key: landing, check: exists}]}
job: {type: glue, config: {jobName: NAME, arguments: {--env: prod}}}
"""
_BATCH = 25


def rows_of(number: int, days: int) -> Iterator[Item]:
    """The CONFIG row and the trigger rows of a pipeline. One date in 97 fails, and some of today's are held."""
    name = f"pipeline-{number:05d}"
    config = decode_yaml(PIPELINE.replace("NAME", name).replace("OWNER", f"team-{number % 20}"), name)
    created = "2025-01-01T00:00:00.000000Z"
    index = {"GSI1PK": "CONFIG", "GSI1SK": name}
    yield {"PK": f"PIPELINE#{name}", "SK": "CONFIG", "config": encode_json(config), "createdAt": created, **index}
    for back in range(days):
        key = RunKey(name, "stream", ExecutionDate((NOW - timedelta(days=back)).date()))
        at = NOW - timedelta(days=back, hours=6)
        run = replace(open_run(key, decided_at=at, execution_timeout=timedelta(hours=4), arrived_at=None).run)
        opened, *_ = plan(open_run(key, decided_at=at, execution_timeout=timedelta(hours=4), arrived_at=None), NAMES)
        assert isinstance(opened, Put)
        row = opened.item
        if back or number % 10:
            status = RunStatus.FAILED_FINAL if (number + back) % 97 == 0 else RunStatus.COMPLETED
            outcome = Outcome.BREACH if (number + back) % 53 == 0 else Outcome.MET
            judged = {Clock.ABSOLUTE: ClockVerdict(outcome, at, at)}
            close = CloseRun(run, status, at, JobEntry(key=key, at=at, event="success"), Verdict(key), judged, ())
            for write in plan(close, NAMES):
                if isinstance(write, Update) and write.sk.startswith("TRIGGER#"):
                    row = {name: value for name, value in (row | write.set).items() if name not in write.remove}
                elif isinstance(write, Update) and write.sk.startswith("VERDICT#"):
                    yield {"PK": write.pk, "SK": write.sk, **write.set}
        yield row


def fill(client: Any, rows: Iterable[Item]) -> int:
    """Write the rows with several connections. The result is their number."""
    wanted, total = iter(rows), 0

    def put(batch: list[Item]) -> int:
        asked = {NAMES.control: [{"PutRequest": {"Item": to_wire(row)}} for row in batch]}
        assert not client.batch_write_item(RequestItems=asked).get("UnprocessedItems")
        return len(batch)

    with ThreadPoolExecutor(4) as pool:
        while chunk := [list(islice(wanted, _BATCH)) for _ in range(40)]:
            chunk = [batch for batch in chunk if batch]
            if not chunk:
                break
            total += sum(pool.map(put, chunk))
    return total


def view(client: Any, days: int) -> tuple[float, int]:
    """Make the first view as a new process does. The result is the seconds and the bytes of the page."""
    reader = Reader(DynamoTables(client), NAMES, clock=lambda: NOW)
    pages = Pages(Shell("bench"), ServerLinks())
    begin = time.perf_counter()
    wanted = View(days=days)
    board, rows = part_of(reader, wanted)
    text = pages.overview(board, rows, wanted)
    seconds = time.perf_counter() - begin
    reader.close()
    return seconds, len(text.encode())


def main() -> None:
    pipelines, days, history = (int(text) for text in (*sys.argv[1:], *("1000", "30", "30")[len(sys.argv) - 1 :]))
    with Ministack() as server:
        client = boto3.client(
            "dynamodb",
            endpoint_url=server.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=server.key.access_key,
            aws_secret_access_key=server.key.secret,
            config=Config(proxies={}, max_pool_connections=10),
        )
        shape = _table(NAMES.control, "control")
        del shape["StreamSpecification"]
        client.create_table(**shape)
        counts: Counter[str] = Counter()
        client.meta.events.register("before-send.dynamodb", lambda request, **_: counts.update([_name(request)]))
        begin = time.perf_counter()
        total = fill(client, (row for number in range(pipelines) for row in rows_of(number, history)))
        print(
            f"{total:,} rows of {pipelines} pipelines and {history} days written in {time.perf_counter() - begin:.0f} s"
        )
        for number in range(3):
            cpu = time.process_time()
            counts.clear()
            seconds, size = view(client, days)
            cpu = time.process_time() - cpu
            asked = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
            print(f"view {number + 1} of {days} days: {seconds:.2f} s, {cpu:.2f} s CPU, {size / 1024:.0f} KB, {asked}")


def _name(request: Any) -> str:
    return str(request.headers["X-Amz-Target"].decode().rpartition(".")[2])


if __name__ == "__main__":
    main()
