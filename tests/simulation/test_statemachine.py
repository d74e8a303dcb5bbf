"""The state machine by its definition alone: no read of an unset path, no unused state, each outcome's right end."""

import ast
import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from types import ModuleType
from typing import Any, TypeAlias, TypeGuard

import msgspec
import pytest
from msgspec import Struct
from simulation.dataflow import Finding, Paths, guaranteed, put, unset_reads, waits_at_token, with_prefixes
from simulation.machine import DEFINITION, ORCHESTRATOR, SLA_MONITOR, Execution, TaskFailed, load_definition

from interlock_config import decode_yaml
from interlock_controller.runs import Step, StepStatus, finished, read_request
from interlock_controller.runs import _closing as closing
from interlock_controller.runs import _evaluation as evaluation
from interlock_controller.runs import _job as job
from interlock_controller.slas import Request as SlaRequest
from interlock_lifecycle import JobOutcome, RunKey
from interlock_lifecycle.runs import execution_input, open_run
from interlock_lifecycle.waits import LONGEST_JOB_WAIT, LONGEST_WAIT, look_seconds
from interlock_sla import parse_execution_date

MACHINE = load_definition()
NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
INPUT = with_prefixes(
    "$.pipelineId",
    "$.scheduleId",
    "$.date",
    "$.attempt",
    "$.runToken",
    "$.config.evaluationIntervalSeconds",
    "$.config.evaluationWindowSeconds",
    "$.config.jobCheckIntervalSeconds",
    "$.config.jobPollWindowSeconds",
)
"""The input of docs/reference/runs.md §3.1 without its optional fields sensorArrivalAt and sla."""
AT_TOKEN = "arn:aws:states:::lambda:invoke.waitForTaskToken"
STEP = with_prefixes(*(f"$.{name}" for name in msgspec.to_builtins(Step("any"))))


def answers(resource: str) -> Paths:
    """The fields that a Lambda's answer always has: all of a Step. Each field of the SLA monitor may be absent.

    A success of a task token has none.
    """
    return {ORCHESTRATOR: STEP, SLA_MONITOR: with_prefixes("$"), AT_TOKEN: with_prefixes("$")}[resource]


# --- (a) no state reads a path that some route leaves unset -------------------------------------------------------


def test_no_state_reads_a_path_that_some_route_leaves_unset() -> None:
    assert unset_reads(MACHINE, INPUT, answers) == set()


