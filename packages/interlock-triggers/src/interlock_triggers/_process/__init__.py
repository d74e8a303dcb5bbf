"""Local processes: `_processes` runs a program to its end, `_strays` finds the processes that it left behind."""

from ._processes import Ended, run

__all__ = [
    "Ended",
    "run",
]
