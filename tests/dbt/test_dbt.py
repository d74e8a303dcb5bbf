"""A real dbt with DuckDB: its artifacts hold a run, and start it after new data. INTERLOCK_TEST_DBT names dbt."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from integration.conftest import Outside, await_that, folder, outside, pipeline, stack

from interlock_lifecycle import RunStatus
from interlock_sensors import RecordedSensors, Sensors
from interlock_sensors import dbt as adapter

__all__ = ["folder", "outside", "stack"]

DATE = "2026-03-03"
RULES = (
    "{key: dbt.raw.orders, check: age_lt, field: maxLoadedAt, value: 1h}",
    "{key: dbt.build, check: equals, field: success, value: true}",
)


class Project:
    """The project of this folder, with a database of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        shutil.copytree(Path(__file__).with_name("shop"), home)

    def load(self, table: str, *moments: datetime) -> None:
        """Replace a source table by one row per moment."""
        with duckdb.connect(str(self.home / "shop.duckdb")) as database:
            database.execute(f"create or replace table main.{table} (id int, loaded_at timestamp)")
            for number, moment in enumerate(moments):
                database.execute(f"insert into main.{table} values (?, ?)", [number, moment.replace(tzinfo=None)])

    def run(self, *words: str) -> int:
        """Run dbt. The result is its exit code."""
        command = [os.environ["INTERLOCK_TEST_DBT"], "--quiet", *words, "--profiles-dir", "."]
        return subprocess.run(command, cwd=self.home, capture_output=True, check=False).returncode

    @property
    def target(self) -> Path:
        return self.home / "target"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    if "INTERLOCK_TEST_DBT" not in os.environ:
        pytest.skip("INTERLOCK_TEST_DBT names no dbt executable (`nox -s dbt` installs it)")
    return Project(tmp_path / "shop")


def readings(project: Project) -> dict[str, dict[str, object]]:
    """The rows that the command writes, by their keys."""
    sensors = RecordedSensors()
    words = [str(project.target), "--environment", "test", "--pipeline", "shop", "--date", DATE]
    assert adapter.main(words, sensors=sensors) == 0
    return {row["SK"].removeprefix("SENSOR#").partition("#")[0]: row["data"] for row in sensors.writes}


def test_each_state_of_a_source_is_reported(project: Project) -> None:
    now = datetime.now(UTC)
    project.load("orders", now - timedelta(hours=2))
    project.load("returns", now - timedelta(days=40))
    project.load("prices")
    assert project.run("source", "freshness") == 1
    found = readings(project)
    states = {key: (data["status"], data["fresh"], "maxLoadedAt" in data) for key, data in found.items()}
    assert states == {
        "dbt.raw.orders": ("pass", True, True),
        "dbt.raw.returns": ("error", False, True),
        "dbt.raw.prices": ("error", False, False),
        "dbt.raw.customers": ("missing", False, False),
    }


def test_a_failed_test_of_a_model_is_no_success(project: Project) -> None:
    now = datetime.now(UTC)
    project.load("orders", now, now)
    assert project.run("build") == 0
    assert readings(project)["dbt.build"]["success"] is True
    with duckdb.connect(str(project.home / "shop.duckdb")) as database:
        database.execute("update main.orders set id = 1")
    assert project.run("build") == 1
    build = readings(project)["dbt.build"]
    assert build["success"] is False
    assert [str(name).split(".")[2] for name in build["failed"]] == ["unique_silver_orders_id"]  # type: ignore[attr-defined]


def test_a_run_is_held_by_old_data_and_started_by_new(outside: Outside, project: Project) -> None:
    trigger = "trigger: {key: dbt.build, check: exists}"
    text = pipeline(outside.folder, "shop", rules="\n    - ".join(("", *RULES)).removeprefix("\n    - "))
    outside.push("shop", text.replace("trigger: {key: ready, check: equals, field: ready, value: true}", trigger))
    sensors = Sensors("local", client=outside.stack.client("dynamodb"))
    words = [str(project.target), "--environment", "local", "--pipeline", "shop", "--date", DATE]

    project.load("orders", datetime.now(UTC) - timedelta(hours=3))
    project.run("source", "freshness")
    assert project.run("build") == 0
    assert adapter.main(words, sensors=sensors) == 0
    await_that(lambda: "RUN_HELD" in outside.events("shop", DATE), "the hold")
    assert outside.starts("shop") == []

    project.load("orders", datetime.now(UTC) - timedelta(minutes=3))
    project.run("source", "freshness")
    assert project.run("build") == 0
    assert adapter.main(words, sensors=sensors) == 0
    assert outside.closed("shop", DATE).status is RunStatus.COMPLETED
    assert outside.starts("shop") == [f"{DATE} 0"]
    assert json.loads((project.target / "sources.json").read_text())["results"]
