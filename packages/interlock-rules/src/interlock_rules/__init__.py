"""Declarative rules over sensor readings, with an explanation of every result."""

from ._changes import next_change
from ._checks import holds
from ._drift import Drift, drift
from ._findings import Finding
from ._numbers import to_number
from ._row_dates import RowDate, UnreadableDate, counts_for, row_date
from ._rules import FARTHEST_OFFSET, Check, Mode, Rule, RuleError
from ._rulesets import Evaluation, RuleSet, compile_rules
from ._sensors import KeptRow, Selection, candidate_keys, key_matches, row_keys, select_rows
from ._strictness import is_at_least_as_strict
from ._timestamps import parse_timestamp, updated_at
from ._wording import shown

__all__ = [
    "FARTHEST_OFFSET",
    "Check",
    "Drift",
    "Evaluation",
    "Finding",
    "KeptRow",
    "Mode",
    "RowDate",
    "Rule",
    "RuleError",
    "RuleSet",
    "Selection",
    "UnreadableDate",
    "candidate_keys",
    "compile_rules",
    "counts_for",
    "drift",
    "holds",
    "is_at_least_as_strict",
    "key_matches",
    "next_change",
    "parse_timestamp",
    "row_date",
    "row_keys",
    "select_rows",
    "shown",
    "to_number",
    "updated_at",
]
