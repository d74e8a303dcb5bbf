"""Every place of a document that does not fit its type. The walk runs if decoding failed or a value is odd."""

import re
from collections.abc import Callable
from typing import Any

import msgspec.inspect as shape
from msgspec import UNSET

from interlock_config._problems import HIDDEN, Findings, Path, line_of, show
from interlock_rules import Rule
from interlock_sla import SlaError, parse_cron, zone

from ._expected import Expected, allowed_words, choices, stand_in
from ._leaves import leaf_problem
from ._unknown_keys import UnknownKey, look_at_unknown_key

_SHOWN_IN_HINTS = 50
_COMMA = "; it has no value: a value that holds a comma needs quotes"
_READERS: dict[str, Callable[[Any], object]] = {"cron": parse_cron, "timezone": zone}
_NAMES = ("calendar",)  # any word may be one
_WORDS = (shape.StrType, shape.DateType, shape.EnumType, shape.Metadata)


def walk(declared: shape.Type, value: Any, path: Path, findings: Findings) -> Any:
    """Record every place of `value` that does not fit. Return the value with harmless content in these places.

    An optional place is left out. A required place gets an example, so that the rest can be checked. The result always
    converts to the declared type.
    """
    expected = Expected(declared)
    if value is None:
        findings.error(path, None, _empty(expected))
        return UNSET
    looked = _WALKS.get(type(expected.type), _walk_leaf)
    return looked(expected, value, path, findings)


def _walk_struct(expected: Expected, value: Any, path: Path, findings: Findings) -> Any:
    assert isinstance(expected.type, shape.StructType)
    fields = {field.encode_name: field for field in expected.type.fields}
    if not isinstance(value, dict):
        findings.error(path, value, _no_mapping(expected, expected.type, value))
        return UNSET
    clean = {}
    meant: set[Path] = set()
    for key, inner in value.items():
        if key in fields and inner is None and fields[key].required:
            findings.error((*path, key), None, _empty_and_required(fields[key]))
        elif key in fields:
            clean[key] = walk(fields[key].type, inner, (*path, key), findings)
        else:
            meant |= _complain(look_at_unknown_key(key, fields, path), (*path, key), inner, findings)
    for place in meant - {(*path, key) for key in value}:
        findings.set_aside(place)
    for name, field in fields.items():
        if field.required and name not in value and (*path, name) not in meant:
            findings.error((*path, name), UNSET, missing(field))
        if clean.get(name, UNSET) is UNSET:
            clean[name] = stand_in(field.type) if field.required else UNSET
    return {key: inner for key, inner in clean.items() if inner is not UNSET}


def _complain(unknown: UnknownKey, path: Path, value: Any, findings: Findings) -> set[Path]:
    """Record an unknown key. Returns the places that were probably meant, if any."""
    if unknown.meant:
        findings.error(path, value, unknown.message)
        return set(unknown.meant)
    if value is None:  # without a value, the key may be a part of another value
        findings.error((*path[:-1], HIDDEN), None, f"{unknown.message}{_COMMA}", line_of(findings.lines, path))
    else:
        findings.error(path, value, unknown.message)
    return set()


def _empty(expected: Expected) -> str:
    if isinstance(expected.type, shape.StructType):
        return "is empty; indent its keys, or leave the key out"
    return "has no value; give one, or leave the key out"


def _empty_and_required(field: shape.Field) -> str:
    kind = Expected(field.type).type
    if isinstance(kind, shape.StructType):
        needs_nothing = not any(part.required for part in kind.fields)
        return "is empty; indent its keys" + (", or write {}" if needs_nothing else "")
    return "has no value; it " + (allowed_words(Expected(field.type)) or "is needed")


def _no_mapping(expected: Expected, kind: shape.StructType, value: Any) -> str:
    """The message about a value in place of a mapping. A bare value is often the value of one of its keys."""
    keys = [field.encode_name for field in kind.fields]
    allowed = expected.allowed or f"must be a mapping with the key{'s' * (len(keys) > 1)} {', '.join(keys)}"
    if isinstance(value, str) and value in keys:
        return f"{allowed}; write {{{value}: …}} with its value"
    if isinstance(value, str) and value.partition(":")[0] in keys:
        return f"{allowed}; a colon needs a space after it"
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and value[0].keys() <= set(keys):
        return f"{allowed}; remove the dash"
    meant = _key_meant(kind, value)
    return f"{allowed}; write {{{meant}: {show(value)}}}" if meant else allowed


