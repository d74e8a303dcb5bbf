"""The JSON Schemas of pipeline files, calendar files and alerts.yaml, made from the structs that read them."""

from itertools import combinations
from typing import Any

import msgspec.inspect as shape

from interlock_config._alert_rules import TARGET_NAME, AlertRules, TopicFormat, alert_types
from interlock_config._config import PipelineConfig
from interlock_config._fields import DURATION_PATTERN, JobType
from interlock_config._files import CalendarFile
from interlock_config._job_types import JOB_TYPES, aliases

from ._types import Definitions, document_schema, given, reference, schema_of

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_NUMERAL = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$(?!\n)"


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of pipeline files, for editors and other tools.

    It accepts every file that `decode_yaml` accepts. It rejects every error that a schema can express. Only decoding
    finds an unknown zone, a cron that never fires, or an interval longer than its window.
    """
    definitions: Definitions = {}
    schema = document_schema(PipelineConfig, definitions)
    definitions["Job"]["allOf"] = [_config_of(job_type, definitions) for job_type in JOB_TYPES]
    for ruled in ("Rule", "TriggerCondition"):
        definitions[ruled]["allOf"] = _value_fits_check()
    definitions["Schedule"]["not"] = given("cron", "include")
    return {
        "$schema": DRAFT,
        "title": "Interlock pipeline",
        **schema,
        "allOf": _across_sections(),
        "$defs": dict(sorted(definitions.items())),
    }


def calendar_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of calendar files."""
    definitions: Definitions = {}
    schema = document_schema(CalendarFile, definitions)
    return {"$schema": DRAFT, "title": "Interlock calendar", **schema, "$defs": definitions}


def alerts_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of the file alerts.yaml. Only decoding finds unknown names and unreachable routes."""
    definitions: Definitions = {}
    schema = document_schema(AlertRules, definitions)
    chatbot = {"required": ["format"], "properties": {"format": {"const": TopicFormat.CHATBOT.value}}}
    definitions["AlertTarget"]["oneOf"] = [
        {**given("slack"), "not": {"anyOf": [given("secret"), chatbot]}},
        {**given("sns"), "not": given("secret")},
        {**given("webhook", "secret"), "not": chatbot},
    ]
    schema["properties"]["targets"]["propertyNames"] = {"pattern": rf"^{TARGET_NAME}$(?!\n)"}
    definitions["AlertMatch"]["properties"]["event"]["items"] = {"enum": list(alert_types())}
    return {"$schema": DRAFT, "title": "Interlock alerts", **schema, "$defs": dict(sorted(definitions.items()))}


def _across_sections() -> list[dict[str, Any]]:
    with_trigger = {"properties": {"schedule": given("trigger")}}
    return [
        {"if": {"properties": {"dryRun": {"const": True}}, "required": ["dryRun"]}, "then": with_trigger},
        {"if": {"properties": {"sla": given("maxDuration")}, "required": ["sla"]}, "then": with_trigger},
    ]


def _value_fits_check() -> list[dict[str, Any]]:
    """The field and value that each check needs: see interlock_rules.Rule."""
    number = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": _NUMERAL}]}
    age = {"type": "string", "pattern": DURATION_PATTERN}
    return [
        _for_checks(("equals",), _needs({"not": {"type": "null"}}, "field", "value")),
        _for_checks(("gt", "gte", "lt", "lte"), _needs(number, "field", "value")),
        _for_checks(("age_lt", "age_gt"), _needs(age, "value")),
    ]


def _needs(value: dict[str, Any], *names: str) -> dict[str, Any]:
    """A condition with these keys, none of which counts as left out, and a value of this schema."""
    condition = given(*names)
    return {**condition, "properties": {**condition["properties"], "value": value}}


def _for_checks(checks: tuple[str, ...], then: dict[str, Any]) -> dict[str, Any]:
    return {"if": {"properties": {"check": {"enum": list(checks)}}, "required": ["check"]}, "then": then}


def _config_of(job_type: JobType, definitions: Definitions) -> dict[str, Any]:
    """`job.config` of one type, with every spelling of its keys. Only one spelling of a key may be given."""
    form = JOB_TYPES[job_type]
    config = reference(form, definitions)
    kind = shape.type_info(form)
    assert isinstance(kind, shape.StructType)
    _add_spellings(definitions[form.__name__], kind, _spellings(job_type), definitions)
    return {
        "if": {"properties": {"type": {"const": job_type.value}}, "required": ["type"]},
        "then": {"properties": {"config": config}},
    }


def _spellings(job_type: JobType) -> dict[str, tuple[str, ...]]:
    """Every spelling of each key that has several, the canonical one first."""
    found: dict[str, tuple[str, ...]] = {}
    for other, name in aliases(job_type.value).items():
        found[name] = (*found.get(name, (name,)), other)
    return found


def _add_spellings(
    definition: dict[str, Any],
    kind: shape.StructType,
    spellings: dict[str, tuple[str, ...]],
    definitions: Definitions,
) -> None:
    fields = {field.encode_name: field for field in kind.fields}
    once: list[dict[str, Any]] = []
    for name, ways in spellings.items():
        spelled = schema_of(fields[name].type, definitions, may_be_absent=True)
        definition["properties"][name] = spelled
        for other in ways[1:]:
            definition["properties"][other] = {**spelled, "description": f"Other spelling of {name}."}
        if fields[name].required:
            once.append({"oneOf": [given(way) for way in ways]})
        else:
            once += [{"not": given(*pair)} for pair in combinations(ways, 2)]
    if once:
        definition["allOf"] = once
    required = sorted(name for name, field in fields.items() if field.required and name not in spellings)
    definition.pop("required", None)
    if required:
        definition["required"] = required
