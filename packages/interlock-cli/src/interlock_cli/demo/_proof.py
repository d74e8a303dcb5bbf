"""Whether the demo's scenes really happened: every expectation is checked against tables, files and Slack messages."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from msgspec import Struct

from interlock_cli.demo._script import Script
from interlock_lifecycle import Run, RunKey, RunStatus
from interlock_sla import Clock, Outcome, parse_execution_date
from interlock_store import Store

BRONZE, SILVER, GOLD = "bronze-flights", "silver-flights", "gold-flights"


class Observed(Struct, frozen=True):
    """What was there at the end: runs, events by pipeline and date, job starts, Slack messages, reasons of holds."""

    runs: Mapping[tuple[str, str], Run]
    events: Mapping[tuple[str, str], Counter[str]]
    starts: Sequence[Mapping[str, str]]
    slack: Sequence[Mapping[str, Any]]
    holds: Mapping[tuple[str, str], set[str]]


class Finding(Struct, frozen=True):
    """One expectation, and whether it was seen; `seen` says what was."""

    expectation: str
    holds: bool
    seen: str


def expected_runs(script: Script) -> list[tuple[str, str]]:
    """Pipeline and execution date of every run that the replay must lead to."""
    hourly = [
        (name, f"{day}T{hour}") for name in (BRONZE, SILVER) for day, hours in script.hours.items() for hour in hours
    ]
    return [*hourly, *((GOLD, day) for day in script.hours)]


def observe(
    script: Script,
    store: Store,
    feed: ModuleType,
    home: Path,
    slack: Sequence[Mapping[str, Any]],
    holds: Mapping[tuple[str, str], set[str]],
) -> Observed:
    """Read everything that the proof needs."""
    runs = {
        (run.key.pipeline_id, str(run.key.date)): run for name in (BRONZE, SILVER, GOLD) for run in store.runs(name)
    }
    events: dict[tuple[str, str], Counter[str]] = {}
    for name in (BRONZE, SILVER, GOLD):
        for row in store.events(name):
            events.setdefault((name, str(row.get("date"))), Counter())[str(row["eventType"])] += 1
    return Observed(runs, events, feed.starts(home), slack, holds)


def is_settled(script: Script, store: Store) -> bool:
    """Whether every expected run has ended."""
    for name in (BRONZE, SILVER, GOLD):
        ended = {str(run.key.date) for run in store.runs(name) if run.status is not RunStatus.RUNNING}
        if any(date not in ended for pipeline, date in expected_runs(script) if pipeline == name):
            return False
    return True


def prove(
    script: Script, observed: Observed, store: Store, feed: ModuleType, home: Path, rests: Mapping[str, datetime]
) -> list[Finding]:
    """Every expectation of the demo, checked."""
    proof = _Proof(script, observed, store)
    return [
        proof.all_completed(),
        proof.one_start_per_attempt(),
        proof.each_completion_told(),
        proof.short_hour_was_held(),
        proof.short_hour_ran_after_the_rest(rests),
        proof.flaky_hour_was_retried(),
        proof.late_hour_breached_once(),
        proof.others_met_their_sla(),
        proof.gold_waited_for_its_hours(),
        proof.gold_counts_every_departure(feed, home),
        proof.slack_heard_the_breach_and_the_failure(),
    ]


class _Proof:
    def __init__(self, script: Script, observed: Observed, store: Store) -> None:
        self._script = script
        self._observed = observed
        self._store = store
        self._expected = expected_runs(script)

    def all_completed(self) -> Finding:
        done = [
            one
            for one in self._expected
            if one in self._observed.runs and self._observed.runs[one].status is RunStatus.COMPLETED
        ]
        return Finding(
            "every run completed", len(done) == len(self._expected), f"{len(done)} of {len(self._expected)} runs"
        )

    def one_start_per_attempt(self) -> Finding:
        counted = Counter((start["pipeline"], start["date"], start["attempt"]) for start in self._observed.starts)
        twice = [one for one, count in counted.items() if count > 1]
        wanted = len(self._expected) + 1
        return Finding(
            "each attempt started its job exactly once",
            not twice and len(counted) == wanted,
            f"{sum(counted.values())} starts of {len(counted)} attempts (expected {wanted})",
        )

    def each_completion_told(self) -> Finding:
        told = sum(1 for one in self._expected if self._events(one)["JOB_COMPLETED"] == 1)
        return Finding("each completion is one event", told == len(self._expected), f"{told} of {len(self._expected)}")

    def short_hour_was_held(self) -> Finding:
        reasons = self._observed.holds.get((BRONZE, self._script.short), set())
        named = [reason for reason in reasons if "missing_rows" in reason]
        return Finding(
            f"{self._script.short} was held, with its reason", bool(named), "; ".join(named) or "no hold seen"
        )

    def short_hour_ran_after_the_rest(self, rests: Mapping[str, datetime]) -> Finding:
        run = self._run(BRONZE, self._script.short)
        intent = run.job_intent if run else None
        rest = rests.get(self._script.short)
        holds = intent is not None and rest is not None and intent.committed_at > rest
        seen = f"started {intent.committed_at - rest} later" if intent and rest else "not seen"
        return Finding(f"{self._script.short} started only after the rest had come", holds, seen)

    def flaky_hour_was_retried(self) -> Finding:
        one = (BRONZE, self._script.flaky)
        events = self._events(one)
        run = self._run(*one)
        attempt = run.attempt if run else None
        key = RunKey(BRONZE, "stream", parse_execution_date(self._script.flaky))
        reasons = [rerun.reason for rerun in self._store.reruns(key)]
        holds = events["JOB_FAILED"] == 1 and attempt == 1 and reasons == ["job-fail-retry"]
        return Finding(
            f"{self._script.flaky} failed once and its retry succeeded",
            holds,
            f"{events['JOB_FAILED']} failure, completed as attempt {attempt}",
        )

    def late_hour_breached_once(self) -> Finding:
        one = (BRONZE, self._script.late)
        events = self._events(one)
        verdict = self._store.verdict(RunKey(BRONZE, "stream", parse_execution_date(self._script.late))).clocks
        breached = Clock.RELATIVE in verdict and verdict[Clock.RELATIVE].outcome is Outcome.BREACH
        told = {name: events[name] for name in ("RELATIVE_SLA_WARNING", "RELATIVE_SLA_BREACH", "SLA_MET")}
        holds = breached and told == {"RELATIVE_SLA_WARNING": 1, "RELATIVE_SLA_BREACH": 1, "SLA_MET": 0}
        return Finding(f"{self._script.late} came too late: one warning, one breach, never met", holds, str(told))

    def others_met_their_sla(self) -> Finding:
        with_sla = [one for one in self._expected if one[0] in (BRONZE, GOLD) and one != (BRONZE, self._script.late)]
        met = [
            one
            for one in with_sla
            if self._events(one)["SLA_MET"] == 1 and not self._events(one)["RELATIVE_SLA_BREACH"]
        ]
        return Finding(
            "every other deadline was met, told once", len(met) == len(with_sla), f"{len(met)} of {len(with_sla)}"
        )

    def gold_waited_for_its_hours(self) -> Finding:
        days = list(self._script.hours)
        held = [
            day
            for day in days
            if any("missing_hours" in reason for reason in self._observed.holds.get((GOLD, day), ()))
        ]
        return Finding("gold was held until its hours were there", held == days, f"held: {', '.join(held) or 'none'}")

    def gold_counts_every_departure(self, feed: ModuleType, home: Path) -> Finding:
        wanted = {
            day: sum(feed.expected_rows(day, hour) for hour in hours) for day, hours in self._script.hours.items()
        }
        counted = {day: _departures(home / "gold" / f"{day}.json") for day in wanted}
        return Finding("gold counts every departure of the data", counted == wanted, f"{counted}")

    def slack_heard_the_breach_and_the_failure(self) -> Finding:
        texts = [str(message.get("text", "")) for message in self._observed.slack]
        breach = [text for text in texts if "RELATIVE_SLA_BREACH" in text and self._script.late in text]
        failure = [text for text in texts if "JOB_FAILED" in text and self._script.flaky in text]
        return Finding(
            "Slack heard of the breach and of the failure, once each",
            len(breach) == 1 and len(failure) == 1,
            f"{len(texts)} messages, {len(breach)} of the breach, {len(failure)} of the failure",
        )

    def _events(self, one: tuple[str, str]) -> Counter[str]:
        return self._observed.events.get(one, Counter())

    def _run(self, pipeline: str, date: str) -> Run | None:
        return self._observed.runs.get((pipeline, date))


def _departures(path: Path) -> int | None:
    try:
        return int(msgspec.json.decode(path.read_bytes())["total"]["scheduled"])
    except (OSError, KeyError, ValueError):
        return None