def test_the_smallest_input_has_all_assumed_paths() -> None:
    text = """
pipeline: {id: small}
schedule: {trigger: {key: ready, check: exists}}
validation: {rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""
    key = RunKey("small", "stream", parse_execution_date("2026-03-03"))
    start = open_run(key, decided_at=NOW, execution_timeout=TIMEOUT, arrived_at=NOW)
    small = execution_input(start.run, decode_yaml(text, "small.yaml"), None, TIMEOUT)
    assert "sla" not in small
    assert "sensorArrivalAt" not in small
    assert set(_paths(small)) == INPUT


def _paths(value: object, path: str = "$") -> Iterator[str]:
    yield path
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _paths(inner, f"{path}.{name}")


def test_each_state_is_reachable_and_knows_its_run() -> None:
    known = guaranteed(MACHINE, INPUT, answers)
    assert set(known) == set(MACHINE["States"])
    assert all(paths >= INPUT for paths in known.values())


# --- (b) the proof finds errors -----------------------------------------------------------------------------------


def _set(*path: str | int, to: object) -> Callable[[Any], None]:
    def change(states: Any) -> None:
        for part in path[:-1]:
            states = states[part]
        states[path[-1]] = to

    return change


def _drop(*path: str | int) -> Callable[[Any], None]:
    def change(states: Any) -> None:
        for part in path[:-1]:
            states = states[part]
        del states[path[-1]]

    return change


def _all_of_input(state: str, *but: str) -> set[Finding]:
    read = ("$.pipelineId", "$.scheduleId", "$.date", "$.attempt", "$.runToken", "$.config", *but)
    return {Finding(state, path) for path in read}


BROKEN: dict[str, tuple[Callable[[Any], None], set[Finding]]] = {
    "a parameter from an optional field": (
        _set("StartSLA", "Parameters", "sensorArrivalAt.$", to="$.sensorArrivalAt"),
        {Finding("StartSLA", "$.sensorArrivalAt")},
    ),
    "a parameter from a field that only another route has": (
        _set("Evaluate", "Parameters", "sla.$", to="$.sla"),
        {Finding("Evaluate", "$.sla")},
    ),
    "a parameter deep in a template": (
        _set("Evaluate", "Parameters", "more", to=[{"deadline.$": "States.Format('by {}', $.sla.deadline)"}]),
        {Finding("Evaluate", "$.sla.deadline")},
    ),
    "a field within a known value": (
        _set("SettleSLA", "Parameters", "deadline.$", to="$.sla.deadline"),
        {Finding("SettleSLA", "$.sla.deadline")},
    ),
    "a dropped answer that is read later": (
        _set("Evaluate", "ResultPath", to=None),
        {Finding(state, "$.step.status") for state in ("Evaluated", "Closed", "Outcome")}
        | {Finding(state, "$.step.waitSeconds") for state in ("WaitToEvaluate", "Rest")}
        | {Finding("AwaitSensors", path) for path in ("$.step", "$.step.lookSeconds")}
        | {Finding("ValidationExhausted", "$.step")},
    ),
    "a dropped failure that is read later": (
        _set("Trigger", "Catch", 0, "ResultPath", to=None),
        {Finding("TriggerExhausted", "$.failure")},
    ),
    "a Catch without ResultPath, which replaces everything": (
        _drop("JobPollExhausted", "Catch", 0, "ResultPath"),
        {*_all_of_input("InfraFailure", "$.failure")}
        | {Finding("SettleSLA", f"$.{name}") for name in ("pipelineId", "scheduleId", "date")},
    ),
    "a Task without ResultPath, which replaces everything": (
        _drop("CompleteTrigger", "ResultPath"),
        {Finding("Closed", "$.step.status"), Finding("Outcome", "$.step.status")}
        | {Finding("SettleSLA", f"$.{name}") for name in ("pipelineId", "scheduleId", "date")},
    ),
    "an answer's field that no answer has": (
        _set("WaitForJob", "SecondsPath", to="$.step.retryAfter"),
        {Finding("WaitForJob", "$.step.retryAfter")},
    ),
    "an optional field asked without IsPresent": (
        _set("Closed", "Choices", 2, to={"Variable": "$.sla.critical", "BooleanEquals": True, "Next": "SettleSLA"}),
        {Finding("Closed", "$.sla.critical")},
    ),
    "a comparison with a field that may be absent": (
        _set("Outcome", "Choices", 0, to={"Variable": "$.step.status", "StringEqualsPath": "$.want", "Next": "Done"}),
        {Finding("Outcome", "$.want")},
    ),
    "an infra failure that nothing leads to with a failure": (
        _set("Evaluated", "Default", to="InfraFailure"),
        {Finding("InfraFailure", "$.failure")},
    ),
    "a context field that Step Functions does not have": (
        _set("Evaluate", "Parameters", "startedAt.$", to="$$.Execution.Started"),
        {Finding("Evaluate", "$$.Execution.Started")},
    ),
    "a route to a state that does not exist": (
        _set("WaitForJob", "Next", to="LookAtJob"),
        {Finding("WaitForJob", "leads to LookAtJob")},
    ),
    "a Choice without a match": (
        _drop("Outcome", "Default"),
        {Finding("Outcome", "leads to nowhere, because there is no Default")},
    ),
    "a token in a state that waits for none": (
        _set("CheckJob", "Parameters", "taskToken.$", to="$$.Task.Token"),
        {Finding("CheckJob", "$$.Task.Token")},
    ),
    "a parameter within the payload of a waiting state": (
        _set("AwaitJob", "Parameters", "Payload", "failure.$", to="$.failure"),
        {Finding("AwaitJob", "$.failure")},
    ),
    "a time-out from a field that no answer has": (
        _set("AwaitJob", "TimeoutSecondsPath", to="$.step.timeoutSeconds"),
        {Finding("AwaitJob", "$.step.timeoutSeconds")},
    ),
    "a time-out that replaces everything": (
        _drop("AwaitJob", "Catch", 0, "ResultPath"),
        {*_all_of_input("CheckJob"), *_all_of_input("CompleteTrigger"), *_all_of_input("JobPollExhausted")}
        | {*_all_of_input("AwaitJob"), *_all_of_input("Trigger"), *_all_of_input("TriggerExhausted")}
        | {*_all_of_input("InfraFailure")}
        | {Finding("SettleSLA", f"$.{name}") for name in ("pipelineId", "scheduleId", "date")},
    ),
    "a field that the analysis does not know": (
        _set("Evaluate", "OutputPath", to="$.step"),
        {Finding("Evaluate", "OutputPath is not analysed"), Finding("Evaluate", "$.step")},
    ),
    "a path with a filter": (
        _set("Evaluate", "Parameters", "config.$", to="$.config[?(@.x)]"),
        {Finding("Evaluate", "$.config[?(@.x)]")},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_read_of_an_unset_path_is_found(name: str) -> None:
    change, expected = BROKEN[name]
    broken = copy.deepcopy(MACHINE)
    change(broken["States"])
    assert unset_reads(broken, INPUT, answers) == expected


def test_an_answer_without_a_needed_field_is_found() -> None:
    def without_wait(resource: str) -> Paths:
        return answers(resource) - {"$.waitSeconds"}

    expected = {Finding(state, "$.step.waitSeconds") for state in ("WaitToEvaluate", "WaitForJob", "Rest")}
    assert unset_reads(MACHINE, INPUT, without_wait) == expected


def test_an_answer_without_its_latest_look_is_found() -> None:
    def without_look(resource: str) -> Paths:
        return answers(resource) - {"$.lookSeconds"}

    expected = {Finding(state, "$.step.lookSeconds") for state in ("AwaitSensors", "AwaitJob")}
    assert unset_reads(MACHINE, INPUT, without_look) == expected


def test_an_input_without_a_needed_field_is_found() -> None:
    found = unset_reads(MACHINE, INPUT - {"$.attempt"}, answers)
    assert {finding.path for finding in found} == {"$.attempt"}
    assert len(found) == 10


def test_a_presence_check_adds_a_path_to_its_own_edge_only() -> None:
    guarded = copy.deepcopy(MACHINE)
    guarded["States"]["Closed"]["Choices"][2] = {
        "And": [
            {"Variable": "$.sla.critical", "IsPresent": True},
            {"Variable": "$.sla.critical", "BooleanEquals": True},
        ],
        "Next": "SettleSLA",
    }
    assert unset_reads(guarded, INPUT, answers) == set()
    guarded["States"]["Closed"]["Choices"][2]["And"].reverse()
    assert unset_reads(guarded, INPUT, answers) == {Finding("Closed", "$.sla.critical")}


def test_the_edge_of_an_absence_adds_no_path() -> None:
    turned = copy.deepcopy(MACHINE)
    turned["States"]["Closed"]["Choices"][2]["IsPresent"] = False
    turned["States"]["SettleSLA"]["Parameters"]["sla.$"] = "$.sla"
    assert unset_reads(turned, INPUT, answers) == {Finding("SettleSLA", "$.sla")}


@pytest.mark.parametrize(
    ("path", "known"),
    [
        (None, {"$", "$.a", "$.a.b", "$.ab"}),
        ("$.a", {"$", "$.a", "$.a.new", "$.ab"}),
        ("$.c.d", {"$", "$.a", "$.a.b", "$.ab", "$.c", "$.c.d", "$.c.d.new"}),
        ("$", {"$", "$.new"}),
    ],
)
def test_a_result_replaces_the_value_at_its_path(path: str | None, known: set[str]) -> None:
    assert put(with_prefixes("$.a.b", "$.ab"), path, with_prefixes("$.new")) == known


def test_a_path_is_known_after_its_absence_is_excluded() -> None:
    turned = copy.deepcopy(MACHINE)
    turned["States"]["HasSLA"] = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.sla", "IsPresent": False, "Next": "Evaluate"}],
        "Default": "StartSLA",
    }
    turned["States"]["StartSLA"]["Parameters"]["sla.$"] = "$.sla"
    assert unset_reads(turned, INPUT, answers) == set()


# --- (c) every outcome, played ------------------------------------------------------------------------------------


class Played(Struct, frozen=True):
    """The course of an execution: its states, its end, its requests, and its time."""

    path: tuple[str, ...]
    status: str
    asked: tuple[Mapping[str, Any], ...]
    elapsed: timedelta

    @property
    def modes(self) -> list[str]:
        """The modes of its requests, without the SLA monitor's."""
        return [str(event["mode"]) for event in self.asked if "runToken" in event]


