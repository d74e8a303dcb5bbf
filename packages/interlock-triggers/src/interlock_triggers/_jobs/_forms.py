"""The form of `job.config` for each job type: the keys, their accepted spellings and their defaults."""

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

_UNIT_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_SURROGATE = re.compile("[\ud800-\udfff]")
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)")

Text = str | bool | int | float
Payload = str | dict[str, Any] | list[Any] | None


class BadConfig(Exception):
    """The job's config does not fit its type. The message shows no values."""


class Form(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A job's config. Values may be secret: the repr shows none."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class HttpForm(Form, frozen=True):
    """One HTTP request."""

    url: str
    method: str = "POST"
    headers: dict[str, Text] = {}
    body: Payload = None
    timeout: float | str = 30.0


class CommandForm(Form, frozen=True):
    """A local command."""

    command: str
    working_directory: str | None = None


class AirflowForm(Form, frozen=True):
    """A DAG run."""

    url: str
    dag_id: str = field(name="dagID")
    headers: dict[str, Text] = {}
    body: Payload = None
    timeout: float | str = 30.0


class GlueForm(Form, frozen=True):
    """A Glue job run."""

    job_name: str
    arguments: dict[str, Text] = {}


class EmrForm(Form, frozen=True):
    """A step of a running EMR cluster."""

    cluster_id: str
    step_name: str
    command: str
    arguments: list[Text] | dict[str, Text] = []


class EmrServerlessForm(Form, frozen=True):
    """A job run of an EMR Serverless application."""

    application_id: str
    execution_role_arn: str
    job_driver: dict[str, Any]
    job_name: str | None = None


class StepFunctionForm(Form, frozen=True):
    """An execution of a Standard state machine."""

    state_machine_arn: str
    arguments: dict[str, Any] = {}


class DatabricksForm(Form, frozen=True):
    """A run of a Databricks job, started with run-now."""

    workspace_url: str
    job_id: int | str
    headers: dict[str, Text] = {}
    arguments: dict[str, Any] = {}


class LambdaForm(Form, frozen=True):
    """A synchronous invocation of a Lambda function."""

    function_name: str
    payload: Payload = None


_MORE_SPELLINGS: Mapping[type[Form], Mapping[str, str]] = {AirflowForm: {"dagId": "dagID"}}


def spellings(form: type[Form]) -> dict[str, str]:
    """The other accepted spellings of a form's keys, each with the key: snake_case, and `dagId` of airflow."""
    pairs = zip(form.__struct_fields__, form.__struct_encode_fields__, strict=True)
    return {snake: camel for snake, camel in pairs if snake != camel} | dict(_MORE_SPELLINGS.get(form, {}))


def read_form(form: type[Form], config: Mapping[str, Any]) -> Form:
    """The config as its form. Other spellings of keys are accepted. Raises BadConfig, which shows no values."""
    if not isinstance(config, Mapping):
        raise BadConfig(f"the config must be a mapping of keys to values, not of type {type(config).__name__}")
    known = spellings(form)
    renamed: dict[str, Any] = {}
    for key, value in config.items():
        name = known.get(key, key)
        if name in renamed:
            raise BadConfig(f"{name} is given twice")
        if not _is_writable(value):
            raise BadConfig(f"{name} holds half a character (a lone surrogate), which UTF-8 cannot encode")
        renamed[name] = value
    try:
        return msgspec.convert(renamed, form)
    except msgspec.ValidationError as error:
        allowed = ", ".join(form.__struct_encode_fields__)
        raise BadConfig(f"the config does not fit: {error} (keys: {allowed})") from None


def _is_writable(value: object) -> bool:
    """Whether all text in a value can be encoded."""
    if isinstance(value, str):
        return not _SURROGATE.search(value)
    if isinstance(value, Mapping):
        return all(_is_writable(name) and _is_writable(inner) for name, inner in value.items())
    return not isinstance(value, list | tuple) or all(map(_is_writable, value))


def as_text(value: Text) -> str:
    """A value as it is sent, with booleans in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def seconds(value: float | str) -> float:
    """A timeout in seconds: a number, or a duration such as `1m30s`. Raises BadConfig unless above 0."""
    parsed = value if isinstance(value, int | float) else _duration(value)
    if not 0 < parsed < float("inf"):
        raise BadConfig("timeout must be a number of seconds above 0, or a duration such as 30s")
    return float(parsed)


def as_json(value: object) -> str:
    """A value as JSON. Raises BadConfig for a value that JSON cannot express."""
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise BadConfig("a value cannot be written as JSON") from None


def _duration(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        if not re.fullmatch(f"(?:{_PART.pattern})+", text):
            return 0.0
        return sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _PART.findall(text))
