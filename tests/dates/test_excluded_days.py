"""Data of an excluded day is not lost: each story is played through the parts of the four Lambdas.

All times are UTC, in 2026: 03-06 is a Friday, 03-09 a Monday. Weekends are excluded.
"""

from datetime import UTC, datetime, timedelta

import pytest
from dates.test_which_date import HOURLY, Play
from sla.stage import PIPELINE

from interlock_lifecycle import Dormancy, KeptRows, RunStatus
from interlock_sla import Calendar
from interlock_store import Store
from interlock_store._rows import INDEX
from interlock_store._write import Delete

DAILY = HOURLY.replace("schedule:", "schedule:\n  exclude: {weekends: true}")
CLOSED = HOURLY.replace("schedule:", "schedule:\n  calendar: closed")
DRY = DAILY + "dryRun: true\n"


def waiting(play: Play) -> list[str]:
    rows = play.stage.tables.query(play.stage.store.names.control, "DORMANT", index=INDEX)
    return [row["SK"].removeprefix("KEPT#stream#2026-") for row in rows]


def at(when: str) -> datetime:
    return datetime.fromisoformat(f"2026-{when}").replace(tzinfo=UTC)


def fridays_data_on_saturday(config: str = DAILY, count: int = 1500) -> Play:
    return Play(config, "03-05 00:00").write("03-07 06:00", "landing", date="2026-03-06", count=count)


def test_data_of_friday_is_not_replaced_by_saturday() -> None:
    play = fridays_data_on_saturday().write("03-08 06:00", "landing", date="2026-03-07", count=7)
    play.until("03-08 23:59")
    assert (play.jobs, waiting(play)) == ([], ["03-06"])
    play.until("03-09 00:10")
    assert play.jobs == ["03-06"]
    assert waiting(play) == []
    recovered = [event["date"] for _, event in play.reported("TRIGGER_RECOVERED")]
    assert recovered[0] == "2026-03-06"
    play.until("03-09 02:00")
    assert play.run("03-06").status is RunStatus.COMPLETED


def test_run_on_next_open_day_reads_kept_rows_of_its_date() -> None:
    play = fridays_data_on_saturday(count=500).write("03-08 06:00", "landing", date="2026-03-07", count=7000)
    play.until("03-09 00:10")
    assert "count is 500, needs gte 1000 (500 short), kept from 2026-03-07T06:00:00Z" in play.held("03-06")


def test_waiting_dates_begin_oldest_first() -> None:
    play = Play(DAILY, "03-04 00:00")
    for minute, date in enumerate(("2026-03-06", "2026-03-04", "2026-03-05")):
        play.write(f"03-07 06:0{minute}", "landing", date=date, count=1500)
    play.write("03-08 06:00", "landing", date="2026-03-08", count=1500).until("03-09 00:10")
    recovered = [event["date"] for _, event in play.reported("TRIGGER_RECOVERED")]
    assert recovered == ["2026-03-04", "2026-03-05", "2026-03-06", "2026-03-08"]


@pytest.mark.parametrize("key", ["landing", "landing#2026-03-06", "landing#eu"])
def test_waiting_date_begins_for_every_key_of_its_row(key: str) -> None:
    play = Play(DAILY, "03-05 00:00").write("03-07 06:00", key, date="2026-03-06", count=1500)
    if key != "landing#2026-03-06":
        play.write("03-08 06:00", key, date="2026-03-07", count=7)
    play.until("03-09 00:09")
    assert play.run("03-06").status is RunStatus.RUNNING
    assert waiting(play) == []


def test_the_newest_row_of_the_date_counts() -> None:
    play = fridays_data_on_saturday(count=3).write("03-07 08:00", "landing", date="2026-03-06", count=1500)
    play.write("03-08 06:00", "landing", date="2026-03-07", count=7).until("03-09 01:00")
    assert play.jobs == ["03-06"]


def test_withdrawn_row_begins_no_run() -> None:
    play = fridays_data_on_saturday().write("03-07 08:00", "landing", date="2026-03-06", count=1500, complete=False)
    play.write("03-08 06:00", "landing", date="2026-03-07", count=7).until("03-10 00:00")
    assert play.stage.store.run(play.key("03-06")) is None
    assert waiting(play) == []


def test_row_of_rule_waits_with_its_date() -> None:
    config = DAILY.replace("{key: landing, check: gte, field: count, value: 1000}", "{key: audit, check: exists}")
    play = Play(config, "03-05 00:00").write("03-07 05:00", "audit", date="2026-03-06")
    play.write("03-07 06:00", "landing", date="2026-03-06")
    play.write("03-08 05:00", "audit", date="2026-03-07").write("03-08 06:00", "landing", date="2026-03-07")
    play.until("03-09 01:00")
    assert "03-06" in play.jobs


