"""What of a config counts forward from the edit that brought it: its schedule, its dates, its SLA clocks."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from interlock_config import PipelineConfig
from interlock_lifecycle._run import digest
from interlock_sla import Clock


def terms_of(config: PipelineConfig) -> tuple[str, ...]:
    """The names of what the config has in force.

    A clock of a pipeline that is not watched is not in force: watched again, it counts from then on.
    """
    return (_schedule_term(config), _dates_term(config), *(_clock_term(clock) for clock in _clocks(config)))


def schedule_since(config: PipelineConfig, in_force: Mapping[str, datetime]) -> datetime | None:
    """Since when the config has its kind of schedule (its id), where that is known."""
    return in_force.get(_schedule_term(config))


def dates_since(config: PipelineConfig, in_force: Mapping[str, datetime]) -> datetime | None:
    """Since when the config expects just these dates, where that is known."""
    return in_force.get(_dates_term(config))


def clocks_since(in_force: Mapping[str, datetime]) -> dict[Clock, datetime]:
    """Since when each SLA clock is there and watched, where that is known."""
    return {clock: in_force[_clock_term(clock)] for clock in Clock if _clock_term(clock) in in_force}


def _clocks(config: PipelineConfig) -> tuple[Clock, ...]:
    sla = config.sla
    if sla is None or not config.watch.enabled:
        return ()
    has = {Clock.ABSOLUTE: sla.deadline is not None, Clock.RELATIVE: sla.max_duration is not None}
    return tuple(clock for clock, there in has.items() if there)


def _schedule_term(config: PipelineConfig) -> str:
    return f"schedule {config.schedule_id}"


def _dates_term(config: PipelineConfig) -> str:
    schedule = config.schedule
    told = (schedule.cron, schedule.include, schedule.timezone, schedule.exclude, schedule.calendar)
    return f"dates {digest(*(msgspec.json.encode(part).decode() for part in told))}"


def _clock_term(clock: Clock) -> str:
    return f"sla {clock}"
