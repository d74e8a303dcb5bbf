"""Pipeline files: read, validated all at once, described by a JSON Schema."""

from ._config import PipelineConfig
from ._expansion import expand, taken_values
from ._fields import Id as PipelineId
from ._fields import JobType
from ._files import (
    Document,
    Review,
    check,
    decode_calendar,
    decode_calendar_yaml,
    decode_json,
    decode_yaml,
    encode_calendar,
    encode_json,
    read_document,
    review,
    validate,
)
from ._problems import ConfigError, Problem
from ._schema import calendar_schema, json_schema
from ._structs import (
    DateWindow,
    EvaluationWindow,
    Exclusion,
    Identity,
    Inclusion,
    Job,
    PostRun,
    Schedule,
    Sla,
    TriggerCondition,
    Validation,
    Watch,
)
from ._warnings import notices, warnings

__all__ = [
    "ConfigError",
    "DateWindow",
    "Document",
    "EvaluationWindow",
    "Exclusion",
    "Identity",
    "Inclusion",
    "Job",
    "JobType",
    "PipelineConfig",
    "PipelineId",
    "PostRun",
    "Problem",
    "Review",
    "Schedule",
    "Sla",
    "TriggerCondition",
    "Validation",
    "Watch",
    "calendar_schema",
    "check",
    "decode_calendar",
    "decode_calendar_yaml",
    "decode_json",
    "decode_yaml",
    "encode_calendar",
    "encode_json",
    "expand",
    "json_schema",
    "notices",
    "read_document",
    "review",
    "taken_values",
    "validate",
    "warnings",
]
