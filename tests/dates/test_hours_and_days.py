"""Hours and the days that hold them: which rows and records of the one count for the runs of the other."""

import pytest
from dates.test_which_date import HOURLY, Play

from interlock_lifecycle import RunKey, RunStatus
from interlock_sla import parse_execution_date

OF_DAY = {"date": "2026-03-03"}
OF_HOUR = {"date": "2026-03-03", "hour": "07"}


def test_an_hours_row_does_not_replace_the_days_own_row() -> None:
    play = Play().write("03-03 20:00", "landing", **OF_DAY, count=500)
    play.write("03-03 20:10", "landing", **OF_HOUR, count=1500).until("03-03 20:40")
    assert play.jobs == ["03-03T07"]
    assert "count is 500, needs gte 1000 (500 short), kept from 2026-03-03T20:00:00Z" in play.held("03-03")
    assert "(landing is of 2026-03-03T07 now)" in play.held("03-03")
    play.write("03-03 20:45", "landing", **OF_DAY, count=1200).until("03-03 21:00")
    assert play.jobs == ["03-03T07", "03-03"]


def test_a_days_row_does_not_replace_an_hours_own_row() -> None:
    play = Play().write("03-03 08:00", "landing", **OF_HOUR, count=500)
    play.write("03-03 08:10", "landing", **OF_DAY, count=1500).until("03-03 08:40")
    assert play.jobs == ["03-03"]
    assert "count is 500" in play.held("03-03T07")
    play.write("03-03 08:45", "landing", **OF_HOUR, count=1200).until("03-03 09:00")
    assert play.jobs == ["03-03", "03-03T07"]


def test_an_hours_row_decides_a_day_without_a_row_of_its_own() -> None:
    play = Play().rerun("03-03 06:00", "03-03").write("03-03 06:10", "landing", **OF_HOUR, count=1500)
    assert play.until("03-03 06:30").run("03-03").status.name == "COMPLETED"


def test_a_days_row_replaces_the_hours_row_that_decided_the_day() -> None:
    play = Play().rerun("03-03 06:00", "03-03").write("03-03 06:10", "landing", **OF_HOUR, count=500)
    play.write("03-03 06:20", "landing", **OF_DAY, count=1500)
    play.write("03-04 00:10", "landing", date="2026-03-04", count=3).until("03-04 02:00")
    assert play.jobs == ["03-03"]


def test_a_late_hours_row_after_midnight_leaves_the_days_retry_alone() -> None:
    play = Play()
    play.stage.jobs.plan = [("fail", 50), ("ok", 10)]
    play.write("03-03 23:30", "landing", **OF_DAY, count=1500)
    play.write("03-03 23:50", "landing", **OF_HOUR, count=3).until("03-04 03:00")
    assert play.jobs == ["03-03", "03-03"]


@pytest.mark.parametrize(("date", "offset"), [("1900-01-01", -1), ("9998-12-31", 1)])
def test_an_offset_that_leaves_the_calendar_holds_the_run(date: str, offset: int) -> None:
    offsets = f"rules: [{{key: rates, check: exists, dateOffset: {offset}}}, "
    config = HOURLY.replace("rules: [", offsets).replace("schedule:\n", "schedule:\n  dates: {back: 0, ahead: 0}\n")
    play = Play(config).write("03-03 07:00", "rates", date=date)
    play.write("03-03 07:05", "landing", date=date, count=1500).until("03-03 07:30")
    key = RunKey("p", "stream", parse_execution_date(date))
    run = play.stage.store.run(key)
    assert run is not None
    assert run.status is RunStatus.RUNNING
    play.until("03-03 10:00")
    ((_, event),) = play.told("VALIDATION_EXHAUSTED")
    assert f"dateOffset {offset:+} from {date} leaves the years 1900 to 9998" in event["message"]
    assert play.letters.all == []
    assert play.told("INFRA_FAILURE") == []
