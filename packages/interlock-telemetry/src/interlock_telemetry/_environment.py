"""Reads environment variables into settings, and reports all missing and invalid variables at once."""

import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from msgspec import Struct

from interlock_telemetry._errors import InvalidEnvironment, MissingEnvironment
from interlock_telemetry._variables import (
    Variable,
    bucket,
    duration,
    one_of,
    truth,
    url,
    whole_number,
    whole_seconds,
)

_YEAR = timedelta(days=365)
_LONGEST = timedelta(minutes=15)
"""The longest run of a Lambda function."""

_KNOWN: Mapping[str, tuple[str, Variable]] = {
    # A Step Functions execution lives at most a year.
    "SFN_TIMEOUT_SECONDS": ("sfn_timeout", whole_seconds(timedelta(seconds=14400), highest=_YEAR)),
    "SKIP_SCHEDULER": ("skip_scheduler", truth(False)),
    "JOB_EVENTS": ("job_events", truth(True)),
    "ALERT_QUIET": ("alert_quiet", truth(True)),
    "STAGE_TIMEOUT": (
        "stage_timeout",
        duration(timedelta(seconds=30), lowest=timedelta(milliseconds=100), highest=_LONGEST),
    ),
    "SHUTDOWN_BUFFER": ("shutdown_buffer", duration(timedelta(milliseconds=500), highest=_LONGEST)),
    "WORKERS_PER_STAGE": ("workers_per_stage", whole_number(3, lowest=1, highest=100)),
    "DLQ_QUEUE_URL": ("dlq_queue_url", url()),
    "DLQ_MAX_RETRIES": ("dlq_max_retries", whole_number(3, highest=100)),
    "DLQ_BUCKET": ("dlq_bucket", bucket()),
    "CB_TRIP_AFTER": ("cb_trip_after", whole_number(5, lowest=1, highest=1_000_000)),
    "CB_TIMEOUT": ("cb_timeout", whole_seconds(timedelta(seconds=60), highest=timedelta(days=1))),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("otlp_endpoint", url()),
    "OTEL_EXPORTER_OTLP_PROTOCOL": ("otlp_protocol", one_of("http/protobuf", "grpc")),
    "INTERLOCK_METRICS": ("metrics", one_of("otlp", "emf")),
    "PROFILE_BUCKET": ("profile_bucket", bucket()),
    "AWS_ENDPOINT_URL": ("aws_endpoint_url", url()),
    "INTERLOCK_TABLES": ("table_client", one_of("direct", "boto3")),
}


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of the environment: `settings["CONTROL_TABLE"]`, and the variables that every Lambda knows.

    `sfn_timeout` is SFN_TIMEOUT_SECONDS, `table_client` is INTERLOCK_TABLES, and `metrics` is INTERLOCK_METRICS.
    `otlp_endpoint` and `otlp_protocol` are the variables of the SDK. The other attributes have the names of their
    variables. `variables` is the whole environment, with the defaults of the
    optional variables. `own` has the values of the service's own variables by name.
    """

    variables: Mapping[str, str]
    own: Mapping[str, Any]
    sfn_timeout: timedelta
    skip_scheduler: bool
    job_events: bool
    alert_quiet: bool
    stage_timeout: timedelta
    shutdown_buffer: timedelta
    workers_per_stage: int
    dlq_queue_url: str | None
    dlq_max_retries: int
    dlq_bucket: str | None
    cb_trip_after: int
    cb_timeout: timedelta
    otlp_endpoint: str | None
    otlp_protocol: str
    metrics: str
    profile_bucket: str | None
    aws_endpoint_url: str | None
    table_client: str

    def __repr__(self) -> str:
        """The number of variables without their values, since a value may be a secret."""
        return f"<Settings of {len(self.variables)} variables>"

    def __getitem__(self, name: str) -> str:
        """A required variable, or an optional variable with a default. Raises KeyError for any other unset variable."""
        return self.variables[name]

    def get(self, name: str) -> str | None:
        """A variable, None if it is unset or empty."""
        return self.variables.get(name)

    def integer(self, name: str) -> int:
        """The value of an own variable that is a whole number. Raises KeyError for any other name."""
        value: int = self.own[name]
        return value

    def duration(self, name: str) -> timedelta:
        """The value of an own variable that is a duration. Raises KeyError for any other name."""
        value: timedelta = self.own[name]
        return value

    def truth(self, name: str) -> bool:
        """The value of an own variable that is true or false. Raises KeyError for any other name."""
        value: bool = self.own[name]
        return value


def environment(
    required: Sequence[str] = (),
    optional: Mapping[str, str | None] | Sequence[str] = (),
    *,
    own: Mapping[str, Variable] | None = None,
    source: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of `source` (default: the process's environment).

    `optional` lists further variables, with their defaults if it is a mapping. `own` has the forms of the service's own
    variables. A name may be in `required` too. An empty value counts as unset, and the text of a variable with a form
    has no surrounding spaces.
    Raises MissingEnvironment or InvalidEnvironment, which report all missing and invalid variables.
    """
    found = {name: value for name, value in (os.environ if source is None else source).items() if value.strip()}
    forms = {name: variable for name, (_, variable) in _KNOWN.items()} | dict(own or {})
    found |= {name: found[name].strip() for name in forms if name in found}
    values = {name: _value(form, found.get(name)) for name, form in forms.items()}
    missing = tuple(name for name in required if name not in found)
    invalid = tuple(
        f"{name} is {found[name]!r}, must be {form.allowed}"
        for name, form in forms.items()
        if name in found and values[name] is None
    )
    if missing:
        raise MissingEnvironment(missing, invalid)
    if invalid:
        raise InvalidEnvironment((), invalid)
    given = optional.items() if isinstance(optional, Mapping) else ()
    defaults = {name: value for name, value in given if value is not None}
    known = {attribute: values[name] for name, (attribute, _) in _KNOWN.items()}
    return Settings(variables={**defaults, **found}, own={name: values[name] for name in own or {}}, **known)


def _value(form: Variable, written: str | None) -> Any:
    """The value of a variable, None if its text is not allowed."""
    return form.default if written is None else form.read(written)
