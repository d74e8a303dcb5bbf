"""Runs around their cron's fires and around the nights on which clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from interlock_config import decode_yaml
from interlock_lifecycle import (
    JobEntry,
    NoteRest,
    RequestRerun,
    RestOfHour,
    Run,
    RunKey,
    RunStatus,
    Sensor,
    StandingRequest,
)
from interlock_lifecycle.dates import Expectation, Window, due_starts, has_stand_in
from interlock_lifecycle.events import EventType
from interlock_lifecycle.sensors import SensorFacts, decide_sensor, request_time_of_rest
from interlock_lifecycle.sensors._accounted import fingerprint
from interlock_lifecycle.sensors._repeated import ask_for_rest, brings_repeated_hour, note_rest
from interlock_sla import Exclusions, ExecutionDate, parse_execution_date


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


def expect(cron: str, zone: str = "UTC", created: str = "01-01 00:00", **more: object) -> Expectation:
    config = decode_yaml(
        f'pipeline: {{id: p}}\nschedule: {{cron: "{cron}", timezone: {zone}, trigger: {{key: ready, check: exists}}}}\n'
        'validation: {rules: [{key: ready, check: exists}]}\njob: {type: command, config: {command: "true"}}\n',
        "p.yaml",
    )
    return replace(Expectation(config, Exclusions(), utc(created)), **more)


def dates(triggered: dict[str, str]) -> dict[ExecutionDate, datetime]:
    return {parse_execution_date(f"2026-{date}"): utc(at) for date, at in triggered.items()}


FIRE = "03-04 08:00"
OWN = {"03-02": "03-03 08:01"}
"""The run of the fire before."""


@pytest.mark.parametrize(
    ("triggered", "counts"),
    [
        ({}, False),
        # From the fire on, before the next one.
        ({"03-03": "03-04 08:00"}, True),
        ({"03-03": "03-05 07:59:59"}, True),
        ({"03-03": "03-05 08:00"}, False),
        # Up to five minutes before it, if the fire before has a run of its own.
        (OWN | {"03-03": "03-04 07:59:59"}, True),
        (OWN | {"03-03": "03-04 07:55"}, True),
        (OWN | {"03-03": "03-04 07:54:59"}, False),
        ({"03-03": "03-04 07:59:30"}, False),
        # Its own run may have been early as well, come at any time since, or name its own date.
        ({"03-02": "03-03 07:55", "03-03": "03-04 07:59:30"}, True),
        ({"03-02": "03-03 07:54:59", "03-03": "03-04 07:59:30"}, False),
        ({"03-02": "03-04 07:58", "03-03": "03-04 07:59:30"}, True),
        ({"03-03": "03-03 06:00", "03-02": "03-04 07:59:30"}, True),
        # A run that began after this fire is no run of the fire before.
        ({"03-02": "03-05 08:01", "03-03": "03-04 07:59:30"}, False),
    ],
)
def test_a_run_of_another_date_counts_as_a_fires(triggered: dict[str, str], counts: bool) -> None:
    assert has_stand_in(expect("0 8 * * *"), utc(FIRE), dates(triggered)) is counts


@pytest.mark.parametrize(
    ("created", "counts"), [("03-03 08:00", False), ("03-03 08:00:01", True), ("03-04 07:59", True)]
)
def test_a_fire_before_the_pipeline_needs_no_run(created: str, counts: bool) -> None:
    known = expect("0 8 * * *", created=created)
    assert has_stand_in(known, utc(FIRE), dates({"03-03": "03-04 07:59:30"})) is counts


def test_the_fire_before_excluded_days_is_the_one_before() -> None:
    """Monday's early run counts if Friday's fire has a run of its own. The weekend's fires need none."""
    known = expect("0 8 * * *", exclusions=Exclusions(weekends=True))
    early = {"03-06": "03-09 07:59:30"}
    assert has_stand_in(known, utc("03-09 08:00"), dates({"03-05": "03-06 08:01"} | early))
    assert not has_stand_in(known, utc("03-09 08:00"), dates({"03-05": "03-06 07:54"} | early))


def test_how_early_a_run_may_be_can_be_chosen() -> None:
    triggered = dates(OWN | {"03-03": "03-04 07:59"})
    assert has_stand_in(expect("0 8 * * *"), utc(FIRE), triggered, timedelta(minutes=1))
    assert not has_stand_in(expect("0 8 * * *"), utc(FIRE), triggered, timedelta(seconds=59))


