"""One tick of the watchdog: every check on its own, so that one that fails is reported and the rest still run."""

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

_MEMBERS_TOLD = 3
_LONGEST = 800

_PIPELINES_NAMED = 100


class Cause(Struct, frozen=True):
    """What a tick was invoked by. A repeated invocation has the same cause, and tells the same event again."""

    id: str
    at: datetime

    @classmethod
    def of(cls, event: Mapping[str, Any], now: datetime) -> "Cause":
        """EventBridge's event, by its `id` and `time`; another invocation is its own cause."""
        try:
            at = datetime.fromisoformat(str(event.get("time")))
        except ValueError:
            at = now
        return cls(str(event.get("id") or ""), at if at.tzinfo else at.replace(tzinfo=UTC))


class TickFailed(Exception):
    """Some checks of a tick failed; the others ran. Names them all."""

    def __init__(self, failures: Mapping[str, Exception]) -> None:
        why = "; ".join(f"{name}: {_describe(error)}" for name, error in failures.items())
        super().__init__(f"{len(failures)} checks failed: {why}")
        self.failures = dict(failures)


def _describe(error: BaseException) -> str:
    """The error; of a group, also what its first few different members say."""
    if isinstance(error, PipelineTrouble):
        return str(error)
    if not isinstance(error, BaseExceptionGroup):
        return f"{type(error).__name__}: {error}"
    inner = dict.fromkeys(_describe(one) for one in error.exceptions)
    return f"{error.message}: " + " / ".join(list(inner)[:_MEMBERS_TOLD])[:_LONGEST]


class TickReport(Struct, frozen=True):
    """What each check found, by its name."""

    found: dict[str, int]


def run_tick(
    checks: Mapping[str, Check],
    bus: Bus,
    now: datetime,
    *,
    out_of_time: Callable[[], bool] = lambda: False,
    cause: Cause | None = None,
) -> TickReport:
    """Run all checks; raise TickFailed, after telling the bus, when some could not be done.

    Checks that the invocation has no time left for are failures too: a tick that always ends early must be seen.
    Lambda repeats an invocation that failed; `cause`, the same each time, lets the event be known as a duplicate.
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
            _tell(failures, bus, cause or Cause("", now))
        except Exception as error:
            # The bus may be down as well; what failed first must still reach the caller.
            raise TickFailed(failures) from error
        raise TickFailed(failures)
    return TickReport(found)


def _tell(failures: Mapping[str, Exception], bus: Bus, cause: Cause) -> None:
    """Straight to the bus: the table may be what failed."""
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
