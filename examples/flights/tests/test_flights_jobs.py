"""The three jobs as programs: their outputs, rejected inputs, records and repeated runs."""

import csv
import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

RunJob = Callable[..., "subprocess.CompletedProcess[str]"]

AT = datetime(2026, 3, 3, 8, tzinfo=UTC)
DAY = "2013-02-07"
HEADER = (
    "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,"
    "carrier,flight,tailnum,origin,dest,air_time,distance"
)
GOOD = "2013,2,7,2400,550,-5,700,705,-5,UA,12,N1,EWR,IAH,190,1400"


def _land(home: Path, *rows: str, hour: str = "05", header: str = HEADER) -> None:
    path = home / "landing" / DAY / f"{hour}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join((header, *rows)) + "\n")


def _csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def _lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _tree(home: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and path.suffix != ".jsonl"
    }


def test_bronze_types_every_real_departure(home: Path, feed: ModuleType, run_job: RunJob) -> None:
    for day in feed.days():
        for hour in feed.hours(day):
            feed.land(home, day, hour, AT)
    for day, hour in [(DAY, "05"), (DAY, "23"), ("2013-02-08", "17")]:
        result = run_job("bronze", f"{day}T{hour}")
        assert result.returncode == 0, result.stderr
        assert len(_csv(home / "bronze" / day / f"{hour}.csv")) == feed.expected_rows(day, hour)
    assert not (home / "quarantine").exists()


def test_bronze_types_a_departure(home: Path, run_job: RunJob) -> None:
    _land(home, GOOD, "2013,2,7,NA,559,NA,NA,705,NA,B6,13,NA,JFK,BQN,NA,1576")
    run_job("bronze", f"{DAY}T05")
    assert _csv(home / "bronze" / DAY / "05.csv") == [
        {
            "day": DAY,
            "scheduled": "05:50",
            "carrier": "UA",
            "flight": "12",
            "origin": "EWR",
            "dest": "IAH",
            "cancelled": "0",
            "departed": "00:00",
            "delay_minutes": "-5",
        },
        {
            "day": DAY,
            "scheduled": "05:59",
            "carrier": "B6",
            "flight": "13",
            "origin": "JFK",
            "dest": "BQN",
            "cancelled": "1",
            "departed": "",
            "delay_minutes": "",
        },
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (GOOD.replace(",550,", ",560,"), "sched_dep_time is '560', which is not a time of day"),
        (GOOD.replace(",550,", ",600,"), "belongs to 2013-02-07T06"),
        (GOOD.replace("2013,2,7", "2013,2,8"), "belongs to 2013-02-08T05"),
        (GOOD.replace(",2400,", ",2401,"), "dep_time is '2401', which is not a time of day"),
        (GOOD.replace(",2400,", ",NA,"), "dep_time and dep_delay disagree: one is NA, the other is not"),
        (GOOD.replace(",-5,700", ",x,700"), "dep_delay is 'x'"),
        (GOOD.replace(",UA,", ",ua,"), "carrier is 'ua'"),
        (GOOD.replace(",12,", ",,"), "flight is ''"),
        (GOOD.replace(",EWR,", ",EW,"), "origin is 'EW'"),
        (GOOD.replace(",IAH,", ",,"), "dest is ''"),
        ("2013,2,7,2400", "the row has too few fields"),
        (GOOD.replace("UA,12,", "B6,1,"), "duplicate of an earlier departure"),
    ],
)
def test_a_malformed_row_is_quarantined_with_its_reason(row: str, reason: str, home: Path, run_job: RunJob) -> None:
    first = GOOD.replace("UA,12,", "B6,1,")
    _land(home, first, row)
    result = run_job("bronze", f"{DAY}T05")
    assert (result.returncode, result.stdout) == (0, "bronze 2013-02-07T05: 1 departures, 1 rows rejected\n")
    assert _csv(home / "quarantine" / DAY / "05.csv") == [{"line": "3", "reason": reason}]
    assert [line["carrier"] for line in _csv(home / "bronze" / DAY / "05.csv")] == ["B6"]


def test_a_corrected_file_empties_the_quarantine(home: Path, run_job: RunJob) -> None:
    _land(home, GOOD.replace(",EWR,", ",,"))
    run_job("bronze", f"{DAY}T05")
    _land(home, GOOD)
    run_job("bronze", f"{DAY}T05")
    assert not (home / "quarantine" / DAY / "05.csv").exists()


