"""Invariant (j): a rule is decided by rows that count for its run, or by the newest row that its date keeps.

The knowledge of the rows' writers (`truths`) decides which rows count, never the product's reading of a row.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from msgspec import Struct
from simulation.ledger import Ledger, Pass, Version
from simulation.truths import moved, names_of

from interlock_config import PipelineConfig
from interlock_lifecycle import RunKey
from interlock_lifecycle.sensors._accounted import fingerprint
from interlock_rules import Rule, holds
from interlock_sla import ExecutionDate

Fields: TypeAlias = Mapping[str, Any] | None

_ONE_MOMENT = timedelta(seconds=1)
"""Stream times are whole seconds, and clocks differ by less."""


class Read(Struct, frozen=True):
    """The row that a rule may have read at a pass, or None for no row. `problem` says how that breaks the contract."""

    options: list[Fields]
    problem: str = ""


def rules_of(config: PipelineConfig) -> tuple[Rule, ...]:
    """Every rule whose rows an evaluation reads."""
    trigger = (config.trigger_rule,) if config.trigger_rule is not None else ()
    return (*config.validation.rules, *trigger, *(config.post_run.rules if config.post_run is not None else ()))


def j_pass_is_of_its_date(ledger: Ledger, passed: Pass) -> str | None:
    """No rule of a passed evaluation was decided by a row of another date, or by a kept row that its date lost."""
    configs = ledger.live_configs(passed.key.pipeline_id, passed.began, passed.committed)
    problems = [_first_problem(ledger, passed, config) for config in configs]
    return None if not problems or "" in problems else problems[0]


def _first_problem(ledger: Ledger, passed: Pass, config: PipelineConfig) -> str:
    return next((read.problem for read in reads_of(ledger, passed, config) if read.problem), "")


def reads_of(ledger: Ledger, passed: Pass, config: PipelineConfig) -> Iterator[Read]:
    """The row that each validation rule of the config may have read at a pass."""
    return (_read(ledger, passed, config, rule) for rule in config.validation.rules)


def _read(ledger: Ledger, passed: Pass, config: PipelineConfig, rule: Rule) -> Read:
    """The rows of the rule's names in order, limited to the rows that the evaluation saw."""
    key, wanted, options = passed.key, moved(passed.key.date, rule.date_offset), []
    unreadable: list[str] = []
    nothing: list[Fields] = [None]
    for name in names_of(rule.key, wanted):
        mark = passed.seen.get(name, "")
        there = ledger.sensors.within((key.pipeline_id, name), passed.began, passed.committed)
        fitting = _fitting(there, mark, passed, is_shared=_is_shared(config, rule))
        if not fitting:
            state = "was seen with content of another moment" if mark else "was there, but was not seen"
            return Read([], f"{key}: sensor {name} {state}")
        counting = [row for row in fitting if row is not None and _decides(row, rule, wanted)]
        options += [row.value for row in counting]
        if len(counting) == len(fitting):
            if rule.any_date or all(row.truth.is_own(wanted) for row in counting):
                return Read(options)
            nothing = []  # a row of the date itself, under a later name or kept, precedes this row
        if all(row is not None and row.truth.unreadable for row in there):
            unreadable.append(name)
    if rule.any_date or "@" not in passed.seen.get(rule.row_name, ""):
        return Read([*options, *nothing])
    kept = _kept(ledger, passed, rule, wanted)
    if not kept.problem and unreadable and not _is_shared(config, rule):
        return Read([], f"{key}: {unreadable} cannot be read, and a kept row was judged instead")
    return Read([*options, *kept.options, *nothing], kept.problem)


def _versions(ledger: Ledger, passed: Pass, rule: Rule, wanted: ExecutionDate) -> list[Version]:
    """Every row of the date, under any of the rule's names: an hour's row may have its day's key."""
    names = names_of(rule.key, wanted)
    found = (row for name in names for row in ledger.sensors.all((passed.key.pipeline_id, name)))
    return [row for row in found if row.value is not None and row.truth.counts_for(wanted)]


