"""The deadline of the invocation ends each call and each pause."""

import threading
import time
from datetime import timedelta

import pytest

from interlock_telemetry import (
    CallTimeout,
    InvocationDeadline,
    TelemetryError,
    bind_correlation,
    bind_deadline,
    call_in_time,
    correlation_id,
    out_of_time,
    pause,
    run_bounded,
)
from interlock_telemetry._within import reject_after_deadline

PASSED = InvocationDeadline.after(timedelta(seconds=-1))
MINUTE = timedelta(minutes=1)


def test_result_and_error_of_a_call_reach_the_caller() -> None:
    with bind_deadline(InvocationDeadline.after(MINUTE)):
        assert call_in_time("answer", lambda: 42) == 42
        with pytest.raises(ZeroDivisionError):
            call_in_time("broken", lambda: 1 // 0)


def test_call_without_an_invocation_has_no_limit() -> None:
    assert call_in_time("answer", threading.current_thread) is threading.current_thread()
    assert not out_of_time()


def test_unanswered_call_ends_at_the_deadline() -> None:
    end = threading.Event()
    with bind_deadline(InvocationDeadline.after(timedelta(milliseconds=100))):
        with pytest.raises(CallTimeout, match="slow: the invocation's time ended before its answer") as raised:
            call_in_time("slow", end.wait)
        assert out_of_time()
    end.set()
    assert isinstance(raised.value, TelemetryError)
    assert isinstance(raised.value, TimeoutError)
    assert (raised.value.call, raised.value.sent) == ("slow", True)


@pytest.mark.parametrize("is_frozen", [False, True], ids=["the clock goes on", "the process freezes"])
def test_left_call_with_a_reserve_sends_nothing_more(is_frozen: bool) -> None:
    """The caller has half a second left. A frozen process stops the clock, and the call goes on after it."""
    clock, answered, ends = [0.0], threading.Event(), list[object]()

    def call() -> None:
        clock[0] = 0.0 if is_frozen else 0.7
        answered.wait(5)
        try:
            reject_after_deadline("publish")
        except CallTimeout as error:
            ends.append(error.sent)

    real = InvocationDeadline.after(timedelta(seconds=1), clock=lambda: clock[0])
    with bind_deadline(real):
        with pytest.raises(CallTimeout):
            call_in_time("publish", call, reserve=timedelta(seconds=0.95) if is_frozen else timedelta(seconds=0.5))
        assert not out_of_time()
    answered.set()
    for thread in threading.enumerate():
        if thread.name.startswith("interlock-worker"):
            thread.join(5)
    assert ends == [False]


def test_no_call_begins_after_the_deadline() -> None:
    called: list[int] = []
    with bind_deadline(PASSED), pytest.raises(CallTimeout) as raised:
        call_in_time("late", lambda: called.append(1))
    assert called == []
    assert not raised.value.sent


def test_call_and_workers_see_the_context_of_their_caller() -> None:
    with bind_correlation("c1"), bind_deadline(InvocationDeadline.after(MINUTE)):
        assert call_in_time("who", correlation_id) == "c1"
    with bind_deadline(PASSED):
        (outcome,) = run_bounded([out_of_time], 1)
    assert outcome.result()


def test_pause_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    pause(7)
    with bind_deadline(InvocationDeadline.after(timedelta(seconds=3), clock=lambda: 0.0)):
        pause(2)
        pause(7)
    with bind_deadline(PASSED):
        pause(7)
    assert slept == [7, 2, 3, 0]


def test_block_without_deadline_follows_a_bound_block() -> None:
    with bind_deadline(PASSED):
        assert out_of_time()
    assert not out_of_time()
