"""The remaining time of an invocation."""

from datetime import UTC, datetime, timedelta

import pytest

from interlock_telemetry import InvocationDeadline

MS = timedelta(milliseconds=1)
NOW = datetime(2026, 3, 3, 8, tzinfo=UTC)


class Context:
    """The used part of Lambda's context."""

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("left", "usable"),
    [(10_000, 9_500), (551, 51), (550, 50), (549, 50), (500, 50), (0, 50), (-5, 50)],
)
def test_deadline_keeps_buffer_and_at_least_floor(left: int, usable: int) -> None:
    deadline = InvocationDeadline.from_context(Context(left), clock=Clock(), now=NOW)
    assert deadline.at == NOW + usable * MS
    assert deadline.remaining() == usable * MS
    assert not deadline.expired


def test_buffer_and_floor_can_be_set() -> None:
    deadline = InvocationDeadline.from_context(Context(1000), 800 * MS, 300 * MS, clock=Clock(), now=NOW)
    assert deadline.at == NOW + 300 * MS


@pytest.mark.parametrize("context", [None, object()])
def test_deadline_without_context_is_longest_run_of_lambda(context: object) -> None:
    deadline = InvocationDeadline.from_context(context, clock=Clock(), now=NOW)
    assert deadline.at == NOW + timedelta(minutes=15) - 500 * MS


def test_remaining_time_is_always_valid_timeout() -> None:
    clock = Clock()
    deadline = InvocationDeadline.from_context(Context(2500), clock=clock, now=NOW)
    clock.seconds += 1.5
    assert (deadline.remaining(), deadline.expired) == (500 * MS, False)
    clock.seconds += 0.499
    assert (deadline.remaining(), deadline.expired) == (50 * MS, False)
    clock.seconds += 0.001
    assert (deadline.remaining(), deadline.expired) == (50 * MS, True)
    clock.seconds += 60
    assert deadline.remaining() == 50 * MS


def test_call_gets_its_limit_or_remaining_time() -> None:
    deadline = InvocationDeadline.after(2000 * MS, clock=Clock(), now=NOW)
    assert deadline.within(500 * MS) == 500 * MS
    assert deadline.within(5000 * MS) == 2000 * MS
