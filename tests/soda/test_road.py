"""A real Soda: failed checks hold a run, and passed ones start it.

INTERLOCK_TEST_SODA_3 and INTERLOCK_TEST_SODA_4 name the folders with the executables of Soda 3 and Soda 4.
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from integration.conftest import Outside, await_that, folder, outside, pipeline, stack

from interlock_lifecycle import RunStatus

__all__ = ["folder", "outside", "stack"]

DATE = "2026-03-03"
RULES = (
    "{key: soda.orders, check: equals, field: success, value: true}\n"
    "    - {key: soda.orders, check: gte, field: count.orders, value: 2}"
)
CHECKS = "checks for orders:\n  - missing_count(id) = 0\n  - row_count > 0\n"
CONTRACT = (
    "dataset: warehouse/main/orders\nchecks:\n  - row_count:\ncolumns:\n  - name: id\n    checks:\n      - missing:\n"
)
VERIFY = """
import sys
from soda_core.contracts import verify_contract_locally
from interlock_sensors import Sensors
from interlock_sensors.soda import contract_reading

result = verify_contract_locally(data_source_file_path="warehouse.yml", contract_file_path="orders.yml")
sensors = Sensors("local", endpoint_url=sys.argv[3])
sensors.put_many([contract_reading(sys.argv[1], "soda.orders", result, date=sys.argv[2])])
"""


class Shop:
    """A folder with a DuckDB file of orders, whose checks an executable of Soda runs."""

    def __init__(self, outside: Outside, variable: str, name: str) -> None:
        if variable not in os.environ:
            pytest.skip(f"{variable} names no folder with executables of Soda (`nox -s soda` installs it)")
        self.executables = Path(os.environ[variable])
        self.folder, self.name, self.endpoint_url = outside.folder / name, name, outside.stack.endpoint_url
        self.folder.mkdir()
        key = outside.stack.key
        self.environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": key.access_key,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "AWS_DEFAULT_REGION": key.region,
        }

    def call(self, *words: str, codes: tuple[int, ...] = (0,)) -> None:
        command = [str(self.executables / words[0]), *words[1:]]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode in codes, done.stdout + done.stderr

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / f"{name}.yml").write_text(text)

    def load(self, *ids: str) -> None:
        """Replace the orders by rows with these ids."""
        rows = ", ".join(f"({one})" for one in ids)
        sql = f"create or replace table orders (id int); insert into orders values {rows}"
        self.call("python", "-c", f"import duckdb; duckdb.connect('shop.duckdb').execute({sql!r})")


def scan(shop: Shop) -> None:
    """Report the results file of `soda scan`, which ends with 2 for failed checks."""
    shop.write(orders=CHECKS, configuration="data_source warehouse:\n  type: duckdb\n  path: shop.duckdb\n")
    words = ("-d", "warehouse", "-c", "configuration.yml", "-srf", "results.json", "orders.yml")
    shop.call("soda", "scan", *words, codes=(0, 2))
    where = ("--environment", "local", "--pipeline", shop.name, "--endpoint-url", shop.endpoint_url)
    shop.call("python", "-m", "interlock_sensors.soda", "results.json", *where, "--key", "soda.orders", "--date", DATE)


def verify(shop: Shop) -> None:
    source = "type: duckdb\nname: warehouse\nconnection:\n  database: shop.duckdb\n"
    shop.write(orders=CONTRACT, warehouse=source)
    shop.call("python", "-c", VERIFY, shop.name, DATE, shop.endpoint_url)


@pytest.mark.parametrize(
    ("variable", "name", "report", "failed"),
    [
        ("INTERLOCK_TEST_SODA_3", "scanned", scan, "orders: missing_count(id) = 0"),
        ("INTERLOCK_TEST_SODA_4", "verified", verify, "orders: No missing values (id)"),
    ],
    ids=["scan", "contract"],
)
def test_failed_checks_hold_a_run_and_passed_start_it(
    outside: Outside, variable: str, name: str, report: Callable[[Shop], None], failed: str
) -> None:
    shop = Shop(outside, variable, name)
    text = pipeline(outside.folder, name, rules=RULES)
    ready = "{key: ready, check: equals, field: ready, value: true}"
    outside.push(name, text.replace(ready, "{key: soda.orders, check: exists}"))

    shop.load("1", "null")
    report(shop)
    await_that(lambda: "RUN_HELD" in outside.events(name, DATE), "the hold")
    assert outside.starts(name) == []
    row = outside.store.all_sensors(name)[f"soda.orders#{DATE}"]
    assert (row["success"], row["failed"], row["count.orders"]) == (False, [failed], 2)

    shop.load("1", "2")
    report(shop)
    assert outside.closed(name, DATE).status is RunStatus.COMPLETED
    assert outside.starts(name) == [f"{DATE} 0"]
