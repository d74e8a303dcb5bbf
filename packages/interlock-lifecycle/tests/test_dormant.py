"""A trigger's record of an excluded day, and its date on the next allowed day."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import (
    Announce,
    Dormancy,
    DryRun,
    Ignore,
    KeepRows,
    KeptRows,
    NoteArrival,
    NoteDormant,
    ObserveRun,
    RequestRerun,
    Run,
    RunKey,
    RunStatus,
    Sensor,
    StartRun,
)
from interlock_lifecycle.dryrun import DryRunFacts, begin_dry_run, decide_dry_run
from interlock_lifecycle.sensors import (
    DormantDate,
    SensorFacts,
    TakeUp,
    decide_sensor,
    dormant_marker,
    judge_dormant,
    next_allowed_day,
    start_dormant,
)
from interlock_lifecycle.sensors._kept import MOST_KEPT_BYTES
from interlock_rules import KeptRow
from interlock_sla import Exclusions, parse_execution_date

SATURDAY = datetime(2026, 3, 7, 6, tzinfo=UTC)
MONDAY = datetime(2026, 3, 9, 0, 5, tzinfo=UTC)
WEEKENDS = Exclusions(weekends=True)
TIMEOUT = timedelta(hours=4)
ROW = {"date": "2026-03-06", "ok": True, "n": 5}
FRIDAY = RunKey("p", "stream", parse_execution_date("2026-03-06"))
CONFIG = """
pipeline: {id: p}
schedule: {exclude: {weekends: true}, trigger: {key: landing, check: equals, field: ok, value: true}}
validation: {rules: [{key: landing, check: gte, field: n, value: 5}, {key: audit, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


@pytest.fixture
def config() -> PipelineConfig:
    return decode_yaml(CONFIG, "p.yaml")


def landing(at: datetime = SATURDAY, key: str = "landing", **fields: object) -> Sensor:
    return Sensor("p", key, ROW | fields, at)


def facts(run: Run | None = None, **more: Any) -> SensorFacts:
    return SensorFacts(run, run is not None, WEEKENDS, **more)


def decide(sensor: Sensor, config: PipelineConfig, known: SensorFacts) -> Any:
    return decide_sensor(sensor, config, known, execution_timeout=TIMEOUT)


def test_the_date_keeps_the_record_and_the_day_is_reported(config: PipelineConfig) -> None:
    decision = decide(landing(), config, facts())
    assert isinstance(decision, NoteDormant)
    assert decision.key == FRIDAY
    waits = Dormancy("landing", "landing", SATURDAY)
    assert decision.kept == KeptRows({"landing": KeptRow(ROW, SATURDAY)}, 1, waits)
    assert decision.marker == "excluded#stream#2026-03-07#2026-03-06"
    (event,) = decision.events
    assert event.message == "Saturday 2026-03-07 is excluded; the watchdog takes 2026-03-06 up on Monday 2026-03-09"
    assert event.detail == {"sensorKey": "landing", "excludedDay": "2026-03-07", "nextAllowedDay": "2026-03-09"}


def test_the_same_record_again_changes_nothing(config: PipelineConfig) -> None:
    first = decide(landing(), config, facts())
    again = decide(landing(), config, facts(kept=first.kept, is_reported=True))
    assert isinstance(again, Ignore)


def test_only_a_newer_record_replaces_the_first(config: PipelineConfig) -> None:
    first = decide(landing(), config, facts())
    newer = landing(SATURDAY + timedelta(hours=1), n=9)
    second = decide(newer, config, facts(kept=first.kept, is_reported=True))
    assert isinstance(second, NoteDormant)
    assert (second.events, second.marker, second.kept.version) == ((), None, 2)
    assert second.kept.rows["landing"].fields == newer.fields
    assert second.kept.dormant == first.kept.dormant
    assert isinstance(decide(landing(), config, facts(kept=second.kept, is_reported=True)), Ignore)


def test_each_excluded_day_is_reported_for_itself(config: PipelineConfig) -> None:
    first = decide(landing(), config, facts())
    sunday = landing(SATURDAY + timedelta(days=1))
    again = decide(sunday, config, facts(kept=first.kept))
    assert isinstance(again, NoteDormant)
    assert again.marker == "excluded#stream#2026-03-08#2026-03-06"
    assert again.kept.rows == first.kept.rows


def test_the_day_is_that_of_the_pipelines_zone(config: PipelineConfig) -> None:
    schedule = replace(config.schedule, timezone="Asia/Tokyo")
    late_friday = landing(datetime(2026, 3, 6, 15, tzinfo=UTC))
    assert isinstance(decide(late_friday, config, facts()), StartRun)
    in_tokyo = replace(config, schedule=schedule)
    assert isinstance(decide(late_friday, in_tokyo, facts()), NoteDormant)
    assert dormant_marker(FRIDAY, late_friday, in_tokyo) == "excluded#stream#2026-03-07#2026-03-06"


def test_rows_of_other_rules_are_kept_if_they_count(config: PipelineConfig) -> None:
    audit = {"date": "2026-03-06", "n": 1}
    decision = decide(landing(), config, facts(sensors={"audit": audit}))
    assert decision.kept.rows["audit"] == KeptRow(audit, SATURDAY)
    other = decide(landing(), config, facts(sensors={"audit": {"date": "2026-03-07"}}))
    assert "audit" not in other.kept.rows
    own = decide(landing(), config, facts(sensors={"audit#2026-03-06": audit}))
    assert "audit" not in own.kept.rows


def test_what_an_earlier_life_of_the_date_left_is_replaced(config: PipelineConfig) -> None:
    old = KeptRows({"landing": KeptRow({"n": 1}, MONDAY), "audit": KeptRow({}, SATURDAY)}, 7)
    decision = decide(landing(), config, facts(kept=old))
    assert decision.kept.rows == {"landing": KeptRow(ROW, SATURDAY)}
    assert decision.kept.version == 8


def test_a_row_that_is_too_large_is_noted_without_its_fields(config: PipelineConfig) -> None:
    decision = decide(landing(blob="x" * MOST_KEPT_BYTES), config, facts())
    assert decision.kept.rows["landing"].fields is None


def test_an_excluded_date_keeps_nothing_and_is_reported_once(config: PipelineConfig) -> None:
    sensor = landing(date="2026-03-07")
    decision = decide(sensor, config, facts())
    assert isinstance(decision, Announce)
    assert decision.marker == "excluded#stream#2026-03-07#2026-03-07"
    assert "its row is looked at again on Monday 2026-03-09" in decision.events[0].message
    assert isinstance(decide(sensor, config, facts(is_reported=True)), Ignore)


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED_FINAL, RunStatus.RUNNING])
def test_a_date_that_has_begun_takes_its_usual_path(config: PipelineConfig, status: RunStatus, run: Run) -> None:
    begun = replace(run, key=FRIDAY, status=status, evaluated_at=SATURDAY - timedelta(hours=9), closed_at=None)
    decision = decide(landing(), config, facts(begun))
    expected = {RunStatus.COMPLETED: RequestRerun, RunStatus.FAILED_FINAL: Announce, RunStatus.RUNNING: Ignore}
    assert isinstance(decision, expected[status])
    if status is not RunStatus.RUNNING:
        assert [str(event.type) for event in decision.events] == ["LATE_DATA_ARRIVAL"]


def test_a_run_of_the_former_schedule_counts_on_an_excluded_day(config: PipelineConfig, run: Run) -> None:
    other = replace(run, key=FRIDAY.under_other_schedule, status=RunStatus.COMPLETED)
    assert isinstance(decide(landing(), config, facts(other_run=other)), Ignore)


def test_the_stream_begins_a_waiting_date_with_what_it_kept(config: PipelineConfig) -> None:
    audit = {"date": "2026-03-06"}
    waiting = decide(landing(), config, facts(sensors={"audit": audit})).kept
    decision = decide(landing(MONDAY, n=6), config, facts(kept=waiting))
    assert isinstance(decision, StartRun)
    rows = {"landing": KeptRow(ROW | {"n": 6}, MONDAY), "audit": KeptRow(audit, SATURDAY)}
    assert decision.kept == KeptRows(rows, 2)


@pytest.mark.parametrize(
    ("exclusions", "allowed"),
    [
        (WEEKENDS, date(2026, 3, 9)),
        (Exclusions(weekends=True, dates=frozenset({date(2026, 3, 9)})), date(2026, 3, 10)),
        (Exclusions(weekends=True, workdays=frozenset({date(2026, 3, 8)})), date(2026, 3, 8)),
        (Exclusions(dates=frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(800))), None),
    ],
)
def test_the_next_allowed_day(exclusions: Exclusions, allowed: date | None) -> None:
    assert next_allowed_day(exclusions, SATURDAY.date()) == allowed


