"""Each completed tick is reported to the monitor of the watchdog, and sends a canary."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from interlock_telemetry import InvalidEnvironment, InvocationDeadline, bind_deadline, environment
from interlock_watchdog import handler
from interlock_watchdog.wiring import OWN


class Monitor:
    """Counts its reports and the canaries. `calls` has both in their order."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    @property
    def reports(self) -> int:
        return self.calls.count("report")

    @property
    def canaries(self) -> int:
        return self.calls.count("canary")

    def report(self) -> None:
        self.calls.append("report")

    def send(self) -> None:
        self.calls.append("canary")


def watchdog(monitor: Monitor, check: Any = lambda now: 0) -> Any:
    """A service with one check."""
    workers = SimpleNamespace(out_of_time=False, work_until=lambda deadline: None)
    bus = SimpleNamespace(publish=lambda entries: None)
    recovery = SimpleNamespace(execution_changed=lambda detail, now: True)
    return SimpleNamespace(
        checks={"one": check},
        bus=bus,
        workers=workers,
        recovery=recovery,
        dead_man=monitor,
        canary=monitor,
        now=lambda: datetime(2026, 3, 3, tzinfo=UTC),
        settings=environment(source={}),
        within=lambda remaining: bind_deadline(InvocationDeadline.after(timedelta(minutes=1))),
    )


def test_each_completed_tick_is_reported() -> None:
    monitor = Monitor()
    for _ in range(2):
        assert handler.watch(watchdog(monitor), {}, None) == {"found": {"one": 0}}
    assert monitor.reports == 2


def test_each_completed_tick_sends_a_canary_after_its_report() -> None:
    monitor = Monitor()
    for _ in range(2):
        handler.watch(watchdog(monitor), {}, None)
    assert monitor.calls == ["report", "canary"] * 2


def test_failed_tick_is_not_reported_and_sends_no_canary() -> None:
    monitor = Monitor()

    def broken(now: datetime) -> int:
        raise ConnectionError("away")

    with pytest.raises(Exception, match="1 checks failed"):
        handler.watch(watchdog(monitor, broken), {}, None)
    assert (monitor.reports, monitor.canaries) == (0, 0)


def test_recovered_execution_is_no_tick() -> None:
    monitor = Monitor()
    event = {"detail-type": "Step Functions Execution Status Change", "detail": {}}
    assert handler.watch(watchdog(monitor), event, None) == {"recovered": True}
    assert (monitor.reports, monitor.canaries) == (0, 0)


def test_url_has_to_be_one() -> None:
    with pytest.raises(InvalidEnvironment, match="DEAD_MAN_URL is 'ftp://host', must be a URL"):
        environment(own=OWN, source={"DEAD_MAN_URL": "ftp://host"})


def test_canary_is_on_unless_the_variable_is_false() -> None:
    assert environment(own=OWN, source={}).truth("WATCHDOG_CANARY") is True
    assert environment(own=OWN, source={"WATCHDOG_CANARY": "false"}).truth("WATCHDOG_CANARY") is False
    with pytest.raises(InvalidEnvironment, match="WATCHDOG_CANARY is 'no', must be true or false"):
        environment(own=OWN, source={"WATCHDOG_CANARY": "no"})
