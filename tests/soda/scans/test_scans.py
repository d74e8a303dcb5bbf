"""Scans of a real Soda 3 as sensor rows."""

import json
import re
from pathlib import Path
from typing import Any, Optional

import pytest

scans = pytest.importorskip("soda.scan", reason="`nox -s soda` installs Soda 3")
duckdb = pytest.importorskip("duckdb")

from interlock_sensors import RecordedSensors  # noqa: E402
from interlock_sensors.soda import InvalidResult, main, scan_reading  # noqa: E402

# The tests are about the rows, and Soda warns about libraries of its own.
pytestmark = pytest.mark.filterwarnings("ignore")
DATE = "2026-03-03"
PAGE = (Path(__file__).parents[3] / "docs/how-to/write-a-sensor-from-your-tool.md").read_text(encoding="utf-8")
TABLES = (
    "create table orders (id int, price double)",
    "insert into orders values (1, 10.0), (2, 20.0), (null, 30.0)",
    "create table items (id int, price double)",
)


def connection(file: str = ":memory:") -> Any:
    made = duckdb.connect(file)
    for statement in TABLES:
        made.execute(statement)
    return made


def new_scan(checks: str, file: Optional[Path] = None) -> Any:
    scan = scans.Scan()
    scan.disable_telemetry()
    scan.add_duckdb_connection(connection(), "shop")
    scan.set_data_source_name("shop")
    if file:
        scan.set_scan_results_file(str(file))
    scan.add_sodacl_yaml_str(checks)
    return scan


def row(scan: Any) -> dict[str, Any]:
    sensors = RecordedSensors()
    assert sensors.put_many([scan_reading("shop", "soda.orders", scan, date=DATE)]) == 1
    data = sensors.fields("shop", f"soda.orders#{DATE}")
    return {name: value for name, value in data.items() if name not in ("date", "updatedAt")}


def scanned(checks: str) -> tuple[int, dict[str, Any]]:
    scan = new_scan(checks)
    code = scan.execute()
    return code, row(scan)


def test_a_success_is_a_row_with_its_numbers() -> None:
    code, found = scanned("checks for orders:\n  - row_count > 0\n  - missing_count(id) < 5\n")
    assert (code, found) == (
        0,
        {
            "success": True,
            "checks": 2,
            "passes": 2,
            "warnings": 0,
            "failures": 0,
            "notEvaluated": 0,
            "errors": 0,
            "failed": [],
            "count.orders": 3,
        },
    )


def test_failures_and_warnings_are_counted() -> None:
    code, found = scanned(
        "checks for orders:\n"
        "  - row_count:\n      warn: when < 10\n"
        "  - missing_count(id) = 0\n"
        "  - schema:\n      fail:\n        when required column missing: [country]\n"
        "  - max(price) < 100\n"
    )
    assert (code, found["success"]) == (2, False)
    assert [found[name] for name in ("passes", "warnings", "failures")] == [1, 1, 2]
    assert found["failed"] == ["orders: Schema Check", "orders: missing_count(id) = 0"]


def test_a_warning_alone_is_a_success() -> None:
    code, found = scanned("checks for orders:\n  - row_count:\n      warn: when < 10\n")
    assert (code, found["success"], found["warnings"]) == (1, True, 1)


def test_a_check_that_was_not_evaluated_is_no_success() -> None:
    """Soda itself ends with 0 and without an error, and leaves the check out of its results."""
    scan = new_scan("checks for items:\n  - row_count >= 0\n  - max(price) < 100\n")
    assert scan.execute() == 0
    scan.assert_no_error_logs()
    scan.assert_no_checks_warn_or_fail()
    assert [check["name"] for check in scan.get_scan_results()["checks"]] == ["row_count >= 0"]
    found = row(scan)
    assert (found["success"], found["checks"], found["notEvaluated"], found["count.items"]) == (False, 2, 1, 0)


def test_a_scan_without_checks_is_no_success() -> None:
    code, found = scanned("")
    assert (code, found["success"], found["checks"]) == (0, False, 0)


@pytest.mark.parametrize(
    "checks",
    [
        "checks for absent:\n  - row_count > 0\n",
        "checks for orders:\n  - missing_count(absent) = 0\n  - row_count > 0\n",
        "checks for orders:\n  - row_cuont > 0\n  - row_count > 0\n",
        "checks for orders:\n  - nonsense (((\n  - row_count > 0\n",
        "checks for orders\n  - row_count > 0\n",
        "check for orders:\n  - row_count > 0\n",
    ],
)
def test_an_error_is_no_success(checks: str) -> None:
    code, found = scanned(checks)
    assert (code, found["success"]) == (3, False)
    assert found["errors"] > 0
    assert found["error"]


