"""Dormant dates, whose trigger row came on an excluded day: the rows that they keep, and their begin afterwards."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import Announce, Dormancy, Ignore, KeepRows, KeptRows, NoteDormant, StartRun
from interlock_lifecycle._run import Run, RunKey, Sensor
from interlock_lifecycle._start import open_run
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import Event, make_event, owner_detail
from interlock_lifecycle.sensors._accounted import name_record
from interlock_lifecycle.sensors._arrival import date_of
from interlock_lifecycle.sensors._kept import (
    add_kept,
    dated_rules,
    is_better,
    kept_from_start,
    may_be_replaced,
    opening_row,
    rows_passed,
)
from interlock_rules import KeptRow, UnreadableDate, holds, key_matches, row_date, select_rows, updated_at
from interlock_sla import Exclusions

_LONGEST_SEARCH = 366
"""The number of days that are searched for the next allowed day."""


def day_of(sensor: Sensor, config: PipelineConfig) -> date:
    """The day on which a record was written, in the pipeline's zone."""
    return sensor.written_at.astimezone(config.zone).date()


def is_dormant(sensor: Sensor, config: PipelineConfig, exclusions: Exclusions) -> bool:
    """Whether the day of the record is excluded: such a record begins no date (docs/reference/sensors.md §3)."""
    return exclusions.excludes(day_of(sensor, config))


def dormant_marker(key: RunKey, sensor: Sensor, config: PipelineConfig) -> str:
    """The marker of the report that a date waits on the record's day."""
    return f"excluded#{key.schedule_id}#{day_of(sensor, config)}#{key.date}"


class Waiting(Struct, frozen=True):
    """The facts by which a dormant record is judged.

    kept: the rows that the date keeps. rows: the rows of the date's rules as they are now, by row key. is_reported:
    whether the excluded day was reported for the date.
    """

    exclusions: Exclusions
    kept: KeptRows
    rows: Mapping[str, Mapping[str, object]]
    is_reported: bool


def decide_dormant(
    key: RunKey, sensor: Sensor, config: PipelineConfig, facts: Waiting
) -> NoteDormant | Announce | Ignore:
    """Decide how a date waits: its trigger's row came on an excluded day, before the date began.

    `decide_sensor` and `decide_dry_run` call it. A date that is excluded itself keeps no row: on the next allowed day
    the row under the sensor's key counts. The watchdog reads that row for a live pipeline, and never for a dry run.
    The date of a dry run is therefore noted. Results:

    - `NoteDormant`: the date keeps this record, or newer rows of its other rules, or the excluded day is not reported
      yet. PIPELINE_EXCLUDED is emitted once per date and excluded day.
    - `Announce`: the date of a live pipeline is excluded itself. PIPELINE_EXCLUDED is emitted alone.
    - `Ignore`: the day was reported, and the date keeps this record or a newer one, or keeps none.
    """
    at, marker = sensor.written_at, dormant_marker(key, sensor, config)
    events = () if facts.is_reported else (_report(key, sensor, config, facts.exclusions),)
    is_excluded = facts.exclusions.excludes(key.date.day)
    if is_excluded and not config.dry_run:
        if facts.is_reported:
            return Ignore("the date and the day are excluded, and that was reported")
        return Announce(key.pipeline_id, events, marker=marker, at=at)
    kept = _noted(sensor, facts) if is_excluded else _kept_meanwhile(key, sensor, config, facts)
    if kept == facts.kept and facts.is_reported:
        return Ignore("the date waits for its next allowed day, and keeps this record or a newer one")
    after = KeptRows(kept.rows, facts.kept.version + 1, kept.dormant)
    return NoteDormant(key, after, at, events, None if facts.is_reported else marker)


def _noted(sensor: Sensor, facts: Waiting) -> KeptRows:
    """The note of an excluded date, which waits without rows."""
    waits = facts.kept.dormant
    since = sensor.written_at if waits is None else waits.since
    return KeptRows({}, facts.kept.version, Dormancy(sensor.key, sensor.key, since, is_dry=True))


