"""Finds the events of one date among those of its pipeline, whose table knows only their times."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from interlock_lifecycle.reports import DateFacts
from interlock_sla import ExecutionDate
from interlock_store import Store

_NEWEST = 200
_MOST = 1000
"""The events of one period that are read."""

_ZONES_AHEAD = timedelta(hours=14)
_AROUND = timedelta(days=6)
_A_MOMENT = timedelta(minutes=1)
_LONGEST_BEFORE = timedelta(days=31)
"""The time before a date from which on its events are searched, as by `interlock events`."""


def events_of_date(
    store: Store, pipeline: str, date: ExecutionDate, facts: DateFacts | None, now: datetime
) -> tuple[tuple[Mapping[str, Any], ...], bool]:
    """The events of a date, oldest first, and whether further ones may exist.

    They are among the newest ones of the pipeline, those of the days around the date, and those of the time of its run.
    """
    newest = store.events(pipeline, newest=_NEWEST)
    found = {str(row["SK"]): row for row in newest}
    begin = datetime.combine(date.day, datetime.min.time(), UTC) - _ZONES_AHEAD
    oldest = min(found, default="")
    is_cut = len(newest) == _NEWEST and oldest > f"{int((begin - _LONGEST_BEFORE).timestamp() * 1000):013d}"
    if is_cut:
        for first, last in ((begin, begin + _AROUND), *_periods_of(facts, now)):
            found |= {str(row["SK"]): row for row in islice(store.event_history(pipeline, first, last), _MOST)}
    of_date = (row for _, row in sorted(found.items()) if str(row.get("date", "")) == str(date))
    return tuple(of_date), is_cut


def _periods_of(facts: DateFacts | None, now: datetime) -> list[tuple[datetime, datetime]]:
    """The time of a run, from its first attempt to its close. A backfill runs long after its date."""
    run = facts.run if facts is not None else None
    if facts is None or run is None:
        return []
    begin = min([run.committed_at, *(entry.at for entry in facts.entries)])
    return [(begin - _A_MOMENT, (run.closed_at or now) + _A_MOMENT)]
