"""The tick of each minute: its parts are independent, and each of them has time."""

from datetime import timedelta
from typing import Any

import pytest

from interlock_alert_dispatcher.drain import Drained
from interlock_alert_dispatcher.tick import RESERVED, run_tick
from interlock_alert_dispatcher.wiring import Service
from interlock_telemetry import InvocationDeadline, environment

MINUTE = timedelta(minutes=1)


class Part:
    """A part of the tick. It records the time that it has left."""

    def __init__(self, clock: Any, result: Any = None, takes: timedelta = timedelta()) -> None:
        self._clock = clock
        self._result = result
        self._takes = takes
        self.left: list[timedelta] = []

    def run(self, deadline: InvocationDeadline) -> Any:
        self.left.append(deadline.remaining())
        self._clock.sleep(min(self._takes, deadline.remaining()))
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


def service(drain: Part, checkup: Part, digest: Part) -> Service:
    parts: Any = (drain, checkup, digest)
    return Service(parts[0], *parts, parts[0], None, {}, environment(source={}))


@pytest.mark.parametrize("failing", range(3))
def test_a_failing_part_stops_no_other_part(failing: int, clock: Any) -> None:
    results: list[Any] = [Drained(1), None, False]
    results[failing] = ConnectionError("the table is away")
    parts = [Part(clock, result) for result in results]
    with pytest.raises(ConnectionError, match="the table is away"):
        run_tick(service(*parts), clock.deadline())
    assert [len(part.left) for part in parts] == [1, 1, 1]


def test_the_first_failure_is_raised_at_the_end(clock: Any) -> None:
    parts = [Part(clock, ConnectionError(name)) for name in ("drain", "checkup", "digest")]
    with pytest.raises(ConnectionError, match="drain"):
        run_tick(service(*parts), clock.deadline())


@pytest.mark.parametrize(
    ("length", "kept"), [(MINUTE, RESERVED), (timedelta(seconds=8), timedelta(seconds=2))], ids=["long", "short"]
)
def test_a_long_drain_leaves_time_to_the_other_parts(length: timedelta, kept: timedelta, clock: Any) -> None:
    drain, checkup, digest = Part(clock, Drained(3), MINUTE), Part(clock), Part(clock)
    assert run_tick(service(drain, checkup, digest), clock.deadline(length)) == Drained(3)
    assert drain.left == [length - kept]
    assert checkup.left == digest.left == [kept]