# --- on the next allowed day --------------------------------------------------------------------------------

OTHER = {"date": "2026-03-08", "ok": True, "n": 1}
KEPT = KeptRows({"landing": KeptRow(ROW, SATURDAY)}, 3, Dormancy("landing", "landing", SATURDAY))


def dormant(row: dict[str, object] | None = OTHER, kept: KeptRows = KEPT, **more: Any) -> DormantDate:
    known: dict[str, Any] = {"run": None, "other_run": None, "is_settled": False, **more}
    return DormantDate(FRIDAY, known.pop("kept_key", FRIDAY), kept, row=row, **known)


@pytest.mark.parametrize(
    ("row", "kept", "taken"),
    [
        (OTHER, ROW, ROW),
        (ROW, ROW, ROW),
        (ROW | {"n": 8}, ROW, ROW | {"n": 8}),
        ({"ok": False}, ROW, ROW),
        (OTHER, ROW | {"ok": False}, "settled"),
        (ROW | {"ok": False}, ROW, "settled"),
        ({"date": "2026/03/08", "ok": True}, ROW, "waits"),
        (None, ROW, "waits"),
        (OTHER, None, "waits"),
        (ROW, None, ROW),
    ],
)
def test_the_row_that_is_judged(
    config: PipelineConfig, row: dict[str, object] | None, kept: dict[str, object] | None, taken: object
) -> None:
    held = replace(KEPT, rows={"landing": KeptRow(kept, SATURDAY)})
    judged = judge_dormant(dormant(row, held), config, MONDAY)
    if isinstance(taken, dict):
        assert isinstance(judged, TakeUp)
        assert judged.sensor == Sensor("p", "landing", taken, MONDAY)
        assert judged.kept.rows["landing"].fields == taken
        assert (judged.kept.version, judged.kept.dormant) == (4, None)
    else:
        assert isinstance(judged, KeepRows if taken == "settled" else Ignore)


