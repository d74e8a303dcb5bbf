"""Runs the demo: sets the stage, plays the script, watches, proves what happened and says so."""

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from rich.console import Console

from interlock_cli._files import read_files, review_files
from interlock_cli._output import progress_printer, show_span
from interlock_cli._status import read_statuses
from interlock_cli.demo._feed import flights_folder, load_feed
from interlock_cli.demo._proof import BRONZE, GOLD, SILVER, Finding, is_settled, observe, prove
from interlock_cli.demo._replay import Replay
from interlock_cli.demo._screen import Screen
from interlock_cli.demo._script import Script, write_script
from interlock_cli.demo._summary import summarize
from interlock_cli.local import LocalStack, StackSettings
from interlock_config import PipelineConfig
from interlock_lifecycle import Progress, RunReport
from interlock_store import Store

_PACE = 0.7
_PATIENCE = 240.0
"""Seconds until the replay gives up; an idle machine of two cores needs about 70."""
_AFTERMATH = 15.0
_TURN = 0.2
_LOOK = 0.8
_EVENT_WORDS = {
    "JOB_FAILED": "red",
    "RELATIVE_SLA_WARNING": "yellow",
    "RELATIVE_SLA_BREACH": "red",
    "RETRY_EXHAUSTED": "red",
    "INFRA_FAILURE": "red",
    "VALIDATION_EXHAUSTED": "red",
    "TRIGGER_RECOVERED": "yellow",
}


class DemoFailed(Exception):
    """Some expectation of the demo was not observed."""

    def __init__(self, findings: list[Finding]) -> None:
        missed = [finding.expectation for finding in findings if not finding.holds]
        super().__init__(f"{len(missed)} of {len(findings)} expectations were not seen: {'; '.join(missed)}")
        self.findings = findings


def play(out: Console) -> list[Finding]:
    """Play the demo from an empty stack to its proof; DemoFailed when something expected was not seen."""
    feed = load_feed()
    hours = {day: feed.hours(day) for day in feed.days()}
    script = write_script(hours, pace=_PACE)
    with tempfile.TemporaryDirectory(prefix="interlock-demo-") as folder:
        home = Path(folder) / "flights"
        home.mkdir()
        settings = StackSettings(
            job_environment={
                "INTERLOCK_FLIGHTS_HOME": str(home),
                "INTERLOCK_FLIGHTS_CODE": str(flights_folder() / "jobs"),
            }
        )
        began = time.monotonic()
        with LocalStack(settings=settings, progress=progress_printer(out)) as stack:
            set_up = time.monotonic() - began
            out.print(f"[green]ready[/] after {show_span(set_up)}: six Lambdas at {stack.endpoint_url}")
            store = stack.store()
            _push(store, out)
            watched = _replay(out, script, feed, home, store)
            findings = _prove_with_patience(script, store, feed, home, stack, watched)
            summarize(out, script, store, findings, set_up, time.monotonic() - began - set_up)
    if not all(finding.holds for finding in findings):
        raise DemoFailed(findings)
    return findings


def _prove_with_patience(
    script: Script, store: Store, feed: ModuleType, home: Path, stack: LocalStack, watched: "_Watched"
) -> list[Finding]:
    """The proof; events and Slack messages arrive a moment after the runs end, so it may take a few looks."""
    end = time.monotonic() + _AFTERMATH
    while True:
        observed = observe(script, store, feed, home, stack.slack_messages(), watched.holds)
        findings = prove(script, observed, store, feed, home, watched.rests)
        if all(finding.holds for finding in findings) or time.monotonic() >= end:
            return findings
        time.sleep(_LOOK)


class _Watched:
    """What the replay's watcher collected: reasons of holds, and when the rests landed."""

    def __init__(self) -> None:
        self.holds: dict[tuple[str, str], set[str]] = {}
        self.rests: dict[str, datetime] = {}
        self.progress: dict[tuple[str, str], tuple[Progress, int]] = {}

    @property
    def busy(self) -> int:
        """How many runs were at work at the last look."""
        at_work = {Progress.COMMITTED, Progress.EVALUATING, Progress.RUNNING}
        return sum(progress in at_work for progress, _ in self.progress.values())


def _push(store: Store, out: Console) -> None:
    review = review_files(read_files([flights_folder() / "pipelines"]))
    for document in review.documents.values():
        assert isinstance(document, PipelineConfig)
        store.put_config(document)
        out.print(f"[green]pushed[/] {document.id}: {document.pipeline.description}")


def _replay(out: Console, script: Script, feed: ModuleType, home: Path, store: Store) -> _Watched:
    """Play until every expected run has ended, or patience has."""
    watched = _Watched()
    with Screen(out, script.hours) as screen:
        replay = Replay(script, feed, home, store, screen.say)
        replay.prepare()
        looked = 0.0
        told: set[tuple[str, str]] = set()
        settled = False
        while not settled and replay.elapsed < _PATIENCE:
            replay.turn(watched.busy)
            if replay.elapsed - looked >= _LOOK:
                looked = replay.elapsed
                _look(store, screen, watched)
                _tell_events(store, screen, told)
                settled = replay.all_landed and is_settled(script, store)
            time.sleep(_TURN)
        watched.rests = replay.rest_landed
        _look(store, screen, watched)
    return watched


def _look(store: Store, screen: Screen, watched: _Watched) -> None:
    """Where every run stands, what is held, and what changed since the last look."""
    reports: dict[tuple[str, str], RunReport] = {}
    for status in read_statuses(store, None, 1000, datetime.now(UTC)):
        for report in status.runs:
            one = (status.pipeline, report.date)
            reports[one] = report
            if report.progress is Progress.HELD:
                if report.reason not in watched.holds.setdefault(one, set()):
                    _say_hold(screen, one, report, first=not watched.holds[one])
                watched.holds[one].add(report.reason)
            _say_progress(screen, one, report, watched)
    screen.show(reports)


def _say_hold(screen: Screen, one: tuple[str, str], report: RunReport, *, first: bool) -> None:
    if first:
        screen.say(f"[yellow]held[/] {one[0]} {one[1]}: {_plain(report.reason)}")


def _say_progress(screen: Screen, one: tuple[str, str], report: RunReport, watched: _Watched) -> None:
    now = (report.progress, report.attempt)
    before = watched.progress.get(one)
    watched.progress[one] = now
    if before == now:
        return
    if report.progress is Progress.COMPLETED:
        attempt = f" as attempt {report.attempt}" if report.attempt else ""
        screen.say(f"[green]completed[/] {one[0]} {one[1]}{attempt}")
    elif report.progress is Progress.FAILED:
        screen.say(f"[red]failed[/] {one[0]} {one[1]}: {_plain(report.reason)}")


def _tell_events(store: Store, screen: Screen, told: set[tuple[str, str]]) -> None:
    for name in (BRONZE, SILVER, GOLD):
        for row in store.events(name):
            identity = (str(row["PK"]), str(row["SK"]))
            kind = str(row["eventType"])
            if identity in told:
                continue
            told.add(identity)
            if kind in _EVENT_WORDS:
                screen.say(
                    f"[{_EVENT_WORDS[kind]}]{kind}[/] {name} {row.get('date', '')}: {_plain(row.get('message', ''))}"
                )


def _plain(text: object) -> str:
    return str(text).replace("[", r"\[")
