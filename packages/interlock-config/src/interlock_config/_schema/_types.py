"""The JSON Schema of one type."""

from enum import Enum
from typing import Any, TypeAlias

import msgspec.inspect as shape

from interlock_config._fields import DURATION_PATTERN
from interlock_config._values import Expected
from interlock_sla import Duration

Definitions: TypeAlias = dict[str, dict[str, Any]]
"""The shared parts of a schema, by name."""

_PLAIN: dict[type, dict[str, Any]] = {
    shape.BoolType: {"type": "boolean"},
    shape.DateType: {"type": "string", "format": "date", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)"},
    shape.CustomType: {"type": "string", "pattern": DURATION_PATTERN},
    shape.AnyType: {"type": ["string", "number", "boolean", "array", "object", "null"]},
}

ABSENT: dict[str, Any] = {"$ref": "#/$defs/Absent"}
"""The value of a key that counts as left out."""

_ABSENT: dict[str, Any] = {"description": "Counts as left out.", "enum": [None, "", [], {}]}


def document_schema(document: type, definitions: Definitions) -> dict[str, Any]:
    """The schema of a whole document. The structs inside it are added to `definitions`."""
    definitions["Absent"] = _ABSENT
    kind = shape.type_info(document)
    assert isinstance(kind, shape.StructType)
    return _struct(kind, definitions)


def reference(document: type, definitions: Definitions) -> dict[str, Any]:
    """A reference to the definition of a struct. A missing definition is added."""
    return schema_of(shape.type_info(document), definitions)


def schema_of(declared: shape.Type, definitions: Definitions, *, may_be_absent: bool = False) -> dict[str, Any]:
    """The schema of one type, with its description and examples. may_be_absent: for a key that can be left out."""
    expected = Expected(declared)
    described = {"description": expected.description} if expected.description else {}
    examples = {"examples": expected.examples} if expected.examples else {}
    own = expected.schema or _of_kind(expected.type, definitions)
    if may_be_absent and not _is_any(expected.type):
        own = {"anyOf": [own, ABSENT]}
    return {**described, **own, **examples}


def given(*names: str) -> dict[str, Any]:
    """The schema of a mapping that has all of these keys, none of which counts as left out."""
    return {"type": "object", "required": list(names), "properties": {name: {"not": ABSENT} for name in names}}


def _of_kind(kind: shape.Type, definitions: Definitions) -> dict[str, Any]:
    if isinstance(kind, shape.StructType):
        name = kind.cls.__name__.removesuffix("Form")
        if name not in definitions:
            definitions[name] = {}  # entered before its parts, which may refer to it
            definitions[name].update(_struct(kind, definitions))
        return {"$ref": f"#/$defs/{name}"}
    if isinstance(kind, shape.EnumType):
        return {"enum": [member.value for member in kind.cls]}
    if isinstance(kind, shape.UnionType):
        return {"anyOf": [schema_of(choice, definitions) for choice in kind.types]}
    if isinstance(kind, shape.VarTupleType | shape.ListType):
        items = {} if _is_any(kind.item_type) else {"items": schema_of(kind.item_type, definitions)}
        return {"type": "array", **items, **_bounds(kind, {"min_length": "minItems"})}
    if isinstance(kind, shape.DictType):
        inner = True if _is_any(kind.value_type) else schema_of(kind.value_type, definitions)
        return {"type": "object", "additionalProperties": inner, **_bounds(kind, {"min_length": "minProperties"})}
    return _of_leaf(kind)


def _of_leaf(kind: shape.Type) -> dict[str, Any]:
    if isinstance(kind, shape.StrType):
        return {"type": "string", **_bounds(kind, {"min_length": "minLength", "pattern": "pattern"})}
    if isinstance(kind, shape.IntType | shape.FloatType):
        named = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum"}
        return {"type": "integer" if isinstance(kind, shape.IntType) else "number", **_bounds(kind, named)}
    return dict(_PLAIN[type(kind)])


def _struct(kind: shape.StructType, definitions: Definitions) -> dict[str, Any]:
    properties = {}
    for field in kind.fields:
        properties[field.encode_name] = schema_of(field.type, definitions, may_be_absent=not field.required)
        if _is_plain_default(field.default):
            properties[field.encode_name]["default"] = _plain(field.default)
    required = [field.encode_name for field in kind.fields if field.required]
    return {
        "description": (kind.cls.__doc__ or "").split("\n")[0],
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _is_any(kind: shape.Type) -> bool:
    """Whether a type accepts any value: inside such a structure, null is a value like any other."""
    return isinstance(kind, shape.AnyType)


def _bounds(kind: shape.Type, names: dict[str, str]) -> dict[str, Any]:
    given = ((names[name], getattr(kind, name)) for name in names)
    return {name: value for name, value in given if value is not None}


def _is_plain_default(value: object) -> bool:
    return isinstance(value, bool | int | float | str | Duration)


def _plain(value: Any) -> Any:
    if isinstance(value, Duration):
        return value.text
    return value.value if isinstance(value, Enum) else value