Answer: TypeAlias = Step | TaskFailed
Script: TypeAlias = Mapping[str, Sequence[Answer]]
OK = Step("any")
DEAD = TaskFailed("Runtime.HandlerError", "it broke")
PASSED, RUNNING, JOB = (
    Step(StepStatus.PASSED),
    Step(StepStatus.RUNNING, 60),
    finished(JobOutcome("success", run_id="j1", at=NOW)),
)
HELD, RESTED = Step(StepStatus.HELD, look_seconds=1800), Step(StepStatus.RESTING, 5, look_seconds=1795)
AWAITED = Step(StepStatus.FOLLOWED, look_seconds=600)
NOT_NEEDED = Step(StepStatus.RUNNING)
"""The registration of a wait that found a wake. It sends the success itself."""
SUCCEEDED, FAILED, SUPERSEDED = Step(StepStatus.SUCCEEDED), Step(StepStatus.FAILED), Step(StepStatus.SUPERSEDED)
SLA = {"deadline": "08:00", "timezone": "UTC", "critical": False}
HAPPY: Script = {
    "evaluate": [PASSED],
    "trigger": [RUNNING],
    "check-job": [JOB],
    "complete-trigger": [SUCCEEDED],
}


def play(script: Script, *, sla: bool = False, definition: Mapping[str, Any] = MACHINE) -> Played:
    """Play the definition against a script: each mode's answers in order, the last one for ever.

    Each wait ends by its time-out, unless its registration answers NOT_NEEDED.
    """
    left = {mode: chain(given, repeat(given[-1])) for mode, given in script.items()}
    asked: list[Mapping[str, Any]] = []

    def invoke(resource: str, event: dict[str, Any]) -> Any:
        asked.append(event)
        if resource == SLA_MONITOR:
            msgspec.convert(event, SlaRequest)
        else:
            read_request(event)
        needed = resource == ORCHESTRATOR and event["mode"] != "wait"
        answer = next(left[event["mode"]]) if event["mode"] in left or needed else OK
        if isinstance(answer, TaskFailed):
            raise answer
        if answer is NOT_NEEDED:
            assert execution.end_wait(event["taskToken"])
        return {} if resource == SLA_MONITOR else msgspec.to_builtins(answer)

    given = {"pipelineId": "p", "scheduleId": "stream", "date": "2026-03-03", "attempt": 0, "runToken": "t"}
    windows = {"evaluationIntervalSeconds": 60, "evaluationWindowSeconds": 600}
    windows |= {"jobCheckIntervalSeconds": 60, "jobPollWindowSeconds": 3600}
    data = {**given, "config": windows, **({"sla": SLA} if sla else {})}
    execution = Execution(definition, "e", data, NOW, invoke)
    due: datetime | None = NOW
    now = NOW
    for _ in range(500):
        if due is None:
            return Played(tuple(execution.path), execution.status, tuple(asked), now - NOW)
        now = due
        due = execution.step(now)
    raise AssertionError(f"the execution does not end: {execution.path[-10:]}")


