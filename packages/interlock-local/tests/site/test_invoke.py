"""The answers of functions: a failure is one sentence, and a wrong file of the user does not end the start."""

import json
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest

from interlock_local import LocalStackError
from interlock_local.site import invoke_function, ping_function


class Functions:
    """A Lambda that gives one answer."""

    exceptions = SimpleNamespace(TooManyRequestsException=KeyError)

    def __init__(self, body: Any, *, failed: bool = False) -> None:
        self._body, self._failed = body, failed

    def invoke(self, **_: Any) -> dict[str, Any]:
        answer: dict[str, Any] = {"Payload": BytesIO(json.dumps(self._body).encode())}
        return {**answer, "FunctionError": "Unhandled"} if self._failed else answer


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            {"errorMessage": "INTERLOCK_X is '*': no host", "errorType": "InvalidEnvironment", "stackTrace": ["a"]},
            "The function local-interlock-watchdog failed: InvalidEnvironment: INTERLOCK_X is '*': no host.",
        ),
        ({"errorMessage": "timed out"}, "The function local-interlock-watchdog failed: timed out."),
        ({"errorMessage": 3}, 'The function local-interlock-watchdog failed: {"errorMessage": 3}.'),
        (None, "The function local-interlock-watchdog failed: null."),
    ],
)
def test_a_failed_function_is_one_sentence(body: Any, said: str) -> None:
    with pytest.raises(LocalStackError) as caught:
        invoke_function(Functions(body, failed=True), "local", "watchdog", {})
    assert str(caught.value) == said


def health(**checks: str) -> Functions:
    return Functions({"status": "degraded", "checks": checks})


def test_a_faulty_part_is_named_without_the_healthy_ones() -> None:
    with pytest.raises(LocalStackError) as caught:
        ping_function(health(control="error: KeyError: x", bus="ok", targets="error: no key"), "local", "watchdog")
    assert str(caught.value) == "The function watchdog is not healthy: control: KeyError: x."


def test_a_wrong_target_of_alerts_is_a_warning() -> None:
    assert ping_function(health(events="ok", targets="error: hook: no key"), "local", "x") == ["hook: no key"]
    assert ping_function(health(events="ok", pending="ok: 3 wait"), "local", "x") == []


class Slow:
    """A Lambda whose checks end in time from an answer on."""

    exceptions = Functions.exceptions

    def __init__(self, slow: int, fault: str = "no answer within 5s") -> None:
        self.pings, self._slow, self._fault = 0, slow, fault

    def invoke(self, **_: Any) -> dict[str, Any]:
        self.pings += 1
        text = f"error: {self._fault}" if self.pings <= self._slow else "ok"
        return {"Payload": BytesIO(json.dumps({"checks": {"events": text}}).encode())}


def test_check_that_is_too_slow_is_repeated() -> None:
    function = Slow(2)
    assert ping_function(function, "local", "event-sink") == []
    assert function.pings == 3


def test_other_fault_is_reported_at_once() -> None:
    function = Slow(9, "KeyError: x")
    with pytest.raises(LocalStackError, match="is not healthy: events: KeyError: x"):
        ping_function(function, "local", "event-sink")
    assert function.pings == 1


def test_check_that_stays_too_slow_names_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock_local.site._invoke._SLOW_PATIENCE", 0.5)
    with pytest.raises(LocalStackError) as caught:
        ping_function(Slow(99), "local", "event-sink")
    assert str(caught.value).startswith("The machine is slow: the function event-sink has not checked events in time")
