"""No row ever decides another date. Each story once had a wrong result, and runs here through the Lambdas' parts.

All times are UTC, in 2026. Sensors have plain keys and per-period keys, as producers write them.
"""

from datetime import UTC, datetime
from typing import Any

import pytest
from sla.stage import PIPELINE, Stage

from interlock_dlq import DeadLetter
from interlock_lifecycle import Run, RunKey, RunStatus
from interlock_lifecycle.reports import describe_run
from interlock_sla import parse_execution_date

HOURLY = """
pipeline: {id: p}
schedule:
  trigger: {key: landing, check: equals, field: complete, value: true}
  evaluation: {window: 1h, interval: 5m}
validation: {rules: [{key: landing, check: gte, field: count, value: 1000}]}
job: {type: glue, config: {jobName: j}, maxRetries: 1, maxManualReruns: 5}
"""
CRON = """
pipeline: {id: p}
schedule: {cron: "0 8 * * *", evaluation: {window: 1h, interval: 5m}}
validation: {rules: [{key: flag, check: equals, field: complete, value: true}]}
job: {type: glue, config: {jobName: j}}
"""


class Letters:
    """The dead-letter queue with its letters."""

    def __init__(self) -> None:
        self.all: list[DeadLetter] = []

    def route(self, letter: DeadLetter) -> None:
        self.all.append(letter)


