"""Keeps the correlation id of the current work, which links its log lines and spans."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CURRENT: ContextVar[str | None] = ContextVar("interlock_correlation_id", default=None)


def correlation_id() -> str | None:
    """The id of the innermost `bind_correlation` block, None outside of a block."""
    return _CURRENT.get()


@contextmanager
def bind_correlation(identifier: str | None) -> Iterator[None]:
    """Bind the id for the block. A nested block replaces the id until its end."""
    token = _CURRENT.set(identifier)
    try:
        yield
    finally:
        _CURRENT.reset(token)
