"""Reads the facts at the end of the demo from tables, files and Slack messages. The proof judges them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from msgspec import Struct

from interlock_lifecycle import Run, RunKey, RunStatus, Verdict
from interlock_local.demo._replay import Replay
from interlock_local.demo._roster import Roster
from interlock_local.demo._script import BRONZE, DRY_RUN, GOLD, ROSTER, SILVER, Script
from interlock_local.demo._watch import Watcher
from interlock_local.stack import LocalStack
from interlock_sla import parse_execution_date
from interlock_store import Store

One = tuple[str, str]
"""Pipeline and execution date."""


class Event(Struct, frozen=True):
    """One event of the events table. `at` is the time of its decision (UTC)."""

    type: str
    at: datetime
    message: str
    detail: Mapping[str, Any]


class Evidence(Struct, frozen=True):
    """Runs, events and reruns by pipeline and date, job starts, Slack messages, reasons of holds, and timers.

    slack: the replies. heads: the current text of the first message of each thread.
    wanted, departures: the departures of each day, in the data and in gold's file.
    rests: the time at which the rest of an hour landed. whole: the time at which an hour's sensors reported it whole.
    baselines: the sensors with which the rules of an hour held.
    """

    script: Script
    roster: Roster
    runs: Mapping[One, Run]
    events: Mapping[One, Sequence[Event]]
    reruns: Mapping[One, Sequence[str]]
    verdicts: Mapping[One, Verdict]
    starts: Sequence[Mapping[str, str]]
    slack: Sequence[str]
    heads: Mapping[One, str]
    holds: Mapping[One, set[str]]
    rests: Mapping[str, datetime]
    whole: Mapping[str, datetime]
    baselines: Mapping[One, Mapping[str, object]]
    dry_run_timers: Sequence[str]
    wanted: Mapping[str, int]
    departures: Mapping[str, int | None]

    def of_type(self, one: One, kind: str) -> Sequence[Event]:
        """The events of a type about a date."""
        return [event for event in self.events.get(one, ()) if event.type == kind]

    def counts(self, one: One) -> Counter[str]:
        """The number of events of each type about a date."""
        return Counter(event.type for event in self.events.get(one, ()))

    def is_completed(self, one: One) -> bool:
        """Whether a run completed, with its last attempt."""
        run = self.runs.get(one)
        return run is not None and run.status is RunStatus.COMPLETED and run.attempt == self.script.attempts(one) - 1


def gather(
    script: Script,
    store: Store,
    feed: ModuleType,
    home: Path,
    stack: LocalStack,
    watcher: Watcher,
    replay: Replay,
    roster: Roster,
) -> Evidence:
    """Read all facts that the proof needs."""
    names = (BRONZE, SILVER, GOLD, DRY_RUN, ROSTER)
    events: dict[One, list[Event]] = {}
    for name in names:
        for row in store.events(name):
            events.setdefault((name, str(row.get("date"))), []).append(_event(row))
    scenes = [script.flaky, script.amended, script.broken, script.unchanged]
    keys = [_key(name, date) for name in (BRONZE, SILVER, DRY_RUN) for date in scenes]
    hourly = [_key(name, date) for name in (BRONZE, DRY_RUN) for date in script.dates]
    judged = [_key(BRONZE, script.late), roster.key]
    return Evidence(
        script,
        roster,
        runs={_one(run.key): run for name in names for run in store.runs(name)},
        events=events,
        reruns={_one(key): [rerun.reason for rerun in store.reruns(key)] for key in keys},
        verdicts={_one(key): store.verdict(key) for key in judged},
        starts=feed.starts(home),
        # Each alert is one reply. The head of a thread repeats the texts of alerts.
        slack=[str(message.get("text", "")) for message in stack.slack_messages() if "thread_ts" in message],
        heads=dict(_heads(stack.slack_messages())),
        holds=watcher.holds,
        rests=replay.rest_landed,
        whole=replay.whole_since,
        baselines={_one(key): store.baseline(key) for key in hourly},
        dry_run_timers=stack.schedules(DRY_RUN),
        wanted={day: sum(feed.expected_rows(day, hour) for hour in hours) for day, hours in script.hours.items()},
        departures={day: _departures(home / "gold" / f"{day}.json") for day in script.hours},
    )


def _heads(messages: Iterable[Mapping[str, Any]]) -> Iterator[tuple[One, str]]:
    """The heads of threads about a date, whose first line names its pipeline and the date."""
    for message in messages:
        text = str(message.get("text", ""))
        names = text.partition("\n")[0].split(" · ")
        if "thread_ts" not in message and len(names) >= 3:
            yield (names[1], names[2]), text


def is_settled(script: Script, store: Store) -> bool:
    """Whether every expected run has ended with its last attempt."""
    ended = {
        _one(run.key): run.attempt
        for name in (BRONZE, SILVER, GOLD)
        for run in store.runs(name)
        if run.status is not RunStatus.RUNNING
    }
    return all(ended.get(one, -1) >= script.attempts(one) - 1 for one in script.runs)


def _event(row: Mapping[str, Any]) -> Event:
    whole = msgspec.json.decode(str(row["detail"]))
    at = datetime.fromtimestamp(int(row["timestamp"]) / 1000, UTC)
    return Event(str(row["eventType"]), at, str(row.get("message", "")), whole.get("detail") or {})


def _key(pipeline: str, date: str) -> RunKey:
    return RunKey(pipeline, "stream", parse_execution_date(date))


def _one(key: RunKey) -> One:
    return key.pipeline_id, str(key.date)


def _departures(path: Path) -> int | None:
    try:
        return int(msgspec.json.decode(path.read_bytes())["total"]["scheduled"])
    except (OSError, KeyError, ValueError):
        return None
