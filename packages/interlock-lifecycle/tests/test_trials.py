"""Trials of a changed config on recorded dates: one decision per test."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import JobEntry, KeptRows, RunKey
from interlock_lifecycle.trials import Change, DateRecord, RecordedEvent, Trial, TriedDate, read_recorded, try_dates
from interlock_rules import KeptRow
from interlock_sla import Exclusions, parse_execution_date

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
UNTIL = datetime(2026, 3, 9, tzinfo=UTC)
KEY = RunKey("p", "stream", parse_execution_date("2026-03-03"))
PIPELINE = """
pipeline: {id: p}
schedule: {trigger: {key: landing, check: exists}, evaluation: {window: 2h, interval: 5m}}
validation: {rules: [{key: landing, check: gte, field: count, value: 100}]}
job: {type: glue, config: {jobName: j}, maxRetries: 1, maxManualReruns: 1}
"""


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-03T{clock}").replace(tzinfo=UTC)


def pipeline(old: str = "", new: str = "") -> PipelineConfig:
    assert old in PIPELINE
    return decode_yaml(PIPELINE.replace(old, new), "p.yaml")


def landing(count: int, written: str) -> dict[str, Any]:
    return {"count": count, "updatedAt": at(written).isoformat()}


def rows(data: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    return [{"key": "landing", **({} if data is None else {"row": "landing#2026-03-03", "data": data})}]


class Day:
    """The events of one date, added in the order of time."""

    def __init__(self) -> None:
        self.events: list[RecordedEvent] = []
        self.entries: list[JobEntry] = []

    def add(self, kind: str, clock: str, *, attempt: int | None = 0, message: str = "", **detail: Any) -> "Day":
        self.events.append(RecordedEvent(f"{len(self.events):03}", kind, at(clock), message, attempt, detail))
        return self

    def begin(self, clock: str) -> "Day":
        return self.add("JOB_TRIGGERED", clock, runToken="t0", reason="sensor")

    def held(self, clock: str, data: Mapping[str, Any]) -> "Day":
        rule = {"key": "landing", "check": "gte", "field": "count", "needed": "gte 100", "observed": "1"}
        return self.add("RUN_HELD", clock, rules=[rule], rows=rows(data))

    def passed(self, clock: str, data: Mapping[str, Any], attempt: int = 0) -> "Day":
        return self.add("VALIDATION_PASSED", clock, attempt=attempt, rows=rows(data))

    def completed(self, clock: str, attempt: int = 0) -> "Day":
        return self.add("JOB_COMPLETED", clock, attempt=attempt, event="success")

    def failed(self, clock: str, attempt: int = 0, **detail: Any) -> "Day":
        return self.add("JOB_FAILED", clock, attempt=attempt, event="fail", category="TRANSIENT", **detail)

    def record(self, now: Mapping[str, Any] | None = None, arrived: str | None = None) -> DateRecord:
        arrived_at = at(arrived) if arrived is not None else self.events[0].at if self.events else None
        found = {} if now is None else {"landing#2026-03-03": now}
        return DateRecord(KEY, tuple(self.events), tuple(self.entries), arrived_at, found)


def simple_day() -> Day:
    """A run that starts at 06:00 with 120 rows, and takes 20 minutes."""
    return Day().begin("06:00").passed("06:00", landing(120, "06:00")).completed("06:20")


def try_one(
    record: DateRecord,
    after: PipelineConfig,
    before: PipelineConfig | None = None,
    exclusions: Exclusions | None = None,
) -> TriedDate:
    days = exclusions if exclusions is not None else after.exclusions({})
    trial = Trial(before or pipeline(), after, days, SINCE, SINCE, UNTIL)
    (tried,) = (one for one in try_dates(trial, [record]) if one.date == KEY.date)
    return tried


def course(tried: TriedDate) -> list[tuple[str, str]]:
    """The certain events with their clock times."""
    return [(one.type, f"{one.earliest:%H:%M}") for one in tried.would if one.is_certain]


def test_the_same_config_gives_the_same_course() -> None:
    tried = try_one(simple_day().record(), pipeline())
    assert tried.change is Change.SAME
    assert course(tried) == [("VALIDATION_PASSED", "06:00"), ("JOB_COMPLETED", "06:20")]


def test_a_stricter_rule_holds_the_run_until_a_better_row_came() -> None:
    record = simple_day().record(landing(200, "07:10"))
    tried = try_one(record, pipeline("value: 100", "value: 150"))
    assert tried.change is Change.CHANGED
    held, started = tried.would[0], tried.would[1]
    assert (held.type, held.is_certain) == ("RUN_HELD", True)
    assert (started.type, f"{started.earliest:%H:%M} {started.latest:%H:%M}") == ("VALIDATION_PASSED", "06:00 07:10")


def test_a_stricter_rule_fails_a_run_whose_row_stayed() -> None:
    tried = try_one(simple_day().record(landing(120, "06:00")), pipeline("value: 100", "value: 150"))
    assert course(tried) == [("RUN_HELD", "06:00"), ("VALIDATION_EXHAUSTED", "08:00")]
    assert not tried.unknown


def test_a_row_after_the_last_event_is_not_guessed() -> None:
    tried = try_one(simple_day().record(), pipeline("value: 100", "value: 150"))
    assert tried.change is Change.CHANGED
    assert course(tried) == [("RUN_HELD", "06:00")]
    assert {one.type for one in tried.would if not one.is_certain} == {
        "VALIDATION_PASSED",
        "JOB_COMPLETED",
        "VALIDATION_EXHAUSTED",
    }


def held_day() -> Day:
    """A run that is held with 60 rows from 06:00, and starts with 120 rows at 07:00."""
    day = Day().begin("06:00").held("06:00", landing(60, "06:00"))
    return day.passed("07:00", landing(120, "07:00")).completed("07:20")


def test_a_looser_rule_starts_the_run_at_its_first_look() -> None:
    tried = try_one(held_day().record(), pipeline("value: 100", "value: 50"))
    assert tried.change is Change.CHANGED
    assert course(tried)[0] == ("VALIDATION_PASSED", "06:00")


def test_a_looser_rule_may_hold_between_two_looks() -> None:
    tried = try_one(held_day().record(), pipeline("value: 100", "value: 80"))
    start = next(one for one in tried.would if one.type == "VALIDATION_PASSED")
    assert (f"{start.earliest:%H:%M}", f"{start.latest:%H:%M}") == ("06:00", "07:00")


def test_while_a_rule_held_the_run_a_stricter_one_did_too() -> None:
    tried = try_one(held_day().record(), pipeline("value: 100", "value: 110"))
    assert tried.change is Change.SAME
    start = next(one for one in tried.would if one.type == "VALIDATION_PASSED")
    assert (f"{start.earliest:%H:%M}", f"{start.latest:%H:%M}") == ("07:00", "07:00")


def test_a_kept_row_counts_from_its_time_on() -> None:
    record = simple_day().record({"date": "2026-03-05", "count": 7})
    kept = KeptRows({"landing": KeptRow({"count": 160}, at("06:30"))}, 1)
    moved = DateRecord(KEY, record.events, (), record.arrived_at, {"landing": {"date": "2026-03-05"}}, kept)
    tried = try_one(moved, pipeline("value: 100", "value: 150"))
    start = next(one for one in tried.would if one.type == "VALIDATION_PASSED")
    assert f"{start.latest:%H:%M}" == "06:30"


def test_a_job_takes_as_long_as_it_did() -> None:
    record = simple_day().record(landing(200, "07:00"))
    tried = try_one(record, pipeline("value: 100", "value: 150"))
    ends = [one.latest for one in tried.would if one.type == "JOB_COMPLETED"]
    assert ends == [at("07:20")]


@pytest.mark.parametrize(
    ("sla", "expected"),
    [
        ("maxDuration: 15m", ["RELATIVE_SLA_WARNING", "RELATIVE_SLA_BREACH"]),
        ("maxDuration: 25m", ["RELATIVE_SLA_WARNING", "SLA_MET"]),
        ("maxDuration: 3h", ["SLA_MET"]),
    ],
)
def test_a_new_clock_is_judged_by_the_recorded_end(sla: str, expected: list[str]) -> None:
    tried = try_one(simple_day().record(), pipeline("validation:", f"sla: {{{sla}}}\nvalidation:"))
    assert [one.type for one in tried.would if "SLA" in one.type] == expected


def test_a_smaller_budget_ends_the_run_at_its_failure() -> None:
    day = Day().begin("06:00").passed("06:00", landing(120, "06:00")).failed("06:20", nextAttemptAt="x")
    day.add("JOB_TRIGGERED", "06:20", attempt=1, runToken="t1", reason="job-fail-retry")
    day.passed("06:20", landing(120, "06:00"), attempt=1).completed("06:40", attempt=1)
    assert try_one(day.record(), pipeline()).change is Change.SAME
    tried = try_one(day.record(landing(120, "06:00")), pipeline("maxRetries: 1", "maxRetries: 0"))
    assert course(tried) == [("VALIDATION_PASSED", "06:00"), ("JOB_FAILED", "06:20"), ("RETRY_EXHAUSTED", "06:20")]


def test_a_larger_budget_needs_a_job_that_was_never_recorded() -> None:
    day = Day().begin("06:00").passed("06:00", landing(120, "06:00")).failed("06:20", followedBy="RETRY_EXHAUSTED")
    day.add("RETRY_EXHAUSTED", "06:20", event="fail")
    before = pipeline("maxRetries: 1", "maxRetries: 0")
    tried = try_one(day.record(landing(120, "06:00")), pipeline(), before)
    assert course(tried)[:2] == [("VALIDATION_PASSED", "06:00"), ("JOB_FAILED", "06:20")]
    assert tried.unknown == ("no further job of the date was recorded, so the end of this one is not known",)
    assert tried.change is Change.CHANGED


def test_a_rerun_is_rejected_by_a_smaller_budget() -> None:
    day = simple_day().add("RERUN_ACCEPTED", "09:00", attempt=1, reason="manual")
    day.add("JOB_TRIGGERED", "09:00", attempt=1, runToken="t1", reason="manual")
    day.passed("09:00", landing(130, "08:00"), attempt=1).completed("09:20", attempt=1)
    tried = try_one(day.record(), pipeline("maxManualReruns: 1", "maxManualReruns: 0"))
    assert course(tried)[-1] == ("RERUN_REJECTED", "09:00")
    assert tried.change is Change.CHANGED


def test_a_rerun_of_an_operator_follows_a_run_at_another_time() -> None:
    day = simple_day().add("RERUN_REJECTED", "07:25", attempt=None, reason="manual")
    tried = try_one(day.record(landing(200, "07:20")), pipeline("value: 100", "value: 150"))
    assert [one.message for one in tried.would if one.type == "RERUN_REJECTED"] == [
        "rerun (manual) rejected: already running"
    ]
    assert not any("drift" in reason for reason in tried.unknown)


def test_a_short_hold_that_a_looser_rule_avoids_is_a_change() -> None:
    day = Day().begin("06:00").held("06:00", landing(60, "06:00"))
    day.passed("06:00:30", landing(120, "06:00:25")).completed("06:20")
    tried = try_one(day.record(), pipeline("value: 100", "value: 50"))
    assert tried.change is Change.CHANGED
    assert course(tried)[0] == ("VALIDATION_PASSED", "06:00")


def test_an_excluded_day_lets_the_date_wait_for_the_next() -> None:
    record = simple_day().record(landing(120, "06:00"))
    closed = Exclusions(dates=frozenset({KEY.date.day}))
    tried = try_one(record, pipeline(), exclusions=closed)
    assert [one.type for one in tried.would] == ["PIPELINE_EXCLUDED", "VALIDATION_PASSED", "JOB_COMPLETED"]
    assert tried.would[1].earliest == datetime(2026, 3, 4, tzinfo=UTC)


def test_a_cron_reports_a_date_whose_data_came_late() -> None:
    after = pipeline("schedule: {", 'schedule: {cron: "0 5 * * *", ')
    tried = try_one(simple_day().record(), after)
    assert ("SCHEDULE_MISSED", "05:05") in course(tried)


def test_a_stricter_trigger_opens_the_date_with_its_row() -> None:
    trigger = "trigger: {key: landing, check: gte, field: count, value: 110}"
    after = pipeline("trigger: {key: landing, check: exists}", trigger)
    tried = try_one(held_day().record(), after)
    start = next(one for one in tried.would if one.type == "VALIDATION_PASSED")
    assert f"{start.latest:%H:%M}" == "07:00"
    assert not any(one.type == "RUN_HELD" and one.is_certain for one in tried.would)


def test_a_looser_trigger_is_not_known() -> None:
    before = pipeline("check: exists}", "check: gte, field: count, value: 110}")
    tried = try_one(simple_day().record(), pipeline(), before)
    assert tried.change is Change.NOT_KNOWN
    assert tried.unknown == ("rows that did not fulfil the former trigger are not recorded",)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (("TRIGGER_RECOVERED", {"runToken": "t1"}), "the watchdog recovered its run"),
        (("CONFIG_INVALID", {}), "a fault disturbed it (CONFIG_INVALID)"),
        (("DRY_RUN_WOULD_TRIGGER", {}), "the pipeline was a dry run"),
        (("RUN_HELD", {"rules": []}), "more than its rules held it: "),
    ],
)
def test_a_disturbed_date_is_not_known(event: tuple[str, dict[str, Any]], reason: str) -> None:
    day = simple_day().add(event[0], "06:30", **event[1])
    tried = try_one(day.record(), pipeline())
    assert reason in tried.unknown
    assert tried.change is not Change.SAME


@pytest.mark.parametrize("missing", [None, [{"key": "landing", "row": "landing", "cut": "9000 bytes"}]])
def test_a_date_whose_rows_are_lost_is_not_known(missing: Sequence[Any] | None) -> None:
    day = Day().begin("06:00").add("VALIDATION_PASSED", "06:00", rows=missing).completed("06:20")
    tried = try_one(day.record(), pipeline("value: 100", "value: 150"))
    assert tried.change is Change.NOT_KNOWN
    assert not any(one.is_certain for one in tried.would)
    assert any("kept no rows" in reason or "was cut (9000 bytes)" in reason for reason in tried.unknown)


def test_a_date_that_began_before_the_period_is_left_out() -> None:
    trial = Trial(pipeline(), pipeline(), Exclusions(), SINCE, at("06:10"), UNTIL)
    assert try_dates(trial, [simple_day().record()]) == []


def test_an_event_of_the_bus_is_read_with_its_detail() -> None:
    wire = {"id": "01", "pipelineId": "p", "timestamp": "2026-03-03T06:00:00Z", "attempt": 0, "detail": {"rows": []}}
    assert read_recorded("RUN_HELD", wire) == RecordedEvent("01", "RUN_HELD", at("06:00"), "", 0, {"rows": []})
    assert read_recorded("RUN_HELD", {**wire, "timestamp": "soon"}) is None


@pytest.mark.parametrize(("created", "breaches"), [("10:00", 0), ("05:00", 1)])
def test_deadline_from_before_the_pipeline_breaches_nothing(created: str, breaches: int) -> None:
    after = pipeline("job:", 'sla: {deadline: "09:00"}\njob:')
    key = RunKey("p", "stream", parse_execution_date("2026-03-02"))
    day = Day().begin("12:00").passed("12:00", landing(120, "12:00")).completed("12:20")
    record = DateRecord(key, tuple(day.events), (), at("12:00"))
    trial = Trial(pipeline(), after, Exclusions(), at(created), SINCE, UNTIL)
    (tried,) = (one for one in try_dates(trial, [record]) if one.date == key.date)
    assert [one.type for one in tried.would].count("SLA_BREACH") == breaches