class Play:
    """A pipeline on a stage, driven by the rows of its producers."""

    def __init__(self, config: str = HOURLY, start: str = "03-03 00:00") -> None:
        self.letters = Letters()
        self.stage = Stage(at(start), letters=self.letters)
        self.stage.jobs.plan = [("ok", 10)]
        self.stage.push(config)
        self.schedule = "cron" if "cron:" in config else "stream"

    def until(self, when: str) -> "Play":
        self.stage.run_until(at(when))
        return self

    def write(self, when: str, key: str, **fields: Any) -> "Play":
        self.until(when)
        self.stage.store.put_sensor(PIPELINE, key, {"complete": True, **fields})
        return self

    def rerun(self, when: str, date: str) -> "Play":
        self.until(when)
        self.stage.rerun(self.key(date))
        return self

    def key(self, date: str) -> RunKey:
        return RunKey(PIPELINE, self.schedule, parse_execution_date(f"2026-{date}"))

    def run(self, date: str) -> Run:
        run = self.stage.store.run(self.key(date))
        assert run is not None
        return run

    def held(self, date: str) -> str:
        """The reason that `interlock status` gives for the date."""
        run, store = self.run(date), self.stage.store
        config = store.config(PIPELINE).config
        assert config is not None
        readings = store.readings(run.key, config.validation.rules)
        report = describe_run(run, config, "", readings.rows, store.sla(run.key), self.stage.now, readings.kept)
        assert report.progress == "held", report
        return report.reason

    def events(self, kind: str) -> list[str]:
        """The dates of the events of one type, in order."""
        return [date for _, found, date in self.stage.events() if found == kind]

    @property
    def jobs(self) -> list[str]:
        """The dates whose jobs were started, in order."""
        return [
            detail["date"].removeprefix("2026-")
            for kind, detail in self.reported("JOB_TRIGGERED")
            if "runId" in detail.get("detail", {})
        ]

    def reported(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        seen = {detail["id"]: (found, detail) for _, found, detail in self.stage.reported if found == kind}
        return list(seen.values())


def at(when: str) -> datetime:
    return datetime.fromisoformat(f"2026-{when}").replace(tzinfo=UTC)


def test_row_of_next_hour_does_not_pass_hour() -> None:
    play = Play().write("03-03 07:05", "landing", date="2026-03-03", hour="06", count=500)
    play.write("03-03 08:02", "landing", date="2026-03-03", hour="07", count=1203).until("03-03 08:04")
    assert "(landing is of 2026-03-03T07 now)" in play.held("03-03T06")
    assert "count is 500" in play.held("03-03T06")
    play.until("03-03 09:00")
    assert play.jobs == ["03-03T07"]
    assert play.run("03-03T06").status is RunStatus.FAILED_FINAL
    assert play.events("VALIDATION_EXHAUSTED") == ["2026-03-03T06"]


def test_rerun_is_judged_by_rows_of_its_date() -> None:
    play = Play().write("03-03 20:00", "landing", date="2026-03-03", count=500)
    play.write("03-04 20:00", "landing", date="2026-03-04", count=1500).until("03-04 21:30")
    play.rerun("03-05 08:00", "03-03").until("03-05 08:02")
    assert "count is 500, needs gte 1000" in play.held("03-03")
    play.until("03-05 10:00")
    assert play.jobs == ["03-04"]
    assert play.events("VALIDATION_EXHAUSTED") == ["2026-03-03", "2026-03-03"]


def test_retry_after_midnight_uses_kept_row_of_its_date() -> None:
    play = Play()
    play.stage.jobs.plan = [("fail", 50), ("ok", 10)]
    play.write("03-03 23:30", "landing", date="2026-03-03", count=1500)
    play.write("03-04 00:10", "landing", date="2026-03-04", count=3).until("03-04 03:00")
    assert play.jobs == ["03-03", "03-03"]
    assert play.run("03-03").status is RunStatus.COMPLETED


def test_date_without_row_is_not_rerun_on_newest_row() -> None:
    play = Play(start="03-20 00:00").write("03-20 08:00", "landing", date="2026-03-20", count=1500)
    play.rerun("03-20 10:00", "03-10").until("03-20 10:01")
    assert play.held("03-10") == "landing is of 2026-03-20, needs count gte 1000"
    play.until("03-20 12:00")
    assert play.jobs == ["03-20"]


def test_cron_run_does_not_pass_on_flag_of_day_before() -> None:
    play = Play(CRON).write("03-03 07:00", "flag", date="2026-03-02").until("03-03 08:10")
    assert play.held("03-03") == "flag is of 2026-03-02, needs complete equals true"
    play.write("03-03 08:20", "flag", date="2026-03-03").until("03-03 08:40")
    assert play.jobs == ["03-03"]


def test_pass_keeps_row_of_rule_for_retry() -> None:
    config = CRON.replace("0 8 *", "0 22 *").replace(
        "{jobName: j}}", "{jobName: j}, maxRetries: 1, jobPollWindowSeconds: 10800}"
    )
    play = Play(config)
    play.stage.jobs.plan = [("fail", 170), ("ok", 10)]
    play.write("03-03 07:00", "flag", date="2026-03-03").write("03-04 00:30", "flag", date="2026-03-04", complete=False)
    play.until("03-04 02:00")
    assert play.jobs == ["03-03", "03-03"]


def test_date_that_has_not_begun_keeps_no_rows() -> None:
    play = Play().write("03-03 07:00", "landing", date="2026-03-03", complete=False).until("03-03 07:01")
    assert play.stage.store.kept(play.key("03-03")).rows == {}


def test_a_newer_row_of_the_date_is_kept_for_its_rerun() -> None:
    play = Play().write("03-03 20:00", "landing", date="2026-03-03", count=500)
    play.write("03-03 22:00", "landing", date="2026-03-03", count=1500).until("03-03 22:01")
    (late,) = play.reported("LATE_DATA_ARRIVAL")
    assert late[1]["detail"]["runStatus"] == "FAILED_FINAL"
    play.write("03-04 20:00", "landing", date="2026-03-04", count=7)
    play.rerun("03-04 22:00", "03-03").until("03-04 23:00")
    assert play.jobs == ["03-03"]


def test_newest_row_of_date_decides_its_retry() -> None:
    play = Play()
    play.stage.jobs.plan = [("fail", 50), ("ok", 10)]
    play.write("03-03 23:30", "landing", date="2026-03-03", count=1500)
    play.write("03-03 23:50", "landing", date="2026-03-03", count=2, complete=False)
    play.write("03-04 00:10", "landing", date="2026-03-04", count=3000).until("03-04 04:00")
    assert play.jobs.count("03-03") == 1
    assert play.events("VALIDATION_EXHAUSTED") == ["2026-03-03"]


def test_late_data_under_plain_key_reruns_on_its_own_row() -> None:
    play = Play().write("03-03 20:00", "landing", date="2026-03-03", count=1500).until("03-03 21:00")
    play.stage.router_is_up = False
    play.write("03-04 06:00", "landing", date="2026-03-03", count=1600)
    play.write("03-04 06:01", "landing", date="2026-03-04", count=4)
    play.stage.router_is_up = True
    play.until("03-04 08:00")
    assert play.jobs == ["03-03", "03-03"]
    assert play.events("LATE_DATA_ARRIVAL") == ["2026-03-03"]


@pytest.mark.parametrize(
    ("key", "fields", "date"),
    [
        ("landing#20260303", {}, "03-03"),
        ("landing#2026-03-03", {}, "03-03"),
        ("landing#20260303T07", {}, "03-03T07"),
        ("landing", {"date": "2026-03-02T07"}, "03-02T07"),
        ("landing", {"date": "2026-03-02T00:00:00Z"}, "03-02"),
        ("landing", {"date": "2026-03-02", "hour": "8"}, "03-02T08"),
        ("landing", {"hour": "8"}, "03-04"),
        ("landing", {}, "03-04"),
    ],
)
def test_row_after_midnight_opens_date_that_it_names(key: str, fields: dict[str, Any], date: str) -> None:
    play = Play(start="03-03 23:00").write("03-04 00:10", key, count=1500, **fields).until("03-04 01:00")
    assert play.jobs == [date]


@pytest.mark.parametrize(
    ("key", "fields", "field"),
    [
        ("landing", {"date": "2026/03/02"}, "date"),
        ("landing", {"date": " 2026-03-02"}, "date"),
        ("landing", {"date": "2026-3-2"}, "date"),
        ("landing", {"date": ""}, "date"),
        ("landing", {"date": None}, "date"),
        ("landing", {"date": "2026-03-02", "hour": "24"}, "hour"),
        ("landing#2026-03-02", {"date": "2026-03-03"}, "date"),
        ("landing#20260230", {}, "key"),
    ],
)
def test_row_with_unreadable_date_opens_no_date(key: str, fields: dict[str, Any], field: str) -> None:
    play = Play(start="03-03 23:00").write("03-04 00:10", key, count=1500, **fields)
    play.write("03-04 00:20", "landing#2026-03-04", date="2026-03-04", count=1500).until("03-04 02:00")
    assert play.jobs == ["03-04"]
    ((_, event),) = play.reported("SENSOR_REJECTED")
    assert (event["detail"]["sensorKey"], event["detail"]["field"]) == (key, field)
    (letter,) = play.letters.all
    assert f"sensor {key} of p" in str(letter)


def test_many_unreadable_rows_cause_one_report() -> None:
    play = Play()
    for number in range(1000):
        play.write("03-03 07:00", "landing", date=f"2026/03/{number % 28 + 1:02}", number=number)
    play.write("03-03 07:01", "landing", date="2026-03-03", count=1500).until("03-03 08:00")
    assert len(play.letters.all) == 1000
    assert len(play.reported("SENSOR_REJECTED")) == 1
    assert play.jobs == ["03-03"]
    play.write("03-04 07:01", "landing", date="2026/03/04").until("03-04 07:02")
    assert "(999 more rows of this kind since the last report)" in play.reported("SENSOR_REJECTED")[1][1]["message"]


def test_post_run_rule_on_key_of_trigger_is_not_missing() -> None:
    watched = HOURLY + "postRun: {sensorTimeout: 30m, rules: [{key: landing, check: gte, field: count, value: 1}]}\n"
    play = Play(watched).write("03-03 07:05", "landing", date="2026-03-03", hour="06", count=1500)
    play.write("03-03 08:05", "landing", date="2026-03-03", hour="07", count=1600).until("03-03 12:00")
    assert play.jobs == ["03-03T06", "03-03T07"]
    assert play.reported("POST_RUN_SENSOR_MISSING") == []


def test_a_trigger_row_that_can_never_change_is_reported() -> None:
    play = Play().write("03-03 07:05", "landing", count=1500).until("03-05 00:00")
    assert play.jobs == ["03-03"]
    ((_, event),) = play.reported("SENSOR_UNDATED")
    assert "names no date and no time" in event["message"]


def test_a_row_without_date_is_not_opened_by_the_watchdog() -> None:
    play = Play()
    play.stage.router_is_up = False
    play.write("03-03 07:05", "landing", count=1500).until("03-03 09:00")
    assert play.stage.store.run(play.key("03-03")) is None


def test_reference_data_and_row_of_day_before_can_decide() -> None:
    rules = """validation:
  rules:
    - {key: landing, check: exists}
    - {key: rates, check: exists, dateOffset: -1}
    - {key: catalog, check: exists, anyDate: true}
"""
    config = HOURLY[: HOURLY.index("validation:")] + rules + HOURLY[HOURLY.index("job:") :]
    play = (
        Play(config).write("03-03 06:00", "catalog", date="2020-01-01").write("03-03 06:00", "rates", date="2026-03-03")
    )
    play.write("03-03 07:00", "landing", date="2026-03-03", count=1).until("03-03 07:10")
    assert play.held("03-03") == "rates is of 2026-03-03, where the rule reads 2026-03-02, needs exists"
    play.write("03-03 07:20", "rates", date="2026-03-02").until("03-03 07:40")
    assert play.jobs == ["03-03"]


def test_dry_run_judges_each_date_by_its_own_rows() -> None:
    play = Play(HOURLY + "dryRun: true\n").write("03-03 07:05", "landing", date="2026-03-03", hour="06", count=500)
    play.write("03-03 07:30", "landing", date="2026-03-03", hour="07", count=1203).until("03-03 09:00")
    assert play.events("DRY_RUN_WOULD_TRIGGER") == ["2026-03-03T07"]
