"""Sensor rows, and the first arrival of a date."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from interlock_lifecycle import Sensor
from interlock_store._rows._keys import MalformedRow, pipeline_of
from interlock_store._rows._parts import parse_time
from interlock_store._write import Expect

_BOOKKEEPING = frozenset({"PK", "SK", "ttl", "GSI1PK", "GSI1SK", "GSI2PK", "GSI2SK"})
"""The attributes of a flat sensor row that are no fields of the sensor."""


def read_arrival(row: Mapping[str, Any]) -> datetime | None:
    """The time of a first-sensor-arrival row (UTC). None for a row without a valid time."""
    try:
        return parse_time(sensor_fields(row).get("arrivedAt"), row["PK"], row["SK"])
    except MalformedRow:
        return None


def arrival_as_read(row: Mapping[str, Any]) -> Expect:
    """The condition that a first-sensor-arrival row is as it was read, for all attributes that read_arrival uses."""
    names = ("data", "arrivedAt")
    return Expect(
        exists=True,
        equals={name: row[name] for name in names if name in row},
        absent=tuple(name for name in names if name not in row),
    )


def read_sensor(row: Mapping[str, Any], written_at: datetime) -> Sensor:
    """A sensor row. Its fields are in `data`, or flat with the keys."""
    pk, sk = row["PK"], row["SK"]
    key = sk.removeprefix("SENSOR#")
    if not key or key == sk:
        raise MalformedRow(pk, sk, "the sort key is not SENSOR#<key>")
    return Sensor(pipeline_of(pk), key, sensor_fields(row), written_at)


def sensor_fields(row: Mapping[str, Any]) -> Mapping[str, object]:
    """The sensor's fields: `data` if it is a map, otherwise the row without its keys and bookkeeping."""
    data = row.get("data")
    if isinstance(data, Mapping):
        return data
    return {name: value for name, value in row.items() if name not in _BOOKKEEPING}
