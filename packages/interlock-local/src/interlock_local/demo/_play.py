"""Runs the demo: starts the stack, plays the script, watches the tables, checks the results and prints them."""

import tempfile
import textwrap
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

from msgspec import Struct

from interlock_config import PipelineConfig, review
from interlock_local import LocalStackError
from interlock_local._terminal import Output, Terminal
from interlock_local.demo._evidence import Evidence, gather, is_settled
from interlock_local.demo._feed import flights_folder, load_feed
from interlock_local.demo._finding import Finding
from interlock_local.demo._operators import Operators
from interlock_local.demo._patience import Patience
from interlock_local.demo._proof import prove
from interlock_local.demo._replay import Replay
from interlock_local.demo._roster import MISSED_AFTER, SET_UP, Roster
from interlock_local.demo._screen import Screen
from interlock_local.demo._script import Script, write_script
from interlock_local.demo._slowness import slowness
from interlock_local.demo._summary import summarize
from interlock_local.demo._watch import Watcher
from interlock_local.site import StackSettings
from interlock_local.stack import LocalStack
from interlock_sla import format_duration
from interlock_store import Store

_PACE = 0.7
_PATIENCE = 120.0
"""Seconds without a new event after which the replay ends. The late hour and the roster take up to a minute."""
_AFTERMATH = 30.0
"""Seconds without a new event or message after which the results are final."""
_LONGEST_SET_UP = timedelta(minutes=5)
_TURN = 0.2
_LOOK = 1.6


class DemoFailed(Exception):
    """At least one expectation of the demo was not observed. slow: the signs of a slow machine, empty without one."""

    def __init__(self, findings: list[Finding], slow: str = "") -> None:
        missed = [finding.expectation for finding in findings if not finding.holds]
        unseen = f"{len(missed)} of {len(findings)} expectations were not observed: {'; '.join(missed)}"
        advice = "They may not be violated. Close other programs and play the demo again."
        super().__init__(f"The machine is slow: {slow}. {unseen}. {advice}" if slow else unseen)
        self.findings = findings
        self.slow = slow


class _Stage(Struct, frozen=True):
    """The parts of the demo: the output, the script, the feed, the folder of the files, and the stack."""

    out: Output
    script: Script
    feed: ModuleType
    home: Path
    stack: LocalStack
    store: Store
    roster: Roster
    as_called: Callable[[str], str]


def play(terminal: Terminal) -> list[Finding]:
    """Play the demo from an empty stack to the check of its results.

    Raises DemoFailed if an expectation was not observed.
    """
    out = terminal.console()
    feed = load_feed()
    hours = {day: feed.hours(day) for day in feed.days()}
    script = write_script(hours, pace=_PACE)
    with tempfile.TemporaryDirectory(prefix="interlock-demo-") as folder:
        home = Path(folder) / "flights"
        home.mkdir()
        began = time.monotonic()
        with LocalStack(settings=_settings(home), progress=terminal.progress(out)) as stack:
            set_up = time.monotonic() - began
            out.line(("green", "ready"), f" after {terminal.span(set_up)}: six Lambdas at {stack.endpoint_url}")
            try:
                store = stack.store()
                _push(store, out)
                _invite(stack, terminal)
                roster = _push_roster(feed, store, stack, out)
                stage = _Stage(out, script, feed, home, stack, store, roster, terminal.as_called)
                findings, evidence = _prove_with_patience(stage, *_replay(stage))
                summarize(terminal, evidence, findings, set_up, time.monotonic() - began - set_up)
                slow = "" if all(finding.holds for finding in findings) else slowness(stack)
            except KeyboardInterrupt:
                out.line(("yellow", "interrupted:"), " stopping the local stack")
                # Nothing of the stack is kept, so that its remaining work is left.
                stack.stop(drain=False)
                raise
    if not all(finding.holds for finding in findings):
        raise DemoFailed(findings, slow)
    out.line(f"next: {terminal.as_called('interlock up')}, and the tutorial: A pipeline of your own in ten minutes")
    return findings


def _invite(stack: LocalStack, terminal: Terminal) -> None:
    """Name the commands that show the stack while it plays."""
    out = terminal.console()
    out.line("to look on in another terminal:")
    out.line(f"  export AWS_ENDPOINT_URL={stack.endpoint_url}")
    for command in ("interlock status", "interlock web"):
        out.line(f"  {terminal.as_called(command)}")


