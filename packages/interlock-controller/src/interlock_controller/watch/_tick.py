"""Runs one tick of the watchdog: a failed check is reported, and the other checks still run."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from interlock_controller.effects import Bus, BusEntry
from interlock_controller.watch._failures import Check, PipelineTrouble, troubled_pipelines
from interlock_lifecycle.events import Event, EventType, cut_text, event_detail, make_event_id
from interlock_telemetry import DeadlinePassed, get_logger

_log = get_logger(__name__)

_MEMBERS_NAMED = 3
_LONGEST = 800

_PIPELINES_NAMED = 100


class Cause(Struct, frozen=True):
    """The cause of a tick. A repeated invocation has the same cause, and emits the same event again."""

    id: str
    at: datetime

    @classmethod
    def of(cls, event: Mapping[str, Any], now: datetime) -> "Cause":
        """The cause with the `id` and `time` of EventBridge's event, or `now` if the event has no time."""
        try:
            at = datetime.fromisoformat(str(event.get("time")))
        except ValueError:
            at = now
        return cls(str(event.get("id") or ""), at if at.tzinfo else at.replace(tzinfo=UTC))


class TickFailed(Exception):
    """Some checks of a tick failed. The others ran. The message names every failed check."""

    def __init__(self, failures: Mapping[str, Exception]) -> None:
        why = "; ".join(f"{name}: {_describe(error)}" for name, error in failures.items())
        super().__init__(f"{len(failures)} checks failed: {why}")
        self.failures = dict(failures)


def _describe(error: BaseException) -> str:
    """The text of an error. A group adds the texts of its first few different members."""
    if isinstance(error, PipelineTrouble):
        return str(error)
    if not isinstance(error, BaseExceptionGroup):
        return f"{type(error).__name__}: {error}"
    inner = dict.fromkeys(_describe(one) for one in error.exceptions)
    return f"{error.message}: " + " / ".join(list(inner)[:_MEMBERS_NAMED])[:_LONGEST]


class TickReport(Struct, frozen=True):
    """The result of each check, by its name."""

    found: dict[str, int]


def run_tick(
    checks: Mapping[str, Check],
    bus: Bus,
    now: datetime,
    *,
    out_of_time: Callable[[], bool] = lambda: False,
    cause: Cause | None = None,
) -> TickReport:
    """Run all checks. If some fail, emit WATCHDOG_DEGRADED and raise TickFailed.

    A check without time left in the invocation fails too, so that a tick that always ends early is reported. Lambda
    repeats a failed invocation. `cause` is the same each time, so that consumers recognize the repeated event.
    """
    found: dict[str, int] = {}
    failures: dict[str, Exception] = {}
    for name, check in checks.items():
        try:
            if out_of_time():
                raise DeadlinePassed(started=False)
            found[name] = check(now)
        except Exception as error:  # noqa: BLE001 (reported below, on the bus and to the caller)
            _log.error("check_failed", check=name, error=_describe(error))
            failures[name] = error
    if failures:
        try:
            _emit(failures, bus, cause or Cause("", now))
        except Exception as error:
            # The bus may be down as well. The first failures must still reach the caller.
            raise TickFailed(failures) from error
        raise TickFailed(failures)
    return TickReport(found)


def _emit(failures: Mapping[str, Exception], bus: Bus, cause: Cause) -> None:
    """Put the event directly on the bus, because the table may be the cause of the failures."""
    pipelines = sorted(set().union(*(troubled_pipelines(error) for error in failures.values())))
    event = Event(
        id=make_event_id(cause.at, f"watchdog {cause.id} {sorted(failures)}"),
        type=EventType.WATCHDOG_DEGRADED,
        pipeline_id="INFRASTRUCTURE",
        timestamp=cause.at,
        message=cut_text(str(TickFailed(failures))),
        detail={"checks": sorted(failures), **({"pipelines": pipelines[:_PIPELINES_NAMED]} if pipelines else {})},
    )
    bus.publish([BusEntry(str(event.type), msgspec.json.encode(event_detail(event)).decode())])
