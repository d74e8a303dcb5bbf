"""The result of one expectation of the demo."""

from collections.abc import Iterable

from msgspec import Struct


class Finding(Struct, frozen=True):
    """One expectation, whether it holds, and the observation in `seen`."""

    expectation: str
    holds: bool
    seen: str


def counted(counts: Iterable[tuple[str, int]]) -> str:
    """Counts as text: `2 JOB_FAILED, 1 RETRY_EXHAUSTED`."""
    return ", ".join(f"{count} {name}" for name, count in counts)
