"""Whether a Lambda's surroundings answer: the reply to `{"__ping__": true}`."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from interlock_telemetry._errors import DeadlinePassed
from interlock_telemetry._pool import Outcome, run_bounded

_PATIENCE = timedelta(seconds=5)


def is_ping(event: object) -> bool:
    """Whether the event asks for health and nothing else: `__ping__` is true."""
    return isinstance(event, Mapping) and event.get("__ping__") is True


def ping(
    event: object,
    checks: Mapping[str, Callable[[], object]],
    now: datetime,
    *,
    patience: timedelta = _PATIENCE,
) -> dict[str, Any] | None:
    """The health of what `checks` touches; None when the event is no ping.

    A check is fine when it returns. One that raises, or does not return within `patience`, makes the whole
    `degraded` and says why: {status, checks: {name: "ok" or "error: …"}, timestamp}.
    """
    if not is_ping(event):
        return None
    outcomes = run_bounded(list(checks.values()), workers=4, deadline=patience)
    answers = {name: _answer(outcome, patience) for name, outcome in zip(checks, outcomes, strict=True)}
    healthy = all(answer == "ok" for answer in answers.values())
    return {
        "status": "healthy" if healthy else "degraded",
        "checks": answers,
        "timestamp": now.isoformat(),
    }


def _answer(outcome: Outcome[object], patience: timedelta) -> str:
    if outcome.error is None:
        return "ok"
    if isinstance(outcome.error, DeadlinePassed):
        return f"error: no answer within {patience.total_seconds():g}s"
    return f"error: {type(outcome.error).__name__}: {outcome.error}"
