"""Binds the run of the current work, for its log lines and for its trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from msgspec import Struct

from interlock_telemetry._correlation import bind_correlation, correlation_id


class BoundRun(Struct, frozen=True):
    """A run: one date of a pipeline's schedule. `token` names one attempt of it, and `attempt` is its number."""

    pipeline: str
    schedule: str
    date: str
    token: str | None = None
    attempt: int | None = None

    @property
    def fields(self) -> dict[str, str | int]:
        """The fields of a log line."""
        fields: dict[str, str | int] = {"pipeline": self.pipeline, "schedule": self.schedule, "date": self.date}
        return fields if self.attempt is None else {**fields, "attempt": self.attempt}


_BOUND: ContextVar[BoundRun | None] = ContextVar("interlock_run", default=None)


def bound_run() -> BoundRun | None:
    """The run of the innermost `bind_run` block, None outside of a block."""
    return _BOUND.get()


@contextmanager
def bind_run(
    pipeline: str,
    schedule: str | None,
    date: str | None,
    *,
    token: str | None = None,
    attempt: int | None = None,
) -> Iterator[None]:
    """Bind a run for the block.

    Its fields are in each log line and span of the block, and its token is the correlation id. Without a token the
    correlation id stays. The spans of the block are in the trace of the run's date. Without a schedule or a date, as
    for an event about a whole pipeline, the block is about no run.
    """
    run = None if schedule is None or date is None else BoundRun(pipeline, schedule, date, token, attempt)
    bound = _BOUND.set(run)
    try:
        with bind_correlation(token or correlation_id()):
            yield
    finally:
        _BOUND.reset(bound)
