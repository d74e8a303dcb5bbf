"""Configs that change or break while dates are open: no date is lost, and no date is reported or runs twice.

Times are UTC, in 2026. The tests use the parts of the Lambdas, as in test_situations.py.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sla.stage import NAMES, Stage

from interlock_config import decode_yaml
from interlock_dlq import DeadLetter
from interlock_lifecycle import RunKey
from interlock_sla import parse_execution_date
from interlock_store._write import Put, Update

STREAM = "trigger: {key: ready, check: exists}"
BY_TEN = 'sla: {deadline: "10:00", expectedDuration: 30m}'
SLAS = ("SLA_MET", "SLA_WARNING", "SLA_BREACH", "RELATIVE_SLA_WARNING", "RELATIVE_SLA_BREACH")


class Letters:
    """Keeps the dead letters."""

    def __init__(self) -> None:
        self.kept: list[DeadLetter] = []

    def route(self, letter: DeadLetter) -> None:
        self.kept.append(letter)


class Floor(Stage):
    """The stage, with configs that can be edited, broken and fixed."""

    def __init__(self, start: str, *, minutes: int = 5, letters: Letters | None = None) -> None:
        super().__init__(at(start), letters=letters)
        self.jobs.plan = [("ok", minutes)]

    def configure(self, schedule: str = STREAM, sla: str = BY_TEN, more: str = "", name: str = "p") -> None:
        text = (
            f"pipeline: {{id: {name}}}\nschedule: {{{schedule}}}\n{sla}\n"
            "validation: {rules: [{key: ready, check: exists}]}\n"
            f"job: {{type: glue, config: {{jobName: j}}, jobPollWindowSeconds: 14000}}\n{more}\n"
        )
        self.store.put_config(decode_yaml(text, "p.yaml"))

    def corrupt(self, pk: str = "PIPELINE#p", text: str = "{broken") -> str:
        """Replace the text of a config or a calendar, and return the former text."""
        row = self.tables.get(NAMES.control, pk, "CONFIG")
        assert row is not None
        self.tables.transact([Update(NAMES.control, pk, "CONFIG", set={"config": text})])
        return str(row["config"])

    def goes_on(self, until: str) -> None:
        self.run_until(at(until))

    def heard(self, *kinds: str) -> list[str]:
        """Each event once: its type, its schedule and date, and its minute."""
        seen = {detail["id"]: (kind, detail) for _, kind, detail in self.reported if not kinds or kind in kinds}
        return [
            f"{kind} {detail.get('scheduleId', '')} {detail.get('date', '')} {detail['timestamp'][5:16]}"
            for kind, detail in seen.values()
        ]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


def date(text: str) -> RunKey:
    return RunKey("p", "stream", parse_execution_date(f"2026-{text}"))


class TestAConfigThatBreaks:
    """Dates that were due while the config was broken are checked after its repair, and reported once."""

    @pytest.mark.parametrize(
        ("fixed_at", "reported"),
        [
            ("03-04 12:00", ["SLA_BREACH stream 2026-03-03 03-04T12:05"]),
            ("03-05 15:00", [f"SLA_BREACH stream 2026-03-0{day} 03-05T15:05" for day in (3, 4)]),
        ],
    )
    def test_breaches_are_reported_after_config_is_fixed(self, fixed_at: str, reported: Sequence[str]) -> None:
        floor = Floor("03-03 00:00")
        floor.configure()
        floor.goes_on("03-04 09:00")
        text = floor.corrupt()
        floor.goes_on(fixed_at)
        floor.corrupt(text=text)
        floor.goes_on("03-05 23:00")
        heard = [one for one in floor.heard("SLA_BREACH") if "2026-03-03" in one or fixed_at > "03-05"]
        assert heard == reported

    @pytest.mark.parametrize(
        ("schedule", "reported"),
        [
            ('cron: "0 10 * * *"', "JOB_TRIGGERED cron 2026-03-04 03-04T12:05"),
            (f'cron: "0 10 * * *", {STREAM}', "SCHEDULE_MISSED cron 2026-03-04 03-04T12:05"),
            (f"{STREAM[:-1]}, deadline: '10:00'}}", "SENSOR_DEADLINE_EXPIRED stream 2026-03-03 03-04T12:05"),
        ],
    )
    def test_fires_and_deadlines_are_checked_after_fix(self, schedule: str, reported: str) -> None:
        floor = Floor("03-03 12:00")
        floor.configure(schedule, sla="")
        floor.goes_on("03-04 09:00")
        text = floor.corrupt()
        floor.goes_on("03-04 12:00")
        floor.corrupt(text=text)
        floor.goes_on("03-04 20:00")
        assert reported in floor.heard()

    @pytest.mark.parametrize("sensor", ["ready", "ready#20260304"])
    def test_sensor_during_broken_config_starts_run_after_fix(self, sensor: str) -> None:
        floor = Floor("03-03 12:00")
        floor.configure(sla="")
        floor.store.note_periods("p") if "#" in sensor else None
        floor.goes_on("03-04 09:00")
        text = floor.corrupt()
        floor.store.put_sensor("p", sensor, {"date": "2026-03-04", "updatedAt": "2026-03-04T09:00:01Z"})
        floor.goes_on("03-04 12:00")
        floor.corrupt(text=text)
        floor.goes_on("03-04 12:20")
        assert any(one.startswith("TRIGGER_RECOVERED stream 2026-03-04") for one in floor.heard())

    def test_broken_calendar_is_reported_once_per_pipeline(self) -> None:
        floor = Floor("03-03 00:00")
        floor.close_days("2026-12-24")
        for name in ("p", "q", "r"):
            floor.configure(STREAM if name == "r" else f"calendar: closed, {STREAM}", name=name)
        floor.goes_on("03-04 09:00")
        for moment in ("03-04 12:00", "03-04 14:00"):
            text = floor.corrupt("CALENDAR#closed")
            floor.goes_on(moment)
            floor.corrupt("CALENDAR#closed", text)
            floor.goes_on(f"{moment[:-2]}30")
        reported = [detail["pipelineId"] for _, kind, detail in floor.reported if kind == "CONFIG_INVALID"]
        assert reported == ["p", "q", "p", "q"]
        breaches = [detail["pipelineId"] for _, kind, detail in floor.reported if kind == "SLA_BREACH"]
        assert sorted(breaches) == ["p", "q", "r"]

    @pytest.mark.parametrize(
        ("sla", "minutes", "reported"),
        [
            (BY_TEN, 50, "SLA_BREACH stream 2026-03-03 03-04T11:05"),
            (BY_TEN, 30, "SLA_MET stream 2026-03-03 03-04T11:05"),
            ("sla: {maxDuration: 1h}", 59, "SLA_MET stream 2026-03-03 03-04T11:05"),
            ("sla: {maxDuration: 40m}", 50, "RELATIVE_SLA_BREACH stream 2026-03-03 03-04T11:05"),
        ],
    )
    def test_run_closed_during_broken_config_gets_verdict(self, sla: str, minutes: int, reported: str) -> None:
        floor = Floor("03-03 00:00", minutes=minutes)
        floor.configure(sla=sla)
        floor.goes_on("03-04 09:20")
        floor.sense(parse_execution_date("2026-03-03"))
        floor.goes_on("03-04 09:25")
        text = floor.corrupt()
        floor.goes_on("03-04 11:00")
        floor.corrupt(text=text)
        floor.goes_on("03-05 09:00")
        assert floor.heard("SLA_MET", "SLA_BREACH", "RELATIVE_SLA_BREACH") == [reported]


class TestAnotherKindOfSchedule:
    """From stream to cron and back: dates are expected from the edit on."""

    @pytest.mark.parametrize("data", [True, False])
    def test_timers_of_former_schedule_are_silent(self, data: bool) -> None:
        floor = Floor("03-03 00:00")
        floor.configure(sla='sla: {deadline: "06:00"}')
        floor.goes_on("03-03 12:00")
        floor.configure(f'cron: "0 20 * * *", {STREAM}', 'sla: {deadline: "06:00"}')
        floor.goes_on("03-03 20:02")
        if data:
            floor.sense(parse_execution_date("2026-03-03"))
        floor.goes_on("03-04 12:00")
        reported = "SLA_MET cron 2026-03-03 03-03T20:07" if data else "SLA_BREACH cron 2026-03-03 03-04T06:00"
        assert floor.heard(*SLAS) == [reported]

    def test_no_run_starts_next_to_run_of_former_schedule(self) -> None:
        floor = Floor("03-03 00:00", minutes=120)
        floor.configure()
        floor.goes_on("03-03 09:00")
        floor.sense(parse_execution_date("2026-03-03"))
        floor.goes_on("03-03 09:10")
        floor.configure(f'cron: "30 9 * * *", {STREAM}')
        floor.goes_on("03-03 09:20")
        floor.sense(parse_execution_date("2026-03-03"), again=True)
        floor.goes_on("03-03 09:40")
        floor.rerun(RunKey("p", "cron", parse_execution_date("2026-03-03")))
        floor.goes_on("03-03 23:00")
        assert [run.key.schedule_id for run in floor.store.runs("p")] == ["stream"]
        assert floor.heard("SCHEDULE_MISSED") == []
        (rejected,) = (detail for _, kind, detail in floor.reported if kind == "RERUN_REJECTED")
        assert "already running" in rejected["message"]

    @pytest.mark.parametrize(("minutes", "reported"), [(20, 0), (90, 1)])
    def test_run_of_former_schedule_is_late_only_by_new_deadline(self, minutes: int, reported: int) -> None:
        floor = Floor("03-03 00:00", minutes=minutes)
        floor.configure()
        floor.goes_on("03-03 09:00")
        floor.sense(parse_execution_date("2026-03-03"))
        floor.goes_on("03-03 09:10")
        floor.configure(f'cron: "30 9 * * *", {STREAM}', 'sla: {deadline: "10:00"}')
        floor.goes_on("03-03 23:00")
        assert floor.heard(*SLAS) == ["SLA_BREACH cron 2026-03-03 03-03T10:00"][:reported]

    def test_fire_does_not_start_running_date(self) -> None:
        floor = Floor("03-03 00:00", minutes=120)
        floor.configure(sla="")
        floor.goes_on("03-03 09:00")
        floor.sense(parse_execution_date("2026-03-03"))
        floor.goes_on("03-03 09:10")
        floor.configure('cron: "30 9 * * *"', "")
        floor.goes_on("03-03 12:00")
        assert [run.key.schedule_id for run in floor.store.runs("p")] == ["stream"]

    def test_relative_clock_goes_on_under_other_schedule(self) -> None:
        floor = Floor("03-03 00:00", minutes=120)
        floor.configure(sla="sla: {maxDuration: 1h, expectedDuration: 20m}")
        floor.goes_on("03-03 09:00")
        floor.sense(parse_execution_date("2026-03-03"))
        floor.goes_on("03-03 09:10")
        floor.configure(f'cron: "30 12 * * *", {STREAM}', "sla: {maxDuration: 1h, expectedDuration: 20m}")
        floor.goes_on("03-03 12:20")
        assert floor.heard(*SLAS) == [
            "RELATIVE_SLA_WARNING stream 2026-03-03 03-03T09:40",
            "RELATIVE_SLA_BREACH stream 2026-03-03 03-03T10:00",
        ]

    def test_date_is_not_breached_again_under_other_schedule(self) -> None:
        floor = Floor("03-03 00:00")
        floor.configure(f'cron: "0 8 * * *", {STREAM}')
        floor.goes_on("03-03 12:00")
        floor.configure()
        floor.goes_on("03-04 12:00")
        assert floor.heard("SLA_BREACH") == ["SLA_BREACH cron 2026-03-03 03-03T10:00"]

    def test_fires_before_change_are_neither_missed_nor_late(self) -> None:
        floor = Floor("03-01 00:00")
        floor.configure(sla="")
        floor.goes_on("03-03 09:58")
        floor.configure(f'cron: "55 9 * * *", {STREAM}', 'sla: {deadline: "10:00"}')
        floor.goes_on("03-04 09:00")
        assert floor.heard("SCHEDULE_MISSED", *SLAS) == []
        floor.goes_on("03-04 11:00")
        assert floor.heard("SCHEDULE_MISSED", *SLAS) == [
            "SLA_BREACH cron 2026-03-04 03-04T10:00",
            "SCHEDULE_MISSED cron 2026-03-04 03-04T10:00",
        ]

    def test_days_that_edit_adds_count_from_edit(self) -> None:
        """On a Wednesday evening, Mondays become every day. The past deadline of that Wednesday does not count."""
        floor = Floor("03-02 12:00")
        floor.configure(f'cron: "0 8 * * 1", {STREAM}')
        floor.goes_on("03-04 20:00")
        floor.configure(f'cron: "0 8 * * *", {STREAM}')
        floor.goes_on("03-05 11:00")
        assert floor.heard("SLA_BREACH") == ["SLA_BREACH cron 2026-03-05 03-05T10:00"]


CRON = 'cron: "0 8 * * *"'
BY_TRIGGER = "trigger: {key: ready, check: exists, deadline: "


class TestAMomentThatAnEditMovesIntoThePast:
    """A date that is expected before and after the edit is reported, or starts, once at the next tick."""

    @pytest.mark.parametrize(
        ("before", "edited_at", "after", "reported"),
        [
            (
                f"{BY_TRIGGER}'12:00'}}",
                "03-04 10:32",
                f"{BY_TRIGGER}'10:00'}}",
                "SENSOR_DEADLINE_EXPIRED stream 2026-03-03 03-04T10:35",
            ),
            (
                f'{CRON}, time: "12:00", {STREAM}',
                "03-04 10:32",
                f'{CRON}, time: "09:00", {STREAM}',
                "SCHEDULE_MISSED cron 2026-03-04 03-04T10:35",
            ),
            (
                f"{CRON}, {STREAM}",
                "03-04 07:32",
                f'cron: "0 7 * * *", {STREAM}',
                "SCHEDULE_MISSED cron 2026-03-04 03-04T07:35",
            ),
            (
                f"{CRON}, {STREAM}",
                "03-04 07:32",
                f"{CRON}, timezone: Asia/Tokyo, {STREAM}",
                "SCHEDULE_MISSED cron 2026-03-04 03-04T07:35",
            ),
            (CRON, "03-04 07:32", 'cron: "0 7 * * *"', "JOB_TRIGGERED cron 2026-03-04 03-04T07:35"),
            (
                f'include: {{dates: ["2026-03-04"]}}, time: "12:00", {STREAM}',
                "03-04 10:32",
                f'include: {{dates: ["2026-03-04"]}}, time: "09:00", {STREAM}',
                "IRREGULAR_SCHEDULE_MISSED stream 2026-03-04 03-04T10:35",
            ),
        ],
    )
    def test_moved_moment_is_found_at_next_tick(self, before: str, edited_at: str, after: str, reported: str) -> None:
        floor = Floor("03-03 00:00")
        floor.configure(before, sla="")
        floor.goes_on(edited_at)
        floor.configure(after, sla="")
        floor.goes_on("03-04 13:00")
        kind, _, date, _ = reported.split()
        assert [one for one in floor.heard(kind) if date in one] == [reported]

    def test_absolute_deadline_that_moves_with_fire_is_reported(self) -> None:
        floor = Floor("03-03 00:00")
        floor.configure(f"{CRON}, {STREAM}", 'sla: {deadline: "12:00"}')
        floor.goes_on("03-04 10:32")
        floor.configure(f'cron: "0 7 * * *", {STREAM}', 'sla: {deadline: "10:00"}')
        floor.goes_on("03-04 13:00")
        assert floor.heard("SLA_BREACH")[1:] == ["SLA_BREACH cron 2026-03-04 03-04T10:35"]

    @pytest.mark.parametrize(
        ("before", "edited_at", "after"),
        [
            (f"{CRON}, {STREAM}", "03-04 08:32", f'cron: "0 7 * * *", {STREAM}'),
            (f"{CRON}, {STREAM}", "03-04 08:32", f'cron: "0 9 * * *", {STREAM}'),
            (
                f'include: {{dates: ["2026-03-04"]}}, time: "12:00", {STREAM}',
                "03-04 12:32",
                f'include: {{dates: ["2026-03-04"]}}, time: "09:00", {STREAM}',
            ),
            (f"{BY_TRIGGER}'12:00'}}", "03-04 12:32", f"{BY_TRIGGER}'10:00'}}"),
        ],
    )
    def test_reported_date_is_not_reported_again_after_edit(self, before: str, edited_at: str, after: str) -> None:
        floor = Floor("03-03 00:00")
        floor.configure(before, sla="")
        floor.goes_on(edited_at)
        reported = floor.heard()
        floor.configure(after, sla="")
        floor.goes_on("03-04 20:00")
        assert reported
        assert floor.heard() == reported

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (STREAM, f"{BY_TRIGGER}'10:00'}}"),
            (f"{CRON}, {STREAM}", CRON),
            ('cron: "0 8 * * 1"', CRON),
            (f'cron: "0 8 * * 1", {STREAM}', f'cron: "0 7 * * *", {STREAM}'),
            (f"{CRON}, exclude: {{dates: [2026-03-04]}}", CRON),
        ],
    )
    def test_new_parts_of_schedule_count_from_edit(self, before: str, after: str) -> None:
        """A new trigger deadline, new starts by the watchdog or new days do not report or start past dates."""
        floor = Floor("03-03 12:00")
        floor.configure(before, sla="")
        floor.goes_on("03-04 20:32")
        reported = floor.heard()
        floor.configure(after, sla="")
        floor.goes_on("03-05 06:00")
        assert floor.heard() == reported

    @pytest.mark.parametrize("schedule", [f"{CRON}, {STREAM}", f"{BY_TRIGGER}'10:00'}}"])
    def test_dates_due_without_watch_are_not_reported_later(self, schedule: str) -> None:
        floor = Floor("03-03 00:00")
        floor.configure(schedule, sla="", more="watch: {enabled: false}")
        floor.goes_on("03-04 20:32")
        floor.configure(schedule, sla="")
        floor.goes_on("03-05 06:00")
        assert floor.heard() == []

    def test_unrelated_edit_starts_no_date_closed_at_its_fire(self) -> None:
        floor = Floor("03-03 00:00")
        floor.close_days("2026-03-04")
        floor.configure(f"calendar: closed, {CRON}", sla="")
        floor.goes_on("03-04 09:00")
        floor.close_days("2026-12-24")
        floor.goes_on("03-04 10:00")
        floor.configure(f"calendar: closed, {CRON}", sla="", more="postRun: {rules: [{key: audit, check: exists}]}")
        floor.goes_on("03-05 07:00")
        assert [one.split()[2] for one in floor.heard("JOB_TRIGGERED")] == ["2026-03-03"]


class TestAnSlaThatIsAdded:
    """A new SLA counts only for the future."""

    @pytest.mark.parametrize("deadline", ["10:00", ":30"])
    @pytest.mark.parametrize("before", ["none", "relative", "unwatched"])
    def test_new_sla_reports_no_past_date(self, deadline: str, before: str) -> None:
        floor = Floor("03-01 00:00")
        sla = f'sla: {{deadline: "{deadline}", maxDuration: 1h}}'
        former = {"none": "", "relative": "sla: {maxDuration: 1h}"}.get(before, sla)
        floor.configure(sla=former, more="watch: {enabled: false}" if before == "unwatched" else "")
        floor.goes_on("03-04 19:58")
        floor.configure(sla=sla)
        floor.goes_on("03-04 20:15")
        assert floor.heard(*SLAS) == []
        floor.goes_on("03-05 10:10")
        first = floor.heard("SLA_BREACH")[0]
        assert first == (
            "SLA_BREACH stream 2026-03-04 03-05T10:00"
            if deadline == "10:00"
            else "SLA_BREACH stream 2026-03-04T19 03-04T20:30"
        )

    def test_run_before_new_deadline_is_not_late(self) -> None:
        floor = Floor("03-03 00:00", minutes=60)
        floor.configure(sla="")
        floor.goes_on("03-04 10:10")
        floor.sense(parse_execution_date("2026-03-03"))
        floor.goes_on("03-04 10:20")
        floor.configure(sla='sla: {deadline: "10:00", maxDuration: 5m}')
        floor.goes_on("03-04 12:00")
        assert floor.heard(*SLAS) == []

    def test_unrelated_edit_does_not_change_sla(self) -> None:
        floor = Floor("03-03 00:00")
        floor.configure()
        floor.goes_on("03-04 09:45")
        floor.timers.waiting.clear()
        floor.awake = False
        floor.goes_on("03-04 10:01")
        floor.configure(more="postRun: {rules: [{key: audit, check: exists}]}")
        floor.awake = True
        floor.goes_on("03-04 11:00")
        assert floor.heard("SLA_BREACH") == ["SLA_BREACH stream 2026-03-03 03-04T10:05"]


class TestExternalOutcomes:
    """For a date without a run, an external success counts only if it was logged in time."""

    @pytest.mark.parametrize(("minute", "reported"), [("09:59", 0), ("10:03", 1)])
    def test_external_success_prevents_breach_only_in_time(self, minute: str, reported: int) -> None:
        floor = Floor("03-03 00:00")
        floor.timers.mood = "dropped"
        floor.configure(sla='sla: {deadline: "10:00"}')
        floor.goes_on("03-04 09:00")
        floor.awake = False
        floor.goes_on(f"03-04 {minute}")
        floor.report(date("03-03"), "success")
        floor.awake = True
        floor.goes_on("03-04 12:00")
        assert floor.heard(*SLAS) == ["SLA_BREACH stream 2026-03-03 03-04T10:05"][:reported]


class TestCorruptedArrivals:
    """The arrival that starts a relative clock may be corrupted. The run still goes on and closes."""

    def test_run_with_corrupted_arrival_closes_and_reports_clock(self) -> None:
        floor = Floor("03-03 00:00")
        floor.configure(sla="sla: {maxDuration: 1h}")
        floor.store.put_sensor("p", "first-sensor-arrival#2026-03-03", {"arrivedAt": "9999-12-31T23:59:00Z"})
        floor.sense(parse_execution_date("2026-03-03"))
        floor.goes_on("03-03 02:00")
        assert floor.heard("JOB_COMPLETED", "TRIGGER_RECOVERED", "WATCHDOG_DEGRADED", "INFRA_FAILURE") == [
            "INFRA_FAILURE stream 2026-03-03 03-03T00:00",
            "JOB_COMPLETED stream 2026-03-03 03-03T00:05",
        ]


class TestADateThatWasMet:
    """A clock that was added after the first success in time stays silent, also for reruns."""

    @pytest.mark.parametrize(
        ("before", "runs_at", "edited_at", "after", "rerun_at"),
        [
            (BY_TEN, "03-03 20:00", "03-03 20:30", f"{BY_TEN[:-1]}, maxDuration: 2h}}", "03-03 21:50"),
            (
                "sla: {maxDuration: 1h}",
                "03-03 20:00",
                "03-04 08:00",
                'sla: {deadline: "10:00", expectedDuration: 30m, maxDuration: 1h}',
                "03-04 09:50",
            ),
        ],
    )
    @pytest.mark.parametrize("mood", ["punctual", "dropped"])
    @pytest.mark.parametrize("outcome", ["ok", "wrong"])
    def test_rerun_after_met_emits_no_sla_event(
        self, before: str, runs_at: str, edited_at: str, after: str, rerun_at: str, mood: str, outcome: str
    ) -> None:
        floor = Floor("03-03 00:00")
        floor.timers.mood = mood
        floor.jobs.plan = [("ok", 20), (outcome, 20)]
        floor.configure(sla=before)
        floor.goes_on(runs_at)
        floor.sense(parse_execution_date("2026-03-03"))
        floor.goes_on(edited_at)
        floor.configure(sla=after)
        floor.goes_on(rerun_at)
        floor.sense(parse_execution_date("2026-03-03"), more=1)
        floor.goes_on("03-04 12:00")
        assert len(floor.heard("RERUN_ACCEPTED")) == 1
        assert floor.heard(*SLAS) == ["SLA_MET stream 2026-03-03 03-03T20:20"]


class TestCorruptedRows:
    """Corrupted rows are reported or rewritten, and silence no check for good."""

    @pytest.mark.parametrize("schedule", [f"{BY_TRIGGER}'10:00'}}", CRON])
    def test_corrupted_run_row_is_repaired_by_check_of_its_start(self, schedule: str) -> None:
        letters = Letters()
        floor = Floor("03-04 00:00" if schedule == CRON else "03-03 00:00", letters=letters)
        floor.configure(schedule, sla="")
        floor.goes_on("03-04 07:00")
        sk = "TRIGGER#cron#2026-03-04" if schedule == CRON else "TRIGGER#stream#2026-03-03"
        floor.tables.transact([Put(NAMES.control, {"PK": "PIPELINE#p", "SK": sk, "status": "BROKEN"})])
        floor.goes_on("03-05 07:00")
        (reported,) = [detail for _, kind, detail in floor.reported if kind == "INFRA_FAILURE"]
        assert (reported["date"], "status 'BROKEN'" in reported["message"]) == (sk[-10:], True)
        assert (floor.tables.get(NAMES.control, "PIPELINE#p", sk) or {})["status"] == "FAILED_FINAL"
        assert len(letters.kept) >= 1, "the whole row is kept"

    @pytest.mark.parametrize(
        "fields",
        [{"behind": "x"}, {"behind": {"p": "soon"}}, {"behind": {}, "at": "?"}, {"at": None}, {"behind": 7}],
    )
    def test_corrupted_cursor_is_rewritten(self, fields: dict[str, object]) -> None:
        floor = Floor("03-03 00:00")
        floor.timers.mood = "dropped"
        floor.configure()
        floor.goes_on("03-04 09:00")
        for row in list(floor.tables.query(NAMES.control, "WATCHDOG")):
            floor.tables.transact([Update(NAMES.control, "WATCHDOG", row["SK"], set=fields)])
        floor.goes_on("03-04 12:00")
        assert floor.heard() == [
            "SLA_WARNING stream 2026-03-03 03-04T09:35",
            "SLA_BREACH stream 2026-03-03 03-04T10:05",
        ]


@pytest.mark.parametrize("dies", [False, True])
def test_late_start_is_reported_although_process_dies(*, dies: bool) -> None:
    floor = Floor("03-03 00:00")
    floor.configure(sla="")
    floor.goes_on("03-03 08:00")
    start = floor.start

    def reject(*_: object) -> None:
        floor.router_is_up = False
        raise ConnectionError("no execution can be started")

    floor.start = reject  # type: ignore[method-assign, assignment]
    floor.sense(parse_execution_date("2026-03-03"))
    floor.goes_on("03-03 08:00")
    floor.records.clear()
    floor.router_is_up, floor.start = True, start  # type: ignore[method-assign]
    commit, deaths = floor.tables.transact, [1] if dies else []

    def transact(writes: Sequence[Update]) -> None:
        if deaths and any("recovered#" in str(write) for write in writes):
            deaths.pop()
            raise ConnectionError("the process dies here")
        commit(writes)

    floor.tables.transact = transact  # type: ignore[method-assign, assignment]
    floor.goes_on("03-03 10:00")
    assert deaths == []
    assert floor.heard("TRIGGER_RECOVERED") == [
        f"TRIGGER_RECOVERED stream 2026-03-03 03-03T08:{'10' if dies else '05'}"
    ]
    assert len(floor.heard("JOB_COMPLETED")) == 1


def test_committed_run_that_cannot_start_is_reported_as_late() -> None:
    floor = Floor("03-03 00:00", minutes=10)
    floor.configure(sla="sla: {maxDuration: 30m}")
    floor.goes_on("03-03 08:00")

    def reject(*_: object) -> None:
        raise ConnectionError("no execution can be started")

    floor.router_is_up, floor.start = False, reject  # type: ignore[method-assign, assignment]
    floor.store.put_sensor("p", "ready", {"date": "2026-03-03", "updatedAt": "2026-03-03T08:00:00Z"})
    floor.goes_on("03-03 09:30")
    assert floor.heard("RELATIVE_SLA_WARNING", "RELATIVE_SLA_BREACH") == [
        "RELATIVE_SLA_WARNING stream 2026-03-03 03-03T08:25",
        "RELATIVE_SLA_BREACH stream 2026-03-03 03-03T08:35",
    ]


def test_day_with_hourly_data_is_not_late_as_day() -> None:
    floor = Floor("03-03 00:00")
    floor.configure()
    for hour in range(24):
        floor.goes_on(f"03-03 {hour:02}:30")
        floor.sense(parse_execution_date(f"2026-03-03T{hour:02}"))
    floor.goes_on("03-05 12:00")
    assert len(floor.heard("SLA_MET")) == 24
    of_days = [one for one in floor.heard("SLA_WARNING", "SLA_BREACH") if "T" not in one.split()[2]]
    assert of_days == [
        "SLA_WARNING stream 2026-03-04 03-05T09:30",
        "SLA_BREACH stream 2026-03-04 03-05T10:00",
    ]


def test_manual_rerun_of_other_date_does_not_count_for_fire() -> None:
    floor = Floor("03-03 00:00")
    floor.configure(f'cron: "0 8 * * *", {STREAM}', "")
    floor.goes_on("03-04 08:02")
    floor.rerun(RunKey("p", "cron", parse_execution_date("2026-03-03")))
    floor.goes_on("03-04 12:00")
    assert [one.split()[2] for one in floor.heard("SCHEDULE_MISSED")] == ["2026-03-03", "2026-03-04"]


class TestMissedTicks:
    """Missed ticks change only the time of discovery."""

    @pytest.mark.parametrize(
        ("cron", "ticks_end", "data", "of", "reported"),
        [
            ("0 8 * * *", "03-03 07:00", "03-04 08:03", "2026-03-04", "2026-03-03"),
            ("0 * * * *", "03-03 05:59", "03-03 07:02", "2026-03-03T07", "2026-03-03T06"),
        ],
    )
    @pytest.mark.parametrize("awake", [True, False])
    def test_run_of_later_fire_does_not_count_for_missed_fire(
        self, cron: str, ticks_end: str, data: str, of: str, reported: str, *, awake: bool
    ) -> None:
        floor = Floor("03-03 05:30")
        floor.configure(f'cron: "{cron}", {STREAM}', "")
        floor.goes_on(ticks_end)
        floor.awake = awake
        floor.goes_on(data)
        floor.sense(parse_execution_date(of))
        floor.goes_on(f"{data[:-2]}30")
        floor.awake = True
        floor.goes_on(f"{data[:-2]}40")
        assert [one.split()[2] for one in floor.heard("SCHEDULE_MISSED")] == [reported]

    @pytest.mark.parametrize("awake", [True, False])
    def test_data_of_older_day_counts_for_its_own_fire(self, *, awake: bool) -> None:
        """The data of one day comes a day late, and the data of the following days comes in time."""
        floor = Floor("03-02 20:00")
        floor.configure(f'cron: "0 8 * * *", {STREAM}', "")
        floor.goes_on("03-03 07:00")
        floor.awake = awake
        floor.goes_on("03-03 08:02")
        floor.sense(parse_execution_date("2026-03-02"))
        for day in range(4, 9):
            floor.goes_on(f"03-0{day} 08:02")
            floor.sense(parse_execution_date(f"2026-03-0{day}"))
        floor.goes_on("03-08 08:30")
        floor.awake = True
        floor.goes_on("03-08 08:40")
        assert floor.heard("SCHEDULE_MISSED") == []
