"""A frame of pandas becomes the fields of a row. tests/frames measures frames of each library, old and new."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timezone
from decimal import Decimal

import pandas
import pytest

from interlock_sensors import InvalidRow, RecordedSensors
from interlock_sensors.frames import columns, measure

TIMES = [pandas.Timestamp("2026-03-03T06:59:59Z"), pandas.Timestamp("2026-03-03T07:00:00.123456Z"), None]


def test_a_measured_frame_is_a_row() -> None:
    frame = pandas.DataFrame({"id": [1.0, None, 3.0], "loaded": TIMES, "name": ["a", "b", "c"]})
    fields = measure(frame, newest="loaded", nulls=["id", "name"])
    assert fields["newest"] == datetime(2026, 3, 3, 7, 0, 0, 123456, tzinfo=timezone.utc)
    sensors = RecordedSensors()
    sensors.put("orders", "landing", date="2026-03-03", **fields)
    row = sensors.fields("orders", "landing#2026-03-03") or {}
    assert (row["count"], row["newest"]) == (Decimal(3), "2026-03-03T07:00:00.123456Z")
    assert (row["nullShare.id"], row["nullShare.name"]) == (Decimal("0.3333333333333333"), Decimal(0))
    assert [name for name, _ in columns(frame)] == ["id", "loaded", "name"]


def test_the_schema_is_a_fingerprint_of_names_and_types() -> None:
    frames = [pandas.DataFrame({"a": [1]}), pandas.DataFrame({"a": [2, 3]}), pandas.DataFrame({"a": [1.0]})]
    first, second, third = (measure(frame)["schema"] for frame in frames)
    assert first == second != third
    assert first == "607b0d68e70a7cd1"


def test_all_problems_of_a_frame_are_named() -> None:
    with pytest.raises(InvalidRow) as caught:
        measure(pandas.DataFrame({"id": [1]}), newest="loaded", nulls=["none"], zone=timezone.utc)
    assert caught.value.problems == (
        "newest: the frame has no column 'loaded'. Its columns are id",
        "nulls: the frame has no column 'none'. Its columns are id",
    )


def test_the_module_imports_no_library() -> None:
    program = (
        "import sys, interlock_sensors.frames; "
        "print({'pandas', 'polars', 'pyspark', 'numpy', 'airflow', 'great_expectations'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
