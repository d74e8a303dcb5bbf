"""Which correlation id the current work carries, so that every log line and span of it can be found together."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CURRENT: ContextVar[str | None] = ContextVar("interlock_correlation_id", default=None)


def correlation_id() -> str | None:
    """The id bound by the innermost `bind_correlation`; None outside."""
    return _CURRENT.get()


@contextmanager
def bind_correlation(identifier: str | None) -> Iterator[None]:
    """Bind the id for the block; nested blocks win, and the outer id returns afterwards."""
    token = _CURRENT.set(identifier)
    try:
        yield
    finally:
        _CURRENT.reset(token)
