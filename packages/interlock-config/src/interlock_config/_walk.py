"""Which places of a document do not fit their type: the second look, that finds all of them."""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Annotated, Any

import msgspec.inspect as shape
from msgspec import UNSET, Meta

from interlock_rules import Rule
from interlock_sla import Duration

from ._config import PipelineConfig
from ._fields import CheckName, Field, SensorKey
from ._leaves import duration_problem, number_problem, text_problem, written
from ._problems import Findings, Path, did_you_mean, nearest
from ._structs import Section

_EMPTY = "has no value; give one, or leave the key out"
_EMPTY_SECTION = "is empty; indent what belongs to it, or leave the key out"


class RuleForm(Section, frozen=True):
    """A rule as a file writes it, with the descriptions that interlock_rules.Rule does not carry."""

    key: SensorKey
    check: CheckName
    field: Field = None
    value: Annotated[Any, Meta(description="What the field is compared with.", examples=[100])] = None


_WORDS = (shape.StrType, shape.DateType, shape.EnumType, shape.Metadata)
_DESCRIBED_BY: dict[type, type] = {Rule: RuleForm}


class Expected:
    """A type with what its annotations say about it; the innermost word on a subject counts."""

    def __init__(self, declared: shape.Type) -> None:
        self.allowed = ""
        self.is_time = False
        self.description = ""
        self.examples: list[Any] = []
        self.schema: dict[str, Any] | None = None
        while isinstance(declared, shape.Metadata | shape.UnionType):
            inner = self._unwrapped(declared)
            if inner is declared:
                break
            declared = inner
        if isinstance(declared, shape.StructType) and declared.cls in _DESCRIBED_BY:
            declared = shape.type_info(_DESCRIBED_BY[declared.cls])
        self.type = declared

    def _unwrapped(self, declared: shape.Metadata | shape.UnionType) -> shape.Type:
        if isinstance(declared, shape.UnionType):
            choices = _choices(declared)
            return choices[0] if len(choices) == 1 else declared
        said = declared.extra or {}
        self.allowed = said.get("allowed", self.allowed)
        self.is_time = said.get("time", self.is_time)
        self.schema = said.get("schema", self.schema)
        shown = declared.extra_json_schema or {}
        self.description = self.description or shown.get("description", "")
        self.examples = shown.get("examples", self.examples)
        return declared.type


def _choices(union: shape.UnionType) -> list[shape.Type]:
    return [choice for choice in union.types if not isinstance(choice, shape.NoneType)]


def walk(declared: shape.Type, value: Any, path: Path, findings: Findings) -> Any:
    """Record every place of `value` that does not fit; return it with those places made harmless.

    Harmless means: left out where that is allowed, else replaced by an example, so that the rest can be
    looked at further. The result always converts to the declared type.
    """
    expected = Expected(declared)
    if value is None:
        findings.error(path, None, _EMPTY_SECTION if isinstance(expected.type, shape.StructType) else _EMPTY)
        return UNSET
    looked = _WALKS.get(type(expected.type), _walk_leaf)
    return looked(expected, value, path, findings)


def stand_in(declared: shape.Type) -> Any:
    """A value that fits a required place whose own value is missing or wrong."""
    expected = Expected(declared)
    if expected.examples:
        return expected.examples[0]
    assert isinstance(expected.type, shape.StructType), declared  # every required leaf carries an example
    return {field.encode_name: stand_in(field.type) for field in expected.type.fields if field.required}


def _walk_struct(expected: Expected, value: Any, path: Path, findings: Findings) -> Any:
    assert isinstance(expected.type, shape.StructType)
    fields = {field.encode_name: field for field in expected.type.fields}
    if not isinstance(value, dict):
        findings.error(path, value, expected.allowed or f"must be a mapping with the keys {', '.join(fields)}")
        return UNSET
    clean = {}
    meant = set()
    for key, inner in value.items():
        if key in fields:
            clean[key] = walk(fields[key].type, inner, (*path, key), findings)
        else:
            findings.error((*path, key), inner, unknown_key(key, fields, path))
            meant.add(nearest(key, fields))
    for name, field in fields.items():
        if field.required and name not in value and name not in meant:
            findings.error((*path, name), UNSET, missing(field))
        if clean.get(name, UNSET) is UNSET:
            clean[name] = stand_in(field.type) if field.required else UNSET
    return {key: inner for key, inner in clean.items() if inner is not UNSET}


def missing(field: shape.Field) -> str:
    """What to say about a required key that is not there."""
    expected = Expected(field.type)
    allowed = expected.allowed or _allowed(expected)
    return f"is missing; it {allowed}" if allowed else "is missing"


def unknown_key(key: str, known: Any, path: Path) -> str:
    """What to say about a key that nothing reads."""
    near = nearest(key, known)
    if near is not None:
        return f"is not a known key; did you mean {near}?"
    elsewhere = [place for place in _places().get(key.casefold(), []) if place[:-1] != path]
    if elsewhere:
        return f"is not a known key here; it belongs at {'.'.join(elsewhere[0])}"
    return f"is not a known key; known here: {', '.join(known)}"


@lru_cache(maxsize=1)
def _places() -> dict[str, list[tuple[str, ...]]]:
    """Where each key of a pipeline config belongs, by its lower-case name."""
    places: dict[str, list[tuple[str, ...]]] = {}
    waiting: list[tuple[tuple[str, ...], shape.Type]] = [((), shape.type_info(PipelineConfig))]
    while waiting:
        outer, declared = waiting.pop(0)
        kind = Expected(declared).type
        for field in kind.fields if isinstance(kind, shape.StructType) else ():
            place = (*outer, field.encode_name)
            places.setdefault(field.encode_name.casefold(), []).append(place)
            waiting.append((place, field.type))
    return places