class Road(Struct, frozen=True):
    """A script, its states between those of the SLA, and its end."""

    script: Script
    states: str
    status: str
    settles: bool = True


EVALUATED = "Evaluate Evaluated"
TRIGGERED = f"{EVALUATED} Trigger JobState"
FOLLOWED = f"{TRIGGERED} WaitForJob CheckJob JobState"
COMPLETED = f"{FOLLOWED} CompleteTrigger"
ROADS = {
    "passed, running, succeeded": Road(HAPPY, COMPLETED, "SUCCEEDED"),
    "a synchronous job": Road({**HAPPY, "trigger": [JOB]}, f"{TRIGGERED} CompleteTrigger", "SUCCEEDED"),
    "held twice": Road(
        {**HAPPY, "evaluate": [Step(StepStatus.NOT_READY, 55), Step(StepStatus.NOT_READY, 60), PASSED]},
        f"{EVALUATED} WaitToEvaluate {EVALUATED} WaitToEvaluate {COMPLETED}",
        "SUCCEEDED",
    ),
    "held at a token": Road(
        {**HAPPY, "evaluate": [HELD, HELD, PASSED], "wait": [OK, NOT_NEEDED]},
        f"{EVALUATED} AwaitSensors {EVALUATED} AwaitSensors {COMPLETED}",
        "SUCCEEDED",
    ),
    "held after many wakes": Road(
        {**HAPPY, "evaluate": [RESTED, PASSED], "wait": [NOT_NEEDED]},
        f"{EVALUATED} Rest AwaitSensors {COMPLETED}",
        "SUCCEEDED",
    ),
    "a wait that is registered again": Road(
        {**HAPPY, "evaluate": [HELD, PASSED], "wait": [DEAD, OK]},
        f"{EVALUATED} AwaitSensors AwaitSensors {COMPLETED}",
        "SUCCEEDED",
    ),
    "followed at a token": Road(
        {**HAPPY, "trigger": [AWAITED], "check-job": [AWAITED, JOB], "wait": [NOT_NEEDED, OK]},
        f"{TRIGGERED} AwaitJob CheckJob JobState AwaitJob CheckJob JobState CompleteTrigger",
        "SUCCEEDED",
    ),
    "polled twice": Road(
        {**HAPPY, "check-job": [RUNNING, JOB]},
        f"{FOLLOWED} WaitForJob CheckJob JobState CompleteTrigger",
        "SUCCEEDED",
    ),
    "failed for good": Road({**HAPPY, "complete-trigger": [FAILED]}, COMPLETED, "FAILED"),
    "waiting for its retry": Road(
        {**HAPPY, "complete-trigger": [Step(StepStatus.RETRYING)]}, COMPLETED, "SUCCEEDED", settles=False
    ),
    "no config at the evaluation": Road({"evaluate": [FAILED]}, EVALUATED, "FAILED"),
    "no config at the trigger": Road({**HAPPY, "trigger": [FAILED]}, TRIGGERED, "FAILED"),
    "superseded at the evaluation": Road({"evaluate": [SUPERSEDED]}, EVALUATED, "SUCCEEDED", settles=False),
    "superseded at the trigger": Road({**HAPPY, "trigger": [SUPERSEDED]}, TRIGGERED, "SUCCEEDED", settles=False),
    "superseded under its job": Road({**HAPPY, "check-job": [SUPERSEDED]}, FOLLOWED, "SUCCEEDED", settles=False),
    "superseded at the close": Road({**HAPPY, "complete-trigger": [SUPERSEDED]}, COMPLETED, "SUCCEEDED", settles=False),
    "evaluation window used up": Road(
        {"evaluate": [Step(StepStatus.EXHAUSTED, reason="count is 3")], "validation-exhausted": [FAILED]},
        f"{EVALUATED} ValidationExhausted",
        "FAILED",
    ),
    "poll window used up": Road(
        {**HAPPY, "check-job": [Step(StepStatus.EXHAUSTED)], "job-poll-exhausted": [FAILED]},
        f"{FOLLOWED} JobPollExhausted",
        "FAILED",
    ),
    "a start that was withdrawn": Road(
        {**HAPPY, "trigger": [RUNNING, JOB], "check-job": [Step(StepStatus.NOT_STARTED)]},
        f"{FOLLOWED} Trigger JobState CompleteTrigger",
        "SUCCEEDED",
    ),
    "rejected twice, then started": Road(
        {**HAPPY, "trigger": [DEAD, DEAD, RUNNING]},
        f"{EVALUATED} Trigger Trigger Trigger JobState WaitForJob CheckJob JobState CompleteTrigger",
        "SUCCEEDED",
    ),
    "rejected until the last retry": Road(
        {**HAPPY, "trigger": [DEAD], "trigger-exhausted": [FAILED]},
        f"{EVALUATED} Trigger Trigger Trigger Trigger TriggerExhausted",
        "FAILED",
    ),
}


@pytest.mark.parametrize("sla", [False, True], ids=["no SLA", "SLA"])
@pytest.mark.parametrize("name", ROADS)
def test_every_outcome_takes_its_route(name: str, sla: bool) -> None:
    road = ROADS[name]
    played = play(road.script, sla=sla)
    last = {"SUCCEEDED": "Done", "FAILED": "Failed"}[road.status]
    settling = ["SettleSLA", "Outcome"] if sla and road.settles else []
    before = ["HasSLA", *(["StartSLA"] if sla else [])]
    assert list(played.path) == [*before, *road.states.split(), "Closed", *settling, last]
    assert played.status == road.status


