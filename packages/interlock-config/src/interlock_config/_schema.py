"""The JSON Schema of pipeline and calendar files, made from the structs that read them."""

from typing import Any

import msgspec.inspect as shape

from ._calendars import CalendarFile
from ._config import PipelineConfig
from ._fields import DURATION_PATTERN, JobType
from ._job_types import JOB_TYPES, aliases
from ._schema_types import Definitions, document_schema, reference

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_NUMERAL = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of pipeline files, for editors and other tools.

    It accepts whatever `decode_yaml` accepts. It refuses all that a schema can see; whether a zone exists, a
    cron fires or a window holds its interval, only decoding tells.
    """
    definitions: Definitions = {}
    schema = document_schema(PipelineConfig, definitions)
    definitions["Job"]["allOf"] = [_config_of(job_type, definitions) for job_type in JOB_TYPES]
    for ruled in ("Rule", "TriggerCondition"):
        definitions[ruled]["allOf"] = _value_fits_check()
    definitions["Schedule"]["not"] = {"required": ["cron", "include"]}
    return {
        "$schema": DRAFT,
        "title": "Interlock pipeline",
        **schema,
        "allOf": _across_sections(),
        "$defs": dict(sorted(definitions.items())),
    }


def calendar_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of calendar files."""
    return {"$schema": DRAFT, "title": "Interlock calendar", **document_schema(CalendarFile, {})}


def _across_sections() -> list[dict[str, Any]]:
    with_trigger = {"properties": {"schedule": {"required": ["trigger"]}}}
    return [
        {"if": {"properties": {"dryRun": {"const": True}}, "required": ["dryRun"]}, "then": with_trigger},
        {
            "if": {"properties": {"sla": {"required": ["maxDuration"]}}, "required": ["sla"]},
            "then": with_trigger,
        },
    ]


def _value_fits_check() -> list[dict[str, Any]]:
    """What each check needs: see interlock_rules.Rule."""
    number = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": _NUMERAL}]}
    age = {"type": "string", "pattern": DURATION_PATTERN}
    return [
        _for_checks(("exists",), {"properties": {"value": {"enum": [True, 1]}}}),
        _for_checks(("equals",), {"required": ["field", "value"]}),
        _for_checks(("gt", "gte", "lt", "lte"), {"properties": {"value": number}, "required": ["field", "value"]}),
        _for_checks(("age_lt", "age_gt"), {"properties": {"value": age}, "required": ["value"]}),
    ]


def _for_checks(checks: tuple[str, ...], then: dict[str, Any]) -> dict[str, Any]:
    return {"if": {"properties": {"check": {"enum": list(checks)}}, "required": ["check"]}, "then": then}


def _config_of(job_type: JobType, definitions: Definitions) -> dict[str, Any]:
    """`job.config` of one type, with both spellings of its keys, each at most once."""
    form = JOB_TYPES[job_type]
    config = reference(form, definitions)
    definition = definitions[form.__name__]
    kind = shape.type_info(form)
    assert isinstance(kind, shape.StructType)
    required = {field.encode_name for field in kind.fields if field.required}
    spellings = {camel: snake for snake, camel in aliases(job_type.value).items()}
    once = []
    for camel, snake in spellings.items():
        definition["properties"][snake] = {
            **definition["properties"][camel],
            "description": f"Other spelling of {camel}.",
        }
        both = [{"required": [camel]}, {"required": [snake]}]
        once.append({"oneOf": both} if camel in required else {"not": {"required": [camel, snake]}})
    if once:
        definition["allOf"] = once
    if names := sorted(required - set(spellings)):
        definition["required"] = names
    else:
        definition.pop("required", None)
    return {
        "if": {"properties": {"type": {"const": job_type.value}}, "required": ["type"]},
        "then": {"properties": {"config": config}},
    }
