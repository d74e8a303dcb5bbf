"""Measures the CPU of the direct table client against boto3's, both in one run, as ratios.

The tables are moto's in another process. Each figure is the CPU time of the measured process only, as the best of
several rounds. The two clients alternate, so that a busy machine slows both.

- a batch of the stream-router that opens ten runs, and an evaluation of ten rules that holds the run
- the start of a process until the first answer of the tables, and the start of each Lambda until it is wired
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import boto3
from botocore.config import Config
from rich.console import Console
from rich.table import Table

from interlock_store import TableNames

NAMES = TableNames.of_environment("bench")
ROUNDS = 5
TARGETS = {"batch": 0.25, "evaluation": 0.35, "first answer": 0.5}
LAMBDAS = ("stream_router", "orchestrator", "sla_monitor", "watchdog")

SERVER = """
import sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client
tables = Client(DomainDispatcherApplication(create_backend_app))
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open, as DynamoDB keeps them. moto's own server closes each
    disable_nagle_algorithm = True
    wbufsize = -1
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        answer = tables.post(self.path, data=body, headers=list(self.headers.items()))
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in ("connection", "content-length", "date", "server"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(answer.data)))
        self.end_headers()
        self.wfile.write(answer.data)
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
"""

ROUTER = """
import json, logging, os, time
from datetime import date, timedelta
from interlock_config import decode_yaml
from interlock_store import Store, TableNames, open_tables, to_wire
from interlock_stream_router.handler import route
from interlock_stream_router.wiring import wire
service = wire(os.environ)
logging.disable(logging.CRITICAL)
store = Store(open_tables(), TableNames.of_environment("bench"))
first = date(2026, 1, 1)
for n in range(10):
    store.put_config(decode_yaml(f"pipeline: {{id: p{n}}}\\n"
        "schedule: {trigger: {key: ready, check: exists}}\\n"
        "validation: {rules: [{key: ready, check: exists}]}\\njob: {type: command, config: {command: x}}\\n", "p.yaml"))
best = []
for day in range(7):
    records = []
    for n in range(10):
        key = {"PK": f"PIPELINE#p{n}", "SK": "SENSOR#ready"}
        row = {**key, "data": {"date": str(first + timedelta(days=day)), "ok": True}}
        records.append({"eventID": f"e{n}", "eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": {
            "SequenceNumber": str(n), "ApproximateCreationDateTime": time.time(),
            "Keys": to_wire(key), "NewImage": to_wire(row)}})
    began = time.process_time()
    answer = route(service, {"Records": records}, None)
    best.append(time.process_time() - began)
    assert answer == {"batchItemFailures": []}, answer
rows = [store.row(f"PIPELINE#p{n}", f"TRIGGER#stream#{first}") for n in range(10)]
assert all(row is not None for row in rows)
print(json.dumps(min(best[1:])))
"""

EVALUATION = """
import json, logging, os, time
from datetime import UTC, date, datetime, timedelta
from interlock_config import decode_yaml
from interlock_lifecycle import RunKey
from interlock_lifecycle.runs import open_run
from interlock_orchestrator.handler import step
from interlock_orchestrator.wiring import wire
from interlock_sla import ExecutionDate
from interlock_store import Store, TableNames, open_tables
service = wire(os.environ)
logging.disable(logging.CRITICAL)
store = Store(open_tables(), TableNames.of_environment("bench"))
day = date(2026, 1, 1)
rules = "".join(f"    - {{key: sensor-{n}, check: gte, field: count, value: 1000}}\\n" for n in range(10))
store.put_config(decode_yaml("pipeline: {id: held}\\nschedule: {trigger: {key: sensor-0, check: exists}}\\n"
    "validation:\\n  rules:\\n" + rules + "job: {type: command, config: {command: x}}\\n", "p.yaml"))
now = datetime.now(UTC)
start = open_run(RunKey("held", "stream", ExecutionDate(day)), decided_at=now, execution_timeout=timedelta(hours=4),
    arrived_at=now)
store.commit(start)
for n in range(10):
    store.put_sensor("held", f"sensor-{n}", {"date": str(day), "count": 999 if n == 9 else 2000})
event = {"mode": "evaluate", "pipelineId": "held", "scheduleId": "stream", "date": str(day), "attempt": 0,
    "runToken": start.run.run_token, "startedAt": now.isoformat(),
    "config": {"evaluationIntervalSeconds": 300, "evaluationWindowSeconds": 3600,
               "jobCheckIntervalSeconds": 60, "jobPollWindowSeconds": 3600}}
