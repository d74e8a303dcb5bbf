"""What every step of the orchestrator has at hand, and how a step decides again when others were faster."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from interlock_orchestrator.request import Step
from interlock_store import Store

_TRIES = 5


class Contended(Exception):
    """The run kept changing under the decision; the state machine tries again."""


class Desk(Struct, frozen=True):
    """The store, the clock, the end of this invocation (UTC) and the environment that job configs may name."""

    store: Store
    now: Callable[[], datetime]
    until: Callable[[], datetime]
    execution_timeout: timedelta
    environment: Mapping[str, str]


def commit_until_settled(attempt: Callable[[], Step | None], *, what: str) -> Step:
    """Gather, decide and commit anew until the commit was not overtaken."""
    for _ in range(_TRIES):
        step = attempt()
        if step is not None:
            return step
    raise Contended(f"{what}: the run changed {_TRIES} times meanwhile")