def test_a_scan_that_was_not_executed_is_rejected() -> None:
    with pytest.raises(InvalidResult, match="after its execute"):
        row(new_scan("checks for orders:\n  - row_count > 0\n"))


def test_row_counts_are_those_of_datasets_and_filters() -> None:
    """The metric of a failed rows check has the name row_count too, and counts the rows that fail."""
    code, found = scanned(
        "filter orders [dear]:\n  where: price > 15\n"
        "checks for orders [dear]:\n  - row_count > 0\n"
        "checks for orders:\n  - row_count > 0\n  - failed rows:\n      name: cheap\n      fail condition: price < 0\n"
        "checks for items:\n  - row_count = 0\n"
    )
    assert (code, found["success"]) == (0, True)
    counts = {name: value for name, value in found.items() if name.startswith("count.")}
    assert counts == {"count.orders": 3, "count.orders.dear": 2, "count.items": 0}


def test_a_scan_definition_changes_no_row_count() -> None:
    scan = new_scan("filter orders [dear]:\n  where: price > 15\nchecks for orders [dear]:\n  - row_count > 0\n")
    scan.set_scan_definition_name("nightly - orders")
    assert scan.execute() == 0
    assert row(scan)["count.orders.dear"] == 2


def test_groups_and_all_datasets_are_counted() -> None:
    code, found = scanned(
        "checks for orders:\n"
        "  - group by:\n      name: prices\n"
        "      query: select id, avg(price) as mean from orders group by id\n"
        "      fields: [id]\n      checks:\n        - mean:\n            fail: when > 25\n            name: mean\n"
        "for each dataset T:\n  datasets: [orders, items]\n  checks:\n    - row_count > 0\n"
    )
    assert (code, found["success"], found["checks"], found["failures"]) == (2, False, 6, 3)
    assert found["failed"] == ["items: row_count > 0", "orders: mean [None]", "orders: prices"]


def test_a_repeated_scan_writes_nothing() -> None:
    sensors = RecordedSensors()
    for _ in range(2):
        scan = new_scan("checks for orders:\n  - row_count > 0\n")
        scan.execute()
        sensors.put_many([scan_reading("shop", "soda.orders", scan, date=DATE)])
    assert len(sensors.writes) == 1


def test_a_later_scan_does_not_change_an_earlier_result() -> None:
    """The log of Soda 3.5 belongs to the process, and a new Scan empties it."""
    first = new_scan("checks for absent:\n  - row_count > 0\n")
    first.execute()
    new_scan("checks for orders:\n  - row_count > 0\n").execute()
    assert row(first)["success"] is False


def test_the_results_file_gives_the_row_of_the_scan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "results.json"
    scan = new_scan("checks for items:\n  - max(price) < 100\n  - row_count = 0\n  - missing_count(id) > 5\n", file)
    assert scan.execute() == 2
    capsys.readouterr()
    sensors = RecordedSensors()
    words = [str(file), "--environment", "prod", "--pipeline", "shop", "--key", "soda.orders", "--date", DATE]
    assert main(words, sensors=sensors) == 0
    data = sensors.fields("shop", f"soda.orders#{DATE}")
    assert {name: data[name] for name in data if name not in ("date", "updatedAt")} == row(scan)
    assert (data["checks"], data["notEvaluated"], data["failed"]) == (3, 1, ["items: missing_count(id) > 5"])
    assert json.loads(file.read_text())["hasErrors"] is False


def test_the_program_of_the_page_writes_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    connection(str(tmp_path / "shop.duckdb")).close()
    (tmp_path / "configuration.yml").write_text(
        f"data_source warehouse:\n  type: duckdb\n  path: {tmp_path}/shop.duckdb\n"
    )
    (tmp_path / "orders.yml").write_text("checks for orders:\n  - row_count > 0\n")
    [program] = [text for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "scan_reading" in text]
    names: dict[str, Any] = {}
    exec(compile(program, "page", "exec"), names)
    sensors = RecordedSensors()
    names["Sensors"] = lambda environment: sensors
    names["check"](DATE)
    assert sensors.fields("bronze-orders", f"soda.orders#{DATE}")["success"] is True
