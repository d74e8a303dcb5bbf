"""Conversion of plain values to a struct: decoding for right values, and a walk over all places for wrong ones."""

from functools import cache, lru_cache
from typing import Any, TypeVar

import msgspec
import msgspec.inspect as shape
from msgspec import UNSET

from interlock_config._problems import Findings
from interlock_sla import Duration, parse_duration

from ._expected import Expected
from ._odd import is_plain, odd_numbers, too_deep
from ._walk import walk

T = TypeVar("T")


def shaped(kind: type[T], raw: Any, findings: Findings, plain: bool | None = None) -> T | None:
    """`raw` as a `kind`. Every place that does not fit is recorded and replaced by a harmless value.

    None if no struct can be made. The reason is recorded in this case, too. Decoding alone decides about plain
    values. Otherwise every place is checked. plain: the result of `is_plain`, if it is known.
    """
    if not isinstance(raw, dict):
        required = ", ".join(_required(kind))  # type: ignore[arg-type]  # mypy takes type[T] for unhashable
        dash = "; write one mapping, not a list" if isinstance(raw, list) else ""
        findings.error((), UNSET, f"must be a mapping with {required}{dash}")
        return None
    plain = is_plain(raw) if plain is None else plain
    if not plain and (deep := too_deep(raw)) is not None:
        findings.error(deep[:4], UNSET, "is nested too deeply")
        return None
    found = _converted(kind, raw) if plain else None
    return _corrected(kind, raw, findings) if found is None else found


def to_json(value: Any) -> str:
    """A struct as JSON, with durations as they were written and sets in order."""
    return _to_bytes(value).decode()


def as_written(kind: type[T], text: bytes) -> T | None:
    """The struct of a text that equals the `to_json` of this struct, else None.

    Such a text has no repeated keys, no unknown keys, and no null outside of free-form values.
    """
    try:
        found = msgspec.json.decode(text, type=kind, dec_hook=_decode_other)
        return found if _to_bytes(found) == text else None
    except (msgspec.MsgspecError, UnicodeError, OverflowError, RecursionError):
        return None


def _to_bytes(value: Any) -> bytes:
    return msgspec.json.encode(value, enc_hook=_encode_other, order="deterministic")


def _corrected(kind: type[T], raw: dict[str, Any], findings: Findings) -> T | None:
    declared = _declared(kind)  # type: ignore[arg-type]  # mypy takes type[T] for unhashable
    found = _converted(kind, walk(declared, raw, (), findings))
    for path, value, message in odd_numbers(raw, ()):
        if not findings.touches(path):
            findings.error(path, value, message)
    if found is None and not findings.failed:
        # Decoding failed and the walk found no error: never accept on doubt.
        findings.error((), UNSET, "does not have the expected structure")
    return found


def _converted(kind: type[T], raw: Any) -> T | None:
    try:
        return msgspec.convert(raw, kind, dec_hook=_decode_other)
    except msgspec.ValidationError:
        return None


@cache
def _declared(kind: type) -> shape.Type:
    """Cached: the watchdog reads the same unreadable config again at every sweep."""
    return shape.type_info(kind)


@cache
def _required(kind: type) -> tuple[str, ...]:
    declared = Expected(_declared(kind)).type
    assert isinstance(declared, shape.StructType)
    return tuple(field.encode_name for field in declared.fields if field.required)


def _decode_other(kind: type, value: Any) -> Any:
    if kind is not Duration or not isinstance(value, str):
        raise ValueError(kind)
    return _duration(value)


@lru_cache(maxsize=1024)
def _duration(text: str) -> Duration:
    return parse_duration(text)


def _encode_other(value: Any) -> Any:
    if isinstance(value, Duration):
        return value.text
    raise NotImplementedError(type(value))