def test_silver_counts_by_origin_and_carrier(home: Path, run_job: RunJob) -> None:
    row = "2013,2,7,{dep},5{minute},{delay},700,705,-5,UA,12,N1,{origin},IAH,190,1400"
    _land(
        home,
        row.format(dep="514", minute="00", delay="14", origin="EWR"),
        row.format(dep="516", minute="01", delay="15", origin="EWR"),
        row.format(dep="500", minute="02", delay="-2", origin="EWR"),
        row.format(dep="NA", minute="03", delay="NA", origin="EWR"),
        row.format(dep="NA", minute="04", delay="NA", origin="JFK"),
    )
    run_job("bronze", f"{DAY}T05")
    result = run_job("silver", f"{DAY}T05")
    assert (result.returncode, result.stdout) == (0, "silver 2013-02-07T05: 5 departures in 2 groups\n")
    ewr, jfk = json.loads((home / "silver" / DAY / "05.json").read_text())["groups"]
    assert ewr == {
        "origin": "EWR",
        "carrier": "UA",
        "scheduled": 4,
        "departed": 3,
        "cancelled": 1,
        "delayed": 1,
        "delay_minutes": 29,
        "worst_delay_minutes": 15,
    }
    assert (jfk["scheduled"], jfk["cancelled"], jfk["worst_delay_minutes"]) == (1, 1, 0)


def test_gold_sums_its_hours(home: Path, feed: ModuleType, run_job: RunJob) -> None:
    for hour in ("21", "22", "23"):
        feed.land(home, "2013-02-08", hour, AT)
        run_job("bronze", f"2013-02-08T{hour}")
        run_job("silver", f"2013-02-08T{hour}")
    result = run_job("gold", "2013-02-08", INTERLOCK_FLIGHTS_HOURS="21-23")
    assert (result.returncode, result.stdout) == (0, "gold 2013-02-08: 35 departures over 3 hours, 35 cancelled\n")
    summary = json.loads((home / "gold" / "2013-02-08.json").read_text())
    assert {hour: entry["scheduled"] for hour, entry in summary["hours"].items()} == {"21": 27, "22": 6, "23": 2}
    for part in ("hours", "origins", "carriers"):
        assert sum(entry["cancelled"] for entry in summary[part].values()) == summary["total"]["cancelled"] == 35
    assert "35 scheduled, 0 departed, 35 cancelled" in (home / "gold" / "2013-02-08.txt").read_text()


def test_gold_rejects_a_day_that_lacks_an_hour(home: Path, run_job: RunJob) -> None:
    (home / "silver" / DAY).mkdir(parents=True)
    for hour in range(5, 23):
        (home / "silver" / DAY / f"{hour:02}.json").write_text('{"groups": []}')
    result = run_job("gold", DAY)
    assert result.returncode == 3
    assert "1 of 19 hours are missing" in result.stderr
    assert result.stderr.endswith(": 23\n")
    assert not (home / "gold").exists()


def test_repeated_jobs_write_the_same_files(home: Path, feed: ModuleType, run_job: RunJob) -> None:
    feed.land(home, DAY, "23", AT)

    def run_all() -> dict[str, bytes]:
        for job in ("bronze", "silver"):
            assert run_job(job, f"{DAY}T23").returncode == 0
        assert run_job("gold", DAY, INTERLOCK_FLIGHTS_HOURS="23-23").returncode == 0
        return _tree(home)

    first = run_all()
    assert run_all() == first
    assert sorted(first) == [
        f"bronze/{DAY}/23.csv",
        f"gold/{DAY}.json",
        f"gold/{DAY}.txt",
        f"landing/{DAY}/23.csv",
        f"silver/{DAY}/23.json",
    ]


@pytest.mark.parametrize("job", ["bronze", "silver"])
def test_a_missing_input_is_named(job: str, home: Path, run_job: RunJob) -> None:
    result = run_job(job, f"{DAY}T05")
    source = home / {"bronze": "landing", "silver": "bronze"}[job] / DAY / "05.csv"
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr == f"{job} {DAY}T05: input is missing: {source}\n"


def test_an_input_without_columns_keeps_the_output(home: Path, run_job: RunJob) -> None:
    _land(home, GOOD)
    run_job("bronze", f"{DAY}T05")
    before = (home / "bronze" / DAY / "05.csv").read_bytes()
    _land(home, "1", header="year")
    result = run_job("bronze", f"{DAY}T05")
    assert result.returncode == 3
    assert "lacks the columns carrier, day, dep_delay" in result.stderr
    assert (home / "bronze" / DAY / "05.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "neither INTERLOCK_DATE nor INTERLOCK_PAR_DAY is set"),
        ({"INTERLOCK_DATE": "2013-02-30T05"}, "2013-02-30T05 is not an execution date"),
        ({"INTERLOCK_DATE": "2013-02-07T24"}, "2013-02-07T24 is not an execution date"),
        ({"INTERLOCK_DATE": "../../etc"}, "../../etc is not an execution date"),
        ({"INTERLOCK_DATE": DAY}, "bronze needs an hourly date such as 2013-02-07T05, got 2013-02-07"),
        ({"INTERLOCK_DATE": f"{DAY}T05", "INTERLOCK_PAR_HOUR": "06"}, "not the same period"),
        ({"INTERLOCK_DATE": f"{DAY}T05", "INTERLOCK_PAR_DAY": "20130208"}, "not the same period"),
        ({"INTERLOCK_DATE": f"{DAY}T05", "INTERLOCK_FLIGHTS_HOME": ""}, "INTERLOCK_FLIGHTS_HOME is not set"),
        ({"INTERLOCK_DATE": f"{DAY}T05", "INTERLOCK_FLIGHTS_HOME": "/nowhere"}, "must be a folder, got /nowhere"),
    ],
)
def test_a_job_that_cannot_know_its_period_does_not_start(
    environment: dict[str, str], sentence: str, home: Path, run_job: RunJob
) -> None:
    result = run_job("bronze", None, **environment)
    assert result.returncode == 2
    assert sentence in result.stderr
    assert list(home.iterdir()) == []


