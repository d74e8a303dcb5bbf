"""Configs that change, or break, while dates are under way: no date is lost, none is told twice or runs twice.

Times are UTC, of 2026; everything goes through the parts of the real handlers, as in test_situations.py.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sla.stage import NAMES, Stage

from interlock_config import decode_yaml
from interlock_lifecycle import RunKey
from interlock_sla import parse_execution_date
from interlock_store._write import Put, Update

STREAM = "trigger: {key: ready, check: exists}"
BY_TEN = 'sla: {deadline: "10:00", expectedDuration: 30m}'
SLAS = ("SLA_MET", "SLA_WARNING", "SLA_BREACH", "RELATIVE_SLA_WARNING", "RELATIVE_SLA_BREACH")


class Floor(Stage):
    """The stage, with configs that can be edited, broken and mended."""

    def __init__(self, start: str, *, minutes: int = 5) -> None:
        super().__init__(at(start))
        self.jobs.plan = [("ok", minutes)]

    def configure(self, schedule: str = STREAM, sla: str = BY_TEN, more: str = "", name: str = "p") -> None:
        text = (
            f"pipeline: {{id: {name}}}\nschedule: {{{schedule}}}\n{sla}\n"
            "validation: {rules: [{key: ready, check: exists}]}\n"
            f"job: {{type: glue, config: {{jobName: j}}, jobPollWindowSeconds: 14000}}\n{more}\n"
        )
        self.store.put_config(decode_yaml(text, "p.yaml"))

    def spoil(self, pk: str = "PIPELINE#p", text: str = "{broken") -> str:
        """Put another text into a config or a calendar; what it was before."""
        row = self.tables.get(NAMES.control, pk, "CONFIG")
        assert row is not None
        self.tables.transact([Update(NAMES.control, pk, "CONFIG", set={"config": text})])
        return str(row["config"])

    def goes_on(self, until: str) -> None:
        self.run_until(at(until))

    def heard(self, *kinds: str) -> list[str]:
        """What was told, each event once: its kind, its schedule and date, and the minute."""
        seen = {detail["id"]: (kind, detail) for _, kind, detail in self.told if not kinds or kind in kinds}
        return [
            f"{kind} {detail.get('scheduleId', '')} {detail.get('date', '')} {detail['timestamp'][5:16]}"
            for kind, detail in seen.values()
        ]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


def date(text: str) -> RunKey:
    return RunKey("p", "stream", parse_execution_date(f"2026-{text}"))


class TestAConfigThatBreaks:
    """What was due meanwhile is looked at once it is mended, and told once."""

    @pytest.mark.parametrize(
        ("mended", "told"),
        [
            ("03-04 12:00", ["SLA_BREACH stream 2026-03-03 03-04T12:05"]),
            ("03-05 15:00", [f"SLA_BREACH stream 2026-03-0{day} 03-05T15:05" for day in (3, 4)]),
        ],
    )
    def test_its_breaches_are_told_when_it_is_mended(self, mended: str, told: Sequence[str]) -> None:
        floor = Floor("03-03 00:00")
        floor.configure()
        floor.goes_on("03-04 09:00")
        text = floor.spoil()
        floor.goes_on(mended)
        floor.spoil(text=text)
        floor.goes_on("03-05 23:00")
        heard = [one for one in floor.heard("SLA_BREACH") if "2026-03-03" in one or mended > "03-05"]
        assert heard == told

    @pytest.mark.parametrize(
        ("schedule", "told"),
        [
            ('cron: "0 10 * * *"', "JOB_TRIGGERED cron 2026-03-04 03-04T12:05"),
            (f'cron: "0 10 * * *", {STREAM}', "SCHEDULE_MISSED cron 2026-03-04 03-04T12:05"),
            (f"{STREAM[:-1]}, deadline: '10:00'}}", "SENSOR_DEADLINE_EXPIRED stream 2026-03-03 03-04T12:05"),
        ],
    )
    def test_its_fires_and_trigger_deadlines_are_looked_at_when_it_is_mended(self, schedule: str, told: str) -> None:
        floor = Floor("03-03 12:00")
        floor.configure(schedule, sla="")
        floor.goes_on("03-04 09:00")
        text = floor.spoil()
        floor.goes_on("03-04 12:00")
        floor.spoil(text=text)
        floor.goes_on("03-04 20:00")
        assert told in floor.heard()

    @pytest.mark.parametrize("sensor", ["ready", "ready#20260304"])
    def test_a_sensor_that_came_meanwhile_starts_its_run(self, sensor: str) -> None:
        floor = Floor("03-03 12:00")
        floor.configure(sla="")
        floor.store.note_periods("p") if "#" in sensor else None
        floor.goes_on("03-04 09:00")
        text = floor.spoil()
        floor.store.put_sensor("p", sensor, {"date": "2026-03-04", "updatedAt": "2026-03-04T09:00:01Z"})
        floor.goes_on("03-04 12:00")
        floor.spoil(text=text)
        floor.goes_on("03-04 12:20")
        assert any(one.startswith("TRIGGER_RECOVERED stream 2026-03-04") for one in floor.heard())

    def test_a_calendar_that_breaks_is_told_of_every_pipeline_that_names_it_once_per_change(self) -> None:
        floor = Floor("03-03 00:00")
        floor.close_days("2026-12-24")
        for name in ("p", "q", "r"):
            floor.configure(STREAM if name == "r" else f"calendar: closed, {STREAM}", name=name)
        floor.goes_on("03-04 09:00")
        for moment in ("03-04 12:00", "03-04 14:00"):
            text = floor.spoil("CALENDAR#closed")
            floor.goes_on(moment)
            floor.spoil("CALENDAR#closed", text)
            floor.goes_on(f"{moment[:-2]}30")
        told = [detail["pipelineId"] for _, kind, detail in floor.told if kind == "CONFIG_INVALID"]
        assert told == ["p", "q", "p", "q"]
        breaches = [detail["pipelineId"] for _, kind, detail in floor.told if kind == "SLA_BREACH"]
        assert sorted(breaches) == ["p", "q", "r"]

    @pytest.mark.parametrize(
        ("sla", "minutes", "told"),
        [
            (BY_TEN, 50, "SLA_BREACH stream 2026-03-03 03-04T11:05"),
            (BY_TEN, 30, "SLA_MET stream 2026-03-03 03-04T11:05"),
            ("sla: {maxDuration: 1h}", 59, "SLA_MET stream 2026-03-03 03-04T11:05"),
            ("sla: {maxDuration: 40m}", 50, "RELATIVE_SLA_BREACH stream 2026-03-03 03-04T11:05"),
        ],
    )
    def test_a_run_that_closed_meanwhile_gets_its_verdict(self, sla: str, minutes: int, told: str) -> None:
        floor = Floor("03-03 00:00", minutes=minutes)
        floor.configure(sla=sla)
        floor.goes_on("03-04 09:20")
        floor.sense(parse_execution_date("2026-03-03"))
        floor.goes_on("03-04 09:25")
        text = floor.spoil()
        floor.goes_on("03-04 11:00")
        floor.spoil(text=text)
        floor.goes_on("03-05 09:00")
        assert floor.heard("SLA_MET", "SLA_BREACH", "RELATIVE_SLA_BREACH") == [told]


class TestAnotherKindOfSchedule:
    """From stream to cron and back: what is expected counts from the edit on."""

    @pytest.mark.parametrize("data", [True, False])
    def test_the_timers_of_the_former_schedule_are_silent(self, data: bool) -> None:
        floor = Floor("03-03 00:00")
        floor.configure(sla='sla: {deadline: "06:00"}')
        floor.goes_on("03-03 12:00")
        floor.configure(f'cron: "0 20 * * *", {STREAM}', 'sla: {deadline: "06:00"}')
        floor.goes_on("03-03 20:02")
        if data:
            floor.sense(parse_execution_date("2026-03-03"))
        floor.goes_on("03-04 12:00")
        told = "SLA_MET cron 2026-03-03 03-03T20:07" if data else "SLA_BREACH cron 2026-03-03 03-04T06:00"
        assert floor.heard(*SLAS) == [told]

    def test_nothing_is_triggered_beside_a_run_of_the_former_schedule(self) -> None:
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
        (rejected,) = (detail for _, kind, detail in floor.told if kind == "RERUN_REJECTED")
        assert "already running" in rejected["message"]

    @pytest.mark.parametrize(("minutes", "told"), [(20, 0), (90, 1)])
    def test_a_run_of_the_former_schedule_is_late_only_by_the_new_ones_deadline(self, minutes: int, told: int) -> None:
        floor = Floor("03-03 00:00", minutes=minutes)
        floor.configure()
        floor.goes_on("03-03 09:00")
        floor.sense(parse_execution_date("2026-03-03"))
        floor.goes_on("03-03 09:10")
        floor.configure(f'cron: "30 9 * * *", {STREAM}', 'sla: {deadline: "10:00"}')
        floor.goes_on("03-03 23:00")
        assert floor.heard(*SLAS) == ["SLA_BREACH cron 2026-03-03 03-03T10:00"][:told]

    def test_a_fire_does_not_start_a_date_that_runs_already(self) -> None:
        floor = Floor("03-03 00:00", minutes=120)
        floor.configure(sla="")
        floor.goes_on("03-03 09:00")
        floor.sense(parse_execution_date("2026-03-03"))
        floor.goes_on("03-03 09:10")
        floor.configure('cron: "30 9 * * *"', "")
        floor.goes_on("03-03 12:00")
        assert [run.key.schedule_id for run in floor.store.runs("p")] == ["stream"]

    def test_a_relative_clock_goes_on_under_another_schedule(self) -> None:
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

    def test_a_date_that_was_breached_is_not_breached_again_under_the_other_schedule(self) -> None:
        floor = Floor("03-03 00:00")
        floor.configure(f'cron: "0 8 * * *", {STREAM}')
        floor.goes_on("03-03 12:00")
        floor.configure()
        floor.goes_on("03-04 12:00")
        assert floor.heard("SLA_BREACH") == ["SLA_BREACH cron 2026-03-03 03-03T10:00"]

    def test_fires_of_before_the_change_are_neither_missed_nor_late(self) -> None:
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

    def test_days_that_only_the_edit_expects_count_from_the_edit(self) -> None:
        """Mondays become every day on a Wednesday evening: that Wednesday's deadline is past and never was one."""
        floor = Floor("03-02 12:00")
        floor.configure(f'cron: "0 8 * * 1", {STREAM}')
        floor.goes_on("03-04 20:00")
        floor.configure(f'cron: "0 8 * * *", {STREAM}')
        floor.goes_on("03-05 11:00")
        assert floor.heard("SLA_BREACH") == ["SLA_BREACH cron 2026-03-05 03-05T10:00"]


