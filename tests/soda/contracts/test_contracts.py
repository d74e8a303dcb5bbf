"""Verifications of contracts by a real Soda 4 as sensor rows."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

api = pytest.importorskip("soda_core.contracts", reason="`nox -s soda` installs Soda 4")
duckdb = pytest.importorskip("duckdb")

from interlock_sensors import RecordedSensors  # noqa: E402
from interlock_sensors.soda import contract_reading  # noqa: E402

# The tests are about the rows, and Soda warns about libraries of its own.
pytestmark = pytest.mark.filterwarnings("ignore")
OLD = version("soda-core").startswith("4.0.")
DATE = "2026-03-03"
PAGE = (Path(__file__).parents[3] / "docs/how-to/write-a-sensor-from-your-tool.md").read_text(encoding="utf-8")
ROWS = "checks:\n  - row_count:\n      threshold:\n        {level}must_be_greater_than_or_equal: {least}\n"
COLUMNS = (
    "columns:\n  - name: id\n    checks:\n      - missing:\n"
    "          threshold:\n            must_be_less_than: {most}\n"
)
LARGEST = (
    "  - name: price\n    checks:\n      - aggregate:\n          function: max\n"
    "          threshold:\n            must_be_less_than: 100\n"
)


@pytest.fixture(autouse=True)
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A DuckDB file with two tables, and its data source, in the current folder."""
    monkeypatch.chdir(tmp_path)
    made = duckdb.connect(str(tmp_path / "shop.duckdb"))
    made.execute("create table orders (id int, price double)")
    made.execute("insert into orders values (1, 10.0), (2, 20.0), (null, 30.0)")
    made.execute("create table items (id int, price double)")
    made.close()
    source = f"type: duckdb\nname: warehouse\nconnection:\n  database: {tmp_path}/shop.duckdb\n"
    (tmp_path / "warehouse.yml").write_text(source)


def contract(dataset: str = "orders", *, least: int = 1, most: int = 5, level: str = "", more: str = "") -> Path:
    file = Path("orders.yml")
    rows = ROWS.format(least=least, level=level)
    file.write_text(f"dataset: warehouse/main/{dataset}\n{rows}{COLUMNS.format(most=most)}{more}")
    return file


def row(file: Path) -> tuple[Any, dict[str, Any]]:
    """The result of Soda, and the fields of its row."""
    result = api.verify_contract_locally(data_source_file_path="warehouse.yml", contract_file_path=str(file))
    sensors = RecordedSensors()
    assert sensors.put_many([contract_reading("shop", "soda.orders", result, date=DATE)]) == 1
    data = sensors.fields("shop", f"soda.orders#{DATE}")
    return result, {name: value for name, value in data.items() if name not in ("date", "updatedAt")}


def test_a_success_is_a_row_with_its_numbers() -> None:
    result, found = row(contract())
    assert result.is_ok
    assert found == {
        "success": True,
        "checks": 2,
        "passes": 2,
        "warnings": 0,
        "failures": 0,
        "notEvaluated": 0,
        "errors": 0,
        "failed": [],
        "count.orders": 3,
    }


def test_failures_and_warnings_are_counted() -> None:
    _, found = row(contract(least=10, most=1, level="level: warn\n        ", more=LARGEST))
    assert [found[name] for name in ("success", "passes", "warnings", "failures")] == [False, 1, 1, 1]
    assert found["failed"] == ["orders: No missing values (id)"]


def test_a_warning_alone_is_a_success() -> None:
    _, found = row(contract(least=10, level="level: warn\n        "))
    assert (found["success"], found["warnings"]) == (True, 1)


def test_a_check_that_was_not_evaluated_is_no_success() -> None:
    """Soda itself is content."""
    result, found = row(contract("items", least=0, more=LARGEST))
    assert result.is_ok
    assert result.assert_ok()
    assert (found["success"], found["checks"], found["notEvaluated"], found["count.items"]) == (False, 3, 1, 0)


def test_a_contract_without_checks_is_no_success() -> None:
    """Soda itself counts it as passed."""
    file = Path("orders.yml")
    file.write_text("dataset: warehouse/main/orders\ncolumns:\n  - name: id\n")
    result, found = row(file)
    assert result.is_passed
    assert (found["success"], found["checks"]) == (False, 0)


def test_an_unknown_check_is_no_success() -> None:
    file = contract()
    file.write_text(file.read_text().replace("checks:\n", "checks:\n  - row_cuont:\n", 1))
    result, found = row(file)
    assert result.has_errors
    assert (found["success"], found["errors"] > 0) == (False, True)


def test_an_absent_table_is_no_success() -> None:
    """An old Soda 4 raises the error of the query, so that nothing is written."""
    if OLD:
        with pytest.raises(Exception, match="absent"):
            row(contract("absent"))
        return
    _, found = row(contract("absent"))
    assert (found["success"], found["notEvaluated"]) == (False, 2)
    assert "absent" in found["error"]


def test_the_program_of_the_page_writes_a_row() -> None:
    contract()
    [program] = [text for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "contract_reading" in text]
    names: dict[str, Any] = {}
    exec(compile(program, "page", "exec"), names)
    sensors = RecordedSensors()
    names["Sensors"] = lambda environment: sensors
    names["verify"](DATE)
    assert sensors.fields("bronze-orders", f"soda.orders#{DATE}")["success"] is True
