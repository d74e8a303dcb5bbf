"""The rows that events of evaluations keep: whole, bounded, exact, and marked where one is cut."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from interlock_config import PipelineConfig
from interlock_lifecycle import PassEvaluation, Run
from interlock_lifecycle.runs import (
    CloseFacts,
    EvaluationFacts,
    EvaluationWindow,
    Exhaustion,
    WindowUsedUp,
    decide_evaluation,
    exhaust,
)
from interlock_lifecycle.sensors import MOST_OBSERVED_BYTES, ObservedRow, describe_rows, read_rows
from interlock_lifecycle.slas import SlaFacts
from interlock_rules import Check, Rule, Selection
from interlock_sla import Exclusions

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
WINDOW = EvaluationWindow(NOW, timedelta(minutes=10), timedelta(minutes=1))
A, B = Rule("a", Check.EXISTS), Rule("b", Check.EXISTS)
BEFORE = Rule("a", Check.EXISTS, date_offset=-1)
REFERENCE = Rule("a", Check.EXISTS, any_date=True)


def stored(described: list[dict[str, Any]]) -> Any:
    """The rows as the events table returns them."""
    return msgspec.json.decode(msgspec.json.encode(described))


def selection(**fields: Any) -> Selection:
    return Selection(fields, {}, {name: f"{name}#2026-03-03" for name in fields})


def test_rows_of_an_event_are_read_back_as_they_were() -> None:
    fields = {"n": Decimal(7), "share": Decimal("0.25"), "done": True, "none": None, "deep": {"x": [1, "é"]}}
    rows = read_rows(stored(describe_rows(selection(a=fields), [A, B])))
    assert rows == {"a": ObservedRow(fields, "a#2026-03-03"), "b": ObservedRow(None)}


def test_rules_with_other_dates_of_one_key_keep_their_own_rows() -> None:
    fields = {rule.row_name: {"n": n} for n, rule in enumerate((A, BEFORE, REFERENCE))}
    found = Selection(fields, {}, dict.fromkeys(fields, "a"))
    rows = read_rows(stored(describe_rows(found, [A, BEFORE, REFERENCE])))
    assert rows is not None
    assert {name: row.fields for name, row in rows.items()} == fields


def test_a_row_that_two_rules_read_is_kept_once() -> None:
    described = describe_rows(selection(a={"n": 1}), [A, Rule("a", Check.GT, "n", 0)])
    assert described == [{"key": "a", "row": "a#2026-03-03", "data": {"n": 1}}]


def test_rows_above_the_limit_are_cut_whole_and_marked() -> None:
    wide = {f"f{number}": "x" * 100 for number in range(50)}
    described = describe_rows(selection(a=wide, b=wide), [A, B])
    assert described[0]["data"] == wide
    assert "data" not in described[1]
    assert described[1]["cut"] == f"{len(msgspec.json.encode(wide))} bytes do not fit into the event"
    assert len(msgspec.json.encode(described[0]["data"])) <= MOST_OBSERVED_BYTES
    rows = read_rows(stored(described))
    assert rows is not None
    assert rows["b"].cut


def test_a_small_row_is_kept_after_a_row_that_is_cut() -> None:
    wide = {f"f{number}": "x" * 100 for number in range(100)}
    described = describe_rows(selection(a=wide, b={"n": 1}), [A, B])
    assert ["data" in row for row in described] == [False, True]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"1", "2"}, "type set"),
        (b"raw", "type bytes"),
        (Decimal("0.12345678901234567890123"), "number"),
        (Decimal(2) ** 60, "number"),
        (2**60, "number"),
        (float("nan"), "number"),
        ("x" * 4001, "4001 characters"),
    ],
)
def test_a_value_that_an_event_would_change_cuts_its_row(value: Any, why: str) -> None:
    (row,) = describe_rows(selection(a={"n": 1, "odd": value}), [A])
    assert "data" not in row
    assert why in row["cut"]


def test_a_row_that_is_nested_too_deeply_is_cut() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"inner": deep}
    (row,) = describe_rows(selection(a=deep), [A])
    assert "nested" in row["cut"]


@pytest.mark.parametrize("value", [None, 7, "rows", [{"row": "a"}], [{"key": "a", "data": 3}], {"key": "a"}])
def test_other_values_than_rows_are_no_rows(value: object) -> None:
    assert read_rows(value) is None


def test_a_passed_evaluation_keeps_the_rows_of_rules_and_trigger(
    config: PipelineConfig, run: Run, no_sla: SlaFacts
) -> None:
    row = {"count": Decimal(120), "complete": True}
    facts = EvaluationFacts(run, config, "", {"landing#2026-03-03T11": row}, no_sla)
    decision = decide_evaluation(facts, "token0", WINDOW, NOW)
    assert isinstance(decision, PassEvaluation)
    assert decision.events[0].detail == {"rows": [{"key": "landing", "row": "landing#2026-03-03T11", "data": row}]}


def test_the_end_of_the_window_keeps_the_last_rows(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    facts = EvaluationFacts(run, config, "", {"landing#2026-03-03T11": {"count": 99}}, no_sla)
    late = NOW + timedelta(minutes=10)
    used_up = decide_evaluation(facts, "token0", WINDOW, late)
    assert isinstance(used_up, WindowUsedUp)
    closing = CloseFacts(run, config, 0, Exclusions(), no_sla)
    closed = exhaust(closing, "token0", Exhaustion.VALIDATION, reason="", now=late, rows=used_up.rows)
    rows = read_rows(closed.events[0].detail["rows"])  # type: ignore[union-attr, index]
    assert rows == {"landing": ObservedRow({"count": 99}, "landing#2026-03-03T11")}


def test_known_rows_are_evaluated_in_place_of_sensors(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    known = Selection({"landing": {"count": 100}}, {}, {"landing": "landing"})
    facts = EvaluationFacts(run, config, "", {}, no_sla, read=known)
    assert isinstance(decide_evaluation(facts, "token0", WINDOW, NOW), PassEvaluation)
