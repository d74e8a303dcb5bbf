"""Measures interlock-sensors: rows per second against boto3's batch writer, and its import against json and decimal.

The table is moto's in another process. The two writers alternate, so that a busy machine slows both. boto3's writer
neither checks nor compares its rows. The package checks each reading, and reads each row before it writes.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from rich.console import Console
from rich.table import Table
from table_client import SERVER

from interlock_sensors import Reading, Sensors

ROWS, ROUNDS, IMPORTS = 10_000, 3, 40
TABLE = "bench-interlock-control"


def with_sensors(client: Any, round_: int) -> None:
    """Write the rows of a round with the package."""
    sensors = Sensors("bench", client=client)
    rows = (Reading("orders", f"new-{round_}-{n}", date="2026-03-03", count=n, complete=True) for n in range(ROWS))
    assert sensors.put_many(rows) == ROWS


def with_boto3(resource: Any, round_: int) -> None:
    """Write the same rows with the batch writer of boto3."""
    with resource.Table(TABLE).batch_writer() as batch:
        for n in range(ROWS):
            data = {"date": "2026-03-03", "updatedAt": "2026-03-03T00:00:00.000000Z", "count": n, "complete": True}
            key = f"SENSOR#plain-{round_}-{n}#2026-03-03"
            batch.put_item(
                Item={"PK": "PIPELINE#orders", "SK": key, "data": data, "ttl": int(time.time()) + 34_560_000}
            )


def timed(work: Callable[[], None]) -> float:
    """The rows per second of one round."""
    began = time.perf_counter()
    work()
    return ROWS / (time.perf_counter() - began)


def import_times(*modules: str) -> list[float]:
    """The best CPU time of each import in a fresh interpreter, in milliseconds. The imports alternate."""
    # The first process compiles the modules, as an installation does.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    took: list[list[float]] = [[] for _ in modules]
    for _ in range(IMPORTS):
        for place, names in enumerate(modules):
            program = f"import time; began = time.process_time(); import {names}; print(time.process_time() - began)"
            command = [sys.executable, "-c", program]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            took[place].append(float(done.stdout) * 1000)
    return list(map(min, took))


def main() -> int:
    out = Console()
    shown = Table("measure", "interlock-sensors", "compared with", "ratio", "target")
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        place = {"endpoint_url": f"http://127.0.0.1:{server.stdout.readline().strip()}", "region_name": "eu-west-1"}
        place |= {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        resource = boto3.resource("dynamodb", config=Config(proxies={}), **place)
        client = boto3.client("dynamodb", config=Config(proxies={}), **place)
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK")],
        )
        own, other = [], []
        for number in range(ROUNDS):
            own.append(timed(lambda number=number: with_sensors(client, number)))
            other.append(timed(lambda number=number: with_boto3(resource, number)))
    finally:
        server.kill()  # a normal end frees each row of the tables, which takes longer than a benchmark may wait
        server.wait()
    rates = (statistics.median(own), statistics.median(other))
    shown.add_row("rows per second", *(f"{rate:,.0f}" for rate in rates), f"{rates[0] / rates[1]:.2f}", "≥ 0.9")
    times = import_times("interlock_sensors", "json, decimal")
    shown.add_row("import, ms of CPU", *(f"{took:.2f}" for took in times), f"{times[0] / times[1]:.2f}", "≤ 1.2")
    out.print(shown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
