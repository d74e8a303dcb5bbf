"""Hours and their days: the rows of an hour that count for runs of the day, and the rows of a day for its hours."""

from typing import Any

import pytest
from dates.test_which_date import HOURLY, Play
from sla.lambdas import NAMES

from interlock_lifecycle import NoteAfterRun, RunKey, RunStatus
from interlock_sla import parse_execution_date
from interlock_store import Commit, Store
from interlock_store._write import Delete

OF_DAY = {"date": "2026-03-03"}
OF_HOUR = {"date": "2026-03-03", "hour": "07"}


def test_row_of_hour_does_not_replace_row_of_day() -> None:
    play = Play().write("03-03 20:00", "landing", **OF_DAY, count=500)
    play.write("03-03 20:10", "landing", **OF_HOUR, count=1500).until("03-03 20:40")
    assert play.jobs == ["03-03T07"]
    assert "count is 500, needs gte 1000 (500 short), kept from 2026-03-03T20:00:00Z" in play.held("03-03")
    assert "(landing is of 2026-03-03T07 now)" in play.held("03-03")
    play.write("03-03 20:45", "landing", **OF_DAY, count=1200).until("03-03 21:00")
    assert play.jobs == ["03-03T07", "03-03"]


def test_row_of_day_does_not_replace_row_of_hour() -> None:
    play = Play().write("03-03 08:00", "landing", **OF_HOUR, count=500)
    play.write("03-03 08:10", "landing", **OF_DAY, count=1500).until("03-03 08:40")
    assert play.jobs == ["03-03"]
    assert "count is 500" in play.held("03-03T07")
    play.write("03-03 08:45", "landing", **OF_HOUR, count=1200).until("03-03 09:00")
    assert play.jobs == ["03-03", "03-03T07"]


def test_row_of_hour_decides_day_without_own_row() -> None:
    play = Play().rerun("03-03 06:00", "03-03").write("03-03 06:10", "landing", **OF_HOUR, count=1500)
    assert play.until("03-03 06:30").run("03-03").status.name == "COMPLETED"


def test_row_of_day_replaces_row_of_hour_for_day() -> None:
    play = Play().rerun("03-03 06:00", "03-03").write("03-03 06:10", "landing", **OF_HOUR, count=500)
    play.write("03-03 06:20", "landing", **OF_DAY, count=1500)
    play.write("03-04 00:10", "landing", date="2026-03-04", count=3).until("03-04 02:00")
    assert play.jobs == ["03-03"]


def test_late_row_of_hour_does_not_affect_retry_of_day() -> None:
    play = Play()
    play.stage.jobs.plan = [("fail", 50), ("ok", 10)]
    play.write("03-03 23:30", "landing", **OF_DAY, count=1500)
    play.write("03-03 23:50", "landing", **OF_HOUR, count=3).until("03-04 03:00")
    assert play.jobs == ["03-03", "03-03"]


@pytest.mark.parametrize(("date", "offset"), [("1900-01-01", -1), ("9998-12-31", 1)])
def test_offset_outside_supported_years_holds_run(date: str, offset: int) -> None:
    offsets = f"rules: [{{key: rates, check: exists, dateOffset: {offset}}}, "
    config = HOURLY.replace("rules: [", offsets).replace("schedule:\n", "schedule:\n  dates: {back: 0, ahead: 0}\n")
    play = Play(config).write("03-03 07:00", "rates", date=date)
    play.write("03-03 07:05", "landing", date=date, count=1500).until("03-03 07:30")
    key = RunKey("p", "stream", parse_execution_date(date))
    run = play.stage.store.run(key)
    assert run is not None
    assert run.status is RunStatus.RUNNING
    play.until("03-03 10:00")
    ((_, event),) = play.reported("VALIDATION_EXHAUSTED")
    assert f"dateOffset {offset:+} from {date} leaves the years 1900 to 9998" in event["message"]
    assert play.letters.all == []
    assert play.reported("INFRA_FAILURE") == []


WATCHED = (
    HOURLY
    + """
postRun:
  sensorTimeout: 2h
  driftField: count
  driftThreshold: 10
  rules: [{key: audit, check: gte, field: count, value: 100}]
"""
)
HOURS = ["2026-03-03T05", "2026-03-03T06", "2026-03-03T07"]


def three_hours(play: Play) -> Play:
    for hour, at in (("05", "07:40"), ("06", "07:45"), ("07", "07:50")):
        play.write(f"03-03 {at}", "landing", date="2026-03-03", hour=hour, count=1500)
    return play.until("03-03 08:10")


