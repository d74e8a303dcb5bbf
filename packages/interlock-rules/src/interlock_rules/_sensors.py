"""Decides which sensor row each rule reads for an execution date, and the reason why a row does not count."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from msgspec import Struct

from interlock_sla import ExecutionDate, ExecutionDateError

from ._checks import Fields
from ._row_dates import RowDate, UnreadableDate, counts_for, row_date
from ._rules import Rule


class KeptRow(Struct, frozen=True):
    """A sensor row that an execution date keeps after an evaluation.

    fields: the sensor's fields, None when the row was too large to keep. kept_at: the time of the row (UTC).
    exact: whether the row names the exact date that its rule reads, or no date. False for an hour's row that is kept
    for the day, and for a day's row that is kept for an hour.
    """

    fields: Fields | None
    kept_at: datetime
    exact: bool = True


class Selection(Struct, frozen=True):
    """The row that each rule reads.

    fields: a rule's row name to the fields of its row. A row name without a row that counts is absent.
    notes: a row name to a remark for the explanation: the reason why no row counts, or the time of a kept row.
    sources: a row name to the key of its row. kept: the row names that read a kept row.
    """

    fields: dict[str, Fields]
    notes: dict[str, str] = {}
    sources: dict[str, str] = {}
    kept: frozenset[str] = frozenset()


def candidate_keys(key: str, date: ExecutionDate) -> tuple[str, ...]:
    """The row keys from which a sensor key is read, best first.

    A day reads `key#2026-03-03`, `key#20260303`, `key`. An hour reads its own keys first.
    """
    return tuple(key + suffix for suffix in _suffixes(date))


def row_keys(rules: Iterable[Rule], date: ExecutionDate) -> tuple[str, ...]:
    """Every row key that these rules may read for a date, each once."""
    suffixes = _suffixes(date)
    found: dict[str, None] = {}
    for rule in rules:
        wanted = _wanted(rule, date) if rule.date_offset else date
        own = suffixes if wanted is date else _suffixes(wanted) if wanted is not None else ()
        found |= dict.fromkeys([rule.key + suffix for suffix in own])
    return tuple(found)


def select_rows(
    rows: Mapping[str, Fields], rules: Iterable[Rule], date: ExecutionDate, kept: Mapping[str, KeptRow] | None = None
) -> Selection:
    """The row that each rule reads for the run of `date`: the first of its candidates that counts for the run.

    A row that names the exact date comes before rows of its hours and before the row of its day (docs/dates.md §2).
    rows: row key to fields, as they are now. kept: row name to the kept row of the date. A rule reads it where rows of
    other dates have taken its place, but not where a row is unreadable or no row is left.
    A rule with `any_date` reads the first row that exists.
    """
    fields: dict[str, Fields] = {}
    notes: dict[str, str] = {}
    sources: dict[str, str] = {}
    from_kept: list[str] = []
    suffixes = _suffixes(date)
    for rule in rules:
        row_name = rule.row_name
        if row_name in fields or row_name in notes:
            continue
        wanted = _wanted(rule, date) if rule.date_offset else date
        if wanted is None:
            notes[row_name] = (
                f"has no row to read: dateOffset {rule.date_offset:+} from {date} leaves the years 1900 to 9998"
            )
            continue
        name, objections = _look(rows, rule, rule.key, wanted, suffixes if wanted is date else _suffixes(wanted))
        row = kept.get(row_name) if kept and objections else None
        if name is not None and (row is None or not row.exact):
            fields[row_name], sources[row_name] = rows[name], name
            continue
        if row is not None and not _is_replaced(objections):
            row = None
        if row is not None and row.fields is not None:
            fields[row_name], sources[row_name] = row.fields, rule.key
            from_kept.append(row_name)
        if row is not None or objections:
            notes[row_name] = _note(rule, wanted, objections, row)
    return Selection(fields, notes, sources, frozenset(from_kept))


def _look(
    rows: Mapping[str, Fields], rule: Rule, key: str, date: ExecutionDate, suffixes: tuple[str, ...]
) -> tuple[str | None, list[RowDate]]:
    """The key of the row that the rule reads, None without one, and the dates that other rows name.

    A row that names another date may have replaced the row of this date. Such dates are listed. The date of the row
    that the rule reads is listed too, if it is less precise than this date or more precise.
    """
    objections: list[RowDate] = []
    best: str | None = None  # a row of an hour for its day, or of the day for its hour
    for suffix in suffixes:
        name = key + suffix
        fields = rows.get(name)
        if fields is None:
            continue
        if rule.any_date:
            return name, []
        named = row_date(name, fields)
        if named == date:
            return name, []
        if named is None:  # only the plain key, which is the last, has a row without a date
            return best or name, []
        if best is None and counts_for(named, date):
            best = name
        objections.append(named)
    return best, objections


def _is_replaced(objections: list[RowDate]) -> bool:
    """Whether other rows have taken the place of the date's own row.

    An unreadable row may be newer than the kept one, and a key without any row may have been deleted on purpose.
    """
    return bool(objections) and not any(isinstance(named, UnreadableDate) for named in objections)


def _note(rule: Rule, wanted: ExecutionDate, objections: list[RowDate], kept: KeptRow | None) -> str:
    """The reason why no row of the rule's key counts, and the row that the rule reads instead."""
    others = dict.fromkeys(
        f"has a row whose {named}" if isinstance(named, UnreadableDate) else f"is of {named}" for named in objections
    )
    reason = " and ".join(others) + (f", where the rule reads {wanted}" if rule.date_offset else "")
    if kept is None:
        return reason
    if kept.fields is None:
        lost = f"the row of {wanted} was too large to keep"
        return f"{reason}, and {lost}" if others else f"has no row, and {lost}"
    now = f" ({rule.key} {reason} now)" if others else ""
    return f"kept from {kept.kept_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}{now}"


def _wanted(rule: Rule, date: ExecutionDate) -> ExecutionDate | None:
    """The date of the row that a rule with an offset reads, None outside the years of execution dates."""
    try:
        return date.shifted(rule.date_offset)
    except ExecutionDateError:
        return None


def _suffixes(date: ExecutionDate) -> tuple[str, ...]:
    """The suffixes of a date's row keys, best first. The last is empty, for the plain key."""
    day = f"#{date.day.isoformat()}"
    compact = day.replace("-", "")
    if date.hour is None:
        return day, compact, ""
    hour = f"T{date.hour:02}"
    return day + hour, compact + hour, day, compact, ""


def key_matches(pattern: str, key: str) -> bool:
    """Whether a sensor's key is the pattern or continues it with `#`: `row` matches `row#20260303`, not `row-count`.

    An empty pattern matches nothing.
    """
    return bool(pattern) and (key == pattern or key.startswith(f"{pattern}#"))
