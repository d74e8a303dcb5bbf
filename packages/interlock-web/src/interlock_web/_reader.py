"""Reads the facts of the pages. It writes nothing, and several viewers share a reading."""

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from datetime import date as calendar_day
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from interlock_lifecycle import Run, RunKey, RunStatus, Verdict
from interlock_lifecycle.reports import DateFacts
from interlock_sla import ExecutionDate
from interlock_store import (
    ROWS_OF_A_DAY,
    DateState,
    DayPage,
    Days,
    MalformedRow,
    Overview,
    Store,
    StoredConfig,
    TableNames,
    Tables,
    key_of_row,
    pipeline_pk,
    read_date,
    read_statuses,
)
from interlock_web._dates import UNREADABLE, DateLine, date_lines
from interlock_web._elsewhere import Unfinished, read_unfinished
from interlock_web._events import events_of_date
from interlock_web._expected import ExpectedDates

T = TypeVar("T")

_CONNECTIONS = 8
"""The queries that run at the same time. The connection pool of a client has ten places."""

_FRESH_SECONDS = 2.0
_OLD_SECONDS = 60.0
_CHANGING = timedelta(days=2)
"""The age of a day up to which its dates change often."""
_CONFIGS_FRESH_SECONDS = 20.0
_MOST_UNKNOWN = 100
"""The runs behind the read rows of a day that one batch reads."""

_MOST_MADE = 15
"""The further values of `kept`, least recently used first. The board of 1,000 pipelines and 30 days has some MB."""

_EVENTS = 50
_RUNS = 90
_SCHEDULES = ("cron", "stream")

Clock = Callable[[], datetime]


class NoDays(Exception):
    """The tables have no index of days, with the action to take."""


class BoardFacts(Struct, frozen=True):
    """The pages of the shown days, newest first, and all pipelines.

    expected: the dates of each pipeline that should have begun. read_at: the time of the reading (UTC). unfinished: the
    runs of all days, empty if they are not read.
    """

    pages: tuple[DayPage, ...]
    pipelines: Mapping[str, StoredConfig]
    expected: Mapping[str, Sequence[ExecutionDate]]
    read_at: datetime
    unfinished: Unfinished = Unfinished()

    def is_as(self, other: "BoardFacts") -> bool:
        """Whether a board of these facts is one of the others too. A pause may end with each minute."""
        return (
            len(self.pages) == len(other.pages)
            and all(mine is its for mine, its in zip(self.pages, other.pages, strict=True))
            and (self.pipelines, self.expected) == (other.pipelines, other.expected)
            and self.unfinished == other.unfinished
            and self.read_at.replace(second=0, microsecond=0) == other.read_at.replace(second=0, microsecond=0)
        )


class RunFacts(Struct, frozen=True):
    """A date: its facts as `interlock why` has them, and its events, oldest first.

    problem: the reason why its rows are unreadable. `facts` is None then. is_cut: earlier events are left out.
    is_known: as in `PipelineFacts`.
    """

    key: RunKey
    stored: StoredConfig
    facts: DateFacts | None
    events: tuple[Mapping[str, Any], ...]
    is_cut: bool
    is_known: bool
    now: datetime
    problem: str = ""


class PipelineFacts(Struct, frozen=True):
    """A pipeline: its config, its newest dates and their runs, newest first, and its newest events.

    is_known: the pipeline has a config, or other rows.
    """

    pipeline: str
    stored: StoredConfig
    dates: tuple[DateLine, ...]
    runs: tuple[Run, ...]
    verdicts: Mapping[RunKey, Verdict]
    arrivals: Mapping[RunKey, datetime]
    events: tuple[Mapping[str, Any], ...]
    is_known: bool
    now: datetime


