"""Dates that did not begin: missed, or closed at the end of their trigger's window."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import Announce, ExpireTrigger
from interlock_lifecycle._moment import rfc3339, say_moment
from interlock_lifecycle._run import Run, RunKey, RunStatus, make_run_token
from interlock_lifecycle.dates._expected import (
    MISSED_AFTER,
    Expectation,
    ExpectedStart,
    fire_before,
    fire_of,
    trigger_ends,
)
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import make_event, owner_detail
from interlock_lifecycle.slas._sla import SlaFacts, moved_detail, say_moved, settle
from interlock_sla import Exclusions, ExecutionDate


def decide_missed(config: PipelineConfig, start: ExpectedStart, now: datetime) -> Announce:
    """Report a date that has not begun in time, once per fire of the date or once per inclusion date.

    The watchdog calls it for each overdue start without a run. The result is always `Announce`: SCHEDULE_MISSED, or
    IRREGULAR_SCHEDULE_MISSED for an inclusion date. Its marker counts the fires of the date, so that an edit of the
    time of day does not report the date again.
    """
    key = RunKey(config.id, config.schedule_id, start.date)
    event_type = EventType.IRREGULAR_SCHEDULE_MISSED if start.irregular else EventType.SCHEDULE_MISSED
    at = rfc3339(start.fire or start.at)
    detail = {"expectedAt": rfc3339(start.at), "source": "watchdog", **owner_detail(config)}
    if config.schedule.cron is not None:
        detail["cron"] = config.schedule.cron
    event = make_event(
        event_type,
        key,
        now,
        source=f"missed {at}",
        message=f"no run of {start.date} has begun. It was expected by {say_moment(start.at, config.zone)}",
        detail=detail,
    )
    marker = f"missed#{key.schedule_id}#{_place(config, start)}#{key.date}"
    return Announce(key.pipeline_id, (event,), marker=marker, at=now)


def _place(config: PipelineConfig, start: ExpectedStart) -> int:
    """The number of the start among its date's fires, from 0. Inclusion dates have one start."""
    if start.fire is None or config.cron is None:
        return 0
    return sum(1 for _ in config.cron.fires_between(fire_of(config, start.date), start.fire, config.zone))


def has_stand_in(
    expected: Expectation, fire: datetime, triggered: Mapping[ExecutionDate, datetime], grace: timedelta = MISSED_AFTER
) -> bool:
    """Whether a run of another date counts as the fire's, since the data may name another date than the fire.

    triggered: the trigger times of the newest dates (UTC). A run counts that began from the fire on, before the next
    fire. If no run did, a run that began up to `grace` before the fire counts, if the fire before has a run of its own:
    producers and schedulers may be seconds early. For the fire of an hour after clocks went back, the grace is longer
    by that change.
    """
    config = expected.config
    assert config.cron is not None
    following = config.cron.next_fire(fire, config.zone)
    if any(fire <= at < following for at in triggered.values()):
        return True
    before = fire_before(expected, fire)
    early = grace + _went_back(config, fire)
    candidates = {date: at for date, at in triggered.items() if fire - early <= at < fire}
    if not candidates or before is None:
        return bool(candidates)
    latest = max(candidates, key=lambda date: candidates[date])
    others = {date: at for date, at in triggered.items() if date != latest and at < fire}
    return before[1] in others or any(before[0] - grace <= at for at in others.values())


def _went_back(config: PipelineConfig, fire: datetime) -> timedelta:
    """The time by which clocks went back since the fire before, for a cron that names hours."""
    cron = config.cron
    if cron is None or not cron.is_hourly:
        return timedelta()
    before = cron.last_fire(fire - timedelta(microseconds=1), config.zone)
    offsets = [at.astimezone(config.zone).utcoffset() or timedelta() for at in (before, fire)]
    return max(timedelta(), offsets[0] - offsets[1])


class ExpiryFacts(Struct, frozen=True):
    """The SLA of the date so far. The commit requires that the date has no trigger row."""

    sla: SlaFacts


def expire_trigger(
    config: PipelineConfig, key: RunKey, ended_at: datetime, facts: ExpiryFacts, now: datetime
) -> ExpireTrigger:
    """Close a date as FAILED_FINAL: its trigger did not come by its deadline (docs/reference/watchdog.md §6)."""
    source = f"expired {rfc3339(ended_at)}"
    unmoved = trigger_ends(config, key.date, Exclusions())
    moved_from = None if unmoved == ended_at else unmoved
    why = f"the trigger's sensor did not come by {say_moment(ended_at, config.trigger_zone)}"
    event = make_event(
        EventType.SENSOR_DEADLINE_EXPIRED,
        key,
        now,
        source=source,
        deadline=rfc3339(ended_at),
        message=f"{why}. A rerun request can still start the date{say_moved(moved_from, config.trigger_zone)}",
        detail={
            "status": str(RunStatus.FAILED_FINAL),
            "source": "watchdog",
            "deadline": rfc3339(ended_at),
            **owner_detail(config),
            **moved_detail(moved_from),
        },
    )
    verdicts, judged = settle(config, key, facts.sla, now=now, succeeded_at=None, source=source, ordinal=1)
    run = Run(
        key=key,
        status=RunStatus.FAILED_FINAL,
        attempt=0,
        run_token=make_run_token(key, 0, 0, ended_at),
        committed_at=now,
        reason="sensor",
        closed_at=now,
        close_reason=why,
    )
    return ExpireTrigger(run, facts.sla.verdict, verdicts, (event, *judged))
