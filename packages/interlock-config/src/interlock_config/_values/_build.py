"""From plain values to a struct: the quick way for what is right, the thorough way for what is not."""

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
    """`raw` as a `kind`, with every place that does not fit recorded and replaced by something harmless.

    None when nothing can be made of it; then, too, the reason is recorded. Where nothing in it is odd, decoding
    alone decides; else every place is looked at. plain: what is known already of that (see `is_plain`).
    """
    if not isinstance(raw, dict):
        required = ", ".join(_required(kind))  # type: ignore[arg-type]  # mypy takes type[T] for unhashable
        dash = "; a file holds one of them, not a list" if isinstance(raw, list) else ""
        findings.error((), UNSET, f"must be a mapping with {required}{dash}")
        return None
    plain = is_plain(raw) if plain is None else plain
    if not plain and (deep := too_deep(raw)) is not None:
        findings.error(deep[:4], UNSET, "is nested too deeply")
        return None
    found = _converted(kind, raw) if plain else None
    return _corrected(kind, raw, findings) if found is None else found


def to_json(value: Any) -> str:
    """A struct as JSON; durations as they were written, sets in order."""
    return _to_bytes(value).decode()


def as_written(kind: type[T], text: bytes) -> T | None:
    """The struct of a text that is exactly what `to_json` makes of it, else None.

    Such a text has no key twice, none that is unknown, and no null outside of free-form values.
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
        findings.error((), UNSET, "does not fit")  # the two looks disagree: never accept on doubt
    return found


def _converted(kind: type[T], raw: Any) -> T | None:
    try:
        return msgspec.convert(raw, kind, dec_hook=_decode_other)
    except msgspec.ValidationError:
        return None


@cache
def _declared(kind: type) -> shape.Type:
    """Looked at once: a watchdog meets the same unreadable config again at every tick."""
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