best = []
for _ in range(30):
    began = time.process_time()
    answer = step(service, event, None)
    best.append(time.process_time() - began)
    assert answer["status"] == "not-ready", answer
print(json.dumps(min(best)))
"""

FIRST = """
import json, os, time
from interlock_store import open_tables
assert open_tables(os.environ["INTERLOCK_TABLES"]).get("bench-interlock-control", "a", "b") is None
print(json.dumps(time.process_time()))
"""

WIRED = """
import json, os, time
from interlock_{} import handler, wiring
wiring.wire(os.environ)
print(json.dumps(time.process_time()))
"""


@contextmanager
def moto() -> Iterator[str]:
    """The URL of moto's tables in another process, which ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


def create_tables(url: str) -> None:
    """Empty tables with the keys and the index of a deployment. moto copies and keeps all rows at each transaction."""
    build_opener(ProxyHandler({})).open(Request(f"{url}/moto-api/reset", b"")).close()
    keys = [{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}]
    index = [{**key, "AttributeName": f"GSI1{key['AttributeName']}"} for key in keys]
    client: Any = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
        config=Config(proxies={}),
    )
    for name in (NAMES.control, NAMES.joblog, NAMES.rerun):
        parts, more = keys, {}
        if name == NAMES.control:
            parts, projection = [*keys, *index], {"ProjectionType": "ALL"}
            more["GlobalSecondaryIndexes"] = [{"IndexName": "GSI1", "KeySchema": index, "Projection": projection}]
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=keys,
            AttributeDefinitions=[{"AttributeName": part["AttributeName"], "AttributeType": "S"} for part in parts],
            **more,
        )


class Bench:
    """Runs programs against the tables at `url`. `scratch` keeps their compiled modules, as a Lambda has them."""

    def __init__(self, url: str, scratch: str) -> None:
        variables = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": "us-east-1",
            "HOME": scratch,
            "NO_PROXY": "127.0.0.1",
            "PYTHONPYCACHEPREFIX": str(Path(scratch) / "compiled"),
            "CONTROL_TABLE": NAMES.control,
            "JOBLOG_TABLE": NAMES.joblog,
            "RERUN_TABLE": NAMES.rerun,
            "EVENT_BUS_NAME": "bus",
            "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:m",
            "SLA_MONITOR_ARN": "arn:aws:lambda:us-east-1:123456789012:function:f",
            "SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/r",
            "SCHEDULER_GROUP_NAME": "g",
        }
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._environment = {**kept, **variables}
        self._url = url

    def seconds(self, program: str, client: str) -> float:
        """The CPU seconds that a program prints. Each run begins with empty tables."""
        create_tables(self._url)
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**self._environment, "INTERLOCK_TABLES": client},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return float(json.loads(done.stdout.splitlines()[-1]))

    def compare(self, program: str, rounds: int) -> tuple[float, float, float]:
        """The best seconds of boto3 and of the direct client, and the median of the ratios of their rounds."""
        for client in ("boto3", "direct"):
            self.seconds(program, client)  # compiles the modules
        pairs = [(self.seconds(program, "boto3"), self.seconds(program, "direct")) for _ in range(rounds)]
        ratio = statistics.median(direct / boto for boto, direct in pairs)
        return min(boto for boto, _ in pairs), min(direct for _, direct in pairs), ratio


def main(rounds: int = ROUNDS) -> int:
    """Print the table. Exit code 1 if a ratio misses its target."""
    programs = {"batch": ROUTER, "evaluation": EVALUATION, "first answer": FIRST}
    programs |= {f"{name} is wired": WIRED.replace("{}", name) for name in LAMBDAS}
    shown = Table("", "boto3", "direct", "ratio", "target", title="CPU of the table clients")
    missed = []
    with moto() as url, tempfile.TemporaryDirectory() as scratch:
        bench = Bench(url, scratch)
        for name, program in programs.items():
            boto, direct, ratio = bench.compare(program, rounds)
            target = TARGETS.get(name)
            shown.add_row(name, f"{boto * 1e3:.1f} ms", f"{direct * 1e3:.1f} ms", f"{ratio:.2f}", f"{target or ''}")
            if target is not None and ratio > target:
                missed.append(name)
    Console().print(shown)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