BROKEN_STEPS: dict[str, Script] = {
    "evaluate": HAPPY,
    "check-job": HAPPY,
    "complete-trigger": HAPPY,
    "validation-exhausted": {"evaluate": [Step(StepStatus.EXHAUSTED)]},
    "trigger-exhausted": {**HAPPY, "trigger": [DEAD]},
    "job-poll-exhausted": {**HAPPY, "check-job": [Step(StepStatus.EXHAUSTED)]},
}


@pytest.mark.parametrize("sla", [False, True], ids=["no SLA", "SLA"])
@pytest.mark.parametrize("mode", BROKEN_STEPS)
def test_an_exhausted_step_is_recorded_before_the_run_fails(mode: str, sla: bool) -> None:
    played = play({**BROKEN_STEPS[mode], mode: [DEAD], "infra-failure": [FAILED]}, sla=sla)
    assert played.modes.count(mode) == 4
    settling = ["SettleSLA", "Outcome"] if sla else []
    last = ["InfraFailure", "Closed", *settling, "Failed"]
    assert list(played.path[-len(last) :]) == last
    recorded = next(event for event in played.asked if event["mode"] == "infra-failure")
    assert recorded["failure"] == {"Error": "Runtime.HandlerError", "Cause": "it broke"}
    assert played.status == "FAILED"


@pytest.mark.parametrize(
    ("script", "mode"),
    [
        (
            {"evaluate": [Step(StepStatus.EXHAUSTED, reason="why")], "validation-exhausted": [FAILED]},
            "validation-exhausted",
        ),
        (
            {**HAPPY, "check-job": [Step(StepStatus.EXHAUSTED, reason="why")], "job-poll-exhausted": [FAILED]},
            "job-poll-exhausted",
        ),
    ],
)
def test_the_step_that_ends_a_window_gets_its_reason(script: Script, mode: str) -> None:
    (ending,) = [event for event in play(script, sla=False).asked if event["mode"] == mode]
    assert ending["outcome"]["reason"] == "why"


def test_an_unrecorded_infra_failure_ends_the_execution() -> None:
    played = play({"evaluate": [DEAD], "infra-failure": [DEAD]}, sla=True)
    assert played.path[-2:] == ("InfraFailure", "Failed")
    assert played.status == "FAILED"


@pytest.mark.parametrize("mode", ["schedule", "cancel"])
def test_an_sla_step_that_fails_never_fails_a_run(mode: str) -> None:
    played = play({**HAPPY, mode: [DEAD]}, sla=True)
    assert [event["mode"] for event in played.asked].count(mode) == 4
    assert played.status == "SUCCEEDED"
    assert played.path[-1] == "Done"


def test_a_failed_sla_start_does_not_change_the_evaluation() -> None:
    fine, broken = play(HAPPY, sla=True), play({**HAPPY, "schedule": [DEAD]}, sla=True)
    assert [event for event in fine.asked if event["mode"] == "evaluate"] == [
        event for event in broken.asked if event["mode"] == "evaluate"
    ]


def test_a_steps_outcome_is_passed_to_the_closing_step() -> None:
    asked = {event["mode"]: event for event in play(HAPPY).asked}
    assert asked["complete-trigger"]["outcome"] == msgspec.to_builtins(JOB)
    used_up: Script = {"evaluate": [Step(StepStatus.EXHAUSTED, reason="count is 3")], "validation-exhausted": [FAILED]}
    asked = {event["mode"]: event for event in play(used_up).asked}
    assert asked["validation-exhausted"]["outcome"]["reason"] == "count is 3"
    rejected: Script = {**HAPPY, "trigger": [TaskFailed("SubmissionFailed", "busy")], "trigger-exhausted": [FAILED]}
    asked = {event["mode"]: event for event in play(rejected).asked}
    assert asked["trigger-exhausted"]["failure"] == {"Error": "SubmissionFailed", "Cause": "busy"}


def test_waits_have_the_length_of_the_answer() -> None:
    played = play(
        {**HAPPY, "evaluate": [Step(StepStatus.NOT_READY, 55), PASSED], "trigger": [Step(StepStatus.RUNNING, 2)]}
    )
    assert played.elapsed == timedelta(seconds=57)


def test_a_wait_ends_at_its_latest_look() -> None:
    assert play({**HAPPY, "evaluate": [HELD, PASSED], "trigger": [AWAITED]}).elapsed == timedelta(seconds=2400)
    woken = play({**HAPPY, "evaluate": [HELD, PASSED], "trigger": [AWAITED], "wait": [NOT_NEEDED]})
    assert woken.elapsed == timedelta()


def test_a_wait_is_registered_with_the_look_before_it() -> None:
    asked = play({**HAPPY, "evaluate": [HELD, RESTED, PASSED], "trigger": [AWAITED]}).asked
    waits = [event for event in asked if event["mode"] == "wait"]
    assert [wait["outcome"] for wait in waits] == [msgspec.to_builtins(step) for step in (HELD, RESTED, AWAITED)]
    assert len({wait["taskToken"] for wait in waits}) == 3