HOUR_BEFORE = {"10-25T01": "10-25 00:01"}


@pytest.mark.parametrize(
    ("cron", "triggered", "counts"),
    [
        # 03:00 in Berlin is 02:00 UTC. The hour before it lasts from 00:00 to 02:00 UTC.
        ("0 * * * *", HOUR_BEFORE | {"10-25T02": "10-25 01:01"}, True),
        ("0 * * * *", HOUR_BEFORE | {"10-25T02": "10-25 00:54"}, False),
        ("0 * * * *", {"10-25T02": "10-25 01:01"}, False),
        ("0 3 * * *", {"10-23": "10-24 03:01", "10-24": "10-25 01:01"}, False),
    ],
)
def test_an_hour_of_the_long_day_counts_as_the_next_fires(cron: str, triggered: dict[str, str], counts: bool) -> None:
    assert has_stand_in(expect(cron, "Europe/Berlin"), utc("10-25 02:00"), dates(triggered)) is counts


@pytest.mark.parametrize(
    ("cron", "zone", "window", "at"),
    [
        # A time that clocks show twice is missed after the second: jobs of other schedulers start at either.
        ("30 2 * * *", "Europe/Berlin", ("10-25 00:30", "10-25 01:34"), None),
        ("30 2 * * *", "Europe/Berlin", ("10-25 01:34", "10-25 01:35"), "10-25 01:30"),
        ("45 1 * * *", "Australia/Lord_Howe", ("04-04 14:45", "04-04 15:19"), None),
        ("45 1 * * *", "Australia/Lord_Howe", ("04-04 15:19", "04-04 15:20"), "04-04 15:15"),
        # A time that clocks skip is missed after the time that they show instead.
        ("30 2 * * *", "Europe/Berlin", ("03-29 01:34", "03-29 01:35"), "03-29 01:30"),
        ("15 2 * * *", "Australia/Lord_Howe", ("10-03 15:49", "10-03 15:50"), "10-03 15:45"),
        # All other times come once.
        ("30 2 * * *", "Europe/Berlin", ("10-24 00:34", "10-24 00:35"), "10-24 00:30"),
        ("0 3 * * *", "Europe/Berlin", ("10-25 02:04", "10-25 02:05"), "10-25 02:00"),
    ],
)
def test_a_doubled_start_is_missed_after_its_second_time(
    cron: str, zone: str, window: tuple[str, str], at: str | None
) -> None:
    found = due_starts(expect(cron, zone), Window(utc(window[0]), utc(window[1])))
    assert [start.at for start in found] == ([] if at is None else [utc(at)])


@pytest.mark.parametrize(
    ("date", "zone", "begun", "written", "is_rest"),
    [
        ("10-25T02", "Europe/Berlin", "10-25 01:01", "10-25 02:00", True),
        ("10-25T02", "Europe/Berlin", "10-25 01:01", "10-25 01:59:59", False),
        ("10-25T02", "Europe/Berlin", "10-25 01:59:59", "10-25 09:00", True),
        ("10-25T02", "Europe/Berlin", "10-25 02:00", "10-25 09:00", False),
        ("10-25T01", "Europe/Berlin", "10-25 00:01", "10-25 02:00", False),
        ("10-25T03", "Europe/Berlin", "10-25 03:01", "10-25 04:00", False),
        ("10-25", "Europe/Berlin", "10-25 01:01", "10-26 02:00", False),
        ("10-25T02", "UTC", "10-25 02:30", "10-25 09:00", False),
        # On Lord Howe the hour of 01:00 lasts 90 minutes, in spring that of 02:00 thirty.
        ("04-05T01", "Australia/Lord_Howe", "04-04 15:01", "04-04 15:30", True),
        ("04-05T01", "Australia/Lord_Howe", "04-04 15:01", "04-04 15:29", False),
        ("10-04T02", "Australia/Lord_Howe", "10-03 15:31", "10-03 16:30", False),
        ("03-29T02", "Europe/Berlin", "03-29 01:01", "03-29 09:00", False),
    ],
)
def test_a_row_brings_the_rest_of_an_hour_once_it_is_over(
    date: str, zone: str, begun: str, written: str, is_rest: bool
) -> None:
    named = parse_execution_date(f"2026-{date}")
    assert brings_repeated_hour(named, ZoneInfo(zone), utc(begun), utc(written)) is is_rest


