"""The keys that count as left out: optional keys with null, "" or an empty list or map.

Stored configs have many: `jsonencode(yamldecode(file))` writes a null for every key without a value.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec.inspect as shape
from msgspec import Struct

from interlock_config._job_types import JOB_TYPES, aliases
from interlock_rules import Check

from ._expected import Expected

_MAY_BE_EMPTY = (str, list, dict)


class _Form(NamedTuple):
    """The form of a mapping in the config: its optional keys, and the forms of the mappings and lists inside."""

    optional: frozenset[str]
    inner: dict[str, "_Form"]
    is_condition: bool
    """Whether it is a condition on a sensor: its `value` is content, as `equals` may ask for an empty text."""


def is_nothing(value: Any) -> bool:
    """Whether a value counts as left out: null, an empty text, an empty list or mapping. False and 0 are values."""
    return not value and (value is None or type(value) in _MAY_BE_EMPTY)


def without_absent(kind: type[Struct], raw: Any) -> Any:
    """The document without the keys that count as left out. `raw` is not changed. Without such keys, it is returned.

    A mapping whose keys are all left out is empty itself. In headers, arguments, bodies and payloads, no key
    counts as left out: null is content there.
    """
    found = _without(raw, _form(kind))
    job = found.get("job") if isinstance(found, dict) else None
    if isinstance(job, dict) and isinstance(config := job.get("config"), dict):
        kept = _job_config(config, job.get("type"))
        if kept is not config:
            return {**found, "job": {**job, "config": kept}}
    return found


def _without(value: Any, form: _Form) -> Any:
    if isinstance(value, list):
        items = [_without(item, form) if isinstance(item, dict) else item for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if not isinstance(value, dict):
        return value
    kept = {}
    changed = False
    for key, old in value.items():
        new = _without(old, form.inner[key]) if key in form.inner else old
        if key in form.optional and is_nothing(new) and not _is_content(key, new, value, form):
            changed = True
            continue
        changed = changed or new is not old
        kept[key] = new
    return kept if changed else value


def _is_content(key: str, value: Any, condition: Mapping[str, Any], form: _Form) -> bool:
    """Whether a condition compares with this empty value. `exists` does not compare."""
    return form.is_condition and key == "value" and value is not None and condition.get("check") != Check.EXISTS


def _job_config(config: dict[str, Any], job_type: object) -> dict[str, Any]:
    """The job's config without empty optional keys and without empty other spellings of a given key."""
    if not isinstance(job_type, str) or job_type not in _JOB_KEYS:
        return config
    names, is_required = aliases(job_type), _JOB_KEYS[job_type]
    given = {names.get(key, key) for key, value in config.items() if not is_nothing(value)}

    def is_kept(key: str, value: Any) -> bool:
        name = names.get(key, key)
        return not is_nothing(value) or (is_required.get(name, True) and name not in given)

    kept = {key: value for key, value in config.items() if is_kept(key, value)}
    return config if len(kept) == len(config) else kept


@cache
def _form(kind: type[Struct]) -> _Form:
    declared = Expected(shape.type_info(kind)).type
    assert isinstance(declared, shape.StructType)
    return _form_of(declared)


def _form_of(kind: shape.StructType) -> _Form:
    optional = frozenset(field.encode_name for field in kind.fields if not field.required)
    inner = {field.encode_name: form for field in kind.fields if (form := _form_inside(field.type)) is not None}
    return _Form(optional, inner, {"check", "value"} <= {field.encode_name for field in kind.fields})


def _form_inside(declared: shape.Type) -> _Form | None:
    kind = Expected(declared).type
    if isinstance(kind, shape.VarTupleType | shape.ListType):
        kind = Expected(kind.item_type).type
    return _form_of(kind) if isinstance(kind, shape.StructType) else None


def _required_keys(form: type[Struct]) -> dict[str, bool]:
    kind = shape.type_info(form)
    assert isinstance(kind, shape.StructType)
    return {field.encode_name: field.required for field in kind.fields}


_JOB_KEYS = {job_type.value: _required_keys(form) for job_type, form in JOB_TYPES.items()}
"""Whether each key of a job type's config is required, by its canonical name."""
