"""The entry point of a Lambda: it wires once, answers operators and always flushes."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import Struct

import interlock_telemetry._entry as module
from interlock_telemetry import InvalidEnvironment, LambdaEntry, Settings, environment

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


class Service(Struct, frozen=True):
    health: Mapping[str, Callable[[], None]]
    settings: Settings


class Wiring:
    """Wires a service. The first `failures` calls raise."""

    def __init__(self, failures: int = 0, **variables: str) -> None:
        self.calls, self._failures, self._variables = 0, failures, variables

    def __call__(self, variables: Mapping[str, str]) -> Service:
        self.calls += 1
        if self.calls <= self._failures:
            raise LookupError("no table yet")
        return Service({"control": lambda: None}, environment([], source=self._variables))


def work(service: Service, event: dict[str, Any], context: object) -> dict[str, Any]:
    if "fail" in event:
        raise ValueError(event["fail"])
    return {"done": event["what"]}


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    monkeypatch.setattr(module, "flush", lambda *, context: calls.append("flush"))
    return calls


def test_a_service_is_wired_once(flushed: list[str]) -> None:
    wiring = Wiring()
    entry = LambdaEntry("test", wiring, work, now=lambda: NOW)
    assert wiring.calls == 0
    assert [entry({"what": one}, None) for one in "ab"] == [{"done": "a"}, {"done": "b"}]
    assert (wiring.calls, flushed) == (1, ["flush", "flush"])


def test_failed_wiring_is_repeated_at_next_invocation(flushed: list[str]) -> None:
    entry = LambdaEntry("test", Wiring(failures=1), work, now=lambda: NOW)
    with pytest.raises(LookupError):
        entry({"what": "a"}, None)
    assert entry({"what": "a"}, None) == {"done": "a"}


def test_telemetry_is_flushed_if_work_raises(flushed: list[str]) -> None:
    entry = LambdaEntry("test", Wiring(), work, now=lambda: NOW)
    with pytest.raises(ValueError, match="boom"):
        entry({"fail": "boom"}, None)
    assert flushed == ["flush"]


class Context:
    """The used part of Lambda's context."""

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


def test_a_buffer_as_long_as_the_timeout_is_rejected(flushed: list[str]) -> None:
    entry = LambdaEntry("test", Wiring(SHUTDOWN_BUFFER="1m"), work, now=lambda: NOW)
    with pytest.raises(InvalidEnvironment) as caught:
        entry({"what": "a"}, Context(60_000))
    assert caught.value.invalid == (
        "SHUTDOWN_BUFFER is '1m', must be shorter than the function's timeout, of which 60.0s remain",
    )
    assert entry({"what": "a"}, Context(60_001)) == {"done": "a"}
    # Only the first invocation of a process has its whole timeout for sure.
    assert entry({"what": "b"}, Context(2)) == {"done": "b"}


def test_a_ping_is_answered_without_work(flushed: list[str]) -> None:
    answer = LambdaEntry("test", Wiring(), work, now=lambda: NOW)({"__ping__": True}, None)
    assert (answer["status"], answer["checks"]) == ("healthy", {"control": "ok"})


def test_after_a_reset_the_service_is_wired_again(flushed: list[str]) -> None:
    wiring = Wiring()
    entry = LambdaEntry("test", wiring, work, now=lambda: NOW)
    entry({"what": "a"}, None)
    entry.reset()
    entry({"what": "a"}, None)
    assert wiring.calls == 2