@pytest.mark.parametrize(
    ("error", "attempts", "seconds"),
    [
        ("Runtime.HandlerError", 4, 2 + 4 + 8),
        ("Lambda.ServiceException", 4, 2 + 4 + 8),
        ("Lambda.TooManyRequestsException", 21, 1 + 2 + 4 + 8 + 16 + 32 + 14 * 60),
    ],
)
def test_the_kind_of_error_decides_the_number_of_tries(error: str, attempts: int, seconds: int) -> None:
    played = play({"evaluate": [TaskFailed(error)], "infra-failure": [FAILED]})
    assert played.modes.count("evaluate") == attempts
    assert played.elapsed == timedelta(seconds=seconds)


@pytest.mark.parametrize(("most", "seconds"), [(3, 30 + 60 + 120), (1, 30), (0, 0)])
def test_rejected_starts_are_tried_as_often_as_configured(most: int, seconds: int) -> None:
    script: Script = {**HAPPY, "trigger": [DEAD], "trigger-exhausted": [FAILED]}
    played = play(script, definition=load_definition(trigger_max_attempts=most))
    assert played.modes.count("trigger") == most + 1
    assert played.elapsed == timedelta(seconds=seconds)


# --- (d) shape ----------------------------------------------------------------------------------------------------

_CLOSES = frozenset({"succeeded", "failed", "retrying", "superseded"})
STATUSES: dict[str, AbstractSet[str] | None] = {
    "StartSLA": None,
    "Evaluate": {"passed", "not-ready", "held", "resting", "exhausted", "failed", "superseded"},
    "AwaitSensors": None,
    # It looks at a started job at once. Only a job without an answered start is `not-started`.
    "Trigger": {"running", "followed", "finished", "exhausted", "failed", "superseded"},
    "AwaitJob": None,
    "CheckJob": {"running", "followed", "finished", "exhausted", "not-started", "superseded"},
    **dict.fromkeys(
        ("CompleteTrigger", "ValidationExhausted", "TriggerExhausted", "JobPollExhausted", "InfraFailure"),
        _CLOSES,
    ),
    "SettleSLA": None,
}
"""The statuses that each Task can answer. None: its answer is not read."""
BY_MODULE = {evaluation: ("Evaluate",), job: ("Trigger", "CheckJob"), closing: ("CompleteTrigger",)}


@pytest.mark.parametrize("module", BY_MODULE, ids=lambda module: str(module.__name__).rpartition("._")[2])
def test_the_statuses_are_those_that_the_orchestrator_answers(module: ModuleType) -> None:
    expected: set[str] = set()
    for state in BY_MODULE[module]:
        expected |= STATUSES[state] or set()
    assert _statuses_in(module) == expected


def _statuses_in(module: ModuleType) -> set[str]:
    """The first arguments of every `Step(…)` in a module, and the status of `finished(…)`."""
    found = {StepStatus[member.attr] for call in _calls_of_step(module) for member in _members(call)}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "superseded":
                found.add(StepStatus.SUPERSEDED)
            elif node.func.id == "finished":
                found.add(finished(JobOutcome("success")).status)
    return found


