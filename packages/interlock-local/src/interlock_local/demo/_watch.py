"""Watches the tables while the demo plays, and prints the changes of runs, holds and events."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from interlock_lifecycle.events import EVENT_KINDS, EventType, Severity
from interlock_lifecycle.reports import Progress, RunReport
from interlock_local.demo._screen import Screen
from interlock_local.demo._script import BRONZE, DRY_RUN, GOLD, ROSTER, SILVER
from interlock_store import Overview, Store, read_statuses

Standing: TypeAlias = Mapping[tuple[str, str], tuple[Progress, int]]
"""The progress and number of the newest attempt of each run at the last look, by pipeline and execution date."""

_AT_WORK = {Progress.COMMITTED, Progress.EVALUATING, Progress.RUNNING}
_PRINTED = frozenset(
    {
        EventType.JOB_FAILED,
        EventType.RELATIVE_SLA_WARNING,
        EventType.RELATIVE_SLA_BREACH,
        EventType.SLA_WARNING,
        EventType.SLA_BREACH,
        EventType.SCHEDULE_MISSED,
        EventType.RETRY_EXHAUSTED,
        EventType.INFRA_FAILURE,
        EventType.VALIDATION_EXHAUSTED,
        EventType.TRIGGER_RECOVERED,
        EventType.POST_RUN_DRIFT,
        EventType.LATE_DATA_ARRIVAL,
        EventType.RERUN_ACCEPTED,
        EventType.RERUN_REJECTED,
        EventType.DRY_RUN_DRIFT,
    }
)
"""The events that are printed. Their colour is that of their severity."""

_COLOURS = {
    Severity.CRITICAL: "red",
    Severity.WARNING: "yellow",
    Severity.NOTICE: "cyan",
    Severity.GOOD: "green",
    Severity.PROGRESS: "default",
}

_WOULD = "DRY_RUN_WOULD_TRIGGER"

_LATEST = timedelta(seconds=20)
"""The time by which an event may usually reach its table after others. A look reads no older events again."""

_WHOLE_EVERY = 8
"""Each look of this number reads all events, since a slow machine may deliver one even later."""


class Watcher:
    """The observations so far: the `standing` of the runs, and in `holds` the reasons of their holds."""

    def __init__(self, store: Store, overview: Overview, screen: Screen) -> None:
        self._store = store
        self._overview = overview
        self._screen = screen
        self._printed: set[tuple[str, str]] = set()
        self._would_run: set[str] = set()
        self._newest: dict[str, int] = {}
        self._looks = 0
        self.holds: dict[tuple[str, str], set[str]] = {}
        self.standing: dict[tuple[str, str], tuple[Progress, int]] = {}
        self.seen: set[tuple[str, str]] = set()
        """Pipeline and type of each event so far."""

    @property
    def events(self) -> int:
        """The number of events so far."""
        return len(self._printed)

    @property
    def busy(self) -> int:
        """The number of runs that were in progress at the last look."""
        return sum(progress in _AT_WORK for progress, _ in self.standing.values())

    def look(self, note: str, *, is_last: bool = False) -> None:
        """Read the tables, print the changes since the last look, and show the state of each run, with a note.

        The last look reads all events. Most other looks read those of the last seconds.
        """
        reports: dict[tuple[str, str], RunReport] = {}
        for one, report in self._reports():
            reports[one] = report
            if report.progress is Progress.HELD:
                self._say_hold(one, report)
            self._say_progress(one, report)
        for row in self._news(is_whole=is_last or self._looks % _WHOLE_EVERY == 0):
            self._say_event(row)
        self._looks += 1
        self._screen.show(reports, self._would_run, note)

    def _reports(self) -> Iterator[tuple[tuple[str, str], RunReport]]:
        pipelines = (BRONZE, SILVER, GOLD)
        for status in read_statuses(self._store, self._overview, pipelines, 1000, datetime.now(UTC)):
            for report in status.runs:
                yield (status.pipeline, report.date), report

    def _say_hold(self, one: tuple[str, str], report: RunReport) -> None:
        known = self.holds.setdefault(one, set())
        if not known:
            self._screen.say(("yellow", "held"), f" {one[0]} {one[1]}: {report.reason}")
        known.add(report.reason)

    def _say_progress(self, one: tuple[str, str], report: RunReport) -> None:
        now = (report.progress, report.attempt)
        before = self.standing.get(one)
        self.standing[one] = now
        if before == now:
            return
        if report.progress is Progress.COMPLETED:
            attempt = f" as attempt {report.attempt}" if report.attempt else ""
            self._screen.say(("green", "completed"), f" {one[0]} {one[1]}{attempt}")
        elif report.progress is Progress.FAILED:
            self._screen.say(("red", "failed for good"), f" {one[0]} {one[1]}: {report.reason}")

    def _news(self, *, is_whole: bool) -> Iterator[dict[str, Any]]:
        """The events that are new since the last look, among all events or among the newest."""
        for name in (BRONZE, SILVER, GOLD, DRY_RUN, ROSTER):
            since = 0 if is_whole else self._newest.get(name, 0) - _LATEST // timedelta(milliseconds=1)
            # Sort keys begin with 13 digits of milliseconds.
            for row in self._store.events(name, after=f"{since:013d}" if since > 0 else ""):
                self._newest[name] = max(self._newest.get(name, 0), int(row["timestamp"]))
                identity = (str(row["PK"]), str(row["SK"]))
                if identity not in self._printed:
                    self._printed.add(identity)
                    yield {**row, "pipeline": name}

    def _say_event(self, row: Mapping[str, Any]) -> None:
        name, kind, date = row["pipeline"], str(row.get("eventType", "")), str(row.get("date", ""))
        if kind == _WOULD:
            if not self._would_run:
                self._screen.say(("magenta", kind), f" {name} {date}: every hour has one")
            self._would_run.add(date)
        elif kind in _PRINTED:
            colour = _COLOURS[EVENT_KINDS[EventType(kind)].severity]
            self._screen.say((colour, kind), f" {name} {date}: {row.get('message', '')}")
        self.seen.add((name, kind))
