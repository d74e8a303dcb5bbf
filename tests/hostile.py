"""Texts that a terminal or rich would obey, the check that an output has none of them, and rows with invalid values."""

import unicodedata
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

MISSING = object()

HOSTILE = (
    "\x1b[2J\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]8;;http://127.0.0.1/\x1b\\link\x1b]8;;\x1b\\",
    "\x9b31mred",
    "one\r\ntwo",
    "a\u202egnp.exe",
    "\u2066isolated\u2069",
    "\u200bzero\u200d\ufeffwidth",
    "two\u2028lines\u2029more",
    "[/nope]",
    "[red]markup[/red] [link=http://127.0.0.1]x[/link]",
    ":skull:",
    "e" + "\u0301" * 20,
    "tag\U000e0041",
    "\x7f\b\b\b\b",
    "\x00",
)
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def raw_signs(text: str) -> list[str]:
    """The characters that a terminal would obey or hide. Line ends are expected."""
    unusual = set(text) - {"\n"}
    return [repr(sign) for sign in sorted(unusual) if unicodedata.category(sign) in _FORBIDDEN_CATEGORIES]


def values() -> st.SearchStrategy[Any]:
    """A value of each DynamoDB type, as the tables return it."""
    texts = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    numbers = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**30), max_value=10**30)
    extremes = st.sampled_from([Decimal("9.9E+125"), Decimal("-9.9E+125"), Decimal("1E-130"), Decimal(0), Decimal(-1)])
    plain = texts | numbers | extremes | st.booleans() | st.none() | st.binary(max_size=8)
    sets = st.sets(texts, min_size=1, max_size=3) | st.sets(numbers, min_size=1, max_size=3)
    nested = st.recursive(
        plain | sets,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    )
    huge = st.sampled_from(["x" * 20_000, "\x1b[31m" * 2_000, "[" * 5_000, '{"a":' * 5_000])
    return nested | huge


def mutated(row: Mapping[str, Any], keys: Collection[str] = ("PK", "SK")) -> st.SearchStrategy[dict[str, Any]]:
    """The row with some attributes missing, replaced or added. Its keys stay, since DynamoDB checks their types."""
    names = sorted(set(row) - set(keys))
    changes = st.dictionaries(st.sampled_from(names), st.just(MISSING) | values(), min_size=0, max_size=4)
    more = st.dictionaries(st.sampled_from([*HOSTILE, "config", "status", "ttl"]), values(), max_size=1)
    return st.builds(_apply, st.just(row), changes, more)


def _apply(row: Mapping[str, Any], changes: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**more, **row, **changes}.items() if value is not MISSING}
