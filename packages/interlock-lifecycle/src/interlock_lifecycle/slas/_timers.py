"""The Scheduler entries of SLA clocks as values: their names, moments and inputs. The controller creates them."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import Announce
from interlock_lifecycle._moment import rfc3339
from interlock_lifecycle._run import RunKey, digest
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import make_event, owner_detail
from interlock_lifecycle.slas._sla import EVENT_OF, deadlines_of_run
from interlock_sla import Clock, Deadline, Exclusions

_LONGEST_MESSAGE = 1000


class Timer(Struct, frozen=True):
    """One Scheduler entry. It fires `alert` at `at` (UTC), the first whole second from its moment on."""

    name: str
    alert: EventType
    at: datetime
    deadline: Deadline


def timers_of(
    config: PipelineConfig, key: RunKey, arrived_at: datetime | None, exclusions: Exclusions
) -> tuple[Timer, ...]:
    """The Scheduler entries of a date. An edited deadline or calendar gives other names, and so new timers.

    An excluded date has none. A date of another schedule than the config's has none for the absolute clock.
    """
    return tuple(
        Timer(
            name=_timer_name(key, deadline.clock, kind, at),
            alert=EVENT_OF[deadline.clock, kind],
            at=_next_second(at),
            deadline=deadline,
        )
        for deadline in deadlines_of_run(config, key, arrived_at, exclusions)
        for kind, at in (("warning", deadline.warning_at), ("breach", deadline.breach_at))
        if at is not None
    )


def report_unscheduled(
    config: PipelineConfig, key: RunKey, failures: Mapping[str, str], now: datetime, run_token: str | None = None
) -> Announce:
    """Report timers that could not be created, once per date. `failures`: the errors by the timers' names."""
    why = "; ".join(f"{name}: {error}" for name, error in failures.items())
    event = make_event(
        EventType.INFRA_FAILURE,
        key,
        now,
        source="unscheduled",
        run_token=run_token,
        message=f"SLA timers could not be created, so alerts may come minutes late: {why}"[:_LONGEST_MESSAGE],
        detail={"source": "sla-monitor", "timers": sorted(failures), **owner_detail(config)},
    )
    return Announce(key.pipeline_id, (event,), marker=f"unscheduled#{key.schedule_id}#{key.date}", at=now)


def timer_input(key: RunKey, timer: Timer) -> dict[str, str]:
    """The input that the timer sends to the SLA monitor when it fires (docs/reference/sla.md §4.1)."""
    wire = {
        "mode": "fire-alert",
        "pipelineId": key.pipeline_id,
        "scheduleId": key.schedule_id,
        "date": str(key.date),
        "alertType": str(timer.alert),
        "breachAt": rfc3339(timer.deadline.breach_at),
    }
    if timer.deadline.warning_at is not None:
        wire["warningAt"] = rfc3339(timer.deadline.warning_at)
    return wire


def _next_second(at: datetime) -> datetime:
    return at if not at.microsecond else at.replace(microsecond=0) + timedelta(seconds=1)


def _timer_name(key: RunKey, clock: Clock, kind: str, at: datetime) -> str:
    prefix = "sla" if clock is Clock.ABSOLUTE else "rsla"
    ending = f"-{prefix}-{kind}-{at:%Y%m%d%H%M}"
    readable = f"{key.pipeline_id}-{key.schedule_id}-{key.date}"
    if len(readable) + len(ending) <= 64:
        return readable + ending
    distinct = digest(key, length=8)
    return f"{readable[: 64 - len(ending) - 9]}-{distinct}{ending}"
