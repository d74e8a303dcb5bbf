"""What was there at the end of the demo, read from tables, files and Slack messages; it judges nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from msgspec import Struct

from interlock_lifecycle import Run, RunKey, RunStatus, Verdict
from interlock_local.demo._replay import Replay
from interlock_local.demo._roster import Roster
from interlock_local.demo._script import BRONZE, GOLD, ROSTER, SHADOW, SILVER, Script
from interlock_local.demo._watch import Watcher
from interlock_local.stack import LocalStack
from interlock_sla import parse_execution_date
from interlock_store import Store

One = tuple[str, str]
"""Pipeline and execution date."""


class Told(Struct, frozen=True):
    """One event of the events table; `at` is when it was decided (UTC)."""

    type: str
    at: datetime
    message: str
    detail: Mapping[str, Any]


class Evidence(Struct, frozen=True):
    """Runs, events and reruns by pipeline and date, job starts, Slack messages, reasons of holds, and timers.

    `wanted` and `departures` are each day's departures, in the data and in gold's file; `rests` is when rests landed,
    `whole` when each hour's sensors said that it is whole, `baselines` what each hour's rules held on.
    """

    script: Script
    roster: Roster
    runs: Mapping[One, Run]
    events: Mapping[One, Sequence[Told]]
    reruns: Mapping[One, Sequence[str]]
    verdicts: Mapping[One, Verdict]
    starts: Sequence[Mapping[str, str]]
    slack: Sequence[str]
    holds: Mapping[One, set[str]]
    rests: Mapping[str, datetime]
    whole: Mapping[str, datetime]
    baselines: Mapping[One, Mapping[str, object]]
    shadow_timers: Sequence[str]
    wanted: Mapping[str, int]
    departures: Mapping[str, int | None]

    def told(self, one: One, kind: str) -> Sequence[Told]:
        """The events of a type about a date."""
        return [event for event in self.events.get(one, ()) if event.type == kind]

    def counts(self, one: One) -> Counter[str]:
        """How many events of each type there are about a date."""
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
    """Read everything that the proof needs."""
    names = (BRONZE, SILVER, GOLD, SHADOW, ROSTER)
    events: dict[One, list[Told]] = {}
    for name in names:
        for row in store.events(name):
            events.setdefault((name, str(row.get("date"))), []).append(_told(row))
    scenes = [script.flaky, script.amended, script.broken, script.unchanged]
    keys = [_key(name, date) for name in (BRONZE, SILVER, SHADOW) for date in scenes]
    hourly = [_key(name, date) for name in (BRONZE, SHADOW) for date in script.dates]
    judged = [_key(BRONZE, script.late), roster.key]
    return Evidence(
        script,
        roster,
        runs={_one(run.key): run for name in names for run in store.runs(name)},
        events=events,
        reruns={_one(key): [rerun.reason for rerun in store.reruns(key)] for key in keys},
        verdicts={_one(key): store.verdict(key) for key in judged},
        starts=feed.starts(home),
        slack=[str(message.get("text", "")) for message in stack.slack_messages()],
        holds=watcher.holds,
        rests=replay.rest_landed,
        whole=replay.whole_since,
        baselines={_one(key): store.baseline(key) for key in hourly},
        shadow_timers=stack.schedules(SHADOW),
        wanted={day: sum(feed.expected_rows(day, hour) for hour in hours) for day, hours in script.hours.items()},
        departures={day: _departures(home / "gold" / f"{day}.json") for day in script.hours},
    )


def is_settled(script: Script, store: Store) -> bool:
    """Whether every expected run has ended with its last attempt."""
    ended = {
        _one(run.key): run.attempt
        for name in (BRONZE, SILVER, GOLD)
        for run in store.runs(name)
        if run.status is not RunStatus.RUNNING
    }
    return all(ended.get(one, -1) >= script.attempts(one) - 1 for one in script.runs)


def _told(row: Mapping[str, Any]) -> Told:
    whole = msgspec.json.decode(str(row["detail"]))
    at = datetime.fromtimestamp(int(row["timestamp"]) / 1000, UTC)
    return Told(str(row["eventType"]), at, str(row.get("message", "")), whole.get("detail") or {})


def _key(pipeline: str, date: str) -> RunKey:
    return RunKey(pipeline, "stream", parse_execution_date(date))


def _one(key: RunKey) -> One:
    return key.pipeline_id, str(key.date)


def _departures(path: Path) -> int | None:
    try:
        return int(msgspec.json.decode(path.read_bytes())["total"]["scheduled"])
    except (OSError, KeyError, ValueError):
        return None
