"""Plain values become structs: `_build` decodes them, and `_walk` finds every place that does not fit its type.

Before that, `_odd` rejects values that no config may have, `_absent` removes keys that count as left out, and
`_canonical` changes spellings to one form. `_expected` describes an expected type, `_leaves` returns the error of a
single value, and `_hints` and `_unknown_keys` name the value or key that was probably meant.
"""

from ._absent import is_nothing, without_absent
from ._build import as_written, shaped, to_json
from ._canonical import canonical, is_canonical
from ._expected import Expected
from ._hints import number_meant
from ._leaves import duration_problem
from ._odd import DEPTH_LIMIT, plain_keys
from ._walk import walk

__all__ = [
    "DEPTH_LIMIT",
    "Expected",
    "as_written",
    "canonical",
    "duration_problem",
    "is_canonical",
    "is_nothing",
    "number_meant",
    "plain_keys",
    "shaped",
    "to_json",
    "walk",
    "without_absent",
]
