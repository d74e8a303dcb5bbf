"""Takes sensor readings from the messages of the sensor inbox, and writes their rows (docs/reference/sensors.md §9)."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from interlock_config import PipelineId
from interlock_controller.records._change import MalformedRecord
from interlock_lifecycle.sensors import is_reserved
from interlock_store import Store
from interlock_telemetry import get_logger

_log = get_logger(__name__)

_LONGEST_BODY = 256 * 1024
_LONGEST_KEY = 1024 - len("SENSOR#")
"""Bytes that DynamoDB leaves for the key in a sort key."""


class SensorReading(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """One reading of a sensor: the body of a message. `ttl` is the end of the row's life in epoch seconds."""

    pipeline_id: PipelineId
    key: Annotated[str, Meta(min_length=1)]
    data: Annotated[dict[str, Any], Meta(min_length=1)]
    ttl: Annotated[int, Meta(gt=0)] | UnsetType = UNSET


class SensorInbox:
    """Writes the sensor rows of readings. The table's stream then delivers them like rows of any other writer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, message: Mapping[str, Any]) -> None:
        """Write the row of a message's reading. Only PK, SK, `data` and `ttl` are written.

        Raises MalformedRecord for a body that is not a reading. Any other error is an error of the table.
        """
        try:
            reading = read_reading(str(message.get("body") or ""))
            ttl = None if reading.ttl is UNSET else reading.ttl
            self._store.put_sensor(reading.pipeline_id, reading.key, reading.data, ttl)
        except RecursionError:
            raise MalformedRecord("the message is nested too deeply") from None
        _log.info("reading_taken", pipeline=reading.pipeline_id, sensor=reading.key)


def read_reading(body: str) -> SensorReading:
    """The reading in a message's body. Numbers keep their digits. Raises MalformedRecord with the reason."""
    if len(body.encode("utf-8", "surrogatepass")) > _LONGEST_BODY:
        raise MalformedRecord(f"the message is longer than {_LONGEST_BODY // 1024} KB")
    try:
        document = json.loads(
            body, parse_float=Decimal, parse_constant=_reject_constant, object_pairs_hook=_without_repetition
        )
        reading = msgspec.convert(document, SensorReading)
    except ValueError as error:  # also the errors of msgspec and of the decoder
        raise MalformedRecord(f"the message is not a sensor reading: {error}") from error
    _check_key(reading.key)
    return reading


def _check_key(key: str) -> None:
    if not key.strip():
        raise MalformedRecord("the key is blank")
    if is_reserved(key):
        raise MalformedRecord(f"the key {key!r} is reserved for Interlock")
    if len(key.encode("utf-8", "surrogatepass")) > _LONGEST_KEY:
        raise MalformedRecord(f"the key is longer than {_LONGEST_KEY} bytes")


def _reject_constant(word: str) -> None:
    raise ValueError(f"{word} is not a number")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice in one object")
    return found