def _key_meant(kind: shape.StructType, value: Any) -> str | None:
    """The key under which a bare value would fit. Free text fits only the first key."""
    if isinstance(value, dict) or len(show(value)) > _SHOWN_IN_HINTS:
        return None
    for field in kind.fields:
        inner = Expected(field.type).type
        is_free_text = isinstance(inner, shape.StrType) and inner.pattern is None
        if isinstance(inner, shape.StructType | shape.AnyType) or (is_free_text and field is not kind.fields[0]):
            continue
        if field.encode_name not in _NAMES and _fits(field.type, value) and _reads(field.encode_name, value):
            return field.encode_name
    return None


def _fits(declared: shape.Type, value: Any) -> bool:
    tried = Findings("")
    walk(declared, value, (), tried)
    return not tried.failed


def _reads(key: str, value: Any) -> bool:
    """Whether a text that fits its type is also valid for its key: a cron, a zone."""
    try:
        _READERS.get(key, str)(value)
    except SlaError:
        return False
    return True


def missing(field: shape.Field) -> str:
    """The message about a missing required key."""
    expected = Expected(field.type)
    allowed = allowed_words(expected)
    return f"is missing; it {allowed}" if allowed else "is missing"


def _walk_list(expected: Expected, value: Any, path: Path, findings: Findings) -> Any:
    kind = expected.type
    assert isinstance(kind, shape.VarTupleType | shape.ListType)
    allowed = expected.allowed or "must be a list"
    if not isinstance(value, list):
        is_entry = _is_word(value) and isinstance(kind.item_type, _WORDS) and _fits(kind.item_type, value)
        hint = f"; write [{value}]" if is_entry else ""
        if isinstance(value, dict) and isinstance(kind.item_type, shape.StructType):
            entry = "rule" if kind.item_type.cls is Rule else "entry"
            hint = f"; begin every {entry} with a dash, even a single {entry}"
        findings.error(path, value, allowed + hint)
        return UNSET
    if len(value) < (kind.min_length or 0):
        findings.error(path, value, allowed)
        return UNSET
    if isinstance(kind.item_type, shape.AnyType):
        return value
    kept = []
    for place, inner in enumerate(value):
        clean = walk(kind.item_type, inner, (*path, place), findings)
        if clean is UNSET and isinstance(kind.item_type, shape.StructType):
            clean = stand_in(kind.item_type)  # so that the following items keep their positions
        if clean is not UNSET:
            kept.append(clean)
    return kept if len(kept) >= (kind.min_length or 0) else UNSET


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,30}", value) is not None


def _walk_mapping(expected: Expected, value: Any, path: Path, findings: Findings) -> Any:
    kind = expected.type
    assert isinstance(kind, shape.DictType)
    if not isinstance(value, dict) or len(value) < (kind.min_length or 0):
        findings.error(path, value, expected.allowed or "must be a mapping")
        return UNSET
    if isinstance(kind.value_type, shape.AnyType):
        return value
    clean = {key: walk(kind.value_type, inner, (*path, key), findings) for key, inner in value.items()}
    return {key: inner for key, inner in clean.items() if inner is not UNSET}


def _walk_choice(expected: Expected, value: Any, path: Path, findings: Findings) -> Any:
    assert isinstance(expected.type, shape.UnionType)
    for choice in choices(expected.type):
        inner = Expected(choice)
        if type(value) in _TAKES.get(type(inner.type), ()):
            inner.allowed = inner.allowed or expected.allowed
            return _WALKS.get(type(inner.type), _walk_leaf)(inner, value, path, findings)
    hint = "" if isinstance(value, dict | list) else "; put it in quotes"
    findings.error(path, value, expected.allowed or f"must be text{hint}")
    return UNSET


def _walk_leaf(expected: Expected, value: Any, path: Path, findings: Findings) -> Any:
    problem = leaf_problem(expected, value)
    if problem is None:
        return value
    findings.error(path, value, problem)
    return UNSET


_Walk = Callable[[Expected, Any, Path, Findings], Any]
_WALKS: dict[type, _Walk] = {
    shape.StructType: _walk_struct,
    shape.VarTupleType: _walk_list,
    shape.ListType: _walk_list,
    shape.DictType: _walk_mapping,
    shape.UnionType: _walk_choice,
}
_TAKES: dict[type, tuple[type, ...]] = {
    shape.StrType: (str,),
    shape.IntType: (int,),
    shape.BoolType: (bool,),
    shape.DictType: (dict,),
    shape.ListType: (list,),
}
