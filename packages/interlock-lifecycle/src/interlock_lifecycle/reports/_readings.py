"""The rules of a pipeline with the row that each reads for a date: its value, its age and the distance to the limit."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from interlock_lifecycle._decision import KeptRows
from interlock_lifecycle.sensors._observed import ObservedRow
from interlock_rules import Finding, Mode, Rule, Selection, UnreadableDate, compile_rules, row_date, select_rows, shown
from interlock_sla import ExecutionDate


class RuleReading(Struct, frozen=True):
    """One rule and the row that it reads.

    needed: the expectation, such as "gte 1500". observed: the value in short form, None if it is missing. gap: the
    distance to the limit, None if the rule holds or the distance is unknown. row: the key of the row that was read,
    None if no row counts. row_date: the date that this row names. updated_at: the time of the row (UTC). age_seconds:
    its age. is_kept: the date keeps this row, and another one has taken its place. sentence: the whole result in one
    line.
    """

    key: str
    check: str
    needed: str
    passed: bool
    sentence: str
    field: str | None = None
    observed: str | None = None
    gap: str | None = None
    row: str | None = None
    row_date: str | None = None
    updated_at: datetime | None = None
    age_seconds: float | None = None
    is_kept: bool = False
    note: str = ""

    @property
    def demand(self) -> str:
        """The condition with its gap: `count gte 1500 (297 short)`."""
        words = " ".join(word for word in (self.field, self.needed) if word)
        return f"{words} ({self.gap})" if self.gap else words


def read_rules(
    rules: Sequence[Rule],
    rows: Mapping[str, Mapping[str, object]],
    kept: KeptRows,
    date: ExecutionDate,
    now: datetime,
) -> tuple[RuleReading, ...]:
    """The reading of each rule at `now` (aware), in the order of the rules. rows: by row key."""
    return _read_selected(rules, select_rows(rows, rules, date, kept.rows), now)


def read_observed(rules: Sequence[Rule], rows: Mapping[str, ObservedRow], at: datetime) -> tuple[RuleReading, ...]:
    """The reading of each rule at the evaluation of the time `at` (aware), whose event has these rows.

    rows: by the row name of a rule. A rule that the event does not have, or whose row is cut, is left out.
    """
    known = [rule for rule in rules if rule.row_name in rows and not rows[rule.row_name].cut]
    there = {name: row for name, row in rows.items() if row.fields is not None}
    fields = {name: row.fields for name, row in there.items() if row.fields is not None}
    return _read_selected(known, Selection(fields, sources={name: row.source for name, row in there.items()}), at)


def _read_selected(rules: Sequence[Rule], selected: Selection, now: datetime) -> tuple[RuleReading, ...]:
    findings = compile_rules(Mode.ALL, rules).find(selected.fields, now, selected.notes)
    return tuple(_reading(finding, selected, now) for finding in findings)


def _reading(finding: Finding, selected: Selection, now: datetime) -> RuleReading:
    rule, name = finding.rule, finding.rule.row_name
    source, fields = selected.sources.get(name), selected.fields.get(name)
    named = None if source is None or fields is None else row_date(source, fields)
    return RuleReading(
        key=rule.key,
        check=str(rule.check),
        needed=finding.expectation,
        passed=finding.passed,
        sentence=finding.sentence,
        field=rule.field,
        observed=None if finding.observed is None else shown(finding.observed),
        gap=finding.gap,
        row=source,
        row_date=None if named is None or isinstance(named, UnreadableDate) else str(named),
        updated_at=finding.since,
        age_seconds=None if finding.since is None else (now - finding.since).total_seconds(),
        is_kept=name in selected.kept,
        note=selected.notes.get(name, ""),
    )