def _calls_of_step(module: ModuleType) -> Iterator[ast.Call]:
    """Every `Step(…)` in a module with a literal status. `_answered` of the job module is the only other one."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Step":
            if _members(node):
                yield node
            else:
                assert ast.unparse(node) == "Step(status, _POLL_SOON, run_id=intent.run_id or '')"


def _members(call: ast.Call) -> list[ast.Attribute]:
    return [part for part in ast.walk(call.args[0]) if _is_step_status(part)]


def _is_step_status(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "StepStatus"


def test_each_status_is_answered_by_some_step() -> None:
    answered = {status for statuses in STATUSES.values() for status in statuses or ()}
    assert answered == set(StepStatus)


Place = tuple[str, str]
"""A state, and the status of the last answer on the way there."""


def roads_from(place: Place, *, without: frozenset[str] = frozenset()) -> set[Place]:
    """The next places of the machine after the last answer, without the statuses in `without`."""
    name, status = place
    state = MACHINE["States"][name]
    if state["Type"] == "Task":
        statuses = (STATUSES[name] or {status}) - without
        caught = {(catcher["Next"], status) for catcher in state["Catch"]}
        return {(state["Next"], answered) for answered in statuses} | caught
    if state["Type"] == "Choice":
        return {(name, status) for name in _chosen(state, status)}
    return {(state["Next"], status)} if "Next" in state else set()


def _chosen(state: Mapping[str, Any], status: str) -> Iterator[str]:
    """The targets of a Choice: a known status decides, and presence may be either way."""
    for choice in state["Choices"]:
        if choice["Variable"] != "$.step.status":
            yield choice["Next"]
        elif choice["StringEquals"] == status:
            yield choice["Next"]
            return
    yield state["Default"]


def simple_roads(start: Place, *, without: frozenset[str] = frozenset()) -> Iterator[tuple[Place, ...]]:
    """Every route without a repeated place, up to its end or to the first repeated place."""
    stack: list[tuple[Place, ...]] = [(start,)]
    while stack:
        road = stack.pop()
        after = roads_from(road[-1], without=without)
        if not after:
            yield road
        for place in after:
            if place in road:
                yield (*road, place)
            else:
                stack.append((*road, place))


def _looks(names: Sequence[str]) -> Iterator[list[str]]:
    """The looks of a route: each begins with a wait, or with the rest before it."""
    look: list[str] = []
    for name in names:
        if name in WAITING and look[-1:] != ["Rest"]:
            yield look
            look = []
        look.append(name)
    yield look


def test_every_look_takes_three_transitions() -> None:
    found_looks = set()
    for road in simple_roads(("HasSLA", "")):
        first = road.index(road[-1])
        if first < len(road) - 1:
            loop = [name for name, _ in road[first:-1]]
            begin = next(at for at, name in enumerate(loop) if name in WAITING and loop[at - 1] != "Rest")
            _, *found = _looks(loop[begin:] + loop[:begin])
            found_looks |= {" ".join(look) for look in found}
    evaluations = {f"{wait} Evaluate Evaluated" for wait in ("AwaitSensors", "Rest AwaitSensors", "WaitToEvaluate")}
    looks = {f"{wait} CheckJob JobState" for wait in ("AwaitJob", "WaitForJob")}
    # A start that was withdrawn meanwhile is sent again: a look and two more transitions.
    assert found_looks == evaluations | looks | {f"{look} Trigger JobState" for look in looks}


def test_states_at_a_token_follow_an_answer_with_a_latest_look() -> None:
    reached = {place for road in simple_roads(("HasSLA", "")) for place in road if place[0] in AT_A_TOKEN}
    assert reached == {("AwaitSensors", "held"), ("AwaitSensors", "resting"), ("AwaitJob", "followed")}


@pytest.mark.parametrize("module", [evaluation, job], ids=["evaluation", "job"])
def test_each_answer_before_a_token_has_a_latest_look(module: ModuleType) -> None:
    """The default of lookSeconds is 0, which is no time-out."""
    waits = {"HELD", "RESTING", "FOLLOWED"}
    found = [call for call in _calls_of_step(module) if waits & {one.attr for one in _members(call)}]
    assert found
    for call in found:
        assert {"look_seconds", "look_at", "wakes"} <= {keyword.arg for keyword in call.keywords}


@pytest.mark.parametrize("ahead", [0.001, 0.999, 5, 5.001, 5.999, 1799, 1800, 1801, 100_000])
@pytest.mark.parametrize("moment", [None, -1, 0, 0.001, 1, 900])
def test_a_latest_look_is_at_least_a_second_ahead(ahead: float, moment: float | None) -> None:
    change = None if moment is None else NOW + timedelta(seconds=moment)
    for longest in (LONGEST_WAIT, LONGEST_JOB_WAIT):
        assert look_seconds(NOW, longest, NOW + timedelta(seconds=ahead), change, None) >= 1


def test_a_run_takes_at_most_ten_transitions_without_its_looks() -> None:
    longest = 0
    for road in simple_roads(("HasSLA", ""), without=frozenset({"not-started"})):
        names = [name for name, _ in road]
        if names[-1] in {"Done", "Failed"}:
            waits = sum(1 for _ in _looks(names)) - 1
            # The last evaluation is a look without its wait.
            longest = max(longest, len(names) - 3 * waits - names.count("Rest") - 2)
    assert 0 < longest <= 10


def test_a_successful_run_takes_nine_transitions_without_looks() -> None:
    played = play(
        {**HAPPY, "evaluate": [Step(StepStatus.NOT_READY, 1)] * 3 + [PASSED], "check-job": [RUNNING] * 4 + [JOB]},
        sla=True,
    )
    assert len(played.path) == 3 * (3 + 5) + 2 + 9


THROTTLED = {
    "ErrorEquals": ["Lambda.TooManyRequestsException", "Lambda.Unknown"],
    "IntervalSeconds": 1,
    "BackoffRate": 2,
    "MaxAttempts": 20,
    "MaxDelaySeconds": 60,
    "JitterStrategy": "FULL",
}
SERVICE = {
    "ErrorEquals": ["Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException"],
    "IntervalSeconds": 2,
    "BackoffRate": 2,
    "MaxAttempts": 3,
    "JitterStrategy": "FULL",
}
REST = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 3}
SUBMISSION = {**REST, "IntervalSeconds": 30}
AT_A_TOKEN = {"AwaitSensors": "Evaluate", "AwaitJob": "CheckJob"}
"""The states that wait for a success of a task token, with the state that looks after it."""
WAITING = {"WaitToEvaluate", "WaitForJob", "Rest", *AT_A_TOKEN}
TASKS = [name for name, state in MACHINE["States"].items() if state["Type"] == "Task"]


@pytest.mark.parametrize("name", [name for name in TASKS if name not in AT_A_TOKEN])
def test_every_task_retries_and_catches(name: str) -> None:
    task = MACHINE["States"][name]
    assert task["Retry"] == [THROTTLED, SERVICE, SUBMISSION if name == "Trigger" else REST]
    special = {"StartSLA": "Evaluate", "SettleSLA": "Outcome", "Trigger": "TriggerExhausted", "InfraFailure": "Failed"}
    (catcher,) = task["Catch"]
    assert catcher["ErrorEquals"] == ["States.ALL"]
    assert catcher["Next"] == special.get(name, "InfraFailure")
    assert catcher["ResultPath"] == (None if "SLA" in name else "$.failure")


NO_RETRY = {"ErrorEquals": ["States.Timeout"], "MaxAttempts": 0}
LOOK_AGAIN = {"ErrorEquals": ["States.Timeout"], "ResultPath": None}
GIVE_UP = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "InfraFailure"}


def problems_of_waits(definition: Mapping[str, Any]) -> set[str]:
    """The rules for states at a task token that the definition breaks."""
    found = set()
    for name, look in AT_A_TOKEN.items():
        state = definition["States"][name]
        catches = [{**LOOK_AGAIN, "Next": look}, GIVE_UP]
        rules = {
            "a time-out is never retried": state["Retry"][:1] == [NO_RETRY],
            "other errors are retried as those of other tasks": state["Retry"][1:] == [THROTTLED, SERVICE, REST],
            "a time-out looks again, before other errors fail": state["Catch"] == catches,
            "a success looks again": state["Next"] == look,
            "its time-out is that of the answer": state.get("TimeoutSecondsPath") == "$.step.lookSeconds",
            "there is no other time-out": not {"TimeoutSeconds", "HeartbeatSeconds"} & set(state),
            "its result changes nothing": state.get("ResultPath", "$") is None,
            "it is registered with its token": state["Parameters"]["Payload"].get("taskToken.$") == "$$.Task.Token",
            "the answer is passed on": state["Parameters"]["Payload"].get("outcome.$") == "$.step",
        }
        found |= {rule for rule, holds in rules.items() if not holds}
    return found


def test_the_waits_at_a_token_follow_their_rules() -> None:
    assert {name for name in TASKS if waits_at_token(MACHINE["States"][name])} == set(AT_A_TOKEN)
    assert problems_of_waits(MACHINE) == set()


BROKEN_WAITS: dict[str, Callable[[Any], None]] = {
    "a time-out is never retried": _set("Retry", 0, "MaxAttempts", to=1),
    "other errors are retried as those of other tasks": _drop("Retry", 2),
    "a time-out looks again, before other errors fail": lambda state: state["Catch"].reverse(),
    "a success looks again": _set("Next", to="Closed"),
    "its time-out is that of the answer": _drop("TimeoutSecondsPath"),
    "there is no other time-out": _set("HeartbeatSeconds", to=60),
    "its result changes nothing": _drop("ResultPath"),
    "it is registered with its token": _drop("Parameters", "Payload", "taskToken.$"),
    "the answer is passed on": _drop("Parameters", "Payload", "outcome.$"),
}


@pytest.mark.parametrize("state", ["AwaitSensors", "AwaitJob"])
@pytest.mark.parametrize("rule", BROKEN_WAITS)
def test_a_broken_wait_is_found(rule: str, state: str) -> None:
    broken = copy.deepcopy(MACHINE)
    BROKEN_WAITS[rule](broken["States"][state])
    assert problems_of_waits(broken) == {rule}


@pytest.mark.parametrize("order", [[1, 0, 2, 3], [1, 2, 3, 0], [1, 2, 3]], ids=["second", "last", "none"])
def test_a_time_out_that_is_retried_never_looks(order: list[int]) -> None:
    """The first retrier that names an error decides, and States.ALL names each of them."""
    broken = copy.deepcopy(MACHINE)
    state = broken["States"]["AwaitSensors"]
    state["Retry"] = [state["Retry"][at] for at in order]
    assert problems_of_waits(broken)
    played = play({**HAPPY, "evaluate": [HELD, PASSED], "trigger": [JOB]}, definition=broken)
    is_reached = order.index(0) < order.index(3) if 0 in order else False
    assert played.path.count("AwaitSensors") == (1 if is_reached else 4)


@pytest.mark.parametrize(
    ("change", "end"),
    [
        (lambda catches: catches.reverse(), "InfraFailure"),
        (lambda catches: catches.pop(0), "InfraFailure"),
    ],
)
def test_a_time_out_that_another_catch_takes_fails_the_run(change: Callable[[Any], None], end: str) -> None:
    broken = copy.deepcopy(MACHINE)
    change(broken["States"]["AwaitJob"]["Catch"])
    assert problems_of_waits(broken)
    played = play({**HAPPY, "trigger": [AWAITED], "infra-failure": [FAILED]}, definition=broken)
    assert end in played.path


def test_the_timeout_and_the_starts_are_settings() -> None:
    assert MACHINE["TimeoutSeconds"] == 14400
    assert load_definition(timeout_seconds=600)["TimeoutSeconds"] == 600
    text = DEFINITION.read_text()
    assert '"TimeoutSeconds": ${timeout_seconds}' in text
    assert '"MaxAttempts": ${trigger_max_attempts}' in text


def test_the_machine_has_no_map_no_parallel_and_no_activity() -> None:
    """The local server plays them in other ways than Step Functions (docs/reference/local-stack.md §3)."""
    states = MACHINE["States"].values()
    assert {state["Type"] for state in states} == {"Task", "Choice", "Wait", "Succeed", "Fail"}
    assert not [state for state in states if ":activity:" in state.get("Resource", "")]


def test_the_machine_asks_for_presence_and_texts_only() -> None:
    choices = [choice for state in MACHINE["States"].values() for choice in state.get("Choices", [])]
    asked = {name for choice in choices for name in choice} - {"Variable", "Next"}
    assert asked == {"IsPresent", "StringEquals"}


def test_the_machine_has_few_states() -> None:
    assert len(MACHINE["States"]) == 22
