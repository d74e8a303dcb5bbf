"""What of a config counts forward from the edit that brought it: schedule, dates, SLA clocks, duties."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from interlock_config import PipelineConfig
from interlock_lifecycle._run import digest
from interlock_sla import Clock, Cron

EXCLUDED_DAYS = "excluded days"
"""The term of the days on which nothing starts; the edit of a calendar brings it as well as the config's."""


class Duty(StrEnum):
    """What the watchdog does about a pipeline's dates when nothing has begun them."""

    START = "starts"
    """Their cron starts them: nothing else does."""
    MISSED = "missed"
    """They are reported when they did not begin in time."""
    EXPIRY = "expires"
    """Their trigger's window ends at a time."""


def terms_of(config: PipelineConfig) -> tuple[str, ...]:
    """The names of what the config has in force.

    A clock or a report of a pipeline that is not watched is not in force: watched again, it counts from then on.
    """
    return (
        _schedule_term(config),
        _dates_term(config),
        *((_fires_term(config),) if config.cron is not None else ()),
        *(_clock_term(clock) for clock in _clocks(config)),
        *(_duty_term(duty) for duty in _duties(config)),
    )


def schedule_since(config: PipelineConfig, in_force: Mapping[str, datetime]) -> datetime | None:
    """Since when the config has its kind of schedule (its id), where that is known."""
    return in_force.get(_schedule_term(config))


def dates_since(config: PipelineConfig, in_force: Mapping[str, datetime]) -> datetime | None:
    """Since when the config expects just these dates, at whatever time of day, where that is known."""
    return in_force.get(_dates_term(config))


def fires_since(config: PipelineConfig, in_force: Mapping[str, datetime]) -> datetime | None:
    """Since when the config's cron fires just then, where that is known."""
    return in_force.get(_fires_term(config))


def clocks_since(in_force: Mapping[str, datetime]) -> dict[Clock, datetime]:
    """Since when each SLA clock is there, watched, and held to these excluded days, where that is known."""
    days = excluded_since(in_force)
    found = {clock: (in_force.get(_clock_term(clock)), days) for clock in Clock}
    return {clock: max(known) for clock, told in found.items() if (known := [at for at in told if at is not None])}


def excluded_since(in_force: Mapping[str, datetime]) -> datetime | None:
    """Since when the excluded days up to then are what they are now, where that is known."""
    return in_force.get(EXCLUDED_DAYS)


def duty_since(duty: Duty, in_force: Mapping[str, datetime]) -> datetime | None:
    """Since when the watchdog has this duty, where that is known."""
    return in_force.get(_duty_term(duty))


def _clocks(config: PipelineConfig) -> tuple[Clock, ...]:
    sla = config.sla
    if sla is None or not config.watch.enabled:
        return ()
    has = {Clock.ABSOLUTE: sla.deadline is not None, Clock.RELATIVE: sla.max_duration is not None}
    return tuple(clock for clock, there in has.items() if there)


def _duties(config: PipelineConfig) -> tuple[Duty, ...]:
    schedule, trigger, is_watched = config.schedule, config.schedule.trigger, config.watch.enabled
    is_awaited = schedule.include is not None or (schedule.cron is not None and trigger is not None)
    has = {
        Duty.START: schedule.cron is not None and trigger is None,
        Duty.MISSED: is_watched and is_awaited,
        Duty.EXPIRY: is_watched and trigger is not None and trigger.deadline is not None,
    }
    return tuple(duty for duty, there in has.items() if there)


def _schedule_term(config: PipelineConfig) -> str:
    return f"schedule {config.schedule_id}"


def _dates_term(config: PipelineConfig) -> str:
    schedule = config.schedule
    told = (None if config.cron is None else _dates_of(config.cron), schedule.include)
    return f"dates {_digest(*told, schedule.exclude, schedule.calendar)}"


def _dates_of(cron: Cron) -> tuple[object, ...]:
    """What of a cron says which dates it has: its days, and the hours where they are dates of their own."""
    fields = cron.fields
    hours = sorted({minute // 60 for minute in fields.times}) if cron.is_hourly else None
    days, weekdays = (None if found is None else sorted(found) for found in (fields.days, fields.weekdays))
    last_day = (0, False)
    named = hours, sorted(fields.months), days, last_day in fields.counted, weekdays, sorted(fields.nth)
    # Terms are stored: a cron without W and L-3 keeps the term that it had before these were known.
    counted = sorted(fields.counted - {last_day})
    return (*named, counted) if counted else named


def _fires_term(config: PipelineConfig) -> str:
    return f"fires {_digest(config.schedule.cron, config.schedule.timezone)}"


def _digest(*parts: object) -> str:
    return digest(*(msgspec.json.encode(part).decode() for part in parts))


def _clock_term(clock: Clock) -> str:
    return f"sla {clock}"


def _duty_term(duty: Duty) -> str:
    return f"duty {duty}"
