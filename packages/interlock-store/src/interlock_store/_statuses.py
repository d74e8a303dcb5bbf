"""Reads the state of each pipeline's newest dates. A date that cannot be read gets its own line among the others."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date as calendar_day
from datetime import datetime
from functools import cached_property
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle import Dormancy, KeptRows, Pause, Run, RunKey, RunStatus
from interlock_lifecycle.dates import Expectation
from interlock_lifecycle.reports import (
    Progress,
    RunReport,
    dates_not_begun,
    describe_absent,
    describe_run,
    why_not_triggered,
)
from interlock_lifecycle.sensors import next_allowed_day
from interlock_lifecycle.slas import SlaFacts
from interlock_rules import candidate_keys
from interlock_sla import (
    ExecutionDate,
    ExecutionDateError,
    SlaError,
    parse_execution_date,
    relative_deadline,
)
from interlock_store._config import StoredConfig
from interlock_store._facts import Readings
from interlock_store._overview import Overview
from interlock_store._rows import MalformedRow, read_waiting
from interlock_store._store import Store
from interlock_store._trigger_rows import read_run

_SCHEDULES = ("cron", "stream")
"""The reads cover both schedule ids, because a pipeline may have been of the other kind before."""

_FAILED_SEARCH = 31
"""The number of newest dates among which failed runs are searched."""

_TROUBLES = (RunStatus.RUNNING, RunStatus.FAILED_FINAL)

_Rows = Mapping[str, Mapping[str, object]]


class UnreadableStatus(Struct, frozen=True):
    """A date with an unreadable row: the date as its row writes it, and the row with its error."""

    date: str
    reason: str


class ExcludedToday(Struct, frozen=True):
    """Today is excluded for a pipeline: the day, the reason, and the next open day, None without one in a year."""

    day: calendar_day
    reason: str
    next_open_day: calendar_day | None


class PipelineStatus(Struct, frozen=True):
    """A pipeline, the problem of its config, and its newest dates, oldest first: begun, expected, unreadable.

    excluded: today is excluded in the zone of the pipeline. None on an open day.
    """

    pipeline: str
    problem: str
    dates: list[RunReport | UnreadableStatus]
    stored: StoredConfig
    excluded: ExcludedToday | None = None

    def pause(self, now: datetime) -> Pause | None:
        """The pause that holds the pipeline at `now` (UTC). None without one."""
        pause = self.stored.pause
        return pause if pause is not None and pause.holds(now) else None

    @property
    def runs(self) -> list[RunReport]:
        """The dates with a run."""
        reports = (line for line in self.dates if isinstance(line, RunReport))
        return [report for report in reports if report.progress is not Progress.NOT_BEGUN]


def read_statuses(
    store: Store,
    overview: Overview,
    pipelines: str | Iterable[str] | None,
    last: int,
    now: datetime,
    *,
    with_troubles: bool = False,
) -> Iterator[PipelineStatus]:
    """The status of one pipeline, of several, or of all (None), with the `last` newest dates of each.

    with_troubles: also each run that is not closed and each date that waits for an open day, however old, and the
    failed runs among the newest 31 dates.
    Otherwise older rows are not read. All pipelines include those that were removed while a run is not closed.
    """
    names = store.pipelines() if pipelines is None else [pipelines] if isinstance(pipelines, str) else list(pipelines)
    unclosed: dict[str, list[RunKey]] = defaultdict(list)
    dormant: dict[str, dict[ExecutionDate, Dormancy]] = defaultdict(dict)
    if with_troubles:
        for run in (*overview.running(), *overview.unstarted()):
            unclosed[run.key.pipeline_id].append(run.key)
        for key, waits in _dormant(overview):
            dormant[key.pipeline_id][key.date] = waits
    if pipelines is None:
        names = [*names, *sorted(unclosed.keys() - set(names))]
    for name in names:
        look = _Look(store, overview, name, now)
        yield look.status(last, unclosed.get(name, ()) if with_troubles else None, dormant.get(name, {}))


def _dormant(overview: Overview) -> Iterator[tuple[RunKey, Dormancy]]:
    """The dates that wait for an open day. A corrupted row is left to the watchdog, which reports it."""
    for row in overview.dormant():
        try:
            key, kept = read_waiting(row)
        except MalformedRow:
            continue
        if kept.dormant is not None:
            yield key, kept.dormant


def _waiting(dates: Mapping[ExecutionDate, Dormancy]) -> Iterator[RunReport]:
    for date, waits in dates.items():
        reason = f"its trigger {waits.sensor_key} came on an excluded day, and the date waits for an open day"
        yield RunReport(str(date), Progress.NOT_BEGUN, 0, reason, None, ())


class _Look:
    """One pipeline as it is now."""

    def __init__(self, store: Store, overview: Overview, name: str, now: datetime) -> None:
        self._store = store
        self._overview = overview
        self._name = name
        self._now = now
        self._stored = store.config(name)
        self._slas: Mapping[RunKey, SlaFacts] = {}

    def status(
        self, last: int, unclosed: Collection[RunKey] | None, dormant: Mapping[ExecutionDate, Dormancy]
    ) -> PipelineStatus:
        depth = last if unclosed is None else max(last, _FAILED_SEARCH)
        rows = [row for schedule in _SCHEDULES for row in _newest_rows(self._overview, self._name, schedule, depth)]
        rows += self._older(rows, unclosed or ())
        begun = {date for row in rows if (date := _date_of(row)) is not None}
        waiting = {date: waits for date, waits in dormant.items() if date not in begun}
        absent = [date for date in self._absent(begun, last) if date not in waiting]
        shown = {str(date) for date in sorted({*begun, *absent})[-last:]}
        if unclosed is not None:
            shown |= {_written_date(row) for row in rows if row.get("status") in _TROUBLES}
        rows = [row for row in rows if _date_of(row) is None or _written_date(row) in shown]
        absent = [date for date in absent if str(date) in shown]
        self._slas = self._store.slas([*self._keys_of(rows), *self._keys_of_absent(absent)])
        lines = [*(self._begun(row) for row in rows), *self._not_begun(absent), *_waiting(waiting)]
        ordered = sorted(lines, key=lambda line: line.date)
        return PipelineStatus(self._name, self._stored.problem, ordered, self._stored, self._excluded)

    def _older(self, rows: Collection[Mapping[str, Any]], unclosed: Collection[RunKey]) -> list[Mapping[str, Any]]:
        """The rows of the runs that are not closed, without those that are read already."""
        known = {row["SK"] for row in rows}
        found = self._overview.run_rows(unclosed)
        return [row for row in found if row["SK"] not in known]

    def _keys_of(self, rows: Iterable[Mapping[str, Any]]) -> list[RunKey]:
        """The keys of the runs, without those whose date cannot be read."""
        dates = ((str(row["SK"]).split("#", 2)[1], _date_of(row)) for row in rows)
        return [RunKey(self._name, schedule, date) for schedule, date in dates if date is not None]

    def _keys_of_absent(self, dates: Iterable[ExecutionDate]) -> list[RunKey]:
        config = self._stored.config
        return [] if config is None else [RunKey(config.id, config.schedule_id, date) for date in dates]

    @property
    def _excluded(self) -> ExcludedToday | None:
        config, exclusions = self._stored.config, self._stored.exclusions
        if config is None:
            return None
        today = self._now.astimezone(config.zone).date()
        reason = exclusions.reason(today)
        return None if reason is None else ExcludedToday(today, reason, next_allowed_day(exclusions, today))

    @property
    def _expectation(self) -> Expectation | None:
        stored = self._stored
        if stored.config is None or stored.created_at is None:
            return None
        return Expectation(stored.config, stored.exclusions, stored.created_at, stored.in_force)

    def _absent(self, begun: set[ExecutionDate], last: int) -> list[ExecutionDate]:
        expected = self._expectation
        return dates_not_begun(expected, begun, self._now, newest=last) if expected is not None else []

    def _begun(self, row: Mapping[str, Any]) -> RunReport | UnreadableStatus:
        def describe() -> RunReport:
            run = read_run(row)
            sla, trouble = self._sla(run.key)
            config, problem = self._stored.config, self._stored.problem
            readings = self._readings(run)
            taken = self._slots_taken if run.waits_for_slot else 0
            report = describe_run(
                run,
                config,
                problem,
                readings.rows,
                sla,
                self._now,
                readings.kept,
                slots_taken=taken,
                wait=self._store.waits.of_run(run.key) if run.is_running else None,
                pause=self._stored.pause,
            )
            return _saying(report, trouble)

        return self._line(_written_date(row), f"row {row['PK']} / {row['SK']}", describe)

    @cached_property
    def _slots_taken(self) -> int:
        """The slots that are taken, counted up to the limit. It is read once, and only if a run waits for one."""
        config = self._stored.config
        limit = 0 if config is None else config.schedule.max_open_dates
        return len(self._store.open_dates(self._name, limit)) if limit else 0

    def _readings(self, run: Run) -> Readings:
        config = self._stored.config
        if config is None or run.status is not RunStatus.RUNNING or run.job_intent is not None:
            return Readings({}, KeptRows())
        return self._store.readings(run.key, config.validation.rules)

    def _not_begun(self, dates: list[ExecutionDate]) -> Iterator[RunReport | UnreadableStatus]:
        expected = self._expectation
        if expected is None or not dates:
            return
        config, waited_for = expected.config, self._waited_for(expected.config, dates)
        for date in dates:

            def describe(date: ExecutionDate = date) -> RunReport:
                sla, trouble = self._sla(RunKey(config.id, config.schedule_id, date))
                report = describe_absent(expected, date, sla, self._now)
                return _saying(report, why_not_triggered(config, waited_for, date, self._now), trouble)

            yield self._line(str(date), f"{self._name} {date}", describe)

    def _waited_for(self, config: PipelineConfig, dates: list[ExecutionDate]) -> _Rows:
        """The rows that may decide the trigger's rule on these dates, all in one read."""
        rule = config.trigger_rule
        if rule is None:
            return {}
        wanted = dict.fromkeys((config.id, key) for date in dates for key in candidate_keys(rule.key, date))
        return {key: fields for (_, key), fields in self._overview.sensor_rows(wanted).items()}

    def _sla(self, key: RunKey) -> tuple[SlaFacts, str]:
        """The facts of the date's SLA without its corrupted rows, and the problem of these rows."""
        sla, config = self._slas.get(key) or self._store.sla(key), self._stored.config
        corrupted = [f"{clock} says {value!r}" for clock, value in sla.verdict.corrupted.items()]
        if corrupted:
            row = f"VERDICT#{key.schedule_id}#{key.date}"
            return (
                sla,
                f"{row} is not a verdict, and is judged again at the next look at its date: {', '.join(corrupted)}",
            )
        if config is None or config.sla is None or config.sla.max_duration is None or sla.arrived_at is None:
            return sla, ""
        try:
            found = relative_deadline(sla.arrived_at, config.sla.max_duration, expected=None)
            found.breach_at.astimezone(config.zone)
        except (SlaError, OverflowError):
            trouble = f"no relative deadline: first-sensor-arrival#{key.date} says {sla.arrived_at.isoformat()}"
            return replace(sla, arrived_at=None), trouble
        return sla, ""

    def _line(self, date: str, what: str, describe: Callable[[], RunReport]) -> RunReport | UnreadableStatus:
        """The report, or the reason if a row of the date cannot be read or has a time out of range."""
        zone = self._stored.config.zone if self._stored.config is not None else None
        try:
            report = describe()
            for moment in _moments(report):
                moment.astimezone(zone)
        except (MalformedRow, SlaError) as error:
            return UnreadableStatus(date, str(error))
        except OverflowError as error:
            return UnreadableStatus(
                date, f"{what}: a time that it says, or that follows from it, is out of range ({error})"
            )
        return report


def _newest_rows(overview: Overview, name: str, schedule: str, last: int) -> list[Mapping[str, Any]]:
    """The rows of the `last` newest dates. Rows whose date cannot be read are extra."""
    wanted = last
    while True:
        rows = overview.newest_run_rows(name, schedule, wanted)
        if len(rows) < wanted or sum(_date_of(row) is not None for row in rows) >= last:
            return list(rows)
        wanted += last


def _written_date(row: Mapping[str, Any]) -> str:
    return str(row["SK"]).split("#", 2)[2]


def _date_of(row: Mapping[str, Any]) -> ExecutionDate | None:
    try:
        return parse_execution_date(_written_date(row))
    except ExecutionDateError:
        return None


def _saying(report: RunReport, *more: str) -> RunReport:
    return replace(report, reason="; ".join(text for text in (report.reason, *more) if text))


def _moments(report: RunReport) -> Iterator[datetime]:
    """Every time that is shown of a date."""
    shown = [report.until, report.held_since, report.next_look]
    for clock in report.sla:
        shown += [clock.breach_at, clock.warning_at, clock.judged_at, clock.moved_from]
    return (moment for moment in shown if moment is not None)