def _walk_list(expected: Expected, value: Any, path: Path, findings: Findings) -> Any:
    kind = expected.type
    assert isinstance(kind, shape.VarTupleType | shape.ListType)
    allowed = expected.allowed or "must be a list"
    if not isinstance(value, list):
        hint = f"; write [{value}]" if isinstance(value, str) and isinstance(kind.item_type, _WORDS) else ""
        findings.error(path, value, allowed + hint)
        return UNSET
    if len(value) < (kind.min_length or 0):
        findings.error(path, value, allowed)
        return UNSET
    kept = []
    for place, inner in enumerate(value):
        clean = walk(kind.item_type, inner, (*path, place), findings)
        if clean is UNSET and isinstance(kind.item_type, shape.StructType):
            clean = stand_in(kind.item_type)  # so that the following ones keep their positions
        if clean is not UNSET:
            kept.append(clean)
    return kept if len(kept) >= (kind.min_length or 0) else UNSET


def _walk_mapping(expected: Expected, value: Any, path: Path, findings: Findings) -> Any:
    kind = expected.type
    assert isinstance(kind, shape.DictType)
    if not isinstance(value, dict) or len(value) < (kind.min_length or 0):
        findings.error(path, value, expected.allowed or "must be a mapping")
        return UNSET
    clean = {}
    for key, inner in value.items():
        kept = (
            inner
            if isinstance(kind.value_type, shape.AnyType)
            else walk(kind.value_type, inner, (*path, key), findings)
        )
        if kept is not UNSET:
            clean[key] = kept
    return clean


def _walk_choice(expected: Expected, value: Any, path: Path, findings: Findings) -> Any:
    assert isinstance(expected.type, shape.UnionType)
    for choice in _choices(expected.type):
        inner = Expected(choice)
        if type(value) in _TAKES.get(type(inner.type), ()):
            inner.allowed = inner.allowed or expected.allowed
            return _WALKS.get(type(inner.type), _walk_leaf)(inner, value, path, findings)
    hint = "" if isinstance(value, dict | list) else "; put it in quotes"
    findings.error(path, value, expected.allowed or f"must be text{hint}")
    return UNSET


def _walk_leaf(expected: Expected, value: Any, path: Path, findings: Findings) -> Any:
    problem = _LEAVES[type(expected.type)](expected, value)
    if problem is None:
        return value
    findings.error(path, value, problem)
    return UNSET


def _text(expected: Expected, value: Any) -> str | None:
    assert isinstance(expected.type, shape.StrType)
    return text_problem(expected.type, value, expected.allowed or "must be text", expected.is_time)


def _number(expected: Expected, value: Any) -> str | None:
    assert isinstance(expected.type, shape.IntType | shape.FloatType)
    return number_problem(expected.type, value, expected.allowed or _allowed(expected))


def _truth(expected: Expected, value: Any) -> str | None:
    if isinstance(value, bool):
        return None
    meant = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
    word = str(value).lower()
    hint = meant.get(word) or (word if word in ("true", "false") else None)
    return f"must be true or false; write {hint} without quotes" if hint else "must be true or false"


def _date(expected: Expected, value: Any) -> str | None:
    allowed = "must be a date YYYY-MM-DD"
    if not isinstance(value, str):
        return allowed
    try:
        date.fromisoformat(value)
    except ValueError:
        return f"{allowed} that exists in the calendar"
    return None if len(value) == len("YYYY-MM-DD") else f"{allowed}; write {date.fromisoformat(value)}"


def _name(expected: Expected, value: Any) -> str | None:
    assert isinstance(expected.type, shape.EnumType)
    known = [str(member.value) for member in expected.type.cls]
    try:
        expected.type.cls(value)
    except ValueError:
        pass
    else:
        return None
    return f"must be one of {', '.join(known)}{did_you_mean(value, known)}"


def _custom(expected: Expected, value: Any) -> str | None:
    assert isinstance(expected.type, shape.CustomType)
    assert expected.type.cls is Duration
    return duration_problem(value)


def _anything(expected: Expected, value: Any) -> str | None:
    return None


def _allowed(expected: Expected) -> str:
    kind = expected.type
    if isinstance(kind, shape.IntType) and kind.ge is not None:
        return f"must be a whole number from {kind.ge} to {kind.le}"
    if isinstance(kind, shape.FloatType):
        return f"must be a number, {written(kind.ge or 0)} or more"
    if isinstance(kind, shape.EnumType):
        return f"must be one of {', '.join(str(member.value) for member in kind.cls)}"
    if isinstance(kind, shape.StructType):
        required = [field.encode_name for field in kind.fields if field.required]
        return f"must be a mapping with {', '.join(required)}" if required else "must be a mapping"
    return ""


_Walk = Callable[[Expected, Any, Path, Findings], Any]
_WALKS: dict[type, _Walk] = {
    shape.StructType: _walk_struct,
    shape.VarTupleType: _walk_list,
    shape.ListType: _walk_list,
    shape.DictType: _walk_mapping,
    shape.UnionType: _walk_choice,
}
_LEAVES: dict[type, Callable[[Expected, Any], str | None]] = {
    shape.StrType: _text,
    shape.IntType: _number,
    shape.FloatType: _number,
    shape.BoolType: _truth,
    shape.DateType: _date,
    shape.EnumType: _name,
    shape.CustomType: _custom,
    shape.AnyType: _anything,
}
_TAKES: dict[type, tuple[type, ...]] = {
    shape.StrType: (str,),
    shape.IntType: (int,),
    shape.BoolType: (bool,),
    shape.DictType: (dict,),
    shape.ListType: (list,),
}
