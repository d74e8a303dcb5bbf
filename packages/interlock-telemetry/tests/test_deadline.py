"""How much time an invocation has left."""

from datetime import UTC, datetime, timedelta

import pytest

from interlock_telemetry import InvocationDeadline

MS = timedelta(milliseconds=1)
NOW = datetime(2026, 3, 3, 8, tzinfo=UTC)


class Context:
    """Lambda's context, as far as it is used."""

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


class Clock:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("left", "usable"),
    [(10_000, 9_500), (551, 51), (550, 50), (549, 50), (500, 50), (0, 50), (-5, 50)],
)
def test_the_buffer_is_kept_and_never_less_than_the_floor_is_left(left: int, usable: int) -> None:
    deadline = InvocationDeadline.from_context(Context(left), clock=Clock(), now=NOW)
    assert deadline.at == NOW + usable * MS
    assert deadline.remaining() == usable * MS
    assert not deadline.expired


def test_buffer_and_floor_may_be_given() -> None:
    deadline = InvocationDeadline.from_context(Context(1000), 800 * MS, 300 * MS, clock=Clock(), now=NOW)
    assert deadline.at == NOW + 300 * MS


@pytest.mark.parametrize("context", [None, object()])
def test_without_lambda_s_context_there_is_lambda_s_longest_run(context: object) -> None:
    deadline = InvocationDeadline.from_context(context, clock=Clock(), now=NOW)
    assert deadline.at == NOW + timedelta(minutes=15) - 500 * MS


def test_time_passes_and_what_remains_stays_fit_for_a_timeout() -> None:
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


def test_a_call_gets_its_own_limit_or_what_is_left() -> None:
    deadline = InvocationDeadline.after(2000 * MS, clock=Clock(), now=NOW)
    assert deadline.within(500 * MS) == 500 * MS
    assert deadline.within(5000 * MS) == 2000 * MS
