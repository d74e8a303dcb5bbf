"""Reads environment variables into settings, and reports all missing and invalid variables at once."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from msgspec import Struct

from interlock_telemetry._errors import InvalidEnvironment, MissingEnvironment

_UNITS = {
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
    "us": timedelta(microseconds=1),
    "ns": timedelta(microseconds=0.001),
}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|us|ns|h|m|s))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|ns|h|m|s)")


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of the environment: `settings["CONTROL_TABLE"]`, and the variables that every Lambda knows.

    `sfn_timeout` is SFN_TIMEOUT_SECONDS, and `table_client` is INTERLOCK_TABLES. The other attributes have the names of
    their variables. `variables` is the whole environment, with the defaults of the optional variables.
    """

    variables: Mapping[str, str]
    sfn_timeout: timedelta = timedelta(seconds=14400)
    skip_scheduler: bool = False
    job_events: bool = True
    stage_timeout: timedelta = timedelta(seconds=30)
    shutdown_buffer: timedelta = timedelta(milliseconds=500)
    workers_per_stage: int = 3
    dlq_queue_url: str | None = None
    dlq_max_retries: int = 3
    cb_trip_after: int = 5
    cb_timeout: timedelta = timedelta(seconds=60)
    otlp_endpoint: str | None = None
    profile_bucket: str | None = None
    aws_endpoint_url: str | None = None
    table_client: str = "direct"

    def __repr__(self) -> str:
        """The number of variables without their values, since a value may be a secret."""
        return f"<Settings of {len(self.variables)} variables>"

    def __getitem__(self, name: str) -> str:
        """A required variable, or an optional variable with a default. Raises KeyError for any other unset variable."""
        return self.variables[name]

    def get(self, name: str) -> str | None:
        """A variable, None if it is unset or empty."""
        return self.variables.get(name)

    def integer(self, name: str, default: int, *, lowest: int = 0) -> int:
        """A whole number of at least `lowest`. Raises InvalidEnvironment."""
        return int(self._read(name, _whole(lowest), f"a whole number, at least {lowest}", default))

    def duration(self, name: str, default: timedelta) -> timedelta:
        """A duration such as `90s` or `1h30m`. Raises InvalidEnvironment."""
        length: timedelta = self._read(name, _duration(timedelta()), "a duration such as 90s", default)
        return length

    def _read(self, name: str, read: Callable[[str], Any], allowed: str, default: Any) -> Any:
        text = self.variables.get(name)
        value = default if text is None else read(text.strip())
        if value is None:
            raise InvalidEnvironment((), (_wrong(name, text, allowed),))
        return value


def environment(
    required: Sequence[str] = (),
    optional: Mapping[str, str | None] | Sequence[str] = (),
    *,
    source: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of `source` (default: the process's environment).

    `optional` lists further variables, with their defaults if it is a mapping. An empty value counts as unset.
    Raises MissingEnvironment or InvalidEnvironment, which report all missing and invalid variables.
    """
    found = {name: value for name, value in (os.environ if source is None else source).items() if value.strip()}
    missing = tuple(name for name in required if name not in found)
    known, invalid = _read_known(found)
    if missing:
        raise MissingEnvironment(missing, invalid)
    if invalid:
        raise InvalidEnvironment((), invalid)
    given = optional.items() if isinstance(optional, Mapping) else ()
    defaults = {name: value for name, value in given if value is not None}
    return Settings(variables={**defaults, **found}, **known)


def _read_known(found: Mapping[str, str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    known: dict[str, Any] = {}
    invalid = []
    for name, (attribute, read, allowed) in _KNOWN.items():
        if name not in found:
            continue
        value = read(found[name].strip())
        if value is None:
            invalid.append(_wrong(name, found[name], allowed))
        else:
            known[attribute] = value
    return known, tuple(invalid)


def _wrong(name: str, text: str | None, allowed: str) -> str:
    return f"{name} is {text!r}, must be {allowed}"


def _whole(lowest: int, highest: int | None = None) -> Callable[[str], int | None]:
    def read(text: str) -> int | None:
        if not re.fullmatch(r"[0-9]{1,9}", text):
            return None
        number = int(text)
        return number if number >= lowest and (highest is None or number <= highest) else None

    return read


def _seconds(lowest: int) -> Callable[[str], timedelta | None]:
    whole = _whole(lowest)

    def read(text: str) -> timedelta | None:
        number = whole(text)
        return None if number is None else timedelta(seconds=number)

    return read


def _duration(lowest: timedelta) -> Callable[[str], timedelta | None]:
    def read(text: str) -> timedelta | None:
        if not _DURATION.fullmatch(text):
            return None
        try:
            length = sum((float(size) * _UNITS[unit] for size, unit in _PART.findall(text)), timedelta())
        except OverflowError:
            return None
        return length if length >= lowest else None

    return read


def _truth(text: str) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.lower())


def _one_of(*allowed: str) -> Callable[[str], str | None]:
    return lambda text: text if text in allowed else None


_KNOWN: Mapping[str, tuple[str, Callable[[str], Any], str]] = {
    "SFN_TIMEOUT_SECONDS": ("sfn_timeout", _seconds(1), "a whole number of seconds, at least 1"),
    "SKIP_SCHEDULER": ("skip_scheduler", _truth, "true or false"),
    "JOB_EVENTS": ("job_events", _truth, "true or false"),
    "STAGE_TIMEOUT": ("stage_timeout", _duration(timedelta(milliseconds=100)), "a duration of at least 100ms"),
    "SHUTDOWN_BUFFER": ("shutdown_buffer", _duration(timedelta()), "a duration such as 500ms"),
    "WORKERS_PER_STAGE": ("workers_per_stage", _whole(1, 100), "a whole number from 1 to 100"),
    "DLQ_QUEUE_URL": ("dlq_queue_url", str, "a queue URL"),
    "DLQ_MAX_RETRIES": ("dlq_max_retries", _whole(0), "a whole number, at least 0"),
    "CB_TRIP_AFTER": ("cb_trip_after", _whole(1), "a whole number, at least 1"),
    "CB_TIMEOUT": ("cb_timeout", _seconds(1), "a whole number of seconds, at least 1"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("otlp_endpoint", str, "an URL"),
    "PROFILE_BUCKET": ("profile_bucket", str, "a bucket name"),
    "AWS_ENDPOINT_URL": ("aws_endpoint_url", str, "an URL"),
    "INTERLOCK_TABLES": ("table_client", _one_of("direct", "boto3"), "direct or boto3"),
}
