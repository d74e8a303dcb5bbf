"""Answers `{"__ping__": true}`: the health of the parts that a Lambda uses."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from interlock_telemetry._errors import DeadlinePassed
from interlock_telemetry._pool import Outcome, run_bounded
from interlock_telemetry._within import within_invocation

_PATIENCE = timedelta(seconds=5)


class Shown(str):
    """A text that a check returns for the answer: `ok: <text>`. Any other result of a check is ignored."""

    __slots__ = ()


def is_ping(event: object) -> bool:
    """Whether the event is a ping: its `__ping__` is exactly true."""
    return isinstance(event, Mapping) and event.get("__ping__") is True


def ping(
    event: object,
    checks: Mapping[str, Callable[[], object]],
    now: datetime,
    *,
    patience: timedelta = _PATIENCE,
) -> dict[str, Any] | None:
    """The health of the parts in `checks`, None for an event that is not a ping.

    A check passes if it returns. A Shown that it returns is part of its entry. A check that raises, or does not return
    within `patience` and the remaining time of the invocation, makes the status `degraded` and its entry has the error:
    {status, checks: {name: "ok", "ok: …" or "error: …"}, timestamp}.
    """
    if not is_ping(event):
        return None
    patience = within_invocation(patience)
    outcomes = run_bounded(list(checks.values()), workers=4, deadline=patience)
    answers = {name: _answer(outcome, patience) for name, outcome in zip(checks, outcomes, strict=True)}
    healthy = all(outcome.error is None for outcome in outcomes)
    return {
        "status": "healthy" if healthy else "degraded",
        "checks": answers,
        "timestamp": now.isoformat(),
    }


def _answer(outcome: Outcome[object], patience: timedelta) -> str:
    if outcome.error is None:
        return f"ok: {outcome.value}" if isinstance(outcome.value, Shown) else "ok"
    if isinstance(outcome.error, DeadlinePassed):
        return f"error: no answer within {patience.total_seconds():.3g}s"
    return f"error: {type(outcome.error).__name__}: {outcome.error}"
