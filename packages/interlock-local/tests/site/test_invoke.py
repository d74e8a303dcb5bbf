"""The answers of functions: a failure is one sentence, and a wrong file of the user does not end the start."""

import json
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from interlock_local import LocalStackError
from interlock_local.site import invoke_function, ping_function


class Functions:
    """A Lambda that gives its answers one after another, and the last one for ever."""

    exceptions = SimpleNamespace(TooManyRequestsException=KeyError)

    def __init__(self, *bodies: Any, failed: bool = False) -> None:
        self._bodies, self._failed = list(bodies), failed

    def invoke(self, **_: Any) -> dict[str, Any]:
        body = self._bodies.pop(0) if len(self._bodies) > 1 else self._bodies[0]
        answer: dict[str, Any] = {"Payload": BytesIO(json.dumps(body).encode())}
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


def checked(**checks: str) -> dict[str, Any]:
    return {"status": "degraded", "checks": checks}


def health(**checks: str) -> Functions:
    return Functions(checked(**checks))


def test_a_faulty_part_is_named_without_the_healthy_ones() -> None:
    with pytest.raises(LocalStackError) as caught:
        ping_function(health(control="error: KeyError: x", bus="ok", targets="error: no key"), "local", "watchdog")
    assert str(caught.value) == "The function watchdog is not healthy: control: KeyError: x."


def test_a_wrong_target_of_alerts_is_a_warning() -> None:
    assert ping_function(health(events="ok", targets="error: hook: no key"), "local", "x") == ["hook: no key"]
    assert ping_function(health(events="ok", pending="ok: 3 wait"), "local", "x") == []


SLOW = "error: no answer within 5s"


def test_a_check_on_a_busy_machine_is_repeated() -> None:
    answers = checked(events=SLOW, pending="ok"), checked(events=SLOW), checked(events="ok")
    assert ping_function(Functions(*answers), "local", "x") == []


def test_a_check_that_began_too_late_is_repeated() -> None:
    late = checked(events=SLOW, slack="error: RetryLater: too little time is left to post")
    assert ping_function(Functions(late, checked(events="ok", slack="ok")), "local", "x") == []


def test_the_text_of_a_late_check_is_that_of_the_service() -> None:
    """The package does not import the service, so that its words are compared here."""
    service = Path(__file__).parents[4] / "services" / "alert-dispatcher" / "src" / "interlock_alert_dispatcher"
    assert 'raise RetryLater("too little time is left to post")' in (service / "slack.py").read_text()


def test_a_slow_check_does_not_hide_a_fault() -> None:
    with pytest.raises(LocalStackError, match=r"not healthy: bus: KeyError: x\.$"):
        ping_function(Functions(checked(events=SLOW), checked(bus="error: KeyError: x")), "local", "x")
    with pytest.raises(LocalStackError, match="events: no answer within 5s; bus: KeyError: x"):
        ping_function(Functions(checked(events=SLOW, bus="error: KeyError: x"), checked()), "local", "x")


def test_a_slow_target_of_alerts_is_not_awaited() -> None:
    assert ping_function(Functions(checked(targets=SLOW), checked()), "local", "x") == ["no answer within 5s"]


def test_a_check_that_stays_slow_names_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock_local.site._invoke._PATIENCE", 0.5)
    with pytest.raises(LocalStackError, match="The machine is slow: the function x has not checked events in time"):
        ping_function(health(events=SLOW), "local", "x")