def _settings(home: Path) -> StackSettings:
    return StackSettings(
        job_environment={
            "INTERLOCK_FLIGHTS_HOME": str(home),
            "INTERLOCK_FLIGHTS_CODE": str(flights_folder() / "jobs"),
        },
        missed_after=format_duration(MISSED_AFTER),
    )


def _push(store: Store, out: Output) -> None:
    files = sorted((flights_folder() / "pipelines").glob("*.yaml"))
    found = review({str(file): file.read_bytes() for file in files})
    if found.failed:
        raise LocalStackError("; ".join(f"{problem.severity}: {problem}" for problem in found.problems))
    for document in found.documents.values():
        assert isinstance(document, PipelineConfig)
        store.put_config(document)
        _say_pushed(out, f"{document.id}: {document.pipeline.description}")


def _push_roster(feed: ModuleType, store: Store, stack: LocalStack, out: Output) -> Roster:
    """Push the roster last, since its deadline is a minute away. On a slow machine try a later minute."""
    set_up = SET_UP
    while True:
        now = datetime.now(UTC)
        roster = Roster(feed, lambda: stack.invoke("watchdog", {}), now, set_up=set_up)
        if roster.push(store, stack.drain, stack.schedules):
            break
        took = datetime.now(UTC) - now
        set_up = 2 * took
        if set_up > _LONGEST_SET_UP:
            raise LocalStackError(
                f"The machine is slow: the roster and its timers took {took.total_seconds():.0f} s, "
                "and the time of its warning was past. Close other programs and play the demo again."
            )
    _say_pushed(out, f"{roster.config.id}: {roster.config.pipeline.description} Due at {roster.clock}.")
    return roster


def _say_pushed(out: Output, text: str) -> None:
    """Print the pipeline with its description, on a terminal in lines that break between words."""
    whole = f"pushed {text}"
    first, *rest = textwrap.wrap(whole, out.width - 2 if out.is_terminal else len(whole), break_on_hyphens=False)
    out.line(("green", "pushed"), first.removeprefix("pushed"))
    for line in rest:
        out.line(f"  {line}")


def _replay(stage: _Stage) -> tuple[Replay, Watcher]:
    """Play until each expected run has ended and the roster is over, or until nothing happens any more."""
    script, roster = stage.script, stage.roster
    with Screen(stage.out, script.hours) as screen:
        watcher = Watcher(stage.store, stage.stack.overview(), screen)
        replay = Replay(script, stage.feed, stage.home, stage.store, screen.say)
        operators = Operators(script, stage.feed, stage.home, stage.store, screen.say, stage.as_called)
        replay.prepare()
        patience = Patience(_PATIENCE)
        looked, settled, now = 0.0, False, datetime.now(UTC)
        while not settled and not (patience.is_over and roster.is_over(now, watcher.seen)):
            patience.note((watcher.events, replay.landings_ahead))
            replay.act(watcher.busy, watcher.standing, patience.quiet)
            operators.act(watcher.standing)
            now = datetime.now(UTC)
            roster.act(now)
            if replay.elapsed - looked >= _LOOK:
                looked = replay.elapsed
                watcher.look(roster.line(now))
                played = replay.all_landed and operators.are_done and roster.is_over(now, watcher.seen)
                settled = played and is_settled(script, stage.store)
            time.sleep(_TURN)
        watcher.look(roster.line(datetime.now(UTC)), is_last=True)
    return replay, watcher


def _prove_with_patience(stage: _Stage, replay: Replay, watcher: Watcher) -> tuple[list[Finding], Evidence]:
    """Check the results repeatedly, since events and Slack messages arrive shortly after the runs end."""
    patience = Patience(_AFTERMATH)
    while True:
        evidence = gather(
            stage.script,
            stage.store,
            stage.feed,
            stage.home,
            stage.stack,
            watcher,
            replay,
            stage.roster,
        )
        findings = prove(evidence)
        patience.note((sum(map(len, evidence.events.values())), len(evidence.slack)))
        if all(finding.holds for finding in findings) or patience.is_over:
            return findings, evidence
        time.sleep(_LOOK)