@pytest.mark.parametrize(
    ("written", "reason", "reported"),
    [
        ("10-25 02:00", "repeated-hour", []),
        ("10-25 01:30", "late-data", [EventType.LATE_DATA_ARRIVAL]),
    ],
)
def test_the_repeated_hour_asks_for_a_rerun_and_is_not_late(written: str, reason: str, reported: list[str]) -> None:
    config = expect("0 * * * *", "Europe/Berlin").config
    key = RunKey("p", "cron", parse_execution_date("2026-10-25T02"))
    begun = utc("10-25 01:01")
    run = Run(key, RunStatus.COMPLETED, 0, "token0", begun, evaluated_at=begun, closed_at=begun)
    sensor = Sensor("p", "ready", {"date": "2026-10-25", "hour": "02"}, utc(written))
    decision = decide_sensor(sensor, config, SensorFacts(run, True, Exclusions()), execution_timeout=timedelta(hours=4))
    assert isinstance(decision, RequestRerun)
    assert (decision.reason, [event.type for event in decision.events]) == (reason, reported)


FIRST = Run(RunKey("p", "stream", parse_execution_date("2026-10-25T02")), RunStatus.RUNNING, 0, "t", utc("10-25 01:00"))
BERLIN = ZoneInfo("Europe/Berlin")
REST = RestOfHour("ready", fingerprint({"n": 2}), utc("10-25 02:01"))


@pytest.mark.parametrize(
    ("run", "at", "noted"),
    [
        (FIRST, "10-25 02:01", True),
        (FIRST, "10-25 01:59:59", False),
        (replace(FIRST, rest=REST), "10-25 02:01", False),
        (replace(FIRST, rest=REST), "10-25 02:02", True),
        (replace(FIRST, rest=REST), "10-25 02:00:30", False),
        (replace(FIRST, rest=replace(REST, fingerprint="another")), "10-25 02:01", True),
        (replace(FIRST, committed_at=utc("10-25 02:00")), "10-25 02:01", False),
        # A recovery commits the run again. Its first part was read before.
        (replace(FIRST, committed_at=utc("10-25 02:00"), evaluated_at=utc("10-25 01:00")), "10-25 02:01", True),
        (replace(FIRST, key=RunKey("p", "stream", parse_execution_date("2026-10-25T03"))), "10-25 02:01", False),
    ],
)
def test_the_rest_of_a_repeated_hour_is_noted_during_the_run(run: Run, at: str, noted: bool) -> None:
    decision = note_rest(Sensor("p", "ready", {"n": 2}, utc(at)), run, BERLIN)
    assert decision == (NoteRest(run, replace(REST, at=utc(at))) if noted else None)


@pytest.mark.parametrize(
    ("evaluated", "seen", "has_asked", "asks"),
    [
        ("10-25 01:00", {}, False, True),
        (None, {}, False, True),
        ("10-25 01:00", {}, True, False),
        ("10-25 02:05", {"ready": REST.fingerprint}, False, False),
        ("10-25 02:01", {"ready": REST.fingerprint}, False, False),
        ("10-25 02:01", {"ready": "another"}, False, True),
        ("10-25 02:05", {"ready": "another@2026-10-25T01:00:00+00:00"}, False, True),
    ],
)
def test_a_rest_unseen_by_the_evaluation_requests_a_rerun(
    evaluated: str | None, seen: dict[str, str], has_asked: bool, asks: bool
) -> None:
    run = replace(FIRST, rest=REST, evaluated_at=None if evaluated is None else utc(evaluated), seen=seen)
    asked = ask_for_rest(run, None, has_asked=has_asked)
    assert asked == (RequestRerun(run.key, "repeated-hour", request_time_of_rest(REST), None, ()) if asks else None)


def test_without_a_rest_a_close_asks_for_nothing() -> None:
    assert ask_for_rest(FIRST, None, has_asked=False) is None


def test_next_to_a_request_that_waits_the_rest_is_logged() -> None:
    waiting = StandingRequest("2026-10-25T02:29:00Z", waits=True)
    asked = ask_for_rest(replace(FIRST, rest=REST), waiting, has_asked=False)
    assert asked is not None
    assert asked.replaces == waiting
    assert asked.entry == JobEntry(
        FIRST.key,
        REST.at,
        "late-data-arrival",
        error="repeated-hour",
        run_token="t",
        requested_at=request_time_of_rest(REST),
    )
