"""The types of single values in a pipeline file, with the words and examples that describe them."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta

from interlock_rules import FARTHEST_OFFSET, Check, Rule

RESERVED_KEYS = ("first-sensor-arrival", "postrun-baseline")
"""Prefixes of the sensor keys that Interlock writes itself."""

DURATION_PATTERN = r"^[-+]?((([0-9]+(\.[0-9]*)?|\.[0-9]+)(h|ms|m|us|µs|μs|ns|s))+|0)$(?!\n)"
"""The form of a duration. A sign and a bare 0 are allowed. Other numbers need a unit."""

OFFSET_ALLOWED = f"must be a whole number from -{FARTHEST_OFFSET} to {FARTHEST_OFFSET}"
"""The allowed values of a rule's dateOffset."""


class JobType(StrEnum):
    """The nine ways to start a job."""

    HTTP = "http"
    COMMAND = "command"
    AIRFLOW = "airflow"
    GLUE = "glue"
    EMR = "emr"
    EMR_SERVERLESS = "emr-serverless"
    STEP_FUNCTION = "step-function"
    DATABRICKS = "databricks"
    LAMBDA = "lambda"


Id = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_.-]{1,64}$(?!\n)",
        description="Unique name of the pipeline: letters, digits, '-', '_' and '.', at most 64.",
        examples=["bronze-orders"],
        extra={"allowed": "must be 1 to 64 letters, digits, '-', '_' or '.'"},
    ),
]
Timezone = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$(?!\n)",
        description="IANA time zone.",
        examples=["UTC", "Europe/Berlin"],
        extra={"allowed": "must be an IANA time zone such as Europe/Berlin"},
    ),
]
TimeOfDay = Annotated[
    str,
    Meta(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)",
        description="Wall-clock time, HH:MM.",
        examples=["08:00"],
        extra={"allowed": 'must be a time of day in quotes, from "00:00" to "23:59"', "time": True},
    ),
]
Deadline = Annotated[
    str,
    Meta(
        pattern=r"^([01][0-9]|2[0-3])?:[0-5][0-9]$(?!\n)",
        description='"HH:MM" for daily runs, ":MM" for hourly runs.',
        examples=["08:30", ":45"],
        extra={"allowed": 'must be "HH:MM" (daily) or ":MM" (hourly), in quotes', "time": True},
    ),
]
SensorKey = Annotated[
    str,
    Meta(
        min_length=1,
        description="Sensor key. `key` also matches its per-period rows `key#…`.",
        examples=["orders-ready"],
        extra={
            "allowed": "must be a sensor key, not empty",
            "schema": {
                "type": "string",
                "minLength": 1,
                "pattern": rf"^(?!{'|'.join(RESERVED_KEYS)})(?=[\s\S]*\S)",
            },
        },
    ),
]
Field = Annotated[
    str | None,
    Meta(
        description="Field of the sensor's data. Without a field, exists asks for the sensor, and ages use updatedAt.",
        examples=["row_count"],
        extra={
            "allowed": "must be the name of a field of the sensor's data",
            "schema": {"type": "string", "minLength": 1},
        },
    ),
]
CheckName = Annotated[
    Check, Meta(description="The comparison: presence, equality, a bound, or an age.", examples=["gte"])
]
CalendarName = Annotated[
    str,
    Meta(
        min_length=1,
        description="Name of a calendar whose days and dates are excluded.",
        examples=["us-holidays"],
        extra={"allowed": "must be the name of a calendar file"},
    ),
]
RuleList = Annotated[
    tuple[Rule, ...],
    Meta(
        min_length=1,
        description="Rules over sensors.",
        examples=[[{"key": "orders-ready", "check": "equals", "field": "status", "value": "done"}]],
        extra={"allowed": "must be a list of at least one rule {key, check, field, value}"},
    ),
]

WatchedRules = Annotated[
    tuple[Rule, ...],
    Meta(
        description="Rules over sensors. Without rules, nothing is watched.",
        examples=[[{"key": "orders-audit", "check": "gte", "field": "row_count", "value": 1}]],
        extra={"allowed": "must be a list of rules {key, check, field, value}"},
    ),
]


def any_case(names: type[StrEnum]) -> dict[str, Any]:
    """The JSON Schema of names that may be written in any letter case."""
    letters = ("".join(f"[{letter.upper()}{letter.lower()}]" for letter in name.value) for name in names)
    known = [name.value for name in names]
    return {"anyOf": [{"enum": known}, {"type": "string", "pattern": rf"^({'|'.join(letters)})$(?!\n)"}]}


def text(description: str, example: str) -> Meta:
    return Meta(min_length=1, description=description, examples=[example], extra={"allowed": "must be text"})


def duration(description: str, example: str, longest: timedelta | None = None) -> Meta:
    return Meta(description=description, examples=[example], extra={"longest": longest} if longest else None)


def whole(description: str, least: int, most: int, example: int) -> Meta:
    return Meta(description=description, ge=least, le=most, examples=[example])
