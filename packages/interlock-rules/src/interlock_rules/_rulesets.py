"""Decides whether a set of rules holds at one instant. The set is compiled once and evaluated many times."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from ._checks import Fields, Predicate, compile_rule
from ._findings import Finding, find
from ._rules import Mode, Rule
from ._timestamps import naive

Sensors = Mapping[str, Fields]


class Evaluation(Struct, frozen=True):
    """The result of an evaluation.

    passed: whether enough rules hold. The explanation is built on request, from the sensors as passed in. Do not change
    them before.
    """

    passed: bool
    rule_set: "RuleSet"
    sensors: Sensors
    now: datetime
    notes: Mapping[str, str] = {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The result of every rule, in the order of the rules."""
        return self.rule_set.find(self.sensors, self.now, self.notes)

    def explain(self) -> str:
        """One line: the sentences of the rules that do not hold, or "all rules hold"."""
        findings = self.findings
        failures = [finding.sentence for finding in findings if not finding.passed]
        if not failures:
            return "all rules hold" if findings or self.passed else "there is no rule that could hold"
        listing = "; ".join(failures)
        if self.rule_set.mode is Mode.ALL:
            return listing
        if self.passed:
            return f"enough rules hold ({len(findings) - len(failures)} of {len(findings)}); not: {listing}"
        return f"none of {len(findings)} rules holds: {listing}" if len(findings) > 1 else listing


class RuleSet:
    """Rules compiled for evaluation. compile_rules makes it, and it is immutable.

    mode: the number of rules that must hold. rules: the rules as given. keys: their distinct sensor keys, in order.
    row_names: the distinct rows that they read (`Rule.row_name`), in order.
    """

    __slots__ = ("_checks", "_needs_all", "keys", "mode", "row_names", "rules")

    mode: Mode
    rules: tuple[Rule, ...]
    keys: tuple[str, ...]
    row_names: tuple[str, ...]

    def __init__(self, mode: Mode, rules: Sequence[Rule]) -> None:
        self.mode = Mode(mode)
        self._needs_all = self.mode is Mode.ALL
        self.rules = tuple(rules)
        self.keys = tuple(dict.fromkeys(rule.key for rule in self.rules))
        self.row_names = tuple(dict.fromkeys(rule.row_name for rule in self.rules))
        self._checks: tuple[tuple[str, Predicate], ...] = tuple(
            (rule.row_name, compile_rule(rule)) for rule in self.rules
        )

    def __repr__(self) -> str:
        return f"RuleSet({self.mode.value}, {len(self.rules)} rules)"

    def evaluate(self, sensors: Sensors, now: datetime, notes: Mapping[str, str] | None = None) -> Evaluation:
        """Evaluate every rule at `now` (aware).

        sensors: a rule's row name (the key, for a rule without `any_date` and `date_offset`) to the sensor's fields,
        from `select_rows`. An absent row name means that the sensor has not arrived. Without any rule, ALL holds and
        ANY does not. notes: a row name to a remark for the explanation, from `select_rows`, without effect on the
        result. Raises interlock_sla.NaiveTimeError for a `now` without zone.
        """
        if now.tzinfo is None:
            raise naive(now)
        passed = self._all_hold(sensors, now) if self._needs_all else self._any_holds(sensors, now)
        return Evaluation(passed, self, sensors, now, notes or {})

    def find(self, sensors: Sensors, now: datetime, notes: Mapping[str, str] | None = None) -> tuple[Finding, ...]:
        """The finding of every rule at `now` (aware), in the order of the rules. Raises NaiveTimeError."""
        if now.tzinfo is None:
            raise naive(now)
        findings = []
        for rule, (row_name, check) in zip(self.rules, self._checks, strict=True):
            fields = sensors.get(row_name)
            passed = fields is not None and check(fields, now)
            findings.append(find(rule, fields, passed, now, (notes or {}).get(row_name, "")))
        return tuple(findings)

    def _all_hold(self, sensors: Sensors, now: datetime) -> bool:
        read = sensors.get
        for row_name, check in self._checks:
            fields = read(row_name)
            if fields is None or not check(fields, now):
                return False
        return True

    def _any_holds(self, sensors: Sensors, now: datetime) -> bool:
        read = sensors.get
        for row_name, check in self._checks:
            fields = read(row_name)
            if fields is not None and check(fields, now):
                return True
        return False


def compile_rules(mode: Mode, rules: Sequence[Rule]) -> RuleSet:
    """Compile rules. Raises RuleError for the first invalid rule, ValueError for an unknown mode."""
    return RuleSet(mode, rules)
