"""The values that the rules of a date saw: one chart per rule, the needed number as a line, no error for any event."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from interlock_lifecycle.reports import RuleReading
from interlock_web._observed import HEIGHT, WIDTH, draw_observed

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)


def held(minutes: int, observed: Any, needed: str = "gte 1000", kind: str = "RUN_HELD") -> dict[str, Any]:
    rule = {"key": "landing", "field": "count", "needed": needed, "observed": observed}
    at = NOW + timedelta(minutes=minutes)
    detail = json.dumps({"pipelineId": "a", "detail": {"rules": [rule]}})
    return {"SK": f"{int(at.timestamp() * 1000):013d}#{kind}#x", "eventType": kind, "detail": detail}


def test_values_become_points_and_the_need_a_line() -> None:
    (chart,) = draw_observed([held(0, "0"), held(30, "500"), held(60, "1000")], (), ZONE, None)
    assert chart.label == "landing count gte 1000"
    assert [(point.x, point.y) for point in chart.points] == [(4, HEIGHT - 4), (WIDTH / 2, HEIGHT / 2), (WIDTH - 4, 4)]
    assert chart.limit == 4
    assert chart.points[1].text == "500 2026-03-03 13:30 CET (12:30Z)"


def passed(minutes: int, rows: Any) -> dict[str, Any]:
    at = NOW + timedelta(minutes=minutes)
    detail = json.dumps({"pipelineId": "a", "detail": {"rows": rows}})
    kind = "VALIDATION_PASSED"
    return {"SK": f"{int(at.timestamp() * 1000):013d}#{kind}#x", "eventType": kind, "detail": detail}


RULE = RuleReading("landing", "gte", "gte 1000", passed=True, sentence="", field="count")
AGE = RuleReading("landing", "age_lt", "age_lt 2h", passed=True, sentence="", field="updatedAt")


def test_the_value_that_passed_is_the_last_point() -> None:
    events = [held(0, "3"), passed(5, [{"key": "landing", "row": "landing", "data": {"count": "1203"}}])]
    (chart,) = draw_observed(events, (RULE,), ZONE, None)
    assert [point.text.partition(" ")[0] for point in chart.points] == ["3", "1203"]


def test_the_time_of_a_row_makes_no_chart() -> None:
    events = [passed(minutes, [{"key": "landing", "data": {"updatedAt": minutes}}]) for minutes in (1, 2)]
    assert draw_observed(events, (AGE,), ZONE, None) == []


@pytest.mark.parametrize(
    "rows",
    [
        3,
        [3, None, {}],
        [{"key": "landing"}],
        [{"key": "landing", "cut": "21044 bytes do not fit into the event"}],
        [{"key": "landing", "data": [1]}],
        [{"key": "landing", "data": {"other": 5}}],
        [{"key": "rates", "data": {"count": 5}}],
    ],
)
def test_a_pass_without_its_row_adds_no_point(rows: Any) -> None:
    (chart,) = draw_observed([held(0, "3"), held(1, "4"), passed(5, rows)], (RULE,), ZONE, None)
    assert len(chart.points) == 2


def test_a_value_alone_makes_no_chart() -> None:
    assert draw_observed([held(0, "5")], (), ZONE, None) == []


def test_another_expectation_is_another_chart() -> None:
    events = [held(0, "1"), held(1, "2"), held(2, "1", "lt 5"), held(3, "2", "lt 5"), held(4, "7", kind="JOB_FAILED")]
    assert [chart.label for chart in draw_observed(events, (), ZONE, None)] == [
        "landing count gte 1000",
        "landing count lt 5",
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"SK": "x", "eventType": "RUN_HELD", "detail": "{}"},
        {"SK": "0000000000001#RUN_HELD", "eventType": "RUN_HELD"},
        {"SK": "0000000000001#RUN_HELD", "eventType": "RUN_HELD", "detail": "["},
        {"SK": "0000000000001#RUN_HELD", "eventType": "RUN_HELD", "detail": "[1]"},
        {"SK": "0000000000001#RUN_HELD", "eventType": "RUN_HELD", "detail": '{"detail": {"rules": 3}}'},
        {"SK": "0000000000001#RUN_HELD", "eventType": "RUN_HELD", "detail": '{"detail": {"rules": [3, null]}}'},
        {"SK": "9" * 40, "eventType": "RUN_HELD", "detail": '{"detail": {"rules": []}}'},
        {"SK": "0000000000001#RUN_HELD", "eventType": "RUN_HELD", "detail": "[" * 100_000},
        held(0, "many"),
        held(0, None),
        held(0, "nan"),
        held(0, "inf"),
    ],
)
def test_an_event_without_numbers_is_left_out(row: dict[str, Any]) -> None:
    (chart,) = draw_observed([row, held(1, "1"), held(2, "2")], (), ZONE, None)
    assert len(chart.points) == 2


def test_the_largest_numbers_stay_in_the_picture() -> None:
    (chart,) = draw_observed([held(0, "-1.7e308"), held(1, "1.7e308")], (), ZONE, None)
    assert all(0 <= point.y <= HEIGHT for point in chart.points)


def test_the_page_adds_the_present_value_of_a_held_run(site: Any, client: Any) -> None:
    site.all_states()
    row = held(-30, "703")
    site.row({"PK": "PIPELINE#held", "date": "2026-03-03", **row}, site.store.names.events)
    site.store.put_sensor("held", "landing", {"date": "2026-03-03", "count": 803, "updatedAt": "2026-03-03T11:50:00Z"})
    text = client.get("/run?pipeline=held&date=2026-03-03").text
    assert re.search(r"landing count gte 1000: 703 2026-03-03 12:30 CET \(11:30Z\), 803 2026-03-03 13:00 CET", text)
