"""Frames of real libraries have the same fields in a sensor row, and columns that have none are all named at once."""

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from frames.conftest import LIBRARIES, Maker

from interlock_sensors import InvalidRow, RecordedSensors
from interlock_sensors.frames import columns, measure

# PySpark 3 leaves the socket of each answer to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

EARLY, LATE = datetime(2026, 3, 3, 6, 59, 59), datetime(2026, 3, 3, 7, 0, 0, 123456)
NAN = float("nan")


def measured(frame: Any, **arguments: Any) -> dict[str, Any]:
    """The fields without the fingerprint, as a row has them."""
    fields = measure(frame, **arguments)
    fingerprint = fields.pop("schema")
    assert len(fingerprint) == 16
    assert RecordedSensors().put("orders", "landing", date="2026-03-03", schema=fingerprint, **fields)
    return fields


def problems(frame: Any, **arguments: Any) -> Any:
    with pytest.raises(InvalidRow) as caught:
        measure(frame, **arguments)
    return caught.value.problems


def test_a_frame_has_rows_a_newest_time_and_null_shares(maker: Maker) -> None:
    frame = maker.frame(id=[1, 2, None, 4], loaded=[EARLY, LATE, None, EARLY], name=["a", "b", "c", "d"])
    assert measured(frame, newest="loaded", nulls=["id", "name"]) == {
        "count": 4,
        "newest": LATE.replace(tzinfo=timezone.utc),
        "nullShare.id": 0.25,
        "nullShare.name": 0.0,
    }


def test_a_count_needs_no_further_column(maker: Maker) -> None:
    assert measured(maker.frame(id=[1, None])) == {"count": 2}


def test_nan_counts_as_null(maker: Maker) -> None:
    frame = maker.frame(price=[1.0, NAN, None, 2.0, 0.0])
    assert measured(frame, nulls=["price"]) == {"count": 5, "nullShare.price": 0.4}


def test_a_frame_without_rows_has_neither_time_nor_share(maker: Maker) -> None:
    frame = maker.frame(id=[1], loaded=[EARLY])
    empty = frame.filter(frame.id < 0) if maker.library == "spark" else frame.head(0)
    assert measured(empty, newest="loaded", nulls=["id"]) == {"count": 0}


def test_a_column_of_absent_times_has_no_newest(maker: Maker) -> None:
    frame = maker.frame(loaded=[None, None])
    assert measured(frame, newest="loaded", nulls=["loaded"]) == {"count": 2, "nullShare.loaded": 1.0}


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
def test_a_zone_of_the_type_gives_the_instant(maker: Maker, zone: str) -> None:
    frame = maker.frame(zone, loaded=[LATE, EARLY])
    assert measured(frame, newest="loaded")["newest"] == LATE.replace(tzinfo=ZoneInfo(zone))


def test_times_without_a_zone_need_its_name(maker: Maker) -> None:
    frame = maker.frame(None, loaded=[LATE, EARLY])
    assert problems(frame, newest="loaded") == (
        "newest: the times of the column 'loaded' have no zone. Name it with zone=",
    )
    berlin = ZoneInfo("Europe/Berlin")
    assert measured(frame, newest="loaded", zone=berlin)["newest"] == LATE.replace(tzinfo=berlin)


def test_a_repeated_hour_counts_as_the_earlier_one(maker: Maker) -> None:
    frame = maker.frame(None, loaded=[datetime(2026, 10, 25, 2, 30)])
    found = measured(frame, newest="loaded", zone=ZoneInfo("Europe/Berlin"))["newest"]
    assert found == datetime(2026, 10, 25, 0, 30, tzinfo=timezone.utc)


def test_a_second_zone_of_a_column_is_rejected(maker: Maker) -> None:
    frame = maker.frame(loaded=[LATE])
    assert problems(frame, newest="loaded", zone=timezone.utc) == (
        "zone: the times of the column 'loaded' have a zone of their own",
    )


def test_all_problems_are_named_at_once(maker: Maker) -> None:
    frame = maker.frame(id=[1], name=["a"])
    assert problems(frame, newest="loaded", nulls=["id", "none", 7], zone="UTC") == (
        "newest: the frame has no column 'loaded'. Its columns are id, name",
        "nulls: the frame has no column 'none'. Its columns are id, name",
        "nulls: the frame has no column 7. Its columns are id, name",
        "zone: 'UTC' is not the tzinfo of a column that newest names",
    )


def test_a_column_of_another_type_has_no_newest(maker: Maker) -> None:
    [found] = problems(maker.frame(name=["2026-03-03"]), newest="name")
    assert found.startswith("newest: the column 'name' has the type ")
    assert found.endswith(", and not a type of times")


def test_a_text_is_no_list_of_columns(maker: Maker) -> None:
    assert problems(maker.frame(id=[1]), nulls="id") == ("nulls: 'id' is not a list of columns",)