def _fitting(there: list[Version | None], mark: str, passed: Pass, *, is_shared: bool) -> list[Version | None]:
    """The versions of a row that agree with the evaluation's record. None means that the row did not exist."""
    gone = [None if row is None or row.value is None else row for row in there]
    if mark and "@" not in mark:
        return [row for row in gone if row is not None and fingerprint(row.value) == mark]
    if mark and is_shared:
        return [*gone]
    # A row that counts for the run is always among the seen rows, unless a kept row of the date itself
    # precedes it.
    return [row for row in gone if row is None or not _must_be_seen(row, passed, is_kept="@" in mark)]


def _must_be_seen(row: Version, passed: Pass, *, is_kept: bool) -> bool:
    date = passed.key.date
    return row.truth.counts_for(date) and not (is_kept and not row.truth.is_own(date))


def _is_shared(config: PipelineConfig, rule: Rule) -> bool:
    """Whether another rule reads the same key for another date: one mark then covers two rows."""
    return len({(other.any_date, other.date_offset) for other in rules_of(config) if other.key == rule.key}) > 1


def _decides(row: Version, rule: Rule, wanted: ExecutionDate) -> bool:
    return rule.any_date or row.truth.counts_for(wanted)


def _kept(ledger: Ledger, passed: Pass, rule: Rule, wanted: ExecutionDate) -> Read:
    """The possible versions of the kept row, or a problem if it never existed or is not the newest known one."""
    mark = passed.seen[rule.row_name].partition("@")[0]
    same = [
        row
        for row in _versions(ledger, passed, rule, wanted)
        if row.value is not None and fingerprint(row.value) == mark
    ]
    if not same:
        return Read([], f"{passed.key}: the kept row of {rule.key} was never a row of {wanted}")
    if same[-1] not in ledger.sensors.all((passed.key.pipeline_id, rule.key)):
        return Read([row.value for row in same])  # a row under the day's key precedes a newer plain row
    newest = newest_known(ledger, passed.key, rule, before=passed.began)
    if newest is not None and newest.truth.is_own(wanted) and not same[-1].truth.is_own(wanted):
        return Read([], f"{passed.key}: the kept row of {rule.key} is of {same[-1].truth.date}, not of {wanted}")
    if newest is None or (same[-1].truth.is_own(wanted) and not newest.truth.is_own(wanted)):
        return Read([row.value for row in same])
    if same[-1].since < newest.since.replace(microsecond=0) - _ONE_MOMENT:
        return Read([], f"{passed.key}: the kept row of {rule.key} is of {same[-1].since}, not of {newest.since}")
    return Read([row.value for row in same])


def newest_known(
    ledger: Ledger, key: RunKey, rule: Rule, before: datetime, names: Iterable[str] | None = None
) -> Version | None:
    """The newest version under the names that the run keeps: it was taken in, and has the rule's date.

    names: those of the rows, by default only the rule's plain key.
    """
    wanted = moved(key.date, rule.date_offset)
    known = [
        one.version
        for name in ([rule.key] if names is None else names)
        for one in ledger.known.get((key, name), [])
        if one.at < before and one.version.truth.counts_for(wanted)
    ]
    return max(known, key=lambda row: (row.truth.is_own(wanted), row.since), default=None)


def j_was_rightly_held(ledger: Ledger, key: RunKey, config: PipelineConfig) -> str | None:
    """A run whose window ends without faults was held by rows of its date: its rules still do not hold."""
    results = [holds(rule, _rightly_read(ledger, key, rule), ledger.now) for rule in config.validation.rules]
    safe = all(results) if str(config.validation.trigger) == "ALL" else any(results)
    return f"{key}: held until the end of its window although its rules hold" if safe else None


def is_sure(ledger: Ledger, key: RunKey, config: PipelineConfig) -> bool:
    """Whether each rule reads a row that nothing precedes: the rows that its date has kept do not matter.

    After faults, a run may keep a row of which the ledger knows nothing.
    """
    for rule in config.validation.rules:
        best, wanted = _best_now(ledger, key, rule), moved(key.date, rule.date_offset)
        if best is None or not (rule.any_date or best.truth.is_own(wanted)):
            return False
        if any(row.truth.unreadable for row in present(ledger, key, rule)) and not rule.any_date:
            return False
    return True


