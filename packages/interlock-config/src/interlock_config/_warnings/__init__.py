"""Warnings about allowed values that were probably not meant: one module per subject, and `_all` runs them.

`_schedule`, `_sla`, `_moves` (deadlines that excluded days move), `_rules`, `_values` and `_keys` (sensors of rules)
and `_job` have the warnings. `_repeats` finds repeated entries of a list. `_notices` has the notices for users of an
older Interlock.
"""

from ._all import warn, warnings
from ._moves import warn_of_moves_by_calendars
from ._notices import notices
from ._repeats import warn_of_repeats
from ._schedule import warn_of_calendars

__all__ = [
    "notices",
    "warn",
    "warn_of_calendars",
    "warn_of_moves_by_calendars",
    "warn_of_repeats",
    "warnings",
]
