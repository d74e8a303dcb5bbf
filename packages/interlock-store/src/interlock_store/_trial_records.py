"""Reads the record of a period for a trial: events, joblog, arrivals and kept rows. It writes nothing."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from interlock_lifecycle import RunKey
from interlock_lifecycle.runs import rules_to_read
from interlock_lifecycle.trials import DateRecord, RecordedEvent, Trial, expected_by, read_recorded
from interlock_sla import ExecutionDate, ExecutionDateError, parse_execution_date
from interlock_store._store import Store

LEAD = timedelta(days=3)
"""The time before the period whose events are read too. A date that began then is no date of the period."""

_DIGITS = 13

EventsOfDates = Mapping[tuple[str, ExecutionDate], list[RecordedEvent]]


def read_records(store: Store, trial: Trial) -> list[DateRecord]:
    """The records of all dates with an event in the period of the trial, and of the dates that its config expects.

    Each date takes four reads. Raises MalformedRow for a corrupted row of an arrival.
    """
    rows = store.event_history(trial.after.id, trial.since - LEAD, trial.until)
    return records_of(store, trial, events_of_dates(rows))


def records_of(store: Store, trial: Trial, events: EventsOfDates) -> list[DateRecord]:
    """The records of dates whose events are known."""
    schedules: dict[ExecutionDate, str] = {}
    for (schedule, date), found in events.items():
        if schedules.get(date) is None or any(one.attempt is not None for one in found):
            schedules[date] = schedule
    for date in expected_by(trial):
        schedules.setdefault(date, trial.after.schedule_id)
    return [
        _record(store, trial, RunKey(trial.after.id, schedule, date), events.get((schedule, date), []))
        for date, schedule in schedules.items()
    ]


def _record(store: Store, trial: Trial, key: RunKey, events: Iterable[RecordedEvent]) -> DateRecord:
    rules = [rule for config in (trial.after, trial.before) if config is not None for rule in rules_to_read(config)]
    readings = store.readings(key, rules)
    return DateRecord(
        key=key,
        events=tuple(sorted({one.id: one for one in events}.values(), key=lambda one: one.id)),
        entries=tuple(store.entries(key)),
        arrived_at=store.arrived_at(key),
        rows=readings.rows,
        kept=readings.kept,
    )


def events_of_dates(rows: Iterable[Mapping[str, Any]]) -> EventsOfDates:
    """The events in rows of the events table, by schedule id and date. Events about no date are left out."""
    found: dict[tuple[str, ExecutionDate], list[RecordedEvent]] = defaultdict(list)
    for row in rows:
        try:
            date = parse_execution_date(str(row.get("date")))
        except ExecutionDateError:
            continue
        found[str(row.get("scheduleId")), date].append(_event_of(row))
    return found


def _event_of(row: Mapping[str, Any]) -> RecordedEvent:
    key, event_type = str(row["SK"]), str(row.get("eventType"))
    try:
        event = read_recorded(event_type, json.loads(str(row.get("detail"))))
    except (ValueError, RecursionError):
        event = None
    if event is not None:
        return event
    digits = key[:_DIGITS]
    is_time = digits.isascii() and digits.isdigit()
    at = datetime.fromtimestamp(int(digits) / 1000, UTC) if is_time else datetime.fromtimestamp(0, UTC)
    return RecordedEvent(key.rpartition("#")[2], event_type, at, problem=f"its row is {key}")
