"""Decides which sensor row a rule reads for an execution date, and which rules a row concerns."""

from collections.abc import Iterable, Mapping

from interlock_sla import ExecutionDate

from ._checks import Fields


def candidate_keys(key: str, date: ExecutionDate) -> tuple[str, ...]:
    """The row keys that a rule key may be read from, best first: `key#2026-03-03`, `key#20260303`, `key`."""
    return f"{key}#{date}", f"{key}#{date.compact}", key


def select_sensors(rows: Mapping[str, Fields], keys: Iterable[str], date: ExecutionDate) -> dict[str, Fields]:
    """The fields to evaluate each rule key with: the period's own row first, in the dashed form, then the compact
    form, then the plain key. Keys without any row are absent from the answer.
    """
    selected: dict[str, Fields] = {}
    for key in keys:
        row = next((rows[candidate] for candidate in candidate_keys(key, date) if candidate in rows), None)
        if row is not None:
            selected[key] = row
    return selected


def key_matches(pattern: str, key: str) -> bool:
    """Whether a sensor's key is the pattern or continues it with `#`: `row` matches `row#20260303`, not `row-count`.

    An empty pattern matches nothing.
    """
    return bool(pattern) and (key == pattern or key.startswith(f"{pattern}#"))