def test_row_of_rule_after_trigger_waits_with_its_date() -> None:
    config = DAILY.replace("{key: landing, check: gte, field: count, value: 1000}", "{key: audit, check: exists}")
    play = Play(config, "03-05 00:00").write("03-07 06:00", "landing", date="2026-03-06")
    play.write("03-07 07:00", "audit", date="2026-03-06")
    play.write("03-08 05:00", "audit", date="2026-03-07").write("03-08 06:00", "landing", date="2026-03-07")
    play.until("03-09 01:00")
    assert "03-06" in play.jobs


def test_stream_can_begin_waiting_date_before_watchdog() -> None:
    config = DAILY.replace("{key: landing, check: gte, field: count, value: 1000}", "{key: audit, check: exists}")
    play = Play(config, "03-05 00:00").write("03-07 05:00", "audit", date="2026-03-06")
    play.write("03-07 06:00", "landing", date="2026-03-06").write("03-08 05:00", "audit", date="2026-03-07")
    play.stage.awake = False
    play.write("03-09 00:01", "landing", date="2026-03-06", again=True).until("03-09 00:30")
    assert play.jobs == ["03-06"]
    assert waiting(play) == []


def test_an_unreadable_or_deleted_row_keeps_the_date_waiting() -> None:
    play = fridays_data_on_saturday().write("03-08 06:00", "landing", date="yesterday").until("03-09 01:00")
    assert (play.jobs, waiting(play)) == ([], ["03-06"])
    play.stage.tables.transact([Delete(play.stage.store.names.control, f"PIPELINE#{PIPELINE}", "SENSOR#landing")])
    play.until("03-09 02:00")
    assert (play.jobs, waiting(play)) == ([], ["03-06"])
    play.write("03-09 03:00", "landing", date="2026-03-09", count=1500).until("03-09 04:00")
    assert sorted(play.jobs) == ["03-06", "03-09"]


def test_date_that_can_never_begin_is_removed() -> None:
    play = fridays_data_on_saturday()
    play.write("03-08 06:00", "landing", date="yesterday").until("04-02 00:10")
    assert (play.jobs, waiting(play)) == ([], [])


def test_a_rerun_settles_a_waiting_date() -> None:
    play = fridays_data_on_saturday().write("03-08 06:00", "landing", date="2026-03-07", count=7)
    play.rerun("03-08 08:00", "03-06").until("03-09 06:00")
    assert play.jobs == ["03-06"]
    assert waiting(play) == []


def test_the_day_is_reported_once_with_the_next_open_day() -> None:
    play = Play(DAILY, "03-05 00:00")
    for minute in range(60):
        play.write(f"03-07 06:{minute:02}", "landing", date="2026-03-06", count=minute)
        play.write(f"03-07 07:{minute:02}", "landing", date="2026-03-07", count=minute)
    play.write("03-08 06:00", "landing", date="2026-03-06", count=9).until("03-08 23:00")
    reported = [(event["date"], event["message"]) for _, event in play.reported("PIPELINE_EXCLUDED")]
    begins = "the watchdog takes 2026-03-06 up on Monday 2026-03-09"
    assert reported == [
        ("2026-03-06", f"Saturday 2026-03-07 is excluded; {begins}"),
        (
            "2026-03-07",
            "Saturday 2026-03-07 is excluded; 2026-03-07 is an excluded date: its row is looked at again on "
            "Monday 2026-03-09, unless another row has replaced it",
        ),
        ("2026-03-06", f"Sunday 2026-03-08 is excluded; {begins}"),
    ]


def test_late_data_is_rerun_on_an_excluded_day() -> None:
    play = Play(DAILY, "03-05 00:00").write("03-06 20:00", "landing", date="2026-03-06", count=1500)
    play.write("03-07 06:00", "landing", date="2026-03-06", count=1600).until("03-07 08:00")
    assert play.jobs == ["03-06", "03-06"]
    assert play.events("LATE_DATA_ARRIVAL") == ["2026-03-06"]
    assert play.events("PIPELINE_EXCLUDED") == []


def test_data_after_a_failure_is_reported_on_an_excluded_day() -> None:
    play = Play(DAILY, "03-05 00:00").write("03-06 20:00", "landing", date="2026-03-06", count=1)
    play.write("03-07 06:00", "landing", date="2026-03-06", count=1600).until("03-07 08:00")
    ((_, event),) = play.reported("LATE_DATA_ARRIVAL")
    assert event["detail"]["runStatus"] == "FAILED_FINAL"
    assert play.events("PIPELINE_EXCLUDED") == []


