"""One expectation of the demo, and whether it was observed."""

from collections.abc import Iterable

from msgspec import Struct


class Finding(Struct, frozen=True):
    """One expectation, and whether it was seen; `seen` says what was."""

    expectation: str
    holds: bool
    seen: str


def counted(counts: Iterable[tuple[str, int]]) -> str:
    """Counts in words: `2 JOB_FAILED, 1 RETRY_EXHAUSTED`."""
    return ", ".join(f"{count} {name}" for name, count in counts)
