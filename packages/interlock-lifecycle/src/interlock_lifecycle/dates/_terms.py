"""The terms of a config that apply only from the edit that brought them: schedule, dates, SLA clocks, duties."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from interlock_config import PipelineConfig
from interlock_lifecycle._run import digest
from interlock_sla import Clock, Cron

EXCLUDED_DAYS = "excluded days"
"""The term of the days on which nothing starts. An edit of the config or of a calendar changes it."""


class Duty(StrEnum):
    """The duties of the watchdog for a pipeline's dates that have not begun."""

    START = "starts"
    """The watchdog starts them at their cron's fires, since no sensor does."""
    MISSED = "missed"
    """The watchdog reports the dates that did not begin in time."""
    EXPIRY = "expires"
    """The watchdog fails them at the end of their trigger's window."""


def terms_of(config: PipelineConfig) -> tuple[str, ...]:
    """The names of the terms that the config has.

    A pipeline that is not watched has no clock and no reports. Once it is watched again, they count from that time on.
    """
    return (
        _schedule_term(config),
        _dates_term(config),
        *((_fires_term(config),) if config.cron is not None else ()),
        *(_clock_term(clock) for clock in _clocks(config)),
        *(_duty_term(duty) for duty in _duties(config)),
    )


def schedule_since(config: PipelineConfig, in_force: Mapping[str, datetime]) -> datetime | None:
    """The time since when the config has its kind of schedule (its id). None if it is unknown."""
    return in_force.get(_schedule_term(config))


def dates_since(config: PipelineConfig, in_force: Mapping[str, datetime]) -> datetime | None:
    """The time since when the config expects exactly these dates, at any time of day. None if it is unknown."""
    return in_force.get(_dates_term(config))


def fires_since(config: PipelineConfig, in_force: Mapping[str, datetime]) -> datetime | None:
    """The time since when the config's cron has exactly these fires. None if it is unknown."""
    return in_force.get(_fires_term(config))


def clocks_since(in_force: Mapping[str, datetime], created_at: datetime | None) -> dict[Clock, datetime]:
    """The time since when each SLA clock exists, is watched and has these excluded days, if that is known.

    created_at: the time since when the pipeline exists or runs live (UTC), None if it is unknown. No run could meet a
    deadline from before it.
    """
    days = excluded_since(in_force)
    found = {clock: (in_force.get(_clock_term(clock)), days, created_at) for clock in Clock}
    return {
        clock: max(known) for clock, moments in found.items() if (known := [at for at in moments if at is not None])
    }


def excluded_since(in_force: Mapping[str, datetime]) -> datetime | None:
    """The time since when the present excluded days apply. None if it is unknown."""
    return in_force.get(EXCLUDED_DAYS)


def duty_since(duty: Duty, in_force: Mapping[str, datetime]) -> datetime | None:
    """The time since when the watchdog has this duty. None if it is unknown."""
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
    dates = (None if config.cron is None else _dates_of(config.cron), schedule.include)
    return f"dates {_digest(*dates, schedule.exclude, schedule.calendar)}"


def _dates_of(cron: Cron) -> tuple[object, ...]:
    """The parts of a cron that determine its dates: its days, and its hours if they are dates of their own."""
    fields = cron.fields
    hours = sorted({minute // 60 for minute in fields.times}) if cron.is_hourly else None
    days, weekdays = (None if found is None else sorted(found) for found in (fields.days, fields.weekdays))
    last_day = (0, False)
    named = hours, sorted(fields.months), days, last_day in fields.counted, weekdays, sorted(fields.nth)
    # Terms are stored. A cron without W and L-3 keeps its term from before these were supported.
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