def test_a_daily_job_rejects_an_hour(run_job: RunJob) -> None:
    result = run_job("gold", f"{DAY}T05")
    assert (result.returncode, "gold needs a daily date" in result.stderr) == (2, True)


@pytest.mark.parametrize("hours", ["5-23", "23-05", "05-24", "all"])
def test_an_impossible_range_of_hours_is_rejected(hours: str, run_job: RunJob) -> None:
    result = run_job("gold", DAY, INTERLOCK_FLIGHTS_HOURS=hours)
    assert (result.returncode, repr(hours) in result.stderr) == (2, True)


def test_the_partition_variables_name_the_period_too(home: Path, run_job: RunJob) -> None:
    _land(home, GOOD)
    result = run_job("bronze", None, INTERLOCK_PAR_DAY="20130207", INTERLOCK_PAR_HOUR="05")
    assert (result.returncode, result.stdout[:21]) == (0, "bronze 2013-02-07T05:")


def test_a_fault_makes_one_run_fail_and_the_retry_succeeds(home: Path, feed: ModuleType, run_job: RunJob) -> None:
    feed.land(home, DAY, "23", AT)
    fault = feed.inject_fault(home, "bronze", f"{DAY}T23")
    assert run_job("bronze", f"{DAY}T23").returncode == 4
    assert not fault.exists()
    assert not (home / "bronze").exists()
    assert run_job("bronze", f"{DAY}T23", INTERLOCK_ATTEMPT="1").returncode == 0
    ends = feed.ends(home)
    assert [(end["attempt"], end["outcome"]) for end in ends] == [("0", "fail"), ("1", "success")]


def test_a_lasting_fault_fails_every_run_until_its_end(home: Path, feed: ModuleType, run_job: RunJob) -> None:
    feed.land(home, DAY, "23", AT)
    feed.inject_fault(home, "bronze", f"{DAY}T23", lasting=True)
    assert [run_job("bronze", f"{DAY}T23").returncode for _ in range(3)] == [4, 4, 4]
    feed.remove_fault(home, "bronze", f"{DAY}T23")
    feed.remove_fault(home, "bronze", f"{DAY}T23")
    assert run_job("bronze", f"{DAY}T23").returncode == 0


def test_a_fault_of_another_hour_or_job_does_nothing(home: Path, feed: ModuleType, run_job: RunJob) -> None:
    feed.land(home, DAY, "23", AT)
    faults = [feed.inject_fault(home, "bronze", f"{DAY}T22"), feed.inject_fault(home, "silver", f"{DAY}T23")]
    assert run_job("bronze", f"{DAY}T23").returncode == 0
    assert all(fault.exists() for fault in faults)


def test_every_run_adds_one_start_and_one_end(home: Path, feed: ModuleType, run_job: RunJob) -> None:
    run_job("silver", f"{DAY}T05", INTERLOCK_PIPELINE_ID="mine", INTERLOCK_ATTEMPT="3", INTERLOCK_JOB_KEY="k-3")
    run_job("silver", f"{DAY}T06")
    starts, ends = feed.starts(home), feed.ends(home)
    assert [set(start) for start in starts] == [{"pipeline", "date", "attempt", "key", "started"}] * 2
    assert starts == [{name: end[name] for name in starts[0]} for end in ends]
    assert (ends[0]["pipeline"], ends[0]["attempt"], ends[0]["key"]) == ("mine", "3", "k-3")
    assert ends[1]["pipeline"] == "silver-flights"
    assert "input is missing" in ends[1]["message"]


def test_a_start_is_recorded_before_the_input_is_read(home: Path, feed: ModuleType, run_job: RunJob) -> None:
    (home / "landing" / DAY / "05.csv").mkdir(parents=True)
    result = run_job("bronze", f"{DAY}T05")
    assert result.returncode == 1
    assert len(feed.starts(home)) == 1
    assert feed.ends(home)[0]["outcome"] == "fail"


def test_lines_of_other_jobs_survive(home: Path, run_job: RunJob) -> None:
    (home / "jobs.jsonl").write_text('{"pipeline": "other"}\n')
    run_job("silver", f"{DAY}T05")
    assert [line["pipeline"] for line in _lines(home / "jobs.jsonl")] == ["other", "silver-flights"]


@pytest.mark.skipif(os.name == "nt", reason="file modes are POSIX")
def test_outputs_can_be_read_by_others(home: Path, run_job: RunJob) -> None:
    mask = os.umask(0o022)
    try:
        _land(home, GOOD)
        run_job("bronze", f"{DAY}T05")
    finally:
        os.umask(mask)
    assert (home / "bronze" / DAY / "05.csv").stat().st_mode & 0o777 == 0o644
