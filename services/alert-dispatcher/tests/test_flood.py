"""A flood of alerts with repeats, outages, lost answers and kills: each has its fate, and each head is true.

`pytest services/alert-dispatcher/tests/test_flood.py --alerts 10000` plays that many alerts.
"""

import heapq
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from outage_parts import MINUTE, ON_CALL, SECOND, TABLE, Lambda, MemoryTable, Routed, message_of

from interlock_alert_dispatcher.alert import Alert, read_alert
from interlock_alert_dispatcher.hints import Severity
from interlock_alert_dispatcher.state import RUN, RunState, advance, read_state
from interlock_alert_dispatcher.text import fact_of, head_of, severity_of
from interlock_cli import main

VISIBILITY = 360 * SECOND
"""The time after which the queue delivers a message again that no invocation has finished."""

PER_RUN = 8
MUTED = "05"
"""The last digits of the silenced pipelines."""

HOUR = timedelta(hours=1)
WINDOW = timedelta(minutes=5)
"""The window of suppression."""

UNSEEN = "silenced"
"""The event that made a subject bad was routed elsewhere."""

STORY = (
    "SENSOR_DEADLINE_EXPIRED",
    "SLA_WARNING",
    "JOB_FAILED",
    "JOB_FAILED",
    "RETRY_EXHAUSTED",
    "SLA_BREACH",
    "RERUN_ACCEPTED",
    "JOB_COMPLETED",
    "LATE_DATA_ARRIVAL",
    "POST_RUN_DRIFT",
    "POST_RUN_FAILED",
)
KILLED, LOST, BUSY, REPEATED = 0.004, 0.02, 0.02, 0.1
"""The shares of table requests that kill the process, of lost answers, of answers 429, of messages that come twice."""


class Flood:
    """Delivers alerts as a queue does, to one process after another."""

    def __init__(self, count: int, begin: datetime, dice: random.Random) -> None:
        self._dice = dice
        self.bodies = dict(self._events(count, begin))
        self.alerts = {name: read_alert({"body": body}) for name, body in self.bodies.items()}
        self.kills = self.crashes = self.deliveries = 0
        self._queue: list[tuple[datetime, int, str]] = []
        for alert in self.alerts.values():
            self._enqueue(alert.id, alert.at + dice.random() * 20 * MINUTE)
            if dice.random() < REPEATED:
                self._enqueue(alert.id, alert.at + dice.random() * 60 * MINUTE)

    def _events(self, count: int, begin: datetime) -> Iterator[tuple[str, str]]:
        """Events of runs, in the order of their times within a run. A message every two seconds on average."""
        span = count * 2 * SECOND
        for number in range(count):
            run = number // PER_RUN
            first = begin + span * (run * PER_RUN / count)
            at = first + timedelta(minutes=5 * (number % PER_RUN) + self._dice.random() * 4)
            kind = STORY[min(number % PER_RUN + self._dice.randrange(4), len(STORY) - 1)]
            name = f"e{number:06}"
            detail = {
                "id": name,
                "pipelineId": f"p{run % 50}",
                "scheduleId": "cron",
                "date": f"{begin + timedelta(days=run // 50):%Y-%m-%d}",
                "timestamp": at.isoformat(),
                "message": name,
            }
            yield name, json.dumps({"detail-type": kind, "source": "interlock", "detail": detail})

    def _enqueue(self, name: str, at: datetime) -> None:
        heapq.heappush(self._queue, (at, self._dice.randrange(10**9), name))

    def play(self, start: Callable[[], Lambda], clock: Any, slack: Any, faults: Callable[[], None]) -> Lambda:
        """Deliver every message, with a tick per minute, until nothing waits."""
        process, next_tick, waiting = start(), clock.now() + MINUTE, True
        while self._queue or waiting:
            due = self._queue[0][0] if self._queue else next_tick
            clock.at = max(clock.now(), min(due, next_tick))
            faults()
            name = "" if next_tick <= due else heapq.heappop(self._queue)[2]
            try:
                if name:
                    self.deliveries += 1
                    process.take(self.bodies[name])
                else:
                    next_tick = max(next_tick + MINUTE, clock.now())
                    waiting = process.tick().waiting > 0 or bool(self._queue)
            except BaseException as error:
                if type(error).__name__ != "Crash":
                    raise
                self.crashes += 1
                waiting = True
                process = start()
                if name:
                    self._enqueue(name, clock.now() + VISIBILITY)
        return process


class Storm:
    """Plays a flood over a table and a Slack with faults."""

    def __init__(self, count: int, table: MemoryTable, clock: Any) -> None:
        self.count, self.rows, self.clock = count, table, clock
        # The audit has the clock of the machine, so the flood is over by now.
        clock.at = self.begin = datetime.now(UTC) - timedelta(days=2)
        self.ends = self.begin + 2 * count * SECOND

    def at(self, share: float) -> datetime:
        """The moment at a share of the flood."""
        return self.begin + (self.ends - self.begin) * share