def _kept_meanwhile(key: RunKey, sensor: Sensor, config: PipelineConfig, facts: Waiting) -> KeptRows:
    """The record, with the rows of the other rules that another date may overwrite before this date begins."""
    rule = config.trigger_rule
    assert rule is not None
    row_name = rule.row_name if may_be_replaced(sensor.key, rule, key.date) else sensor.key
    # A date that does not wait has kept rows from an earlier run only.
    kept = facts.kept if facts.kept.dormant is not None else KeptRows(version=facts.kept.version)
    before, waits = kept.rows.get(row_name), kept.dormant
    if before is None or is_better(sensor, exact=True, before=before):
        kept = replace(kept, rows=add_kept(kept.rows, {row_name: KeptRow(sensor.fields, sensor.written_at)}))
        since = sensor.written_at if waits is None else waits.since
        waits = Dormancy(sensor.key, row_name, since, is_dry=config.dry_run)
    others = [one for one in dated_rules(config) if one.row_name != row_name]
    selection = select_rows(facts.rows, others, key.date, kept.rows)
    added = rows_passed(selection, others, kept, key.date, sensor.written_at)
    return KeptRows(kept.rows if added is None else added.rows, kept.version, waits)


def _report(key: RunKey, sensor: Sensor, config: PipelineConfig, exclusions: Exclusions) -> Event:
    today = day_of(sensor, config)
    allowed = next_allowed_day(exclusions, today)
    when = "on no day of the next year" if allowed is None else f"on {_named(allowed)}"
    then = f"the watchdog takes {key.date} up {when}"
    if exclusions.excludes(key.date.day):
        then = f"{key.date} is an excluded date: its row is looked at again {when}, unless another row has replaced it"
    detail = {"sensorKey": sensor.key, "excludedDay": today.isoformat(), **owner_detail(config)}
    return make_event(
        EventType.PIPELINE_EXCLUDED,
        key,
        sensor.written_at,
        source=name_record(sensor),
        message=f"{_named(today)} is excluded; {then}",
        detail=detail if allowed is None else {**detail, "nextAllowedDay": allowed.isoformat()},
    )


def _named(day: date) -> str:
    return f"{day:%A} {day.isoformat()}"


def next_allowed_day(exclusions: Exclusions, today: date) -> date | None:
    """The first day after `today` that is not excluded. None if all days of a year are excluded."""
    days = (today + timedelta(days=ahead) for ahead in range(1, _LONGEST_SEARCH + 1))
    return next((day for day in days if not exclusions.excludes(day)), None)


class DormantDate(Struct, frozen=True):
    """The facts on an allowed day about a date that waited on excluded days.

    key: the date under the pipeline's present schedule. kept: its KEPT# row, under `kept_key`. run, other_run: its
    trigger rows, under the present schedule and the other one. is_settled: its joblog has an outcome, or a dry run has
    begun it. row: the sensor's row as it is now, None for no row. others: the rows of the trigger under its other keys
    for the date, by row key.
    """

    key: RunKey
    kept_key: RunKey
    kept: KeptRows
    run: Run | None
    other_run: Run | None
    is_settled: bool
    row: Mapping[str, object] | None
    has_arrival: bool = False
    others: Mapping[str, Mapping[str, object]] = {}


class TakeUp(Struct, frozen=True):
    """A date that waited may begin now: its trigger holds for this row."""

    sensor: Sensor
    kept: KeptRows
    """The rows that the date keeps from its begin on."""


