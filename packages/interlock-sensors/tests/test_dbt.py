"""The artifacts of dbt as readings. The files have the shape of those of dbt-core 1.11. tests/dbt runs a real dbt."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from interlock_sensors import RecordedSensors
from interlock_sensors.dbt import InvalidArtifact, build_reading, freshness_readings, main

if TYPE_CHECKING:
    from pathlib import Path

DATE = "2026-03-03"
LIMIT, NO_LIMIT = {"count": 1, "period": "day"}, {"count": None, "period": None}


def source(name: str, *, limited: bool = True) -> dict[str, Any]:
    freshness = {"warn_after": NO_LIMIT, "error_after": LIMIT if limited else NO_LIMIT, "filter": None}
    return {"source_name": "raw", "name": name, "freshness": freshness}


def manifest(**sources: bool) -> dict[str, Any]:
    return {
        "sources": {f"source.shop.raw.{name}": source(name, limited=is_limited) for name, is_limited in sources.items()}
    }


def result(name: str, status: str = "pass", loaded: str = "2026-03-03T07:00:00+00:00") -> dict[str, Any]:
    snapshot = "2026-03-03T13:18:44.505054+00:00"
    return {
        "unique_id": f"source.shop.raw.{name}",
        "status": status,
        "max_loaded_at": loaded,
        "snapshotted_at": snapshot,
    }


def fields(reading: Any) -> tuple[str, dict[str, Any]]:
    sensors = RecordedSensors()
    assert sensors.put_many([reading]) == 1
    data = sensors.writes[0]["data"]
    return reading.key, {name: value for name, value in data.items() if name not in ("date", "updatedAt")}


def test_a_fresh_source_has_the_time_of_its_newest_row() -> None:
    found = freshness_readings("shop", manifest(orders=True), {"results": [result("orders")]}, date=DATE)
    assert [fields(one) for one in found] == [
        (
            "dbt.raw.orders",
            {
                "status": "pass",
                "fresh": True,
                "maxLoadedAt": "2026-03-03T07:00:00.000000Z",
                "snapshottedAt": "2026-03-03T13:18:44.505054Z",
            },
        )
    ]


@pytest.mark.parametrize(
    ("status", "fresh"),
    [("pass", True), ("warn", True), ("error", False), ("runtime error", False), ("new word", False)],
)
def test_only_pass_and_warn_are_fresh(status: str, fresh: bool) -> None:
    found = freshness_readings("shop", manifest(orders=True), {"results": [result("orders", status)]}, date=DATE)
    assert fields(found[0])[1]["fresh"] is fresh


def test_a_source_without_a_result_is_missing() -> None:
    """dbt writes no result for a source whose query failed."""
    found = freshness_readings("shop", manifest(orders=True, gone=True), {"results": [result("orders")]}, date=DATE)
    assert fields(found[0]) == ("dbt.raw.gone", {"status": "missing", "fresh": False})


def test_an_empty_table_has_no_newest_row() -> None:
    empty = result("orders", "error", "0001-01-01T00:00:00+00:00")
    found = freshness_readings("shop", manifest(orders=True), {"results": [empty]}, date=DATE)
    assert "maxLoadedAt" not in fields(found[0])[1]


@pytest.mark.parametrize("text", [None, "", "yesterday", "2026-03-03T07:00:00", 7])
def test_a_time_without_a_zone_is_left_out(text: Any) -> None:
    found = freshness_readings("shop", manifest(orders=True), {"results": [result("orders", loaded=text)]}, date=DATE)
    assert "maxLoadedAt" not in fields(found[0])[1]


def test_a_source_without_a_limit_has_no_reading() -> None:
    assert freshness_readings("shop", manifest(regions=False), {"results": [result("regions")]}, date=DATE) == []


def results(*statuses: str) -> dict[str, Any]:
    nodes = [{"unique_id": f"model.shop.m{number}", "status": status} for number, status in enumerate(statuses)]
    return {"metadata": {"invocation_id": "i-1"}, "results": nodes, "elapsed_time": 1.5}


@pytest.mark.parametrize(
    ("statuses", "success"),
    [
        (("success", "pass", "warn"), True),
        (("success", "fail"), False),
        (("error", "skipped"), False),
        (("success", "skipped"), False),
        (("partial success",), False),
        (("new word",), False),
        ((), False),
    ],
)
def test_only_a_build_of_known_good_nodes_is_a_success(statuses: tuple[str, ...], success: bool) -> None:
    assert fields(build_reading("shop", results(*statuses), date=DATE))[1]["success"] is success


def test_a_build_names_its_failed_nodes() -> None:
    key, found = fields(build_reading("shop", results("success", *["error"] * 25), date=DATE))
    assert (key, found["nodes"], found["statuses"]) == ("dbt.build", 26, {"error": Decimal(25), "success": Decimal(1)})
    assert len(found["failed"]) == 20
    assert (found["durationSeconds"], found["invocationId"]) == (Decimal("1.5"), "i-1")


@pytest.mark.parametrize("document", [{}, [], {"results": {}}, {"results": [{"status": "pass"}]}, None])
def test_a_file_of_another_shape_is_an_error(document: Any) -> None:
    with pytest.raises(InvalidArtifact, match=r"run_results\.json: has no list of results"):
        build_reading("shop", document, date=DATE)


def run(folder: Path, sensors: RecordedSensors, date: str = DATE) -> int:
    words = [str(folder), "--environment", "test", "--pipeline", "shop", "--date", date]
    return main(words, sensors=sensors)


def test_the_command_writes_the_rows_of_a_target_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(manifest(orders=True)))
    (tmp_path / "sources.json").write_text(json.dumps({"results": [result("orders")]}))
    (tmp_path / "run_results.json").write_text(json.dumps(results("success")))
    sensors = RecordedSensors()
    assert run(tmp_path, sensors, "2026-03-03T07") == 0
    assert [row["SK"] for row in sensors.writes] == [
        "SENSOR#dbt.raw.orders#2026-03-03T07",
        "SENSOR#dbt.build#2026-03-03T07",
    ]
    assert capsys.readouterr().out == "shop 2026-03-03T07: 2 rows read, 2 written\n"
    assert run(tmp_path, sensors, "2026-03-03T07") == 0
    assert len(sensors.writes) == 2


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "has neither run_results.json nor a sources.json"),
        ({"run_results.json": "{"}, "run_results.json: is not JSON"),
        ({"sources.json": "{}"}, "manifest.json: cannot be read: No such file or directory"),
        (
            {"run_results.json": '{"results": []}', "sources.json": "{}", "manifest.json": "{}"},
            "sources.json: has no list",
        ),
    ],
)
def test_a_wrong_folder_is_one_error(
    tmp_path: Path, files: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    sensors = RecordedSensors()
    assert run(tmp_path, sensors) == 2
    assert said in capsys.readouterr().err
    assert sensors.writes == []


def test_a_wrong_date_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run_results.json").write_text(json.dumps(results("success")))
    assert run(tmp_path, RecordedSensors(), "3 March") == 2
    assert "3 March" in capsys.readouterr().err


def test_an_error_of_the_client_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run_results.json").write_text(json.dumps(results("success")))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "absent"))
    words = [str(tmp_path), "--environment", "test", "--pipeline", "shop", "--date", DATE]
    assert main(words) == 1
    assert capsys.readouterr().err == "error: not all rows are written: You must specify a region.\n"


def test_a_fault_of_the_command_itself_is_no_error_of_the_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run_results.json").write_text(json.dumps(results("success")))
    sensors = RecordedSensors()
    monkeypatch.setattr(sensors, "put_many", lambda readings: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        run(tmp_path, sensors)
