"""The same rows as a frame of each library. The session `frames` has environments with old and with new libraries."""

import importlib
import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, Optional
from zoneinfo import ZoneInfo

import pytest

Columns = dict[str, list[Any]]
LIBRARIES = ("pandas", "polars", "polars-lazy", "spark")


class Maker:
    """Makes frames of one library: `id` are whole numbers, `price` floats, `loaded` times, all with absent values."""

    def __init__(self, library: str, spark: Any) -> None:
        self.library, self.spark = library, spark

    def frame(self, zone: Optional[str] = "UTC", **columns: list[Any]) -> Any:
        """A frame. `zone` is that of the times, which are given as wall times, or None for a type without zones."""
        return {"pandas": self._pandas, "spark": self._spark}.get(self.library, self._polars)(zone, columns)

    def _pandas(self, zone: Optional[str], columns: Columns) -> Any:
        import pandas

        made = {
            "id": lambda values: pandas.array(values, dtype="Int64"),
            "price": lambda values: pandas.Series(values, dtype="float64"),
            "loaded": lambda values: pandas.Series(pandas.to_datetime(values)).dt.tz_localize(zone),
            "name": lambda values: pandas.Series(values, dtype="object"),
        }
        return pandas.DataFrame({name: made[name](values) for name, values in columns.items()})

    def _polars(self, zone: Optional[str], columns: Columns) -> Any:
        import polars

        types = {"id": polars.Int64, "price": polars.Float64, "loaded": polars.Datetime("us"), "name": polars.Utf8}
        frame = polars.DataFrame(columns, schema={name: types[name] for name in columns})
        if zone is not None and "loaded" in columns:
            frame = frame.with_columns(polars.col("loaded").dt.replace_time_zone(zone))
        return frame.lazy() if self.library == "polars-lazy" else frame

    def _spark(self, zone: Optional[str], columns: Columns) -> Any:
        """Times become texts without a zone, or microseconds since 1970, so that no zone of the session matters."""
        moments = columns.get("loaded", [])
        texts = [None if moment is None else moment.isoformat(sep=" ") for moment in moments]
        micros = [None if moment is None or zone is None else _micros(moment, zone) for moment in moments]
        columns = {**columns, "loaded": micros if zone else texts} if "loaded" in columns else columns
        types = {"id": "bigint", "price": "double", "loaded": "bigint" if zone else "string", "name": "string"}
        schema = ", ".join(f"{name} {types[name]}" for name in columns)
        read = "timestamp_micros(loaded)" if zone else "cast(loaded as timestamp_ntz)"
        frame = self.spark.createDataFrame(list(zip(*columns.values())), schema)
        return frame.selectExpr(*(f"{read} as loaded" if name == "loaded" else name for name in columns))


def _micros(moment: datetime, zone: str) -> int:
    return (moment.replace(tzinfo=ZoneInfo(zone)) - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(
        microseconds=1
    )


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A Spark in this process. Its session and the process have zones of their own, and neither is that of the data."""
    sql = _library("pyspark.sql")
    os.environ["PYSPARK_PYTHON"] = sys.executable  # of the workers, in place of the first python3 on PATH
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "America/New_York",
        "spark.sql.shuffle.partitions": "1",
    }
    builder = sql.SparkSession.builder.master("local[1]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(params=LIBRARIES)
def maker(request: pytest.FixtureRequest) -> Maker:
    library = request.param
    if library == "spark":
        return Maker(library, request.getfixturevalue("spark"))
    _library(library.partition("-")[0])
    return Maker(library, None)


def _library(name: str) -> Any:
    """The library. The session `frames` forbids a skip."""
    if os.environ.get("INTERLOCK_FRAMES_REQUIRED") == "1":
        return importlib.import_module(name)
    return pytest.importorskip(name)
