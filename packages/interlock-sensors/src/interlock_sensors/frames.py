"""Measures a data frame of pandas, polars or Spark for a sensor row: its rows, its newest time, its nulls, its schema.

`measure` returns the fields of a row, and `columns` the names and types behind the field `schema`. The module imports
pandas, polars or Spark only if the frame is from it.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from ._rows import InvalidRow
from ._values import shown

TYPE_CHECKING = False  # the module typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo
    from typing import Any

    # The number of rows, the newest time, and the number of nulls of each named column.
    Found = tuple[int, Any, list[int]]

_ALLOWED = "a DataFrame of pandas, polars or Spark, or a LazyFrame of polars"
_MOST_NAMED = 20


def measure(
    frame: Any, *, newest: str | None = None, nulls: Sequence[str] = (), zone: tzinfo | None = None
) -> dict[str, Any]:
    """The fields of a sensor row for a frame. A lazy frame is computed once.

    newest: a column of times. zone: the zone of this column, if its times have none. nulls: columns without nulls, or
    with few. Raises InvalidRow with all problems.

    `count`: the number of rows. `schema`: a fingerprint of the names and types of all columns in their order.
    `newest`: the newest time in UTC, cut to the microsecond. It is absent if no row has a time.
    `nullShare.<column>`: the share of rows from 0 to 1 whose value is null or NaN. It is absent for a frame without
    rows, so that no rule on it holds.
    """
    library = _library(frame)
    problems: list[str] = []
    if isinstance(nulls, str):
        problems.append(f"nulls: {shown(nulls)} is not a list of columns")
        nulls = ()
    known = _TYPES[library](frame)
    _check_columns({**({} if newest is None else {"newest": [newest]}), "nulls": nulls}, known, problems)
    if zone is not None and (newest is None or not hasattr(zone, "utcoffset")):
        problems.append(f"zone: {shown(zone)} is not the tzinfo of a column that newest names")
    if not problems and newest is not None:
        _check_times(frame, library, newest, zone, problems)
    if problems:
        raise InvalidRow(problems)
    rows, latest, counts = _MEASURES[library](frame, newest, list(nulls))
    fields: dict[str, Any] = {"count": rows, "schema": _fingerprint(known)}
    if latest is not None:
        fields["newest"] = (latest if latest.tzinfo else latest.replace(tzinfo=zone)).astimezone(timezone.utc)
    shares = {f"nullShare.{name}": count / rows for name, count in zip(nulls, counts)} if rows else {}
    return {**fields, **shares}


def columns(frame: Any) -> list[tuple[str, str]]:
    """The name and the type of each column, as its library writes them: the content of the field `schema`."""
    return _TYPES[_library(frame)](frame)


def _library(frame: Any) -> str:
    """The library of a frame by the modules of its classes, without an import of any library."""
    for kind in type(frame).__mro__:
        root, _, rest = kind.__module__.partition(".")
        if kind.__name__ in ("DataFrame", "LazyFrame") and root in _MEASURES and not rest.startswith("pandas"):
            if root == "pyspark" and frame.isStreaming:
                raise InvalidRow(["frame: a stream of Spark has no end. Measure its batches with foreachBatch"])
            return root
    hint = ". Give its to_spark()" if type(frame).__module__.startswith("pyspark.pandas") else ""
    raise InvalidRow([f"frame: the type {type(frame).__module__}.{type(frame).__name__} is not {_ALLOWED}{hint}"])


def _check_columns(wanted: dict[str, Sequence[str]], known: list[tuple[str, str]], problems: list[str]) -> None:
    names = [name for name, _ in known]
    for argument, columns_ in wanted.items():
        for column in columns_:
            if not isinstance(column, str) or names.count(column) != 1:
                count = "several columns" if column in names else "no column"
                allowed = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
                problems.append(f"{argument}: the frame has {count} {shown(column)}. Its columns are {allowed}")


def _check_times(frame: Any, library: str, column: str, zone: tzinfo | None, problems: list[str]) -> None:
    has_zone = _ZONED[library](frame, column)
    if has_zone is None:
        type_ = dict(_TYPES[library](frame))[column]
        problems.append(f"newest: the column {shown(column)} has the type {type_}, and not a type of times")
    elif has_zone and zone is not None:
        problems.append(f"zone: the times of the column {shown(column)} have a zone of their own")
    elif not has_zone and zone is None:
        problems.append(f"newest: the times of the column {shown(column)} have no zone. Name it with zone=")


def _fingerprint(known: list[tuple[str, str]]) -> str:
    import hashlib
    import json

    return hashlib.sha256(json.dumps(known, separators=(",", ":")).encode()).hexdigest()[:16]


def _pandas_types(frame: Any) -> list[tuple[str, str]]:
    return [(str(name), str(type_)) for name, type_ in zip(frame.columns, frame.dtypes)]


def _pandas_zoned(frame: Any, column: str) -> bool | None:
    type_ = frame[column].dtype
    if type_.kind != "M":  # times
        return None
    # A type of Arrow keeps its zone in the Arrow type.
    return bool(getattr(type_, "tz", None) or getattr(getattr(type_, "pyarrow_dtype", None), "tz", None))


def _measure_pandas(frame: Any, newest: str | None, nulls: list[str]) -> Found:
    latest = None if newest is None else frame[newest].max()
    # A missing time differs from itself. The microseconds are cut, because datetime has no nanoseconds.
    latest = latest.floor("us").to_pydatetime() if latest is not None and latest == latest else None
    return len(frame), latest, [int(_pandas_absent(frame[name]).sum()) for name in nulls]


def _pandas_absent(column: Any) -> Any:
    if column.dtype.kind != "f":
        return column.isna()
    # A nullable type of pandas 2 keeps NaN next to its missing values, and NaN differs from itself.
    return column.isna() | (column != column).fillna(True).astype(bool)


def _polars_types(frame: Any) -> list[tuple[str, str]]:
    return [(name, str(type_)) for name, type_ in _polars_schema(frame).items()]


def _polars_schema(frame: Any) -> Any:
    return frame.collect_schema() if hasattr(frame, "collect_schema") else frame.schema


def _polars_zoned(frame: Any, column: str) -> bool | None:
    import polars

    type_ = _polars_schema(frame)[column]
    return bool(type_.time_zone) if isinstance(type_, polars.Datetime) else None


def _measure_polars(frame: Any, newest: str | None, nulls: list[str]) -> Found:
    import polars

    schema = _polars_schema(frame)
    wanted = [polars.len().alias("rows"), (polars.lit(None) if newest is None else polars.col(newest).max()).alias("t")]
    for place, name in enumerate(nulls):
        column = polars.col(name)
        absent = column.is_null()
        if schema[name] in (polars.Float32, polars.Float64):
            absent = absent | column.is_nan().fill_null(False)
        wanted.append(absent.sum().alias(f"n{place}"))
    rows, latest, *counts = frame.lazy().select(wanted).collect().row(0)
    return rows, latest, counts


def _spark_types(frame: Any) -> list[tuple[str, str]]:
    return [(str(name), str(type_)) for name, type_ in frame.dtypes]


def _spark_zoned(frame: Any, column: str) -> bool | None:
    return {"timestamp": True, "timestamp_ntz": False}.get(dict(_spark_types(frame))[column])


def _measure_spark(frame: Any, newest: str | None, nulls: list[str]) -> Found:
    from pyspark.sql import functions

    types, wanted = dict(_spark_types(frame)), [functions.count(functions.lit(1))]
    is_zoned = newest is not None and types[newest] == "timestamp"
    if newest is None:
        wanted.append(functions.lit(None))
    else:
        # Spark collects a timestamp without its zone, in the zone of the process. Microseconds have no zone.
        largest = f"max({_quoted(newest)})"
        wanted.append(functions.expr(f"unix_micros({largest})" if is_zoned else largest))
    for name in nulls:
        absent = f"isnull({_quoted(name)})" + (
            f" or isnan({_quoted(name)})" if types[name] in ("float", "double") else ""
        )
        wanted.append(functions.expr(f"count(if({absent}, 1, null))"))
    rows, latest, *counts = frame.agg(*wanted).collect()[0]
    if is_zoned and latest is not None:
        latest = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=latest)
    return rows, latest, counts


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


_TYPES = {"pandas": _pandas_types, "polars": _polars_types, "pyspark": _spark_types}
_ZONED = {"pandas": _pandas_zoned, "polars": _polars_zoned, "pyspark": _spark_zoned}
_MEASURES = {"pandas": _measure_pandas, "polars": _measure_polars, "pyspark": _measure_spark}
