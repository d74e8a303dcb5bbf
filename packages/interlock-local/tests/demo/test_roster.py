"""The demo's roster is due at the nearest minute that leaves time for its warning."""

from datetime import UTC, datetime, timedelta

import pytest

from interlock_local.demo._feed import load_feed
from interlock_local.demo._roster import Roster
from interlock_local.demo._script import ROSTER
from interlock_sla import ExecutionDate, parse_execution_date


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-03T{text}").replace(tzinfo=UTC)


class Ticks:
    """A watchdog that counts its invocations."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.mark.parametrize(
    ("now", "due", "warned"),
    [
        ("12:00:00", "12:01:00", "12:00:30"),
        ("12:00:24", "12:01:00", "12:00:30"),
        ("12:00:30", "12:01:00", "12:00:36"),
        ("12:00:34", "12:01:00", "12:00:40"),
        ("12:00:35", "12:02:00", "12:01:30"),
        ("12:59:59.500000", "13:01:00", "13:00:30"),
    ],
)
def test_warning_leaves_time_for_the_push_and_the_deadline(now: str, due: str, warned: str) -> None:
    roster = Roster(load_feed(), Ticks(), at(now))
    assert (roster.due_at, roster.warned_from) == (at(due), at(warned))


def test_slow_machine_uses_a_later_minute() -> None:
    assert Roster(load_feed(), Ticks(), at("12:00:20"), set_up=timedelta(seconds=25)).due_at == at("12:02:00")


@pytest.mark.parametrize(("now", "date"), [("04:30:00", "2026-03-02"), ("05:30:00", "2026-03-03")])
def test_date_is_in_new_york_and_clock_is_in_india(now: str, date: str) -> None:
    roster = Roster(load_feed(), Ticks(), at(now))
    assert roster.key.pipeline_id == ROSTER
    expected: ExecutionDate = parse_execution_date(date)
    assert roster.key.date == expected
    assert roster.clock.endswith(f" IST ({roster.due_at:%H:%M}Z)")


def test_watchdog_is_invoked_once_when_it_is_overdue() -> None:
    ticks = Ticks()
    roster = Roster(load_feed(), ticks, at("12:00:00"))
    counts = []
    for moment in ("12:00:59", "12:01:05", "12:01:06", "12:01:07"):
        roster.act(at(moment))
        counts.append(ticks.count)
    assert counts == [0, 0, 1, 1]


def test_roster_is_over_after_its_events_or_their_time() -> None:
    roster = Roster(load_feed(), Ticks(), at("12:00:00"))
    reported = {(ROSTER, "SLA_BREACH"), (ROSTER, "SCHEDULE_MISSED")}
    assert not roster.is_over(at("12:01:20"), {(ROSTER, "SLA_BREACH")})
    roster.act(at("12:01:20"))
    assert roster.is_over(at("12:01:20"), reported)
    assert roster.is_over(at("12:04:01"), set())
