"""Which sensor rows a date keeps, and which records replace them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import KeepRows, KeptRows, PassEvaluation, Run, RunKey, Sensor, StartRun
from interlock_lifecycle.runs import EvaluationFacts, EvaluationWindow, HoldRun, decide_evaluation
from interlock_lifecycle.sensors import SensorFacts, dates_to_keep, decide_keeping, decide_sensor
from interlock_lifecycle.sensors._kept import MOST_KEPT_BYTES, add_kept
from interlock_lifecycle.slas import SlaFacts
from interlock_rules import KeptRow
from interlock_sla import Exclusions, parse_execution_date

NOW = datetime(2026, 3, 3, 12, 0, 0, 400_000, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
GOOD = {"date": "2026-03-03", "hour": "11", "complete": True, "count": 120}
NEXT = {"date": "2026-03-03", "hour": "12", "complete": True, "count": 900}

RULES = """
pipeline: {id: bronze-orders}
schedule: {trigger: {key: landing, check: exists}}
validation:
  rules:
    - {key: landing, check: exists}
    - {key: rates, check: exists, dateOffset: -1}
    - {key: catalog, check: exists, anyDate: true}
job: {type: command, config: {command: "true"}}
"""


def landing(at: datetime = NOW, key: str = "landing", **fields: object) -> Sensor:
    return Sensor("bronze-orders", key, GOOD | fields, at)


def evaluate(run: Run, config: PipelineConfig, sla: SlaFacts, kept: KeptRows, **rows: dict[str, Any]) -> object:
    window = EvaluationWindow(NOW, timedelta(minutes=10), timedelta(minutes=1))
    return decide_evaluation(EvaluationFacts(run, config, "", rows, sla, kept), run.run_token, window, NOW)


@pytest.mark.parametrize(
    ("key", "kept"),
    [("landing", True), ("landing#2026-03-03T11", False), ("landing#eu", False), ("landing#2026-03-03", True)],
)
def test_a_new_date_keeps_the_plain_row_that_opened_it(config: PipelineConfig, key: str, kept: bool) -> None:
    decision = decide_sensor(
        landing(key=key), config, SensorFacts(None, False, Exclusions()), execution_timeout=TIMEOUT
    )
    assert isinstance(decision, StartRun)
    expected = KeptRows({"landing": KeptRow(GOOD, NOW)}, 1) if kept else KeptRows()
    assert decision.kept == expected


def test_a_retry_is_judged_on_what_its_date_kept(run: Run, config: PipelineConfig, no_sla: SlaFacts) -> None:
    kept = KeptRows({"landing": KeptRow(GOOD, NOW)}, 1)
    assert isinstance(evaluate(run, config, no_sla, kept, landing=NEXT), PassEvaluation)
    short = KeptRows({"landing": KeptRow(GOOD | {"count": 5}, NOW)}, 1)
    held = evaluate(run, config, no_sla, short, landing=NEXT)
    assert isinstance(held, HoldRun)
    assert held.reason == (
        "landing: count is 5, needs gte 100 (95 short), "
        "kept from 2026-03-03T12:00:00Z (landing is of 2026-03-03T12 now)"
    )


def test_without_a_kept_row_another_hour_holds(run: Run, config: PipelineConfig, no_sla: SlaFacts) -> None:
    held = evaluate(run, config, no_sla, KeptRows(), landing=NEXT)
    assert isinstance(held, HoldRun)
    assert held.reason == "landing is of 2026-03-03T12, needs count gte 100"


def test_a_pass_keeps_its_plain_rows_once(run: Run, config: PipelineConfig, no_sla: SlaFacts) -> None:
    passed = evaluate(run, config, no_sla, KeptRows(), landing=GOOD)
    assert isinstance(passed, PassEvaluation)
    assert passed.kept == KeptRows({"landing": KeptRow(GOOD, NOW)}, 1)
    again = evaluate(run, config, no_sla, KeptRows({"landing": KeptRow(GOOD, NOW)}, 3), landing=GOOD)
    assert isinstance(again, PassEvaluation)
    assert again.kept is None
    older = evaluate(run, config, no_sla, KeptRows({"landing": KeptRow({"count": 1}, NOW)}, 3), landing=GOOD)
    assert isinstance(older, PassEvaluation)
    assert older.kept == KeptRows({"landing": KeptRow(GOOD, NOW)}, 4)


def test_a_pass_keeps_no_per_period_row(run: Run, config: PipelineConfig, no_sla: SlaFacts) -> None:
    passed = evaluate(run, config, no_sla, KeptRows(), **{"landing#2026-03-03T11": GOOD})
    assert isinstance(passed, PassEvaluation)
    assert passed.kept is None


def test_an_unchanged_date_offset_row_is_kept_by_its_own_slot(key: RunKey) -> None:
    config = decode_yaml(RULES, "rules.yaml")
    rates = Sensor("bronze-orders", "rates", {"date": "2026-03-03"}, NOW)
    (found,) = dates_to_keep(rates, config).items()
    assert str(found[0].date) == "2026-03-04"
    assert found[1] == ("rates\x1f-1",)


@pytest.mark.parametrize(
    ("sensor", "dates"),
    [
        (landing(), ["2026-03-03T11", "2026-03-03"]),
        (landing(hour=""), ["2026-03-03"]),
        (landing(key="landing#2026-03-03T11"), []),
        (landing(key="landing#2026-03-03"), ["2026-03-03T11"]),
        (landing(key="landing#20260303"), ["2026-03-03T11"]),
        (landing(key="landing#eu"), []),
        (landing(date="garbage"), []),
        (landing(key="catalog"), []),
        (landing(key="unknown"), []),
        (Sensor("bronze-orders", "landing", {"complete": True}, NOW), []),
    ],
)
def test_only_a_plain_dated_record_can_be_lost(sensor: Sensor, dates: list[str]) -> None:
    found = dates_to_keep(sensor, decode_yaml(RULES, "rules.yaml"))
    assert [str(run.date) for run in found] == dates


@pytest.mark.parametrize(
    ("seconds", "replaces"),
    [(-5, False), (-2, False), (-1.4, True), (-0.4, True), (0, True), (60, True)],
)
def test_a_record_replaces_an_older_kept_row(key: RunKey, seconds: float, replaces: bool) -> None:
    kept = KeptRows({"landing": KeptRow({"count": 5}, NOW), "rates": KeptRow({}, NOW)}, 4)
    at = NOW + timedelta(seconds=seconds)
    decision = decide_keeping(landing(at), key, ["landing"], kept)
    assert isinstance(decision, KeepRows) is replaces
    if decision is not None:
        assert decision.kept.version == 5
        assert decision.kept.rows == {"landing": KeptRow(GOOD, at), "rates": KeptRow({}, NOW)}


DAY_ROW, HOUR_ROW = {"date": "2026-03-03", "count": 1500}, {"date": "2026-03-03", "hour": "11", "count": 3}


@pytest.mark.parametrize(
    ("date", "fields", "exact", "seconds", "replaces"),
    [
        ("2026-03-03", HOUR_ROW, True, 600, False),
        ("2026-03-03", HOUR_ROW, False, 600, True),
        ("2026-03-03", DAY_ROW, True, 600, True),
        ("2026-03-03", DAY_ROW, False, 600, True),
        ("2026-03-03", DAY_ROW, False, -600, True),
        ("2026-03-03", DAY_ROW, True, -600, False),
        ("2026-03-03T11", DAY_ROW, True, 600, False),
        ("2026-03-03T11", HOUR_ROW, False, -600, True),
    ],
)
def test_a_record_of_the_very_date_is_kept_before_others(
    key: RunKey, date: str, fields: dict[str, object], exact: bool, seconds: int, replaces: bool
) -> None:
    key, at = replace(key, date=parse_execution_date(date)), NOW + timedelta(seconds=seconds)
    kept = KeptRows({"landing": KeptRow({"count": 5}, NOW, exact)}, 4)
    decision = decide_keeping(Sensor("bronze-orders", "landing", fields, at), key, ["landing"], kept)
    assert isinstance(decision, KeepRows) is replaces
    if decision is not None:
        is_exact = ("hour" in fields) == key.date.is_hourly
        assert decision.kept.rows == {"landing": KeptRow(fields, at, is_exact)}


@pytest.mark.parametrize(
    ("row", "exact"),
    [(GOOD, True), ({"date": "2026-03-03", "complete": True, "count": 120}, False), ({"count": 120}, True)],
)
def test_a_pass_keeps_with_a_row_whether_it_names_the_very_date(
    run: Run, config: PipelineConfig, no_sla: SlaFacts, row: dict[str, Any], exact: bool
) -> None:
    passed = evaluate(run, config, no_sla, KeptRows(), landing=row)
    assert isinstance(passed, PassEvaluation)
    assert passed.kept == KeptRows({"landing": KeptRow(row, NOW, exact)}, 1)


def test_a_row_too_large_to_keep_stays_of_its_very_date(key: RunKey) -> None:
    daily, rows = replace(key, date=parse_execution_date("2026-03-03")), KeptRows()
    large = Sensor("bronze-orders", "landing", DAY_ROW | {"text": "x" * MOST_KEPT_BYTES}, NOW)
    first = decide_keeping(large, daily, ["landing"], rows)
    assert first is not None
    assert first.kept.rows == {"landing": KeptRow(None, NOW, exact=True)}
    later = Sensor("bronze-orders", "landing", HOUR_ROW, NOW + timedelta(minutes=1))
    assert decide_keeping(later, daily, ["landing"], first.kept) is None


def test_the_same_record_again_changes_nothing(key: RunKey) -> None:
    first = decide_keeping(landing(), key, ["landing"], KeptRows())
    assert first is not None
    assert decide_keeping(landing(), key, ["landing"], first.kept) is None


def test_at_most_64_kilobytes_are_kept(run: Run, config: PipelineConfig, no_sla: SlaFacts) -> None:
    fits = {"text": "x" * (MOST_KEPT_BYTES - 11)}
    assert add_kept({}, {"a": KeptRow(fits, NOW)})["a"].fields == fits
    assert add_kept({"b": KeptRow({"n": 1}, NOW)}, {"a": KeptRow(fits, NOW)})["a"] == KeptRow(None, NOW)
    large = KeptRows(add_kept({}, {"landing": KeptRow(GOOD | {"text": "x" * MOST_KEPT_BYTES}, NOW)}), 1)
    held = evaluate(run, config, no_sla, large, landing=NEXT)
    assert isinstance(held, HoldRun)
    assert held.reason == (
        "landing is of 2026-03-03T12, and the row of 2026-03-03T11 was too large to keep, needs count gte 100"
    )


def test_a_kept_row_makes_room_when_it_is_replaced() -> None:
    half = {"text": "x" * (MOST_KEPT_BYTES // 2)}
    first = add_kept({}, {"a": KeptRow(half, NOW)})
    assert add_kept(first, {"a": KeptRow(half | {"n": 1}, NOW)})["a"].fields is not None
    assert add_kept(first, {"b": KeptRow(half, NOW)})["b"].fields is None


def test_rows_that_come_together_share_the_room() -> None:
    half = {"text": "x" * (MOST_KEPT_BYTES // 2)}
    kept = add_kept({}, {"a": KeptRow(half, NOW), "b": KeptRow(half, NOW)})
    assert [row.fields is None for row in kept.values()] == [False, True]


def test_a_daily_run_is_judged_by_an_hour_of_its_day(
    run: Run, configure: Callable[..., PipelineConfig], no_sla: SlaFacts
) -> None:
    daily = replace(run, key=replace(run.key, date=parse_execution_date("2026-03-03")))
    assert isinstance(evaluate(daily, configure(), no_sla, KeptRows(), landing=GOOD), PassEvaluation)
