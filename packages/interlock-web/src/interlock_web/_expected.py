"""The dates of all pipelines that should have begun. They are computed once a minute, without a request."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from datetime import date as calendar_day

from msgspec import Struct

from interlock_lifecycle.dates import Expectation
from interlock_lifecycle.reports import dates_not_begun
from interlock_sla import ExecutionDate
from interlock_store import StoredConfig

_ZONES_APART = timedelta(days=1)
_LOOK_BACK = timedelta(days=26)
"""The age of the oldest day of which dates are known to be expected, as in `interlock status`."""

_MOST = 24 * _LOOK_BACK.days


class _Known(Struct, frozen=True):
    """The dates of a pipeline, with the facts on which they depend."""

    stored: StoredConfig
    since: calendar_day
    minute: datetime
    dates: tuple[ExecutionDate, ...]


class ExpectedDates:
    """The expected dates of all pipelines. A date begins at a whole minute, so a result holds until the next one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}

    def begun_by(
        self, now: datetime, pipelines: Mapping[str, StoredConfig], first: calendar_day
    ) -> dict[str, tuple[ExecutionDate, ...]]:
        """The dates from the day `first` on that should have begun by `now` (UTC). Pipelines without any are left out.

        They also include dates that have begun.
        """
        minute = now.replace(second=0, microsecond=0)
        since = max(first, (now - _LOOK_BACK).date())
        with self._lock:
            self._known = {name: self._look(name, stored, since, minute) for name, stored in pipelines.items()}
            return {name: known.dates for name, known in self._known.items() if known.dates}

    def _look(self, name: str, stored: StoredConfig, since: calendar_day, minute: datetime) -> _Known:
        known = self._known.get(name)
        if known is None or known.since > since or known.minute > minute or known.stored != stored:
            return _Known(stored, since, minute, _expected(stored, since, minute))
        if known.minute == minute:
            return known
        # The dates of an hourly cron cost milliseconds, so only those of the last day are computed again.
        newer = _expected(stored, max(known.since, (known.minute - _ZONES_APART).date()), minute)
        oldest = max(known.since, (minute - _LOOK_BACK).date())
        kept = (date for date in known.dates if date.day >= oldest)
        return _Known(stored, oldest, minute, tuple(dict.fromkeys((*kept, *newer))))


def _expected(stored: StoredConfig, since: calendar_day, now: datetime) -> tuple[ExecutionDate, ...]:
    if stored.config is None or stored.created_at is None:
        return ()
    begin = datetime.combine(since, time(), UTC) - _ZONES_APART
    facts = Expectation(stored.config, stored.exclusions, max(stored.created_at, begin), stored.in_force)
    return tuple(date for date in dates_not_begun(facts, (), now, newest=_MOST) if date.day >= since)
