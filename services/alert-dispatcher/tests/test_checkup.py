"""The check of the settings: no check hides the fault of another one."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from interlock_alert_dispatcher.checkup import Check, Checkup
from interlock_alert_dispatcher.errors import SettingsFault, TargetAway
from interlock_telemetry import InvocationDeadline

MINUTES = timedelta(minutes=5)
SHORT = timedelta(milliseconds=400)


def fail(error: Exception) -> Check:
    def check(deadline: InvocationDeadline) -> None:
        raise error

    return check


@pytest.fixture
def hang() -> Iterator[Check]:
    """A check that does not end within the test."""
    end = threading.Event()

    def check(deadline: InvocationDeadline) -> None:
        end.wait(30)

    yield check
    end.set()


def unusable(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The fields of the log lines that report a fault."""
    return [str(vars(record)) for record in caplog.records if record.message == "slack_unusable"]


@pytest.mark.parametrize("count", [2, 20])
def test_hanging_checks_hide_no_fault_of_the_routing(
    count: int, hang: Check, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    fault = SettingsFault("the row is corrupted")
    checks = {**{f"C{number}": hang for number in range(count)}, "alerts.yaml": fail(fault)}
    Checkup(lambda: checks, now=clock.now).run(InvocationDeadline.after(SHORT))
    (line,) = unusable(caplog)
    assert "alerts.yaml" in line


def test_many_hanging_checks_starve_no_target(hang: Check, clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    checks = {**{f"C{number}": hang for number in range(20)}, "last": fail(SettingsFault("no key"))}
    checkup = Checkup(lambda: checks, now=clock.now)
    for _ in range(3):
        checkup.run(InvocationDeadline.after(SHORT))
        clock.sleep(MINUTES)
    assert unusable(caplog)


def test_a_failure_that_is_no_fault_is_raised_after_all_checks(clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    checks = {
        "silences": fail(ConnectionError("the table is away")),
        "C1": fail(TargetAway("no answer")),
        "C2": fail(SettingsFault("no key")),
    }
    with pytest.raises(ConnectionError, match="the table is away"):
        Checkup(lambda: checks, now=clock.now).run(InvocationDeadline.after(SHORT))
    assert len(unusable(caplog)) == 1


def test_the_checks_leave_half_of_the_time_to_the_digest(hang: Check, clock: Any) -> None:
    deadline = InvocationDeadline.after(SHORT)
    Checkup(lambda: {"C1": hang}, now=clock.now).run(deadline)
    assert not deadline.expired