def test_a_zone_without_a_column_is_rejected(maker: Maker) -> None:
    assert problems(maker.frame(id=[1]), zone=timezone.utc) == (
        "zone: datetime.timezone.utc is not the tzinfo of a column that newest names",
    )


def test_the_fingerprint_changes_with_the_columns_only(maker: Maker) -> None:
    same = [maker.frame(id=values, name=["a"] * len(values)) for values in ([1], [2, None])]
    others = [
        maker.frame(name=["a"], id=[1]),
        maker.frame(id=[1]),
        maker.frame(price=[1.0], name=["a"]),
        maker.frame(id=[1], name=["a"], loaded=[LATE]),
    ]
    first, second, *different = [measure(frame)["schema"] for frame in (*same, *others)]
    assert first == second
    assert len({first, *different}) == 5
    assert [name for name, _ in columns(same[0])] == ["id", "name"]


def test_names_with_dots_and_quotes_are_columns(maker: Maker) -> None:
    odd = "the `net`.price"
    frame = maker.frame(price=[1.0, NAN])
    if maker.library == "spark":
        frame = frame.withColumnRenamed("price", odd)
    else:
        frame = frame.rename(
            **({"columns": {"price": odd}} if maker.library == "pandas" else {"mapping": {"price": odd}})
        )
    assert measured(frame, nulls=[odd]) == {"count": 2, f"nullShare.{odd}": 0.5}


def test_nanoseconds_are_cut() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"loaded": [pandas.Timestamp("2026-03-03T07:00:00.123456999Z")]})
    assert measured(frame, newest="loaded")["newest"] == LATE.replace(tzinfo=timezone.utc)
    polars = pytest.importorskip("polars")
    nano = polars.DataFrame({"t": [1_772_521_200_123_456_999]}).select(
        polars.col("t").cast(polars.Datetime("ns", "UTC"))
    )
    assert measured(nano, newest="t")["newest"] == LATE.replace(tzinfo=timezone.utc)


def test_types_of_arrow_in_pandas_are_measured() -> None:
    pandas, arrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    times = pandas.Series([LATE, None], dtype=pandas.ArrowDtype(arrow.timestamp("us", "UTC")))
    prices = pandas.Series([1.0, NAN], dtype=pandas.ArrowDtype(arrow.float64()))
    frame = pandas.DataFrame({"loaded": times, "price": prices})
    if not hasattr(frame["loaded"].dtype, "kind") or frame["loaded"].dtype.kind != "M":
        pytest.skip("pandas 1 has no times of Arrow")
    found = measured(frame, newest="loaded", nulls=["price"])
    assert found == {"count": 2, "newest": LATE.replace(tzinfo=timezone.utc), "nullShare.price": 0.5}


def test_nan_in_a_nullable_type_of_pandas_is_null() -> None:
    pandas = pytest.importorskip("pandas")
    prices = pandas.Series([0.0, 1.0, None], dtype="Float64") / 0.0
    assert measured(pandas.DataFrame({"p": prices}), nulls=["p"])["nullShare.p"] == pytest.approx(2 / 3)


def test_two_columns_of_one_name_are_no_column() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([[1, 2]], columns=["id", "id"])
    assert problems(frame, nulls=["id"]) == ("nulls: the frame has several columns 'id'. Its columns are id, id",)


@pytest.mark.parametrize("frame", [None, [1, 2], {"id": [1]}, "orders"])
def test_another_value_is_no_frame(frame: Any) -> None:
    [found] = problems(frame)
    assert found == (
        f"frame: the type builtins.{type(frame).__name__} is not a DataFrame of pandas, polars or Spark, "
        "or a LazyFrame of polars"
    )


def test_a_stream_of_spark_is_rejected(spark: Any) -> None:
    [found] = problems(spark.readStream.format("rate").load())
    assert found == "frame: a stream of Spark has no end. Measure its batches with foreachBatch"


def test_a_lazy_frame_is_read_once() -> None:
    polars = pytest.importorskip("polars")
    reads = []

    def note(batch: Any) -> Any:
        reads.append(len(batch))
        return batch

    frame = polars.DataFrame({"id": [1, None]}).lazy().map_batches(note, schema={"id": polars.Int64})
    assert measured(frame, nulls=["id"]) == {"count": 2, "nullShare.id": 0.5}
    assert len(reads) == 1


def test_every_library_measures_the_same_rows(request: pytest.FixtureRequest) -> None:
    found = []
    for library in LIBRARIES:
        spark = request.getfixturevalue("spark") if library == "spark" else None
        frame = Maker(library, spark).frame("Europe/Berlin", price=[1.0, NAN, None], loaded=[EARLY, LATE, None])
        found.append(measured(frame, newest="loaded", nulls=["price", "loaded"]))
    assert all(one == found[0] for one in found)
    assert found[0]["newest"].utcoffset() == timedelta(0)