@pytest.mark.parametrize("row", [ROW | {"ok": False}, None, {"date": "2026/03/08", "ok": True}])
def test_date_begins_by_its_row_under_another_key(config: PipelineConfig, row: dict[str, object] | None) -> None:
    held = replace(KEPT, rows={"landing": KeptRow(ROW | {"ok": False}, SATURDAY)})
    others = {"landing#2026-03-06": ROW | {"n": 9}}
    judged = judge_dormant(dormant(row, held, others=others), config, MONDAY)
    assert isinstance(judged, TakeUp)
    assert judged.sensor == Sensor("p", "landing#2026-03-06", ROW | {"n": 9}, MONDAY)


def test_an_age_is_judged_at_the_present_instant(config: PipelineConfig) -> None:
    trigger = config.schedule.trigger
    assert trigger is not None
    text = CONFIG.replace("check: equals, field: ok, value: true", "check: age_lt, value: 2h")
    old = replace(KEPT, rows={"landing": KeptRow(ROW | {"updatedAt": SATURDAY.isoformat()}, SATURDAY)})
    assert isinstance(judge_dormant(dormant(kept=old), decode_yaml(text, "p.yaml"), MONDAY), KeepRows)


def test_what_has_begun_or_may_not_begin_waits_no_more(config: PipelineConfig, run: Run) -> None:
    stands = replace(run, key=FRIDAY.under_other_schedule, status=RunStatus.COMPLETED)
    failed = replace(stands, status=RunStatus.FAILED_FINAL)
    noted_dry = replace(KEPT, dormant=Dormancy("landing", "landing", SATURDAY, is_dry=True))
    elsewhere = replace(KEPT, dormant=Dormancy("other", "other", SATURDAY), rows={"other": KeptRow(ROW, SATURDAY)})
    settled = [
        dormant(run=run),
        dormant(other_run=stands),
        dormant(is_settled=True),
        dormant(kept=noted_dry),
        dormant(kept=elsewhere),
    ]
    for case in settled:
        judged = judge_dormant(case, config, MONDAY)
        assert isinstance(judged, KeepRows), case
        assert (judged.kept.dormant, judged.kept.version, judged.kept.rows) == (None, 4, case.kept.rows)
        assert judged.reason
    assert isinstance(judge_dormant(dormant(other_run=failed), config, MONDAY), TakeUp)
    assert isinstance(judge_dormant(dormant(kept=KeptRows()), config, MONDAY), Ignore)


@pytest.mark.parametrize(("has_arrival", "arrived_at"), [(False, MONDAY), (True, None)])
def test_a_live_date_begins_with_its_row(
    config: PipelineConfig, has_arrival: bool, arrived_at: datetime | None
) -> None:
    case = dormant(has_arrival=has_arrival)
    taken = judge_dormant(case, config, MONDAY)
    assert isinstance(taken, TakeUp)
    start = start_dormant(taken, case, config, MONDAY, TIMEOUT)
    assert (start.run.key, start.run.committed_at, start.arrived_at) == (FRIDAY, MONDAY, arrived_at)
    assert start.kept == KeptRows({"landing": KeptRow(ROW, SATURDAY)}, 4)
    assert [str(event.type) for event in start.events] == ["TRIGGER_RECOVERED"]


