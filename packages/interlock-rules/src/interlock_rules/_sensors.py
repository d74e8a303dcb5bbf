"""Decides which sensor row each rule reads for an execution date, and says why a row does not count."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from msgspec import Struct

from interlock_sla import ExecutionDate

from ._checks import Fields
from ._row_dates import UnreadableDate, counts_for, row_date
from ._rules import Rule


class KeptRow(Struct, frozen=True):
    """A sensor row that was kept with the date that it was judged for.

    fields: the sensor's fields, None when the row was too large to keep. kept_at: the time of the row (UTC).
    """

    fields: Fields | None
    kept_at: datetime


class Selection(Struct, frozen=True):
    """The row that each rule reads.

    fields: a rule's slot to the fields of its row; slots without a row that counts are absent.
    notes: a slot to a remark for the explanation: why no row counts, or since when a row is kept.
    sources: a slot to the key of its row. kept: the slots whose row was kept with the date.
    """

    fields: dict[str, Fields]
    notes: dict[str, str] = {}
    sources: dict[str, str] = {}
    kept: frozenset[str] = frozenset()


def candidate_keys(key: str, date: ExecutionDate) -> tuple[str, ...]:
    """The row keys that a sensor key is read from, best first.

    Of a day: `key#2026-03-03`, `key#20260303`, `key`. Of an hour: that hour's keys first.
    """
    return (*(f"{key}#{suffix}" for suffix in _suffixes(date)), key)


def row_keys(rules: Iterable[Rule], date: ExecutionDate) -> tuple[str, ...]:
    """Every row key that these rules may read for a date, each once."""
    found = (name for rule in rules for name in candidate_keys(rule.key, _wanted(rule, date)))
    return tuple(dict.fromkeys(found))


def select_rows(
    rows: Mapping[str, Fields], rules: Iterable[Rule], date: ExecutionDate, kept: Mapping[str, KeptRow] | None = None
) -> Selection:
    """The row that each rule reads for the run of `date`: the first of its candidates that counts for the run.

    rows: row key to fields, as they are now. kept: slot to the row that was kept with the date. It is read where no
    row counts, unless a row of the rule's key is unreadable: that one might be newer.
    A rule with `any_date` reads the first row that is there.
    """
    fields: dict[str, Fields] = {}
    notes: dict[str, str] = {}
    sources: dict[str, str] = {}
    from_kept = []
    suffixes = _suffixes(date)
    for rule in rules:
        slot = rule.slot
        if slot in fields or slot in notes:
            continue
        wanted = date if rule.date_offset == 0 else date.shifted(rule.date_offset)
        found, objections, is_unreadable = _look(rows, rule, wanted, suffixes if wanted is date else _suffixes(wanted))
        if found is not None:
            sources[slot] = found
            fields[slot] = rows[found]
            continue
        row = kept.get(slot) if kept and not is_unreadable else None
        if row is not None and row.fields is not None:
            fields[slot] = row.fields
            sources[slot] = rule.key
            from_kept.append(slot)
            notes[slot] = f"kept from {row.kept_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        elif objections:
            lost = f", and the row of {wanted} was too large to keep" if row is not None else ""
            notes[slot] = _objection(objections, rule, wanted) + lost
    return Selection(fields, notes, sources, frozenset(from_kept))


def _look(
    rows: Mapping[str, Fields], rule: Rule, wanted: ExecutionDate, suffixes: tuple[str, ...]
) -> tuple[str | None, list[str], bool]:
    """The key of the row to read, what speaks against the others, and whether one of those is unreadable."""
    key, objections, is_unreadable = rule.key, [], False
    for name in (*(f"{key}#{suffix}" for suffix in suffixes), key):
        fields = rows.get(name)
        if fields is None:
            continue
        if rule.any_date:
            return name, [], False
        named = row_date(name, fields)
        if counts_for(named, wanted):
            return name, [], False
        is_unreadable |= isinstance(named, UnreadableDate)
        objections.append(f"has a row whose {named}" if isinstance(named, UnreadableDate) else f"is of {named}")
    return None, objections, is_unreadable


def _objection(objections: list[str], rule: Rule, wanted: ExecutionDate) -> str:
    needed = f", where the rule reads {wanted}" if rule.date_offset else ""
    return f"{' and '.join(dict.fromkeys(objections))}{needed}"


def _wanted(rule: Rule, date: ExecutionDate) -> ExecutionDate:
    return date.shifted(rule.date_offset) if rule.date_offset else date


def _suffixes(date: ExecutionDate) -> tuple[str, ...]:
    day = date.day.isoformat()
    compact = day.replace("-", "")
    if date.hour is None:
        return day, compact
    return f"{day}T{date.hour:02}", f"{compact}T{date.hour:02}", day, compact


def key_matches(pattern: str, key: str) -> bool:
    """Whether a sensor's key is the pattern or continues it with `#`: `row` matches `row#20260303`, not `row-count`.

    An empty pattern matches nothing.
    """
    return bool(pattern) and (key == pattern or key.startswith(f"{pattern}#"))
