"""The parts of a pipeline that its sensor rows would stop by their dates."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import KeptRows
from interlock_lifecycle._moment import rfc3339
from interlock_lifecycle.dates._expected import Expectation, Window, expected_dates, trigger_ends
from interlock_lifecycle.sensors._arrival import is_reserved
from interlock_lifecycle.slas._sla import deadlines_of
from interlock_rules import Mode, UnreadableDate, row_date, row_keys, select_rows
from interlock_sla import Exclusions, ExecutionDate

_LOOK_BACK = timedelta(days=25)
_LOOK_AHEAD = timedelta(days=31)
_A_MOMENT = timedelta(seconds=1)


class DateHold(Struct, frozen=True):
    """A rule or a trigger that a row's date stops (docs/dates.md §2).

    path: its place in the config, such as `validation.rules[0]`. rows: the keys of these rows. says: the reason, as a
    sentence without its full stop.
    """

    path: str
    rows: tuple[str, ...]
    says: str


class MovedDeadline(Struct, frozen=True):
    """A deadline that excluded days move (docs/reference/sla.md §5).

    path: its place in the config, such as `sla.deadline`. deadline: its value there. says: the next date whose deadline
    moves, as a sentence without its full stop.
    """

    path: str
    deadline: str
    says: str


def date_to_judge(
    config: PipelineConfig, newest: ExecutionDate | None, exclusions: Exclusions, now: datetime
) -> ExecutionDate | None:
    """The newest date for which a pipeline's rows are judged. None if nothing has run and no cron has fired.

    newest: the date of its newest run. A cron without a trigger starts without a sensor, so the date of its last fire
    that is not excluded counts too.
    """
    fired = _last_date(config, exclusions, now) if config.schedule.trigger is None else None
    return max((date for date in (newest, fired) if date is not None), default=None)


def _last_date(config: PipelineConfig, exclusions: Exclusions, now: datetime) -> ExecutionDate | None:
    fire = now + _A_MOMENT
    while config.cron is not None and now - fire <= _LOOK_BACK:
        fire = config.cron.last_fire(fire - _A_MOMENT, config.zone)
        date = config.cron.execution_date(fire, config.zone)
        if not exclusions.excludes(date.day):
            return date
    return None


def held_by_dates(
    config: PipelineConfig, date: ExecutionDate, rows: Mapping[str, Mapping[str, object]], kept: KeptRows
) -> tuple[DateHold, ...]:
    """The validation rules that no row decides for a date, since the existing rows belong to other dates.

    rows: the sensor rows as they are now, by row key. For rules of which any suffices (ANY), one decided rule is
    enough.
    """
    rules = config.validation.rules
    selected = select_rows(rows, rules, date, kept.rows)
    if config.validation.trigger is Mode.ANY and selected.fields:
        return ()
    found = []
    for place, rule in enumerate(rules):
        if rule.row_name in selected.fields or rule.row_name not in selected.notes:
            continue
        there = tuple(key for key in row_keys((rule,), date) if key in rows)
        says = f"a run of {date} would be held: {rule.key} {selected.notes[rule.row_name]}"
        found.append(DateHold(f"validation.rules[{place}]", there, says))
    return tuple(found)


def moved_deadlines(config: PipelineConfig, exclusions: Exclusions, now: datetime) -> tuple[MovedDeadline, ...]:
    """The deadlines of the config that excluded days move within 31 days, each with its next example.

    One example is enough: each later deadline moves by the same rule (docs/reference/sla.md §5).
    """
    if exclusions.is_empty:
        return ()
    found = (_moved_sla(config, exclusions, now), _moved_trigger(config, exclusions, now))
    return tuple(one for one in found if one is not None)


def _moved_sla(config: PipelineConfig, exclusions: Exclusions, now: datetime) -> MovedDeadline | None:
    sla = config.sla
    if sla is None or sla.deadline is None:
        return None
    for date in _next_dates(config, exclusions, now, sla.deadline):
        for deadline in deadlines_of(config, date, None, exclusions):
            if deadline.moved_from is not None:
                return _moved("sla.deadline", sla.deadline, date, deadline.moved_from, deadline.breach_at)
    return None


def _moved_trigger(config: PipelineConfig, exclusions: Exclusions, now: datetime) -> MovedDeadline | None:
    trigger = config.schedule.trigger
    if trigger is None or trigger.deadline is None:
        return None
    for date in _next_dates(config, exclusions, now, trigger.deadline):
        named, ends_at = trigger_ends(config, date, Exclusions()), trigger_ends(config, date, exclusions)
        if named is not None and ends_at is not None and named != ends_at:
            return _moved("schedule.trigger.deadline", trigger.deadline, date, named, ends_at)
    return None


def _next_dates(
    config: PipelineConfig, exclusions: Exclusions, now: datetime, deadline: str
) -> Iterable[ExecutionDate]:
    window = Window(now, now + _LOOK_AHEAD)
    return expected_dates(Expectation(config, exclusions, now), window, hourly=deadline.startswith(":"))


def _moved(path: str, deadline: str, date: ExecutionDate, named: datetime, at: datetime) -> MovedDeadline:
    says = f"the deadline of {date} moves from {rfc3339(named)} to {rfc3339(at)}, over excluded days"
    return MovedDeadline(path, deadline, says)


def unreadable_triggers(rows: Mapping[str, Mapping[str, object]]) -> Iterator[DateHold]:
    """The trigger rows that open no run, since their date cannot be read. `rows`: by row key."""
    for key, fields in rows.items():
        named = row_date(key, fields)
        if isinstance(named, UnreadableDate) and not is_reserved(key):
            yield DateHold("schedule.trigger", (key,), f"row {key} opens no run: its {named}")