def test_run_from_friday_goes_on_on_saturday() -> None:
    play = Play(DAILY, "03-05 00:00").write("03-06 23:50", "landing", date="2026-03-06", count=1)
    play.write("03-07 00:10", "landing", date="2026-03-06", count=1500).until("03-07 00:20")
    assert play.jobs == ["03-06"]
    assert play.events("PIPELINE_EXCLUDED") == []


def test_dry_run_begins_waiting_date_like_live_run() -> None:
    play = fridays_data_on_saturday(DRY).write("03-08 06:00", "landing", date="2026-03-07", count=7)
    play.until("03-08 23:59")
    assert play.events("DRY_RUN_WOULD_TRIGGER") == []
    play.until("03-09 00:10")
    assert [event["date"] for _, event in play.reported("DRY_RUN_WOULD_TRIGGER")] == ["2026-03-06"]
    assert play.reported("DRY_RUN_WOULD_TRIGGER")[0][1]["timestamp"].startswith("2026-03-09T00:0")
    assert waiting(play) == []
    assert list(play.stage.store.runs(PIPELINE)) == []


def test_held_dry_run_waits_for_its_rules() -> None:
    play = fridays_data_on_saturday(DRY, count=5).write("03-08 06:00", "landing", date="2026-03-07", count=7)
    play.until("03-09 00:10")
    assert (play.events("DRY_RUN_WOULD_TRIGGER"), waiting(play)) == ([], [])
    play.write("03-09 00:20", "landing", date="2026-03-06", count=2000).until("03-09 00:30")
    assert play.events("DRY_RUN_WOULD_TRIGGER") == ["2026-03-06"]


def test_a_dry_run_that_goes_live_counts_forward() -> None:
    play = fridays_data_on_saturday(DRY).until("03-08 12:00")
    play.stage.push(DAILY)
    play.write("03-08 13:00", "landing", date="2026-03-07", count=7).until("03-10 00:00")
    assert play.stage.store.run(play.key("03-06")) is None
    assert waiting(play) == []


def test_an_edited_calendar_moves_the_day_of_the_begin() -> None:
    play = Play(HOURLY, "03-05 00:00")
    play.stage.close_days("2026-03-07", "2026-03-08")
    play.stage.push(CLOSED)
    play.write("03-07 06:00", "landing", date="2026-03-06", count=1500)
    play.write("03-07 08:00", "landing", date="2026-03-07", count=7).until("03-07 12:00")
    play.stage.close_days("2026-03-07")
    play.until("03-08 00:10")
    assert play.jobs == ["03-06"]


def test_date_waits_through_40_closed_days() -> None:
    play = Play(HOURLY, "03-05 00:00")
    days = frozenset((at("03-07 00:00") + timedelta(days=ahead)).date() for ahead in range(40))
    play.stage.store.put_calendar(Calendar("closed", dates=days))
    play.stage.push(CLOSED)
    play.write("03-07 06:00", "landing", date="2026-03-06", count=1500)
    play.write("03-08 06:00", "landing", date="2026-03-08", count=7).until("04-16 00:10")
    assert play.jobs == ["03-06"]


def test_the_relative_clock_starts_when_the_date_may_begin() -> None:
    config = DAILY + "sla: {maxDuration: 2h}\n"
    play = fridays_data_on_saturday(config).until("03-09 06:00")
    assert play.events("RELATIVE_SLA_BREACH") == []
    assert play.run("03-06").status is RunStatus.COMPLETED


@pytest.mark.parametrize("deadline", ["08:00", "05:00"])
def test_window_ending_on_excluded_day_counts_its_data(deadline: str) -> None:
    config = DAILY.replace("value: true}\n", f'value: true, deadline: "{deadline}"}}\n', 1)
    play = fridays_data_on_saturday(config + "sla: {maxDuration: 9h, excludedDays: keep}\n")
    play.write("03-08 06:00", "landing", date="2026-03-07", count=7).until("03-09 02:00")
    in_time = deadline == "08:00"
    assert play.run("03-06").status is (RunStatus.COMPLETED if in_time else RunStatus.FAILED_FINAL)


def test_waiting_rows_of_deleted_pipeline_expire() -> None:
    play = fridays_data_on_saturday()
    play.until("03-08 00:00")
    play.stage.tables.transact([Delete(play.stage.store.names.control, f"PIPELINE#{PIPELINE}", "CONFIG")])
    play.until("03-20 00:00")
    assert waiting(play) == ["03-06"]
    play.until("04-02 00:00")
    assert waiting(play) == []


def kept(store: Store, play: Play) -> KeptRows:
    return store.kept(play.key("03-06"))


def test_waiting_date_has_time_and_key_of_its_row() -> None:
    play = fridays_data_on_saturday().write("03-07 08:00", "landing", date="2026-03-06", count=9).until("03-07 09:00")
    assert kept(play.stage.store, play).dormant == Dormancy("landing", "landing", at("03-07 06:00"))