def test_report_of_hour_counts_for_daily_run() -> None:
    play = Play(WATCHED).write("03-03 07:00", "landing", **OF_DAY, count=1500).until("03-03 07:30")
    play.write("03-03 07:40", "audit", **OF_HOUR, count=150).until("03-03 12:00")
    assert play.events("POST_RUN_PASSED") == ["2026-03-03"]
    assert play.reported("POST_RUN_SENSOR_MISSING") == []


def test_drift_in_report_of_hour_reruns_day() -> None:
    play = Play(WATCHED).write("03-03 06:50", "audit", **OF_DAY, count=150)
    play.write("03-03 07:00", "landing", **OF_DAY, count=1500).until("03-03 07:30")
    play.stage.tables.transact([Delete(NAMES.control, "PIPELINE#p", "SENSOR#audit")])
    play.write("03-03 07:40", "audit", **OF_HOUR, count=190).until("03-03 09:00")
    assert play.events("POST_RUN_DRIFT") == ["2026-03-03"]
    assert play.jobs == ["03-03", "03-03"]


@pytest.mark.parametrize("key", ["audit", "audit#2026-03-03", "audit#20260303"])
def test_report_of_day_counts_for_all_waiting_hours(key: str) -> None:
    play = three_hours(Play(WATCHED)).write("03-03 08:20", key, **OF_DAY, count=50).until("03-03 14:00")
    assert sorted(play.events("POST_RUN_FAILED")) == HOURS
    assert play.reported("POST_RUN_SENSOR_MISSING") == []
    play.write("03-03 14:10", key, **OF_DAY, count=70).until("03-03 14:20")
    assert len(play.events("POST_RUN_FAILED")) == 3, "no hour waits for a report"


def test_drift_in_report_of_day_reruns_all_waiting_hours() -> None:
    play = three_hours(Play(WATCHED).write("03-03 05:00", "audit", **OF_DAY, count=100))
    play.write("03-03 08:20", "audit", **OF_DAY, count=150).until("03-03 10:00")
    assert sorted(play.events("POST_RUN_DRIFT")) == HOURS
    assert sorted(play.jobs[3:]) == ["03-03T05", "03-03T06", "03-03T07"]


def test_report_of_other_hour_does_not_count_for_hour() -> None:
    play = three_hours(Play(WATCHED)).write("03-03 08:20", "audit", **OF_HOUR, count=150).until("03-03 14:00")
    assert play.events("POST_RUN_PASSED") == ["2026-03-03T07"]
    assert sorted(play.events("POST_RUN_SENSOR_MISSING")) == HOURS[:2]


@pytest.mark.parametrize(
    ("key", "fields"), [("audit#2026-03-03T07", {}), ("audit", {"date": "2026-03-04T07"}), ("audit#eu", OF_HOUR)]
)
def test_other_reports_do_not_count_for_a_daily_run(key: str, fields: dict[str, str]) -> None:
    play = Play(WATCHED).write("03-03 07:00", "landing", **OF_DAY, count=1500).until("03-03 07:30")
    play.write("03-03 07:40", key, **fields, count=150).until("03-03 12:00")
    assert play.events("POST_RUN_PASSED") == []
    assert play.events("POST_RUN_SENSOR_MISSING") == ["2026-03-03"]


def test_report_of_day_comes_before_reports_of_its_hours() -> None:
    play = Play(WATCHED).write("03-03 06:50", "audit#2026-03-03", count=150)
    play.write("03-03 07:00", "landing", **OF_DAY, count=1500).until("03-03 07:30")
    play.write("03-03 07:40", "audit", **OF_HOUR, count=5).until("03-03 08:00")
    assert play.events("POST_RUN_DRIFT") == []


def test_report_of_day_reaches_each_hour_once_after_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    play, commit, seen = three_hours(Play(WATCHED)), Store.commit, list[object]()

    def failing(self: Store, decision: Any) -> Commit:
        if isinstance(decision, NoteAfterRun):
            seen.append(decision)
            if len(seen) == 2:
                raise ConnectionError("the table does not answer")
        return commit(self, decision)

    monkeypatch.setattr(Store, "commit", failing)
    play.write("03-03 08:20", "audit", **OF_DAY, count=150).until("03-03 14:00")
    assert sorted(play.events("POST_RUN_PASSED")) == HOURS
    assert len(seen) >= 4
    assert play.reported("POST_RUN_SENSOR_MISSING") == []


def test_dry_run_reports_drift_of_hour_for_day() -> None:
    play = Play(WATCHED + "dryRun: true\n").write("03-03 06:50", "audit", **OF_DAY, count=150)
    play.write("03-03 07:00", "landing", **OF_DAY, count=1500).until("03-03 07:30")
    play.write("03-03 07:35", "audit", **OF_HOUR, count=155).write("03-03 07:40", "audit", **OF_HOUR, count=190)
    assert play.until("03-03 09:00").events("DRY_RUN_DRIFT") == ["2026-03-03"]
