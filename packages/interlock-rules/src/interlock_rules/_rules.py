"""Decides the parts of a rule: a sensor, a check, a field and a value, without evaluation."""

from enum import StrEnum
from typing import Any

from msgspec import Struct


class Check(StrEnum):
    """The comparison of a rule with a sensor's field."""

    EXISTS = "exists"
    EQUALS = "equals"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    AGE_LT = "age_lt"
    AGE_GT = "age_gt"


class Mode(StrEnum):
    """The number of rules of a set that must hold. Any letter case is read."""

    ALL = "ALL"
    ANY = "ANY"

    @classmethod
    def _missing_(cls, value: object) -> "Mode | None":
        return cls.__members__.get(value.upper()) if isinstance(value, str) else None


FARTHEST_OFFSET = 400
"""The largest `date_offset` of a rule, in days (hours for an hourly run)."""


class Rule(Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """One condition on one sensor. Decoding rejects unknown fields, so that a misspelt `value` is not lost.

    key: the sensor's key. check: the comparison.
    field: the field to check. Without it, `exists` checks the sensor itself and the age checks read `updatedAt`.
    value: a number for gt, gte, lt and lte, a duration such as "30m" for the age checks, any value for equals. `exists`
    ignores it.
    any_date: the sensor is reference data with a date of its own. Its row counts for every run.
    date_offset: the row must name the run's date plus this many days (hours for an hourly run).
    """

    key: str
    check: Check
    field: str | None = None
    value: Any = None
    any_date: bool = False
    date_offset: int = 0

    @property
    def reads_run_date(self) -> bool:
        """Whether the rule reads the row of the run's own date, as most rules do."""
        return not self.any_date and self.date_offset == 0

    @property
    def row_name(self) -> str:
        """The name of the row that the rule reads: the key with the offset or "any date", if the rule has one.

        Rules with the same row name read the same row.
        """
        if self.any_date:
            return f"{self.key}\x1fany date"
        return f"{self.key}\x1f{self.date_offset:+}" if self.date_offset else self.key


class RuleError(ValueError):
    """A rule that can never be evaluated. The base class of this package's errors.

    rule: the rule. part: the wrong attribute ("key", "check", "field", "value" or "date_offset").
    problem: the problem, with the allowed values.
    """

    def __init__(self, rule: Rule, part: str, problem: str) -> None:
        self.rule = rule
        self.part = part
        self.problem = problem
        super().__init__(f"rule {rule.key or '(no key)'} {rule.check}: {problem}")