@pytest.fixture
def storm(pytestconfig: pytest.Config, clock: Any) -> Storm:
    """The flood of `--alerts` alerts."""
    return Storm(pytestconfig.getoption("--alerts"), MemoryTable(), clock)


@pytest.fixture
def play(
    storm: Storm, serial: Any, slack: Any, answer: Any, crash: type[BaseException]
) -> Callable[[int, Callable[..., Lambda]], Flood]:
    """Plays the flood of a seed with one kind of process, and checks that it ends without a dead letter."""

    def run(seed: int, process_type: Callable[..., Lambda]) -> Flood:
        dice, clock, table = random.Random(seed), storm.clock, serial(storm.rows)
        flood = Flood(storm.count, storm.begin, dice)
        outages = [storm.at(share) for share in (0.2, 0.5, 0.8)]
        slack.away = lambda: any(outage <= clock.now() < outage + 10 * MINUTE for outage in outages)

        def die(operation: str) -> None:
            if dice.random() < KILLED:
                raise crash

        def faults() -> None:
            slack.answers, slack.update_answers, strike = [], [], dice.random()
            busy = answer({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "5"})
            if strike < LOST:
                slack.answers = [answer("", hang_up=True)]
            elif strike < LOST + BUSY:
                slack.answers = [busy]
            elif strike < 2 * LOST + BUSY:
                slack.update_answers = [answer("", hang_up=True)]

        table.before, table.after = die, die
        process = flood.play(lambda: process_type(table, slack, clock), clock, slack, faults)
        assert process.letters.letters == []
        assert clock.now() < datetime.now(UTC)
        return flood

    return run


