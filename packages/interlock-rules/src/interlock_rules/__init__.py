"""Declarative rules over sensor readings, with an explanation of every result."""

from ._checks import holds
from ._drift import Drift, drift
from ._findings import Finding
from ._numbers import to_number
from ._rules import Check, Mode, Rule, RuleError
from ._rulesets import Evaluation, RuleSet, compile_rules
from ._sensors import candidate_keys, key_matches, select_sensors
from ._timestamps import parse_timestamp, updated_at

__all__ = [
    "Check",
    "Drift",
    "Evaluation",
    "Finding",
    "Mode",
    "Rule",
    "RuleError",
    "RuleSet",
    "candidate_keys",
    "compile_rules",
    "drift",
    "holds",
    "key_matches",
    "parse_timestamp",
    "select_sensors",
    "to_number",
    "updated_at",
]
