"""Problems of a file: their collection, their places, their texts, and the values that they may show.

`_problems` collects them, `_showing` writes places and values, `_secrets` hides secret values, `_misspelt` finds their
misspelt names, and `_names` finds the nearest known name.
"""

from ._names import nearest
from ._problems import MOST_ERRORS, ConfigError, Findings, Problem, line_of, problem_at
from ._secrets import HIDDEN, shown
from ._showing import Path, did_you_mean, readable, render, show, show_at, show_word

__all__ = [
    "HIDDEN",
    "MOST_ERRORS",
    "ConfigError",
    "Findings",
    "Path",
    "Problem",
    "did_you_mean",
    "line_of",
    "nearest",
    "problem_at",
    "readable",
    "render",
    "show",
    "show_at",
    "show_word",
    "shown",
]
