"""The outcomes of deadlines."""

from datetime import UTC, datetime, timedelta

import pytest

from interlock_sla import Clock, Deadline, NaiveTimeError, Outcome, all_met, judge

BREACH_AT = datetime(2026, 3, 4, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ABSOLUTE = Deadline(Clock.ABSOLUTE, BREACH_AT)
LATER = Deadline(Clock.ABSOLUTE, BREACH_AT + timedelta(hours=1))
RELATIVE = Deadline(Clock.RELATIVE, BREACH_AT - timedelta(hours=1))


@pytest.mark.parametrize(
    ("succeeded_at", "now", "outcome"),
    [
        (None, BREACH_AT - SECOND, None),
        (None, BREACH_AT, Outcome.BREACH),
        (BREACH_AT - SECOND, BREACH_AT - SECOND, Outcome.MET),
        (BREACH_AT - SECOND, BREACH_AT + timedelta(days=30), Outcome.MET),
        (BREACH_AT, BREACH_AT, Outcome.BREACH),
        (BREACH_AT + SECOND, BREACH_AT + SECOND, Outcome.BREACH),
    ],
)
def test_a_success_must_come_before_the_deadline(
    succeeded_at: datetime | None, now: datetime, outcome: Outcome | None
) -> None:
    assert judge([ABSOLUTE], succeeded_at, now).get(Clock.ABSOLUTE) is outcome


def test_the_clocks_are_independent() -> None:
    outcomes = judge([ABSOLUTE, RELATIVE], BREACH_AT - timedelta(minutes=30), BREACH_AT)
    assert outcomes == {Clock.ABSOLUTE: Outcome.MET, Clock.RELATIVE: Outcome.BREACH}
    assert not all_met([ABSOLUTE, RELATIVE], outcomes)


@pytest.mark.parametrize("deadlines", [[ABSOLUTE, LATER], [LATER, ABSOLUTE]])
def test_breach_of_one_deadline_is_breach_of_its_clock(deadlines: list[Deadline]) -> None:
    outcomes = judge(deadlines, BREACH_AT + SECOND, BREACH_AT + SECOND)
    assert outcomes == {Clock.ABSOLUTE: Outcome.BREACH}
    assert not all_met(deadlines, outcomes)
    assert judge([LATER, RELATIVE], None, BREACH_AT) == {Clock.RELATIVE: Outcome.BREACH}


def test_the_sla_is_met_only_when_every_clock_was() -> None:
    deadlines = [ABSOLUTE, RELATIVE]
    assert all_met(deadlines, judge(deadlines, BREACH_AT - timedelta(hours=2), BREACH_AT))
    assert not all_met(deadlines, {Clock.ABSOLUTE: Outcome.MET})
    assert not all_met([], {})


@pytest.mark.parametrize("deadlines", [[], [ABSOLUTE]])
def test_verdicts_need_aware_datetimes(deadlines: list[Deadline]) -> None:
    naive = BREACH_AT.replace(tzinfo=None)
    for succeeded_at, now in ((None, naive), (BREACH_AT, naive), (naive, BREACH_AT)):
        with pytest.raises(NaiveTimeError):
            judge(deadlines, succeeded_at, now)
