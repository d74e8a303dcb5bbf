"""Decides what a rule can say: a sensor, a check, a field and a value. Evaluates nothing."""

from enum import StrEnum
from typing import Any

from msgspec import Struct


class Check(StrEnum):
    """What a rule asks of a sensor's field."""

    EXISTS = "exists"
    EQUALS = "equals"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    AGE_LT = "age_lt"
    AGE_GT = "age_gt"


class Mode(StrEnum):
    """How many rules of a set must hold. Read in any letter case."""

    ALL = "ALL"
    ANY = "ANY"

    @classmethod
    def _missing_(cls, value: object) -> "Mode | None":
        return cls.__members__.get(value.upper()) if isinstance(value, str) else None


FARTHEST_OFFSET = 400
"""The largest `date_offset` of a rule, in days (of an hourly run: hours)."""


class Rule(Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """One condition on one sensor. Decoding rejects unknown fields: a misspelt `value` must not be lost.

    key: the sensor's key. check: the question. field: the field that is checked; `exists` may leave it out to ask
    for the sensor itself, and the age checks then read `updatedAt`.
    value: a number for gt, gte, lt and lte, a duration such as "30m" for the age checks, anything for equals; exists
    ignores it.
    any_date: the sensor is reference data with a date of its own; its row counts for every run.
    date_offset: the row must name the run's date plus this many days (of an hourly run: hours).
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
    def slot(self) -> str:
        """The name of the row that the rule reads: its key, and what makes that row another than the run's own.

        Rules with the same slot read the same row.
        """
        if self.any_date:
            return f"{self.key}\x1fany date"
        return f"{self.key}\x1f{self.date_offset:+}" if self.date_offset else self.key


class RuleError(ValueError):
    """A rule that can never be evaluated. The root of this package's errors.

    rule: the rule. part: the attribute at fault ("key", "check", "field", "value" or "date_offset").
    problem: what is allowed.
    """

    def __init__(self, rule: Rule, part: str, problem: str) -> None:
        self.rule = rule
        self.part = part
        self.problem = problem
        super().__init__(f"rule {rule.key or '(no key)'} {rule.check}: {problem}")