def test_under_another_kind_of_schedule_the_date_keeps_its_rows(config: PipelineConfig) -> None:
    case = dormant(kept_key=FRIDAY.under_other_schedule)
    taken = judge_dormant(case, config, MONDAY)
    assert isinstance(taken, TakeUp)
    assert taken.kept == KeptRows(KEPT.rows, 1)


# --- dry runs ------------------------------------------------------------------------------------------------


def shadow_facts(dry_run: DryRun | None = None, **more: Any) -> DryRunFacts:
    known: dict[str, Any] = {"arrived_at": None, "baseline": {}, "sensors": {}, **more}
    return DryRunFacts(dry_run or DryRun(FRIDAY), exclusions=WEEKENDS, **known)


@pytest.fixture
def dry(config: PipelineConfig) -> PipelineConfig:
    return replace(config, dry_run=True)


def test_a_dry_run_keeps_its_date_as_a_live_run_does(config: PipelineConfig, dry: PipelineConfig) -> None:
    live, dry_run = decide(landing(), config, facts()), decide_dry_run(landing(), dry, shadow_facts())
    assert isinstance(dry_run, NoteDormant)
    waits = Dormancy("landing", "landing", SATURDAY, is_dry=True)
    assert dry_run == replace(live, kept=replace(live.kept, dormant=waits))


def test_a_dry_run_notes_an_excluded_date_without_rows(dry: PipelineConfig) -> None:
    saturdays = landing(date="2026-03-07")
    key = replace(FRIDAY, date=parse_execution_date("2026-03-07"))
    noted = decide_dry_run(saturdays, dry, shadow_facts())
    assert isinstance(noted, NoteDormant)
    assert not noted.kept.is_kept_for_later
    case = DormantDate(key, key, noted.kept, None, None, False, saturdays.fields)
    assert isinstance(judge_dormant(case, dry, MONDAY), TakeUp)
    assert isinstance(judge_dormant(replace(case, row=OTHER), dry, MONDAY), KeepRows)
    undated = {"ok": True, "updatedAt": SATURDAY.isoformat()}
    assert isinstance(judge_dormant(replace(case, row=undated), dry, MONDAY), TakeUp)
    assert isinstance(judge_dormant(replace(case, row={"ok": True}), dry, MONDAY), KeepRows)


def test_an_excluded_date_begins_by_any_of_its_rows(dry: PipelineConfig) -> None:
    key = replace(FRIDAY, date=parse_execution_date("2026-03-07"))
    noted = decide_dry_run(landing(date="2026-03-07"), dry, shadow_facts())
    assert isinstance(noted, NoteDormant)
    own = {"date": "2026-03-07", "ok": True, "n": 3}
    case = DormantDate(key, key, noted.kept, None, None, False, OTHER, others={"landing#2026-03-07": own})
    taken = judge_dormant(case, dry, MONDAY)
    assert isinstance(taken, TakeUp)
    assert (taken.sensor.key, taken.sensor.fields) == ("landing#2026-03-07", own)
    short = replace(case, others={"landing#2026-03-07": own | {"ok": False}, "landing": OTHER})
    assert isinstance(judge_dormant(short, dry, MONDAY), KeepRows)


@pytest.mark.parametrize(("audit", "expected"), [({"n": 1}, ObserveRun), (None, NoteArrival)])
def test_a_dry_run_begins_as_a_live_run_would(
    dry: PipelineConfig, audit: dict[str, object] | None, expected: type
) -> None:
    kept = replace(KEPT, dormant=Dormancy("landing", "landing", SATURDAY, is_dry=True))
    taken = judge_dormant(dormant(kept=kept), dry, MONDAY)
    assert isinstance(taken, TakeUp)
    rows = {"landing": OTHER, **({} if audit is None else {"audit": audit})}
    decision = begin_dry_run(FRIDAY, taken.sensor, dry, shadow_facts(kept=kept, sensors=rows))
    assert isinstance(decision, expected)
    assert isinstance(decision, ObserveRun | NoteArrival)
    assert decision.arrived_at == MONDAY
    assert decision.kept == taken.kept
    begun = shadow_facts(kept=kept, sensors=rows, arrived_at=SATURDAY)
    assert isinstance(begin_dry_run(FRIDAY, taken.sensor, dry, begun), Ignore)
