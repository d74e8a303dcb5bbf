"""Repeats gather, decide and commit until no other writer was first."""

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from interlock_store import Contended

T = TypeVar("T")

MOST_TRIES = 5


class Overtaken(Enum):
    """The answer of an attempt whose commit found the row changed since it was read."""

    OVERTAKEN = "overtaken"


OVERTAKEN = Overtaken.OVERTAKEN


def decide_until_settled(attempt: Callable[[], T | Overtaken], *, subject: str) -> T:
    """The answer of the first attempt that was not overtaken.

    An attempt gathers the facts, decides and commits. A failed condition check is a normal outcome: another writer
    was first. The attempt then answers OVERTAKEN, and the next one reads the facts again. `subject` names the
    decision in the error. Raises Contended after MOST_TRIES attempts: the caller's redelivery tries again.
    """
    for _ in range(MOST_TRIES):
        answer = attempt()
        if not isinstance(answer, Overtaken):
            return answer
    raise Contended(f"{subject}: the run changed {MOST_TRIES} times meanwhile")
