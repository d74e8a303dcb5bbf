"""The recorder answers and keeps rows as a table does."""

from __future__ import annotations

from typing import Any

from interlock_sensors import Reading, RecordedSensors, Sensors

DAY = "2026-03-03"


def story(sensors: Sensors) -> list[Any]:
    """The answers to some calls."""
    return [
        sensors.put("orders", "landing", date=DAY, count=1, tags={"a", "b"}),
        sensors.put("orders", "landing", date=DAY, count=1, tags={"b", "a"}),
        sensors.put("orders", "landing", date=DAY, count=2),
        sensors.put_many([Reading("orders", "landing", date=DAY, count=2), Reading("orders", "other", date=DAY)]),
        sensors.report_job("orders", date=DAY, event="success"),
        sensors.report_job("orders", date=DAY, event="success"),
        sensors.report_job("orders", date=DAY, event="fail"),
        sensors.request_rerun("orders", date=DAY, requested_at="a"),
        sensors.request_rerun("orders", date=DAY, requested_at="a"),
        sensors.request_rerun("orders", date=DAY, requested_at="b"),
    ]


def test_the_recorder_answers_as_a_table(client: Any, sensors: Sensors, clock: Any) -> None:
    recorded = RecordedSensors("prod", clock=clock)
    assert story(recorded) == story(sensors)
    assert story(recorded)[:2] == [True, False]
    in_table = {row["SK"]["S"] for table in ("control", "joblog") for row in client.rows(f"prod-interlock-{table}")}
    assert {row["SK"] for row in recorded.writes} == in_table


def test_bytes_and_their_sets_are_compared() -> None:
    recorded = RecordedSensors()
    assert recorded.put("orders", "landing", date=DAY, raw=b"a", parts={b"a", b"b"})
    assert not recorded.put("orders", "landing", date=DAY, raw=bytearray(b"a"), parts={b"b", b"a"})
    assert recorded.put("orders", "landing", date=DAY, raw=b"a", parts={b"b"})


def test_the_recorder_keeps_the_last_fields_of_a_row() -> None:
    recorded = RecordedSensors()
    assert recorded.fields("orders", f"landing#{DAY}") is None
    recorded.put("orders", "landing", date=DAY, count=1)
    recorded.put("orders", "landing", date=DAY, count=2)
    fields = recorded.fields("orders", f"landing#{DAY}")
    assert fields is not None
    assert fields["count"] == 2
    assert [row["data"]["count"] for row in recorded.writes] == [1, 2]