def _rightly_read(ledger: Ledger, key: RunKey, rule: Rule) -> Fields:
    """The row that a rule must read now by the contract."""
    there, best = present(ledger, key, rule), _best_now(ledger, key, rule)
    fields: Fields = best.value if best is not None else None
    if rule.any_date or any(not row.truth.unreadable and row.truth.date is None for row in there):
        return fields
    wanted = moved(key.date, rule.date_offset)
    if best is not None and best.truth.is_own(wanted):
        return fields  # no kept row comes before a row of the date itself
    # An hour's row under its day's key is kept too, when the day's own row replaces it.
    kept = newest_known(ledger, key, rule, before=ledger.now, names=names_of(rule.key, wanted))
    if kept is not None and _comes_before(kept, best, wanted):
        # An unreadable row may be newer than the kept one. Then neither decides.
        fields = None if any(row.truth.unreadable for row in there) else kept.value
    return fields


def _comes_before(kept: Version, best: Version | None, wanted: ExecutionDate) -> bool:
    """Whether a kept row is read instead of the best stored one."""
    return best is None or (kept.truth.is_own(wanted) and not best.truth.is_own(wanted))


def _best_now(ledger: Ledger, key: RunKey, rule: Rule) -> Version | None:
    """The first of the rows that count now. A row that names the date itself precedes the others."""
    wanted = moved(key.date, rule.date_offset)
    counting = [row for row in present(ledger, key, rule) if _decides(row, rule, wanted)]
    return min(counting, key=lambda row: not rule.any_date and row.truth.date != wanted, default=None)


def present(ledger: Ledger, key: RunKey, rule: Rule) -> list[Version]:
    """The present rows of a rule's names, the best first."""
    names = names_of(rule.key, moved(key.date, rule.date_offset))
    found = (ledger.sensors.now((key.pipeline_id, name)) for name in names)
    return [row for row in found if row is not None and row.value is not None]


def counting_now(ledger: Ledger, key: RunKey, rules: Iterable[Rule]) -> list[Version]:
    """The present row that each rule reads. A rule without a row or with a kept row adds nothing."""
    found = []
    for rule in rules:
        best, wanted = _best_now(ledger, key, rule), moved(key.date, rule.date_offset)
        # An hour's row under its day's key is kept too, when the day's own row replaces it.
        names = names_of(rule.key, wanted)
        kept = None if rule.any_date else newest_known(ledger, key, rule, before=ledger.now, names=names)
        is_kept = kept is not None and best is not None and _comes_before(kept, best, wanted)
        found += [] if best is None or is_kept else [best]
    return found


def surely_counting_now(ledger: Ledger, key: RunKey, rules: Iterable[Rule]) -> list[Version]:
    """The present rows that rules read, without those that a kept row may precede.

    After faults, an hour may keep its own row although the ledger does not know it. Then its day's row is not read.
    """
    return [
        row
        for rule in rules
        for row in counting_now(ledger, key, [rule])
        if not ledger.has_faults or rule.any_date or row.truth.is_own(moved(key.date, rule.date_offset))
    ]


def counting_ever(ledger: Ledger, key: RunKey, rules: Iterable[Rule]) -> list[Version]:
    """Every version that could ever decide a rule of this run, kept or not."""
    return [
        row
        for rule in rules
        for name in names_of(rule.key, moved(key.date, rule.date_offset))
        for row in ledger.sensors.all((key.pipeline_id, name))
        if row.value is not None and _decides(row, rule, moved(key.date, rule.date_offset))
    ]


def j_opened_by_its_date(ledger: Ledger, key: RunKey, config: PipelineConfig) -> str | None:
    """A date without a request and without a cron fire was opened by a row of that date that fulfils the trigger."""
    rule = config.trigger_rule
    if rule is None:
        return None
    for (pipeline, sensor), row in ledger.sensors.everything():
        is_its = pipeline == key.pipeline_id and (sensor == rule.key or sensor.startswith(f"{rule.key}#"))
        is_of_the_date = is_its and row.truth.run_date(row.since, config.zone) == key.date
        # An age rule is judged at the moment of the record or of the tick.
        if is_of_the_date and any(holds(rule, row.value, at) for at in (row.since, ledger.now)):
            return None
    return f"{key} was opened, and no row of that date fulfils its trigger"