@pytest.mark.parametrize(("seed", "process_type"), [(1, Lambda), (2, Routed)], ids=["one channel", "two channels"])
def test_each_alert_of_a_flood_has_its_fate(
    seed: int,
    process_type: Callable[..., Lambda],
    storm: Storm,
    play: Callable[..., Flood],
    slack: Any,
    dynamodb: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flood = play(seed, process_type)
    assert Counter(posted(slack, "C1")) == dict.fromkeys(flood.alerts, 1)
    check_heads(flood, storm.rows, slack, "C1", "")
    if process_type is Routed:
        critical = {name for name, alert in flood.alerts.items() if severity_of(alert) is Severity.CRITICAL}
        assert Counter(posted(slack, ON_CALL)) == dict.fromkeys(critical, 1)
        check_heads(flood, storm.rows, slack, ON_CALL, f"#{ON_CALL}", critical)
    counts = audited(flood, storm.rows, dynamodb, storm.begin, monkeypatch)
    assert counts == {"posted": storm.count}
    report(flood, slack, counts)


def test_silences_and_repeats_of_a_flood_are_accounted_for(
    storm: Storm, play: Callable[..., Flood], slack: Any, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fifth of the pipelines is silenced for a third of the time, and repeats within five minutes get no reply."""
    silenced_at: dict[str, datetime] = {}
    muted = storm.at(0.3)

    def silenced_by(alert: Alert) -> str:
        if alert.pipeline_id[-1] not in MUTED or not muted <= storm.clock.now() < storm.at(0.6) + HOUR / 2:
            return ""
        silenced_at.setdefault(alert.id, storm.clock.now())
        return "s1"

    flood = play(3, partial(Lambda, silenced_by=silenced_by, window=WINDOW))
    fates = {name: fate_of(storm.rows, alert) for name, alert in flood.alerts.items()}
    counts = Counter(fates.values())
    assert set(counts) == {"delivered", "silenced", "suppressed"}
    replied = {name for name, fate in fates.items() if fate == "delivered"}
    posts = Counter(posted(slack, "C1"))
    assert set(posts.values()) == {1}
    assert replied <= set(posts)
    # A process ended after a post whose answer it did not note. Its alert was silenced or suppressed afterwards.
    assert {name for name in set(posts) - replied if not is_unsure(storm.rows, flood.alerts[name])} == set()
    # Each silenced alert was asked about under the silence. Each suppressed one repeats a reply of its thread.
    assert {name for name, fate in fates.items() if fate == "silenced"} <= set(silenced_at)
    replies = defaultdict(list)
    for name in replied:
        replies[kind_of(flood.alerts[name])].append(flood.alerts[name].at)
    for name in (name for name, fate in fates.items() if fate == "suppressed"):
        alert = flood.alerts[name]
        assert any(at <= alert.at < at + WINDOW for at in replies[kind_of(alert)]), name
    check_heads(flood, storm.rows, slack, "C1", "", replied | {n for n, fate in fates.items() if fate == "suppressed"})
    audit = audited(flood, storm.rows, dynamodb, storm.begin, monkeypatch)
    # An alert whose first post had no answer may be in Slack, so the audit names it, whatever came after.
    unsure = audit.pop("answer lost", 0)
    assert audit["posted"] == counts["delivered"]
    assert audit["suppressed"] + audit["silenced"] + unsure == counts["suppressed"] + counts["silenced"]
    report(flood, slack, audit)


def fate_of(rows: MemoryTable, alert: Alert) -> str:
    """The outcome in the alert's row."""
    row = rows._partitions[f"PIPELINE#{alert.pipeline_id}"][f"ALERT#{alert.id}"]
    return str(row.get("outcome", {}).get("S", "delivered"))


def is_unsure(rows: MemoryTable, alert: Alert) -> bool:
    """Whether the alert's row says that it may have been posted, which the audit reports."""
    return "unsure" in rows._partitions[f"PIPELINE#{alert.pipeline_id}"][f"ALERT#{alert.id}"]


def kind_of(alert: Alert) -> tuple[str, ...]:
    """The thread, and the type, the severity and the subject of the alert."""
    fact = fact_of(alert)
    return (alert.pipeline_id, alert.thread, fact.type, fact.severity, fact.subject)


def report(flood: Flood, slack: Any, counts: dict[str, int]) -> None:
    """Print the sizes of a flood."""
    sizes = {"deliveries": flood.deliveries, "kills": flood.crashes, "threads": len(slack.heads)}
    print(
        f"\n{len(flood.alerts):,} alerts, {sizes}, {len(slack.broadcast):,} broadcasts, counts of the audit: {counts}"
    )


def posted(slack: Any, channel: str) -> list[str]:
    """The ids of the posted alerts of a channel, in the order of their replies."""
    return [message_of(reply["text"]) for reply in slack.replies if reply["channel"] == channel]


def check_heads(
    flood: Flood, rows: MemoryTable, slack: Any, channel: str, place: str, routed: set[str] | None = None
) -> None:
    """One head per thread states all events in their order. Each worsening was shown in the channel, and once.

    `routed` are the ids of the alerts that the channel gets, all by default. Each of their threads has a head.
    """
    threads: dict[tuple[str, str], list[Alert]] = defaultdict(list)
    for alert in flood.alerts.values():
        threads[alert.pipeline_id, alert.thread].append(alert)
    if routed is not None:
        threads = {key: alerts for key, alerts in threads.items() if not routed.isdisjoint(one.id for one in alerts)}
    heads = Counter(head["text"] for head in slack.heads if head["channel"] == channel)
    shown = Counter(message_of(reply["text"]) for reply in slack.broadcast if reply["channel"] == channel)
    assert set(shown.values()) <= {1}
    assert heads.total() == len(threads)
    for (pipeline, thread), alerts in threads.items():
        state = RunState()
        for alert in sorted(alerts, key=lambda one: (one.at, one.id)):
            state = advance(state, fact_of(alert)).state
        row = rows._partitions[f"PIPELINE#{pipeline}"][f"{thread}{place}"]
        opener = row["openedBy"]["S"]
        committed = read_state(row["runState"]["S"])
        text = head_of(alerts[0], replace(state, replies=committed.replies))
        assert heads[text] == 1, text
        raised = {problem.raised_by for problem in committed.problems.values()} - {opener, "", UNSEEN}
        unseen = raised - set(shown)
        # A worsening that a success or an event about its subject had overtaken when it came is only a reply.
        assert all(_was_overtaken(flood.alerts[name], alerts) for name in unseen), unseen


def _was_overtaken(alert: Alert, alerts: list[Alert]) -> bool:
    fact = fact_of(alert)
    later = (other for other in map(fact_of, alerts) if other.order > fact.order)
    return any(
        other.subject == fact.subject or (other.severity is Severity.GOOD and other.subject == RUN) for other in later
    )


def audited(
    flood: Flood, rows: MemoryTable, dynamodb: Any, begin: datetime, monkeypatch: pytest.MonkeyPatch
) -> dict[str, int]:
    """The counts of `interlock alerts audit`, over the events and the rows of the dispatcher."""
    events = [_event_row(alert) for alert in flood.alerts.values()]
    kept = [row for partition in rows._partitions.values() for row in partition.values()]
    for row in (*events, *kept):
        dynamodb.put_item(TableName=TABLE, Item=row)
    sqs = boto3.client("sqs")
    for name in ("alerts", "alert-dlq"):
        sqs.create_queue(QueueName=f"test-interlock-{name}")
    monkeypatch.setattr("interlock_cli._deployment._deployment.Deployment._check_reachable", lambda _: None)
    monkeypatch.setattr("interlock_cli._signals._alerts.WAIT_SECONDS", 0)
    words = ["alerts", "audit", "--since", begin.isoformat(), "--environment", "test", "-o", "json"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert found["events"] == len(flood.alerts)
    return {fate: number for fate, number in found["counts"].items() if number}


def _event_row(alert: Alert) -> dict[str, Any]:
    stamp = round(alert.at.timestamp() * 1000)
    texts = {
        "PK": f"PIPELINE#{alert.pipeline_id}",
        "SK": f"{stamp:013d}#{alert.type}#{alert.id}",
        "eventType": alert.type,
        "eventId": alert.id,
        "pipelineId": alert.pipeline_id,
        "scheduleId": alert.schedule_id or "",
        "date": alert.date or "",
        "detail": json.dumps(alert.envelope.get("detail", {})),
    }
    return {**{name: {"S": text} for name, text in texts.items()}, "timestamp": {"N": str(stamp)}}