class _Kept:
    """A value that is read again once it is older than some seconds. Callers at the same time share one reading.

    keeps_empty: an empty value is kept too. Otherwise each caller reads again until there is something.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float], *, keeps_empty: bool = True) -> None:
        self._seconds = seconds
        self._keeps_empty = keeps_empty
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._values: dict[Any, tuple[float, Any]] = {}

    def value(self, name: Any, read: Callable[[], T]) -> T:
        with self._lock:
            known = self._values.get(name)
            if known is not None and self._monotonic() - known[0] < self._seconds:
                kept: T = known[1]
                return kept
            found = read()
            end = self._monotonic()
            self._values = {key: entry for key, entry in self._values.items() if end - entry[0] < self._seconds}
            if found or self._keeps_empty:
                self._values[name] = (end, found)
            return found

    def drop(self, name: Any) -> None:
        """Read this value again the next time."""
        with self._lock:
            self._values.pop(name, None)


def now_utc() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


class Reader:
    """Reads the tables of one deployment for the pages."""

    def __init__(
        self,
        tables: Tables,
        names: TableNames,
        *,
        clock: Clock = now_utc,
        monotonic: Callable[[], float] = time.monotonic,
        fresh_seconds: float = _FRESH_SECONDS,
        old_seconds: float = _OLD_SECONDS,
    ) -> None:
        """fresh_seconds: the age up to which the page of a recent day is shared between viewers. old_seconds: that of
        an older day, which changes rarely.
        """
        self._tables, self._names = tables, names
        self._store = Store(tables, names)
        self._overview = Overview(tables, names)
        self._days = Days(tables, names)
        self.clock = clock
        self._fresh_seconds = fresh_seconds
        self._old_seconds = max(fresh_seconds, old_seconds)
        self._monotonic = monotonic
        self._reading = threading.Lock()
        self._pages: dict[tuple[calendar_day, int], tuple[float, DayPage]] = {}
        # The first pipelines of a new deployment appear at once.
        self._configs = _Kept(_CONFIGS_FRESH_SECONDS, monotonic, keeps_empty=False)
        self._notes = _Kept(fresh_seconds, monotonic)
        self._unfinished = _Kept(fresh_seconds, monotonic)
        self._expected = ExpectedDates()
        self._made: dict[Hashable, tuple[BoardFacts, Any]] = {}
        self._removed: set[str] = set()
        self._pool = ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="interlock-web")

    def check(self) -> None:
        """Read one day. Raises NoDays for a table of an older version, otherwise the error of the tables."""
        try:
            self._days.page(self.clock().date(), 1)
        except Exception as error:
            # The store names no error of DynamoDB for an index that does not exist.
            if "specified index" in str(error):
                raise NoDays(
                    "the control table has no index GSI2. Upgrade the deployment (docs/upgrading.md), "
                    "then run `interlock migrate --apply`"
                ) from error
            raise

    def close(self) -> None:
        """End the threads of the queries."""
        self._pool.shutdown(cancel_futures=True)

    def today(self) -> calendar_day:
        """The newest day that has begun in a zone of a pipeline."""
        now, configs = self.clock(), self._pipelines()
        zones = {stored.config.zone for stored in configs.values() if stored.config is not None}
        return max((now.astimezone(zone).date() for zone in zones), default=now.date())

    def board(
        self, until: calendar_day | None, days: int, depth: int = 1, *, with_unfinished: bool = False
    ) -> BoardFacts:
        """The pages of `days` days up to `until`, today by default, in one query per day.

        depth: the number of pages of ROWS_OF_A_DAY rows that are read of each day. with_unfinished: also read the
        unfinished runs of all days, in three more queries.
        """
        last = until or self.today()
        shown = [last - timedelta(days=back) for back in range(days) if back < last.toordinal()]

        pages = self._read_pages(shown, 1)
        if depth > 1 and not all(page.is_whole for page in pages):
            unread = [page.day for page in pages if not page.is_whole]
            deeper = dict(zip(unread, self._read_pages(unread, depth), strict=True))
            pages = [deeper.get(page.day, page) for page in pages]
        pipelines = self._pipelines_of(pages)
        now, first = self.clock(), min((page.day for page in pages if page.is_whole), default=None)
        expected = self._expected.begun_by(now, pipelines, first) if first is not None else {}
        unfinished = self._all_unfinished() if with_unfinished else Unfinished()
        return BoardFacts(tuple(pages), pipelines, expected, now, unfinished)

    def _all_unfinished(self) -> Unfinished:
        return self._unfinished.value("", lambda: read_unfinished(self._tables, self._names, self._pool.map))

    def _read_pages(self, days: Sequence[calendar_day], depth: int) -> list[DayPage]:
        """The pages of these days. Those that are still fresh are not read again."""
        changing = self.clock().date() - _CHANGING
        with self._reading:
            now = self._monotonic()
            stale = [(day, depth) for day in days if self._is_stale((day, depth), now, day >= changing)]
            found = list(self._pool.map(lambda key: self._page(key[0], key[1] * ROWS_OF_A_DAY), stale))
            # Ages count from the end of a reading, since a slow one would be stale at once.
            end = self._monotonic()
            for key, page in zip(stale, found, strict=True):
                known = self._pages.get(key)
                # A page without a change stays the same object, so that its boards stay too.
                self._pages[key] = (end, known[1] if known is not None and known[1] == page else page)
            pages = [self._pages[day, depth][1] for day in days]
            self._pages = {key: kept for key, kept in self._pages.items() if end - kept[0] <= self._old_seconds}
            return pages

    def kept(self, name: Hashable, facts: BoardFacts, make: Callable[[T | None], T]) -> T:
        """The value that was made of such facts under this name, otherwise a new one. make: gets the earlier value."""
        known = self._made.get(name)
        value: T = known[1] if known is not None and known[0].is_as(facts) else make(known and known[1])
        others = [entry for entry in self._made.items() if entry[0] != name]
        self._made = dict([*others[-_MOST_MADE:], (name, (facts, value))])
        return value

    def _page(self, day: calendar_day, limit: int) -> DayPage:
        """The first rows of a day. A breach may be among them without its run, which is then read too."""
        page = self._days.page(day, limit)
        if page.is_whole:
            return page
        unknown = [key for key, date in page.dates.items() if date.status is None and not date.problem]
        runs = self._overview.runs(unknown[:_MOST_UNKNOWN])
        return replace(page, dates={**page.dates, **{key: _of_run(page.dates[key], run) for key, run in runs.items()}})

    def _is_stale(self, key: tuple[calendar_day, int], now: float, changes: bool) -> bool:
        """Whether a page is to be read again. An older day with a run that is under way changes often too."""
        if key not in self._pages:
            return True
        read_at, page = self._pages[key]
        lively = changes or any(date.status is RunStatus.RUNNING for date in page.dates.values())
        return now - read_at >= (self._fresh_seconds if lively else self._old_seconds)

    def phases(self, keys: Sequence[RunKey]) -> tuple[Mapping[RunKey, Run], Mapping[RunKey, datetime]]:
        """The runs and the first arrivals of these dates, in one batch of each for a hundred dates."""
        if not keys:
            return {}, {}
        return self._overview.runs(keys), self._overview.arrivals(keys)

    def _pipelines_of(self, pages: Iterable[DayPage]) -> Mapping[str, StoredConfig]:
        """All pipelines. They are read again for a date of an unknown one, which may be new."""
        pipelines, named = self._pipelines(), {key.pipeline_id for page in pages for key in page.dates}
        if not named - pipelines.keys() <= self._removed:
            self._configs.drop("")
            pipelines = self._pipelines()
        self._removed = (self._removed | named) - pipelines.keys()
        return pipelines

    def _pipelines(self) -> Mapping[str, StoredConfig]:
        return self._configs.value("", self._overview.pipelines)

    def notes(self, dates: Iterable[DateState]) -> dict[RunKey, str]:
        """The reasons of held and failed runs, in one request. Viewers share it."""
        wanted = tuple(dates)
        return self._notes.value(tuple(date.key for date in wanted), lambda: self._days.notes(wanted))

    def run(self, pipeline: str, date: ExecutionDate) -> RunFacts:
        """A date of a pipeline with its events."""
        now, stored = self.clock(), self._store.config(pipeline)
        problem, facts = "", None
        try:
            facts = read_date(self._store, pipeline, date)
        except MalformedRow as error:
            problem = str(error)
        events, is_cut = events_of_date(self._store, pipeline, date, facts, now)
        key = facts.key if facts is not None else RunKey(pipeline, "stream", date)
        return RunFacts(key, stored, facts, events, is_cut, self._is_known(pipeline, stored), now, problem)

    def pipeline(self, pipeline: str) -> PipelineFacts:
        """A pipeline with its newest dates, which are those of `interlock status`."""
        now = self.clock()
        (status,) = read_statuses(self._store, self._overview, pipeline, _RUNS, now)
        found = [run for schedule in _SCHEDULES for run in self._overview.newest_runs(pipeline, schedule, _RUNS)]
        runs = sorted(found, key=lambda run: str(run.key.date), reverse=True)[:_RUNS]
        keys = [run.key for run in runs]
        # Nothing else names the dates without a run of a removed pipeline.
        judged, unreadable = self._judged(pipeline) if not status.stored.exists else ([], [])
        keys = list(dict.fromkeys([*keys, *judged]))
        verdicts = self._overview.verdicts(keys) if keys else {}
        return PipelineFacts(
            pipeline,
            status.stored,
            tuple(date_lines(status, runs, verdicts, unreadable)),
            tuple(runs),
            verdicts,
            self._overview.arrivals(keys) if keys else {},
            tuple(reversed(self._store.events(pipeline, newest=_EVENTS))),
            self._is_known(pipeline, status.stored),
            now,
        )

    def _judged(self, pipeline: str) -> tuple[list[RunKey], list[DateLine]]:
        """The newest dates with a verdict, and a line for each verdict whose date cannot be read."""
        keys, unreadable = [], []
        pk, control = pipeline_pk(pipeline), self._names.control
        for prefix in (f"VERDICT#{schedule}#" for schedule in _SCHEDULES):
            for row in self._tables.query(control, pk, prefix=prefix, newest_first=True, limit=_RUNS):
                try:
                    keys.append(key_of_row(pk, row["SK"]))
                except MalformedRow as error:
                    unreadable.append(DateLine(row["SK"].removeprefix(prefix), None, UNREADABLE, str(error)))
        return keys, unreadable

    def _is_known(self, pipeline: str, stored: StoredConfig) -> bool:
        """Whether a pipeline has a config, or a row of any kind. Those of a removed pipeline stay."""
        if stored.exists:
            return True
        places = ((table, pipeline_pk(pipeline)) for table in (self._names.control, self._names.events))
        return any(True for table, pk in places for _ in self._tables.query(table, pk, limit=1))


def _of_run(date: DateState, run: Run) -> DateState:
    return replace(
        date,
        status=run.status,
        has_job=run.job_intent is not None,
        attempt=run.attempt,
        reason=run.reason,
        committed_at=run.committed_at,
        closed_at=run.closed_at,
    )
