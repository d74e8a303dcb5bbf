"""Plays the used part of the state machine's language as Step Functions would: JSONPath, one step at a time."""

import copy
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

DEFINITION = Path(__file__).parents[2] / "infra" / "statemachine" / "interlock.asl.json"
ORCHESTRATOR, SLA_MONITOR = "arn:orchestrator", "arn:sla-monitor"


def load_definition(*, source: Path = DEFINITION, **values: object) -> dict[str, Any]:
    """The definition after Terraform's rendering."""
    known = {
        "orchestrator_arn": ORCHESTRATOR,
        "sla_monitor_arn": SLA_MONITOR,
        "partition": "aws",
        "timeout_seconds": 14400,
        "trigger_max_attempts": 3,
        **values,
    }
    # Only ${name} is a placeholder; $. and $$. are JSONPath.
    rendered = re.sub(r"\$\{(\w+)\}", lambda found: str(known[found[1]]), source.read_text())
    return dict(json.loads(rendered))


class TaskFailed(Exception):
    """A task ended with an error that a Retry or Catch may name."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error, self.cause = error, cause


_TOKEN = ".waitForTaskToken"
_HISTORY = {"Task": 5, "Choice": 2, "Wait": 2, "Succeed": 2, "Fail": 1}
"""The history entries of a state: entered, exited, and for a task scheduled, started and succeeded."""
_HISTORY_OF_RETRY = 3
_HISTORY_OF_TOKEN = 1


class Execution:
    """One execution. `step` runs one state and returns the time of the next one.

    At a state with a task token, the next step is the time-out, unless `end_wait` lets the execution go on before it.
    history: the number of its history entries, of which Step Functions allows 25,000.
    """

    def __init__(
        self,
        definition: Mapping[str, Any],
        name: str,
        data: Mapping[str, Any],
        started_at: datetime,
        invoke: Callable[[str, dict[str, Any]], Any],
    ) -> None:
        self._states = definition["States"]
        self._invoke = invoke
        self._retries: dict[int, int] = {}
        self.name = name
        self.data: dict[str, Any] = copy.deepcopy(dict(data))
        self.state: str = definition["StartAt"]
        self.started_at = started_at
        self.status = "RUNNING"
        self.path: list[str] = []
        self.history = 1
        self.token: str | None = None
        self.is_registered = False
        """Whether the Lambda of the token state has answered, so that the execution only waits."""
        self.tokens = 0
        self.steps = 0

    def step(self, now: datetime) -> datetime | None:
        """Run the current state. The result is the time of the next one, or None at the end."""
        state = self._states[self.state]
        if self.is_registered:
            self.token, self.is_registered = None, False
            return self._failed(state, TaskFailed("States.Timeout"), now)
        self.path.append(self.state)
        self.history += _HISTORY[state["Type"]]
        match state["Type"]:
            case "Task":
                return self._wait_at_token(state, now) if _TOKEN in state["Resource"] else self._task(state, now)
            case "Choice":
                self._go(self._choose(state))
            case "Wait":
                seconds = self._read(state["SecondsPath"])
                if not isinstance(seconds, int) or seconds < 0:
                    raise AssertionError(f"{self.state}: {seconds!r} is not a number of seconds")
                self._go(state["Next"])
                return now + timedelta(seconds=seconds)
            case "Succeed":
                self.status = "SUCCEEDED"
                return None
            case "Fail":
                self.status = "FAILED"
                return None
            case other:
                raise AssertionError(f"{other} is not supported")
        return now

    def _task(self, state: Mapping[str, Any], now: datetime) -> datetime | None:
        try:
            result = self._invoke(state["Resource"], self._parameters(state["Parameters"]))
        except TaskFailed as failed:
            return self._failed(state, failed, now)
        self._put(state["ResultPath"], result)
        self._go(state["Next"])
        return now

    def _wait_at_token(self, state: Mapping[str, Any], now: datetime) -> datetime | None:
        """Call the Lambda with a fresh token. It may let the execution go on during the call."""
        self.tokens += 1
        self.token = token = f"{self.name}#{self.tokens}"
        self.history += _HISTORY_OF_TOKEN
        seconds = self._read(state["TimeoutSecondsPath"])
        if not isinstance(seconds, int) or seconds < 1:
            raise AssertionError(f"{self.state}: {seconds!r} is not a time-out")
        parameters = self._parameters(state["Parameters"])
        try:
            self._invoke(parameters["FunctionName"], parameters["Payload"])
        except TaskFailed as failed:
            # Step Functions takes the first end of a task: its success may have come before the failure of its call.
            if self.token == token:
                self.token = None
                return self._failed(state, failed, now)
        if self.token != token:
            self._go(state["Next"])
            return now
        self.is_registered = True
        return now + timedelta(seconds=seconds)

    def end_wait(self, token: str) -> bool:
        """Take a success for a token. False if the token is used, timed out or unknown.

        After True the next step is due now, unless the Lambda of the token's state is still running.
        """
        if self.status != "RUNNING" or self.token != token:
            return False
        self.token = None
        if self.is_registered:
            self.is_registered = False
            self._go(self._states[self.state]["Next"])
        return True

    def _failed(self, state: Mapping[str, Any], failed: TaskFailed, now: datetime) -> datetime | None:
        for at, retrier in enumerate(state.get("Retry", [])):
            if _names(retrier, failed.error):
                used = self._retries.get(at, 0)
                if used >= retrier["MaxAttempts"]:
                    break
                self._retries[at] = used + 1
                self.history += _HISTORY_OF_RETRY
                seconds = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** used
                return now + timedelta(seconds=min(seconds, retrier.get("MaxDelaySeconds", seconds)))
        for catcher in state.get("Catch", []):
            if _names(catcher, failed.error):
                self._put(catcher["ResultPath"], {"Error": failed.error, "Cause": failed.cause})
                self._go(catcher["Next"])
                return now
        self.status = "FAILED"
        return None

    def _choose(self, state: Mapping[str, Any]) -> str:
        for choice in state["Choices"]:
            if "IsPresent" in choice:
                if self._has(choice["Variable"]) is choice["IsPresent"]:
                    return str(choice["Next"])
            elif self._read(choice["Variable"]) == choice["StringEquals"]:
                return str(choice["Next"])
        return str(state["Default"])

    def _parameters(self, template: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name.removesuffix(".$"): self._parameter(value) if name.endswith(".$") or isinstance(value, dict) else value
            for name, value in template.items()
        }

    def _parameter(self, value: Any) -> Any:
        return self._parameters(value) if isinstance(value, dict) else copy.deepcopy(self._read(value))

    def _read(self, path: str) -> Any:
        if path == "$$.Execution.StartTime":
            return self.started_at.isoformat()
        if path == "$$.Task.Token":
            return self.token
        found: Any = self.data
        for part in path.removeprefix("$").strip(".").split("."):
            if not isinstance(found, dict) or part not in found:
                raise AssertionError(f"{self.state}: {path} is unset")
            found = found[part]
        return found

    def _has(self, path: str) -> bool:
        try:
            self._read(path)
        except AssertionError:
            return False
        return True

    def _put(self, path: str | None, value: Any) -> None:
        if path is not None:
            self.data[path.removeprefix("$.")] = copy.deepcopy(value)

    def _go(self, state: str) -> None:
        self.state = state
        self._retries = {}


def end_wait(executions: Mapping[str, Execution], token: str, go_on: Callable[[Execution], None]) -> bool:
    """Take a success for a token of one of these executions. `go_on` schedules the next step of one that waited."""
    execution = executions.get(token.rpartition("#")[0])
    if execution is None:
        return False
    was_waiting = execution.is_registered
    ended = execution.end_wait(token)
    if ended and was_waiting:
        go_on(execution)
    return ended


def schedule(
    execution: Execution, at: Callable[[datetime, Callable[[], None]], None], due: datetime, step: Callable[[], None]
) -> None:
    """Put the next step of an execution into a queue of acts. It supersedes a step in the queue, such as a time-out."""
    execution.steps += 1
    steps = execution.steps
    at(due, lambda: step() if execution.steps == steps else None)


def _names(rule: Mapping[str, Any], error: str) -> bool:
    return "States.ALL" in rule["ErrorEquals"] or error in rule["ErrorEquals"]
