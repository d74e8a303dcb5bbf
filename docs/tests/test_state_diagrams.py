"""The arrows of the state diagrams are the changes that the decisions make.

Each decision is made on each state in which a component calls it. The changes of the runs' states are compared with
the diagram of docs/reference/runs.md, in both directions.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from interlock_alert_dispatcher.hints import Severity, advice_for
from interlock_alert_dispatcher.state import Fact, RunState, advance, standing
from interlock_config import decode_yaml
from interlock_lifecycle import (
    CorruptedRun,
    JobIntent,
    JobOutcome,
    KeptRows,
    Pause,
    Run,
    RunKey,
    RunStatus,
    Sensor,
    Verdict,
)
from interlock_lifecycle.dates import ExpiryFacts, expire_trigger
from interlock_lifecycle.reruns import RerunFacts, RerunRequest, decide_rerun
from interlock_lifecycle.rows import RepairFacts, decide_repair
from interlock_lifecycle.runs import (
    CloseFacts,
    EvaluationFacts,
    EvaluationWindow,
    ExecutionEnded,
    Exhaustion,
    PollWindow,
    StandingJob,
    TargetTraits,
    TriggerFacts,
    decide_completion,
    decide_evaluation,
    decide_paused,
    decide_recovery,
    decide_slot,
    decide_started,
    decide_trigger,
    exhaust,
    follow,
    leave_start_unknown,
    open_run,
    record_start,
    reject_config,
    reject_start,
)
from interlock_lifecycle.sensors import (
    DormantDate,
    SensorFacts,
    Stranded,
    TakeUp,
    decide_sensor,
    recover_trigger,
    start_dormant,
    start_of_fire,
)
from interlock_lifecycle.slas import SlaFacts
from interlock_sla import Exclusions, parse_execution_date

REFERENCE = Path(__file__).parents[1] / "reference"
_ARROW = re.compile(r"(\S+) --> (\S+?)(?:: (.+))?")


class Arrow(NamedTuple):
    """A change of state and its cause: the name of a decision, or whether the channel sees it."""

    before: str
    after: str
    cause: object


def arrows_of(page: str) -> Iterator[tuple[str, str, str]]:
    """The arrows of the state diagram of a page with their labels."""
    diagram = re.search(r"```mermaid\nstateDiagram-v2\n(.*?)```", (REFERENCE / page).read_text(), re.DOTALL)
    assert diagram is not None
    for line in diagram[1].splitlines():
        if found := _ARROW.fullmatch(line.strip()):
            yield found[1], found[2], found[3] or ""


# --- runs --------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
TIMEOUT = timedelta(hours=4)
HOUR = timedelta(hours=1)
KEY = RunKey("bronze-orders", "stream", parse_execution_date("2026-03-03"))
TEXT = """
pipeline: {id: bronze-orders}
schedule: {trigger: {key: landing, check: equals, field: complete, value: true}}
validation: {rules: [{key: landing, check: gte, field: count, value: 100}]}
job: {type: command, config: {command: "true"}, maxRetries: 1}
"""
CONFIG = decode_yaml(TEXT, "bronze.yaml")
ROW = {"date": "2026-03-03", "complete": True, "count": 100}
SHORT = {**ROW, "count": 1}
SLA = SlaFacts(None, Verdict(KEY))

COMMITTED = open_run(KEY, decided_at=NOW, execution_timeout=TIMEOUT, arrived_at=None).run
TOKEN = COMMITTED.run_token
HELD = replace(COMMITTED, started_token=TOKEN, started_at=NOW)
PASSED = replace(HELD, evaluated_at=NOW)
INTENT = JobIntent(0, "key", NOW, "command", {"command": "true"}, NOW)
STARTING = replace(PASSED, job_intent=INTENT)
FOLLOWING = replace(PASSED, job_intent=replace(INTENT, run_id="j1", started_at=NOW))
COMPLETED = replace(FOLLOWING, status=RunStatus.COMPLETED)
FAILED_FINAL = replace(FOLLOWING, status=RunStatus.FAILED_FINAL)
CORRUPTED = CorruptedRun(KEY, "attempt is 'x'", RunStatus.RUNNING, None, TOKEN, {})

RUNNING = (COMMITTED, HELD, PASSED, STARTING, FOLLOWING)
UNBEGUN = "[*]"


def state_of(run: Run | CorruptedRun | None) -> str:
    """The state of a trigger row, by the table of docs/reference/runs.md §2."""
    if run is None:
        return UNBEGUN
    if isinstance(run, CorruptedRun):
        return "Corrupted"
    if run.status is not RunStatus.RUNNING:
        return "Completed" if run.status is RunStatus.COMPLETED else "FailedFinal"
    if run.started_token != run.run_token:
        return "Committed"
    if run.job_intent is not None:
        return "Following" if run.job_intent.has_result else "Starting"
    return "Held" if run.evaluated_at is None else "Passed"


CHANGES: dict[str, Callable[[Any, Any], Run | None]] = {
    "OpenAttempt": lambda _, decision: decision.after,
    "RecoverRun": lambda _, decision: decision.after,
    "RepairRun": lambda _, decision: decision.after,
    "StartRun": lambda _, decision: decision.run,
    "ExpireTrigger": lambda _, decision: decision.run,
    "WaitForSlot": lambda _, decision: decision.run,
    "MarkStarted": lambda run, _: replace(run, started_token=run.run_token),
    "PassEvaluation": lambda run, decision: replace(run, evaluated_at=decision.evaluated_at),
    "HoldRun": lambda run, _: run,
    "SendStart": lambda run, decision: replace(run, job_intent=decision.commit.intent),
    "RecordStart": lambda run, decision: replace(run, job_intent=decision.intent),
    "WithdrawIntent": lambda run, _: replace(run, job_intent=None),
    "JobRuns": lambda run, _: run,
    "CloseRun": lambda run, decision: replace(run, status=decision.status),
    "LookForStart": lambda run, decision: row_after(run, decision.otherwise),
}
"""The trigger row after each decision about a run. Decisions that wait leave the row in its state."""

ANSWERS = {
    "Announce",
    "FailAttempt",
    "Ignore",
    "PollWindowUsedUp",
    "RejectRerun",
    "RequestRerun",
    "WindowUsedUp",
}
"""The decisions that leave the run alone. Another decision follows, or none."""


def row_after(run: Any, decision: Any) -> Run | None:
    """The trigger row after a decision, None if the decision leaves the run alone."""
    name = type(decision).__name__
    return None if name in ANSWERS else CHANGES[name](run, decision)


def completions(run: Run) -> Iterator[object]:
    """The closes by an outcome. Before its start, an attempt can only fail: a previous job still runs."""
    events = ("fail",) if run.job_intent is None else ("success", "fail")
    for used in (0, 1):
        for event in events:
            facts = CloseFacts(run, CONFIG, used, Exclusions(), SLA)
            yield decide_completion(facts, TOKEN, JobOutcome(event), now=LATER, execution_timeout=TIMEOUT)


def evaluations(run: Run) -> Iterator[object]:
    for length in (timedelta(), HOUR):
        for config, row in ((CONFIG, ROW), (CONFIG, SHORT), (None, ROW)):
            facts = EvaluationFacts(run, config, "", {"landing": row}, SLA)
            for pause in (None, Pause(None)):
                window = EvaluationWindow(NOW, length, timedelta(minutes=1))
                yield decide_evaluation(replace(facts, pause=pause), TOKEN, window, LATER)


def triggers(run: Run) -> Iterator[object]:
    for config in (CONFIG, None):
        for previous in (None, StandingJob("j0")):
            for traits in (TargetTraits(True, False), TargetTraits(False, True), TargetTraits(False, False)):
                for pause in (None, Pause(None)):
                    facts = TriggerFacts(run, config, "", SLA, previous, pause)
                    yield decide_trigger(facts, TOKEN, traits, now=LATER, until=LATER + HOUR, window=HOUR)


def rejections(run: Run) -> Iterator[object]:
    for permanent in (True, False):
        yield reject_start(run, INTENT, reason="busy", permanent=permanent, now=LATER)


def followings(run: Run) -> Iterator[object]:
    assert run.job_intent is not None
    for length in (timedelta(), HOUR):
        yield follow(run, run.job_intent, PollWindow(length, timedelta(minutes=1)), CONFIG, SLA, LATER)


def exhaustions(run: Run) -> Iterator[object]:
    for exhaustion in Exhaustion:
        yield exhaust(CloseFacts(run, CONFIG, 0, Exclusions(), SLA), TOKEN, exhaustion, reason="over", now=LATER)


def recoveries(run: Run) -> Iterator[object]:
    for used in (0, 2):
        facts = CloseFacts(replace(run, recoveries=used), CONFIG, 0, Exclusions(), SLA)
        yield decide_recovery(facts, TOKEN, ExecutionEnded("ABORTED"), now=LATER, execution_timeout=TIMEOUT)


def reruns(run: Run | None) -> Iterator[object]:
    request = RerunRequest(KEY, "manual", "r1", LATER)
    facts = RerunFacts(run, Exclusions(), [], [], None)
    yield decide_rerun(request, facts, CONFIG, execution_timeout=TIMEOUT)


def repairs(row: CorruptedRun) -> Iterator[object]:
    for status in RunStatus:
        one = replace(row, status=status, closed_at=None if status is RunStatus.RUNNING else NOW)
        yield decide_repair(one, RepairFacts(CONFIG, SLA), LATER)


def sensors(run: Run | None) -> Iterator[object]:
    facts = SensorFacts(run, has_arrival=False, exclusions=Exclusions())
    yield decide_sensor(Sensor(KEY.pipeline_id, "landing", ROW, LATER), CONFIG, facts, execution_timeout=TIMEOUT)


def slots(run: Run) -> Iterator[object]:
    if waiting := decide_slot(run, 1, [replace(KEY, date=parse_execution_date("2026-03-02"))], []):
        yield waiting


def pauses(run: Run) -> Iterator[object]:
    if waiting := decide_paused(run, Pause(None), LATER):
        yield waiting


def starts(run: Run) -> Iterator[object]:
    yield decide_started(run, TOKEN, now=LATER, execution_timeout=TIMEOUT)


def record_starts(run: Run) -> Iterator[object]:
    yield record_start(run, INTENT, run_id="j1", details={}, outcome=None, now=LATER)


def unknown_starts(run: Run) -> Iterator[object]:
    yield leave_start_unknown(run, INTENT, "no answer")


def rejected_configs(run: Run) -> Iterator[object]:
    yield reject_config(run, "no config", SLA, None, LATER)


def fires(_: None) -> Iterator[object]:
    yield start_of_fire(KEY, NOW, now=LATER, execution_timeout=TIMEOUT)


def lost_triggers(_: None) -> Iterator[object]:
    stranded = Stranded(KEY, "landing", None, ROW)
    yield recover_trigger(stranded, CONFIG, has_arrival=False, now=LATER, execution_timeout=TIMEOUT)


def dormant_dates(_: None) -> Iterator[object]:
    take = TakeUp(Sensor(KEY.pipeline_id, "landing", ROW, NOW), KeptRows())
    facts = DormantDate(KEY, KEY, KeptRows(), None, None, is_settled=False, row=ROW)
    yield start_dormant(take, facts, CONFIG, LATER, TIMEOUT)


def expired_triggers(_: None) -> Iterator[object]:
    yield expire_trigger(CONFIG, KEY, NOW, ExpiryFacts(SLA), LATER)


class Play(NamedTuple):
    """A decision, the states in which a component asks for it, and its results in such a state."""

    name: str
    states: tuple[Any, ...]
    results: Callable[[Any], Iterator[object]]


RETRIED = (replace(STARTING, started_token=None), replace(FOLLOWING, started_token=None))
"""Runs that were recovered during or after the start of their job. They keep the intent."""

PLAYS = (
    Play("decide_sensor", (None, COMPLETED, FAILED_FINAL), sensors),
    Play("start_of_fire", (None,), fires),
    Play("recover_trigger", (None,), lost_triggers),
    Play("start_dormant", (None,), dormant_dates),
    Play("expire_trigger", (None,), expired_triggers),
    Play("decide_rerun", (None, *RUNNING, COMPLETED, FAILED_FINAL), reruns),
    Play("decide_slot", (COMMITTED,), slots),
    Play("decide_paused", (COMMITTED, *RETRIED), pauses),
    Play("reject_config", (COMMITTED,), rejected_configs),
    Play("decide_started", (COMMITTED, *RETRIED), starts),
    Play("decide_evaluation", (HELD,), evaluations),
    Play("decide_trigger", (PASSED, STARTING), triggers),
    Play("record_start", (STARTING,), record_starts),
    Play("reject_start", (STARTING,), rejections),
    Play("leave_start_unknown", (STARTING,), unknown_starts),
    Play("follow", (FOLLOWING,), followings),
    Play("decide_completion", (PASSED, STARTING, FOLLOWING), completions),
    Play("decide_recovery", (HELD, PASSED, STARTING, FOLLOWING), recoveries),
    Play("exhaust", RUNNING, exhaustions),
    Play("decide_repair", (CORRUPTED,), repairs),
)


def played(play: Play) -> Iterator[Arrow]:
    for state in play.states:
        for decision in play.results(state):
            after = row_after(state, decision)
            if after is not None:
                yield Arrow(state_of(state), state_of(after), play.name)


def drawn(name: str) -> set[Arrow]:
    """The arrows of the diagram that name a decision."""
    labelled = ((before, after, label.partition(" ")[0]) for before, after, label in arrows_of("runs.md"))
    return {Arrow(before, after, cause) for before, after, cause in labelled if cause == name}


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_runs_draws_each_change_of_a_decision(play: Play) -> None:
    assert drawn(play.name) == set(played(play))


def test_runs_draws_no_other_decision() -> None:
    causes = {label.partition(" ")[0] for _, after, label in arrows_of("runs.md") if after != "[*]"}
    assert causes == {play.name for play in PLAYS}


def test_samples_have_different_states() -> None:
    samples = (None, *RUNNING, COMPLETED, FAILED_FINAL, CORRUPTED)
    assert len({state_of(sample) for sample in samples}) == len(samples) == 9


# --- heads of threads --------------------------------------------------------------------------------------------

EVENTS = ("JOB_FAILED", "RETRY_EXHAUSTED", "POST_RUN_FAILED", "PIPELINE_EXCLUDED", "RERUN_ACCEPTED", "JOB_COMPLETED")
"""An event of each kind: warnings about two subjects, a critical event, a notice, a rerun and a success."""


def head_of(state: RunState) -> str:
    """The word of the diagram for the head of a thread."""
    found = standing(state)
    if state.last is None:
        return UNBEGUN
    if found.open and found.open[0].severity in (Severity.WARNING, Severity.CRITICAL):
        return str(found.open[0].severity)
    if found.open:
        return "rerun"
    if found.past:
        return "resolved"
    return "completed" if state.success else "notice"


def heads(events: tuple[str, ...]) -> Iterator[Arrow]:
    """The changes of the head by events in order. The cause is whether the channel sees the change."""
    state = RunState()
    for minute, event in enumerate(events):
        advice = advice_for(event)
        at = NOW + timedelta(minutes=minute)
        step = advance(state, Fact(at, f"{minute:02}", event, advice.severity, advice.subject or event))
        if head_of(step.state) != head_of(state):
            # The first alert of a thread is not broadcast: its head shows the problem already.
            is_shown = step.is_worse and head_of(state) != UNBEGUN
            yield Arrow(head_of(state), head_of(step.state), is_shown)
        state = step.state


def test_alerts_draws_each_change_of_a_head() -> None:
    diagram = {Arrow(before, after, "in the channel" in label) for before, after, label in arrows_of("alerts.md")}
    changes = {arrow for events in product(EVENTS, repeat=4) for arrow in heads(events)}
    assert diagram == changes
