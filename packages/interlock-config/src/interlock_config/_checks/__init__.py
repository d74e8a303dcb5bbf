"""Errors across several places of a config: one module per section of the file, and `_all` runs them.

`_schedule`, `_sla`, `_rules` and `_job` hold the checks, `_check` defines a check.
"""

from ._all import run_checks
from ._schedule import zone_problem

__all__ = [
    "run_checks",
    "zone_problem",
]
