"""The rows that are known of a date at each moment, and the decisions that unknown rows leave open."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.runs._evaluate import rules_to_read
from interlock_lifecycle.sensors._observed import ObservedRow, plain_row
from interlock_lifecycle.trials._record import DateRecord, Look, RecordedAttempt
from interlock_rules import Mode, Rule, Selection, compile_rules, is_at_least_as_strict, select_rows, updated_at

_Fields = Mapping[str, object]

LATENCY = timedelta(seconds=10)
"""The longest time between a write and the look that it causes. The look is the moment that counts for the run."""

AFTER = timedelta(milliseconds=1)


class Known(Struct, frozen=True):
    """The row that a rule reads from `since` up to `until` (UTC). None: no row counts.

    is_write: whether the row was written at `since`. Otherwise it was written at an unknown time before that.
    """

    since: datetime
    until: datetime
    fields: _Fields | None
    is_write: bool = False


class _Hold(Struct, frozen=True):
    since: datetime
    until: datetime
    failing: tuple[Mapping[str, Any], ...]


class Evidence(Struct, frozen=True):
    """The rows at one moment, as far as they are known.

    config: the config whose rules are evaluated. It lacks the rules of unknown rows where these are taken to hold.
    is_open: whether the unknown rows decide. is_partial: whether a row of a rule is unknown.
    """

    config: PipelineConfig
    read: Selection
    is_open: bool
    is_partial: bool


class Knowledge:
    """All that the events and rows of one date state about the rows that its rules read."""

    def __init__(
        self,
        record: DateRecord,
        attempts: Sequence[RecordedAttempt],
        before: PipelineConfig | None,
        after: PipelineConfig,
        now: datetime,
    ) -> None:
        self._after = after
        self._before = before
        looks = [look for attempt in attempts for look in attempt.looks]
        rules = [*rules_to_read(after), *(rules_to_read(before) if before is not None else ())]
        final = _final(record, rules, now)
        self._spans = {rule.row_name: _spans(rule.row_name, looks, final.get(rule.row_name), now) for rule in rules}
        self._holds = [
            _Hold(look.at, following.at, look.failing)
            for attempt in attempts
            for look, following in zip(attempt.looks, attempt.looks[1:], strict=False)
            if look.type == EventType.RUN_HELD
        ]
        self._looks = looks

    @property
    def gaps(self) -> list[str]:
        """The reasons why rows of the validation rules are not known, for a date on which they decide."""
        rules = {rule.row_name: rule for rule in self._after.validation.rules}
        found = _cuts(self._looks, rules)
        found += [f"no event kept a row of {rule.key}" for name, rule in rules.items() if not self._spans[name]]
        return found or ["the rows between two recorded evaluations are not known"]

    @property
    def reads_same_rows(self) -> bool:
        """Whether the rules of both configs read rows of the same names."""
        names = [
            {rule.row_name for rule in rules_to_read(config)}
            for config in (self._before, self._after)
            if config is not None
        ]
        return len(names) == 2 and names[0] == names[1]

    def spans(self, row_name: str) -> Sequence[Known]:
        """The known rows under a row name, in the order of time."""
        return self._spans.get(row_name, ())

    def at(self, row_name: str, moment: datetime) -> Known | None:
        """The row at a moment. None if it is not known."""
        spans = self._spans.get(row_name, [])
        place = bisect_right(spans, moment, key=lambda span: span.since) - 1
        return spans[place] if place >= 0 and moment <= spans[place].until else None

    def is_known(self, row_name: str, since: datetime, until: datetime) -> bool:
        """Whether one known row, and no other, was there from `since` up to `until`."""
        span = self.at(row_name, since)
        return span is not None and until <= span.until

    def next_change(self, moment: datetime) -> datetime | None:
        """The first moment after `moment` at which the known rows, or the knowledge of them, change."""
        names = {rule.row_name for rule in self._after.validation.rules}
        found = [at for name in names for span in self.spans(name) for at in (span.since, span.until + AFTER)]
        found += [at for hold in self._holds for at in (hold.since, hold.until)]
        return min((at for at in found if at > moment), default=None)

    def newest_update(self, moment: datetime) -> tuple[datetime | None, bool]:
        """The newest `updatedAt` of the known rows, and whether a row is unknown."""
        spans = [self.at(rule.row_name, moment) for rule in rules_to_read(self._after)]
        stamps = [updated_at(span.fields) for span in spans if span is not None and span.fields is not None]
        return max((stamp for stamp in stamps if stamp is not None), default=None), None in spans

    def evidence(self, moment: datetime, *, leniently: bool) -> Evidence:
        """The rows for an evaluation. `leniently`: rules of unknown rows count as held where that is possible."""
        config, rules = self._after, self._after.validation.rules
        spans = {rule.row_name: self.at(rule.row_name, moment) for rule in rules}
        fields = {name: span.fields for name, span in spans.items() if span is not None and span.fields is not None}
        read = Selection(fields, {}, dict.fromkeys(fields, ""))
        known = tuple(rule for rule in rules if spans[rule.row_name] is not None)
        if len(known) == len(rules):
            return Evidence(config, read, is_open=False, is_partial=False)
        is_open = self._is_open(known, read, moment)
        if is_open and leniently:
            rules = known if config.validation.trigger is Mode.ALL else ()
            config = replace(config, validation=replace(config.validation, trigger=Mode.ALL, rules=rules))
        return Evidence(config, read, is_open=is_open, is_partial=True)

    def _is_open(self, known: Sequence[Rule], read: Selection, moment: datetime) -> bool:
        """Whether the unknown rows decide the evaluation."""
        mode, rules = self._after.validation.trigger, self._after.validation.rules
        failing = [rule for rule in rules if self._surely_failed(rule, moment)]
        if mode is Mode.ALL:
            return not failing and compile_rules(mode, known).evaluate(read.fields, moment).passed
        if compile_rules(mode, known).evaluate(read.fields, moment).passed:
            return False
        return any(rule not in known and rule not in failing for rule in rules)

    def _surely_failed(self, rule: Rule, moment: datetime) -> bool:
        """Whether the rule could not hold, because a rule held the run then that is not stricter."""
        return any(
            is_at_least_as_strict(rule, other)
            for hold in self._holds
            if hold.since <= moment < hold.until
            for other in self._rules_named(hold.failing)
        )

    def _rules_named(self, failing: Iterable[Mapping[str, Any]]) -> Iterable[Rule]:
        """The rules of the present config that an event names as failing. A name of two rules is left out."""
        if self._before is None:
            return
        findings = self._before.rules.find({}, _ANY_MOMENT)
        names = [(str(one.rule.key), str(one.rule.check), one.rule.field, one.expectation) for one in findings]
        for entry in failing:
            wanted = tuple(entry.get(name) for name in ("key", "check", "field", "needed"))
            if names.count(wanted) == 1:  # type: ignore[arg-type]
                yield findings[names.index(wanted)].rule  # type: ignore[arg-type]


_ANY_MOMENT = datetime.fromisoformat("2000-01-01T00:00:00Z")


def _final(record: DateRecord, rules: Sequence[Rule], now: datetime) -> dict[str, tuple[_Fields, datetime]]:
    """The rows as they are now, each with the time since when it has been so, by its own statement."""
    selected = select_rows(record.rows, rules, record.key.date, record.kept.rows)
    found = {}
    for row_name, fields in selected.fields.items():
        kept = record.kept.rows[row_name].kept_at if row_name in selected.kept else updated_at(fields)
        found[row_name] = (plain_row(fields) or fields, min(kept or now, now))
    return found


def _spans(row_name: str, looks: Sequence[Look], final: tuple[_Fields, datetime] | None, now: datetime) -> list[Known]:
    """The known rows under a name: constant between two looks that read the same row, else from its own time on.

    A row that states no time, or a time at which another row was read, is known from its look on.
    """
    found: list[Known] = []
    last: datetime | None = None
    for look in looks:
        row = None if look.rows is None else look.rows.get(row_name)
        if row is not None and not row.cut:
            _add(found, row, look.at, last)
        last = look.at
    if final is not None:
        fields, since = final
        if found and found[-1].fields == fields and found[-1].until == last:
            found[-1] = replace(found[-1], until=now)
        else:
            is_write = since < now and (last is None or last < since)
            found.append(Known(since if is_write else now, now, fields, is_write))
    return found


def _add(found: list[Known], row: ObservedRow, at: datetime, last: datetime | None) -> None:
    if found and found[-1].fields == row.fields and found[-1].until == last:
        found[-1] = replace(found[-1], until=at)
        return
    stamp = updated_at(row.fields) if row.fields is not None else None
    is_write = stamp is not None and stamp <= at and (last is None or last < stamp)
    since = stamp if is_write and stamp is not None else at
    if last is not None and at - since <= LATENCY:
        since = at
    found.append(Known(since, at, row.fields, is_write))


def _cuts(looks: Iterable[Look], row_names: Iterable[str]) -> list[str]:
    """The reasons why rows of looks are unknown: they were cut, or the event kept none."""
    found: dict[str, None] = {}
    names = tuple(row_names)
    for look in looks:
        if look.rows is None:
            found["its events kept no rows"] = None
            continue
        for name in names:
            row = look.rows.get(name)
            if row is not None and row.cut:
                found[f"the row {row.source} was cut ({row.cut})"] = None
    return list(found)