def judge_dormant(facts: DormantDate, config: PipelineConfig, now: datetime) -> TakeUp | KeepRows | Ignore:
    """Decide whether a date that waited may begin, by its row as it is at `now` (UTC).

    The watchdog calls it on an allowed day. If another date's row has replaced the row, the kept row counts. If neither
    fulfils the trigger, a row of the date under another key of the trigger counts. Results:

    - `TakeUp`: the trigger holds for the row. The caller begins the date (`start_dormant`, `begin_dry_run`).
    - `KeepRows`: the date waits no more. It has begun in another way, its sensor is not the trigger any more, it waited
      in a dry run and the pipeline is live, its row was replaced and not kept, or none of its rows fulfils the trigger.
    - `Ignore`: the date goes on waiting. A deleted row, or a row with an unreadable date, may be followed by another.
    """
    waits, rule = facts.kept.dormant, config.trigger_rule
    if waits is None:
        return Ignore("the date does not wait")
    if reason := _why_settled(facts, waits, config):
        return stop_waiting(facts, now, reason)
    fields = _row_to_judge(facts, waits, config)
    if rule is not None and (fields is None or not holds(rule, fields, now)):
        facts, waits = _with_row_that_holds(facts, waits, config, now)
        fields = _row_to_judge(facts, waits, config)
    if not facts.kept.is_kept_for_later and facts.row is not None and not _is_of(facts.row, waits, facts, config):
        return stop_waiting(facts, now, f"sensor {waits.sensor_key} holds another date's row, and none was kept")
    if rule is None or fields is None:
        return Ignore(f"sensor {waits.sensor_key} holds no row that can be judged")
    if not holds(rule, fields, now):
        return stop_waiting(facts, now, f"sensor {waits.sensor_key} does not fulfil the trigger any more")
    kept = kept_from_start(facts.kept, opening_row(waits.sensor_key, fields, now, config), config)
    if facts.key != facts.kept_key:
        kept = replace(kept, version=1)  # the KEPT# row of the present schedule is new
    return TakeUp(Sensor(config.id, waits.sensor_key, fields, now), kept)


def _with_row_that_holds(
    facts: DormantDate, waits: Dormancy, config: PipelineConfig, now: datetime
) -> tuple[DormantDate, Dormancy]:
    """The facts with the first row of the date that fulfils the trigger, as reconciliation finds it for a live run."""
    rule = config.trigger_rule
    assert rule is not None
    rows = {waits.sensor_key: facts.row, **facts.others}
    for name, row in rows.items():
        named = replace(waits, sensor_key=name)
        if row is not None and _is_of(row, named, facts, config) and holds(rule, row, now):
            return replace(facts, row=row), named
    return facts, waits


def _why_settled(facts: DormantDate, waits: Dormancy, config: PipelineConfig) -> str:
    rule = config.trigger_rule
    if facts.run is not None or facts.is_settled or (facts.other_run is not None and facts.other_run.stands):
        return "the date has begun"
    if waits.is_dry and not config.dry_run:
        return "the date waited in a dry run: a pipeline that runs live counts forward"
    if rule is None or not key_matches(rule.key, waits.sensor_key):
        return f"sensor {waits.sensor_key} is not the trigger any more"
    return ""


def _row_to_judge(facts: DormantDate, waits: Dormancy, config: PipelineConfig) -> Mapping[str, object] | None:
    """The row of the sensor if it is of the date, otherwise the kept row."""
    if facts.row is None or isinstance(row_date(waits.sensor_key, facts.row), UnreadableDate):
        return None
    if _is_of(facts.row, waits, facts, config):
        return facts.row
    kept = facts.kept.rows.get(waits.row_name)
    return None if kept is None else kept.fields


def _is_of(row: Mapping[str, object], waits: Dormancy, facts: DormantDate, config: PipelineConfig) -> bool:
    """Whether the row belongs to the date. A row without a date belongs to the day of its own time, if it has one."""
    named, stamp = row_date(waits.sensor_key, row), updated_at(row)
    if named is None and stamp is None:
        return False
    return date_of(named, stamp or waits.since, config) == facts.key.date


def stop_waiting(facts: DormantDate, now: datetime, reason: str) -> KeepRows:
    """End the wait of a date. Its kept rows stay."""
    return KeepRows(facts.kept_key, KeptRows(facts.kept.rows, facts.kept.version + 1), now, reason=reason)


def start_dormant(
    take: TakeUp, facts: DormantDate, config: PipelineConfig, now: datetime, execution_timeout: timedelta
) -> StartRun:
    """Begin a date that waited. For the relative clock, its first sensor arrives at the begin."""
    arrived_at = None if facts.has_arrival else now
    start = open_run(
        facts.key, decided_at=now, execution_timeout=execution_timeout, arrived_at=arrived_at, kept=take.kept
    )
    event = make_event(
        EventType.TRIGGER_RECOVERED,
        facts.key,
        now,
        source=f"reconciled {take.sensor.key}",
        attempt=0,
        run_token=start.run.run_token,
        message=f"sensor {take.sensor.key} came on an excluded day, and its date begins on this allowed day",
        detail={"source": "watchdog", "sensorKey": take.sensor.key, **owner_detail(config)},
    )
    return replace(start, events=(event,))