CRON = 'cron: "0 8 * * *"'
BY_TRIGGER = "trigger: {key: ready, check: exists, deadline: "


class TestAMomentThatAnEditMovesIntoThePast:
    """The date was expected before the edit and is after it: it is told, or starts, at the next tick; and once."""

    @pytest.mark.parametrize(
        ("before", "edited_at", "after", "told"),
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
    def test_it_is_found_at_the_next_tick(self, before: str, edited_at: str, after: str, told: str) -> None:
        floor = Floor("03-03 00:00")
        floor.configure(before, sla="")
        floor.goes_on(edited_at)
        floor.configure(after, sla="")
        floor.goes_on("03-04 13:00")
        kind, _, date, _ = told.split()
        assert [one for one in floor.heard(kind) if date in one] == [told]

    def test_an_absolute_deadline_that_moves_with_its_fire_is_told(self) -> None:
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
    def test_what_was_told_is_not_told_again(self, before: str, edited_at: str, after: str) -> None:
        floor = Floor("03-03 00:00")
        floor.configure(before, sla="")
        floor.goes_on(edited_at)
        told = floor.heard()
        floor.configure(after, sla="")
        floor.goes_on("03-04 20:00")
        assert told
        assert floor.heard() == told

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
    def test_what_an_edit_brings_counts_from_the_edit(self, before: str, after: str) -> None:
        """A trigger's deadline, starts by the watchdog, days: of what is past nothing is told, nothing starts."""
        floor = Floor("03-03 12:00")
        floor.configure(before, sla="")
        floor.goes_on("03-04 20:32")
        told = floor.heard()
        floor.configure(after, sla="")
        floor.goes_on("03-05 06:00")
        assert floor.heard() == told

    @pytest.mark.parametrize("schedule", [f"{CRON}, {STREAM}", f"{BY_TRIGGER}'10:00'}}"])
    def test_what_was_due_while_nobody_watched_is_not_told_afterwards(self, schedule: str) -> None:
        floor = Floor("03-03 00:00")
        floor.configure(schedule, sla="", more="watch: {enabled: false}")
        floor.goes_on("03-04 20:32")
        floor.configure(schedule, sla="")
        floor.goes_on("03-05 06:00")
        assert floor.heard() == []

    def test_an_edit_beside_the_fires_starts_no_day_that_was_closed_at_its_fire(self) -> None:
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
    """It counts forward only."""

    @pytest.mark.parametrize("deadline", ["10:00", ":30"])
    @pytest.mark.parametrize("before", ["none", "relative", "unwatched"])
    def test_nothing_of_the_past_is_told(self, deadline: str, before: str) -> None:
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

    def test_a_run_that_was_late_before_there_was_a_deadline_is_not(self) -> None:
        floor = Floor("03-03 00:00", minutes=60)
        floor.configure(sla="")
        floor.goes_on("03-04 10:10")
        floor.sense(parse_execution_date("2026-03-03"))
        floor.goes_on("03-04 10:20")
        floor.configure(sla='sla: {deadline: "10:00", maxDuration: 5m}')
        floor.goes_on("03-04 12:00")
        assert floor.heard(*SLAS) == []

    def test_an_edit_beside_the_sla_changes_nothing_of_what_counts(self) -> None:
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
    """Without a run of its own, a date succeeded in time or not at all."""

    @pytest.mark.parametrize(("minute", "told"), [("09:59", 0), ("10:03", 1)])
    def test_a_success_silences_the_breach_only_when_it_was_logged_in_time(self, minute: str, told: int) -> None:
        floor = Floor("03-03 00:00")
        floor.timers.mood = "dropped"
        floor.configure(sla='sla: {deadline: "10:00"}')
        floor.goes_on("03-04 09:00")
        floor.awake = False
        floor.goes_on(f"03-04 {minute}")
        floor.report(date("03-03"), "success")
        floor.awake = True
        floor.goes_on("03-04 12:00")
        assert floor.heard(*SLAS) == ["SLA_BREACH stream 2026-03-03 03-04T10:05"][:told]


class TestSpoiledArrivals:
    """What starts a relative clock may be spoiled; a run goes on and closes."""

    def test_a_run_closes_and_says_that_its_clock_cannot_be_told(self) -> None:
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
    """A clock that the date got afterwards is silent, whatever reruns do: its first success came in time."""

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
    def test_a_rerun_tells_nothing_more(
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


class TestWhatSomebodySpoils:
    """It is told, or written anew; it silences no check for good."""

    @pytest.mark.parametrize("schedule", [f"{BY_TRIGGER}'10:00'}}", CRON])
    def test_a_run_that_nobody_can_read_is_told_where_only_its_start_is_looked_for(self, schedule: str) -> None:
        floor = Floor("03-04 00:00" if schedule == CRON else "03-03 00:00")
        floor.configure(schedule, sla="")
        floor.goes_on("03-04 07:00")
        sk = "TRIGGER#cron#2026-03-04" if schedule == CRON else "TRIGGER#stream#2026-03-03"
        floor.tables.transact([Put(NAMES.control, {"PK": "PIPELINE#p", "SK": sk, "status": "BROKEN"})])
        floor.goes_on("03-05 07:00")
        told = [detail for _, kind, detail in floor.told if kind == "WATCHDOG_DEGRADED"]
        assert [detail["detail"]["row"] for detail in told] == [sk, sk]
        assert [detail["timestamp"][:10] for detail in told] == ["2026-03-04", "2026-03-05"]

    @pytest.mark.parametrize(
        "spoiled", [{"behind": "x"}, {"behind": {"p": "soon"}}, {"behind": {}, "at": "?"}, {"at": None}, {"behind": 7}]
    )
    def test_a_cursor_that_nobody_can_read_is_written_anew(self, spoiled: dict[str, object]) -> None:
        floor = Floor("03-03 00:00")
        floor.timers.mood = "dropped"
        floor.configure()
        floor.goes_on("03-04 09:00")
        for row in list(floor.tables.query(NAMES.control, "WATCHDOG")):
            floor.tables.transact([Update(NAMES.control, "WATCHDOG", row["SK"], set=spoiled)])
        floor.goes_on("03-04 12:00")
        assert floor.heard() == [
            "SLA_WARNING stream 2026-03-03 03-04T09:35",
            "SLA_BREACH stream 2026-03-03 03-04T10:05",
        ]


@pytest.mark.parametrize("dies", [False, True])
def test_a_late_start_is_told_although_the_process_dies_where_it_tells_it(*, dies: bool) -> None:
    floor = Floor("03-03 00:00")
    floor.configure(sla="")
    floor.goes_on("03-03 08:00")
    start = floor.start

    def refuse(*_: object) -> None:
        floor.router_is_up = False
        raise ConnectionError("no execution can be started")

    floor.start = refuse  # type: ignore[method-assign, assignment]
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


def test_a_committed_run_that_cannot_be_started_is_late_in_time() -> None:
    floor = Floor("03-03 00:00", minutes=10)
    floor.configure(sla="sla: {maxDuration: 30m}")
    floor.goes_on("03-03 08:00")

    def refuse(*_: object) -> None:
        raise ConnectionError("no execution can be started")

    floor.router_is_up, floor.start = False, refuse  # type: ignore[method-assign, assignment]
    floor.store.put_sensor("p", "ready", {"date": "2026-03-03", "updatedAt": "2026-03-03T08:00:00Z"})
    floor.goes_on("03-03 09:30")
    assert floor.heard("RELATIVE_SLA_WARNING", "RELATIVE_SLA_BREACH") == [
        "RELATIVE_SLA_WARNING stream 2026-03-03 03-03T08:25",
        "RELATIVE_SLA_BREACH stream 2026-03-03 03-03T08:35",
    ]


def test_a_day_whose_data_comes_by_the_hour_is_not_late_as_a_day() -> None:
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


def test_a_manual_rerun_of_another_date_does_not_stand_for_todays_fire() -> None:
    floor = Floor("03-03 00:00")
    floor.configure(f'cron: "0 8 * * *", {STREAM}', "")
    floor.goes_on("03-04 08:02")
    floor.rerun(RunKey("p", "cron", parse_execution_date("2026-03-03")))
    floor.goes_on("03-04 12:00")
    assert [one.split()[2] for one in floor.heard("SCHEDULE_MISSED")] == ["2026-03-03", "2026-03-04"]


class TestMissedTicks:
    """They change nothing but the time of discovery."""

    @pytest.mark.parametrize(
        ("cron", "ticks_end", "data", "of", "told"),
        [
            ("0 8 * * *", "03-03 07:00", "03-04 08:03", "2026-03-04", "2026-03-03"),
            ("0 * * * *", "03-03 05:59", "03-03 07:02", "2026-03-03T07", "2026-03-03T06"),
        ],
    )
    @pytest.mark.parametrize("awake", [True, False])
    def test_a_later_fires_run_does_not_stand_for_a_missed_one(
        self, cron: str, ticks_end: str, data: str, of: str, told: str, *, awake: bool
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
        assert [one.split()[2] for one in floor.heard("SCHEDULE_MISSED")] == [told]

    @pytest.mark.parametrize("awake", [True, False])
    def test_data_that_names_another_day_stands_for_its_fire_however_many_fires_ago(self, *, awake: bool) -> None:
        """The day before was closed, and its data comes a day late; nothing comes of the days after."""
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
