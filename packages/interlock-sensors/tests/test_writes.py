"""Writes to DynamoDB: each content once, in batches, with what other writers and lost answers leave behind."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import botocore.exceptions
import pytest

from interlock_sensors import InvalidRow, NotWritten, Reading, Sensors

CONTROL, JOBLOG = "prod-interlock-control", "prod-interlock-joblog"
DAY = "2026-03-03"
FIELDS: dict[str, Any] = {
    "count": 1.50,
    "big": Decimal("1E+3"),
    "complete": True,
    "tags": {"b", "a"},
    "sizes": {3, 1, 2},
    "nested": {"list": [1, None, {"a": "b"}]},
}


def test_a_repeated_reading_is_not_written_again(client: Any, sensors: Sensors, clock: Any) -> None:
    assert sensors.put("orders", "landing", date=DAY, **FIELDS)
    before = client.rows()
    clock.pass_by(minutes=5)
    assert not sensors.put("orders", "landing", date=DAY, **FIELDS)
    assert client.rows() == before
    assert client.calls == ["put_item", "put_item"]


def test_the_notation_of_the_table_does_not_matter(client: Any, sensors: Sensors) -> None:
    """DynamoDB returns sets in an order of its own, and numbers without zeros at their ends."""
    sensors.put("orders", "landing", date=DAY, **FIELDS)
    [row] = client.rows()
    fields = row["data"]["M"]
    fields.update(tags={"SS": fields["tags"]["SS"][::-1]}, sizes={"NS": ["3.0", "2", "1"]}, count={"N": "1.500"})
    fields["big"] = {"N": "1000"}
    client.client.put_item(TableName=CONTROL, Item=row)
    assert not sensors.put("orders", "landing", date=DAY, **FIELDS)
    assert sensors.put_many([Reading("orders", "landing", date=DAY, **FIELDS)]) == 0


@pytest.mark.parametrize(
    "change",
    [{"count": 2}, {"complete": 1}, {"complete": "true"}, {"tags": {"a"}}, {"sizes": [1, 2, 3]}, {"more": None}],
    ids=str,
)
def test_another_content_is_written(client: Any, sensors: Sensors, clock: Any, change: dict[str, Any]) -> None:
    sensors.put("orders", "landing", date=DAY, **FIELDS)
    clock.pass_by(minutes=5)
    assert sensors.put("orders", "landing", date=DAY, **{**FIELDS, **change})
    [row] = client.rows()
    assert row["data"]["M"]["updatedAt"] == {"S": "2026-03-03T22:45:00.000000Z"}


def test_a_field_that_is_gone_is_another_content(client: Any, sensors: Sensors) -> None:
    sensors.put("orders", "landing", date=DAY, count=1, extra=2)
    assert sensors.put("orders", "landing", date=DAY, count=1)
    assert "extra" not in client.rows()[0]["data"]["M"]


def test_a_given_time_is_part_of_the_content(sensors: Sensors, clock: Any) -> None:
    assert sensors.put("orders", "landing", date=DAY, updated_at=clock.now)
    written = clock.now
    clock.pass_by(minutes=5)
    assert sensors.put("orders", "landing", date=DAY, updated_at=clock.now)
    assert not sensors.put("orders", "landing", date=DAY)
    assert sensors.put("orders", "landing", date=DAY, updated_at=written)


def test_a_row_at_the_end_of_its_life_is_written_again(sensors: Sensors, clock: Any) -> None:
    """DynamoDB deletes expired rows later, and the reading would be lost with the row."""
    assert sensors.put("orders", "landing", date=DAY, count=1)
    clock.pass_by(days=399)
    assert not sensors.put("orders", "landing", date=DAY, count=1)
    clock.pass_by(days=2)
    assert sensors.put("orders", "landing", date=DAY, count=1)


def test_a_row_of_another_writer_is_replaced(client: Any, sensors: Sensors) -> None:
    keys = {"PK": {"S": "PIPELINE#orders"}, "SK": {"S": f"SENSOR#landing#{DAY}"}}
    for other in ({"count": {"N": "1"}}, {"data": {"S": "text"}}, {"ttl": {"N": "99999999999"}}):
        client.client.put_item(TableName=CONTROL, Item={**keys, **other})
        assert sensors.put("orders", "landing", date=DAY, count=1)
        assert client.rows()[0]["data"]["M"]["count"] == {"N": "1"}


def test_a_lost_answer_leaves_one_row(client: Any, sensors: Sensors) -> None:
    """botocore sends the request again, and the second answer is that the row exists."""
    plain = client.client.put_item
    client.instead["put_item"] = lambda **request: (plain(**request), plain(**request))[1]
    assert not sensors.put("orders", "landing", date=DAY, count=1)
    assert not sensors.report_job("orders", date=DAY, event="success")
    assert (len(client.rows()), len(client.rows(JOBLOG))) == (1, 1)


def test_an_endpoint_without_the_old_row_is_written(client: Any, sensors: Sensors) -> None:
    """Some endpoints do not return the row. Then the comparison is impossible, and the reading is not lost."""
    sensors.put("orders", "landing", date=DAY, count=1)
    plain = client.client.put_item

    def without_row(**request: Any) -> Any:
        request.pop("ReturnValuesOnConditionCheckFailure", None)
        return plain(**request)

    client.instead["put_item"] = without_row
    assert sensors.put("orders", "landing", date=DAY, count=2)
    assert client.rows()[0]["data"]["M"]["count"] == {"N": "2"}


def test_an_error_of_the_client_is_raised(client: Any, sensors: Sensors) -> None:
    client.client.delete_table(TableName=CONTROL)
    with pytest.raises(botocore.exceptions.ClientError, match="ResourceNotFoundException"):
        sensors.put("orders", "landing", date=DAY)


def readings(count: int, value: int = 1) -> list[Reading]:
    return [Reading("orders", f"table-{number}", date=DAY, count=value) for number in range(count)]


def test_a_batch_writes_what_is_changed(client: Any, sensors: Sensors) -> None:
    assert sensors.put_many(iter(readings(230))) == 230
    assert len(client.rows()) == 230
    assert (client.calls.count("batch_get_item"), client.calls.count("batch_write_item")) == (3, 10)
    reads = [request["RequestItems"][CONTROL] for request in client.requests if CONTROL in str(request)]
    assert all(read["ConsistentRead"] for read in reads if "Keys" in read)  # an older copy could hide a change
    client.calls.clear()
    changed = readings(3, value=2) + readings(230)[3:]
    assert sensors.put_many(changed) == 3
    assert sorted(client.calls) == ["batch_get_item"] * 3 + ["batch_write_item"]
    assert sensors.put_many([]) == 0


def test_a_batch_and_a_single_write_have_one_form(client: Any, sensors: Sensors) -> None:
    # moto for Python 3.9 has no bytes in the rows of errors and no sets of bytes.
    fields = {**FIELDS, "raw": b"\x01"}
    sensors.put("orders", "landing", date=DAY, **fields)
    assert sensors.put_many([Reading("orders", "landing", date=DAY, **fields)]) == 0


def test_a_throttled_batch_is_sent_again(client: Any, sensors: Sensors, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)

    def one_at_a_time(*, RequestItems: dict[str, Any]) -> Any:  # noqa: N803
        [(table, requests)] = RequestItems.items()
        client.client.batch_write_item(RequestItems={table: requests[:1]})
        return {"UnprocessedItems": {table: requests[1:]} if requests[1:] else {}}

    client.instead["batch_write_item"] = one_at_a_time
    assert sensors.put_many(readings(4)) == 4
    assert len(client.rows()) == 4
    assert [second > 0 for second in slept if second] == [True] * 3


def test_a_batch_that_stays_throttled_is_an_error(
    client: Any, sensors: Sensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    client.instead["batch_write_item"] = lambda *, RequestItems: {"UnprocessedItems": RequestItems}  # noqa: N803
    with pytest.raises(NotWritten, match="throttled 3 rows of a batch at each of 9 tries") as raised:
        sensors.put_many(readings(3))
    assert len(raised.value.requests) == 3
    client.instead["batch_get_item"] = lambda *, RequestItems: {  # noqa: N803
        "Responses": {},
        "UnprocessedKeys": RequestItems,
    }
    with pytest.raises(NotWritten, match="throttled 3 rows"):
        sensors.put_many(readings(3))
    client.instead.clear()
    assert sensors.put_many(readings(3)) == 3


def test_outcomes_of_one_millisecond_both_stay(client: Any, sensors: Sensors, clock: Any) -> None:
    assert sensors.report_job("orders", date=DAY, event="fail", error="no disk", category="TRANSIENT", duration=1.5)
    assert sensors.report_job("orders", date=DAY, event="success", run_id="jr_1")
    assert not sensors.report_job("orders", date=DAY, event="success", run_id="jr_1")
    stamp = int(clock.now.timestamp() * 1000)
    rows = {row["SK"]["S"]: row for row in client.rows(JOBLOG)}
    first, second = (f"JOB#stream#{DAY}#{number}" for number in (stamp, stamp + 1))
    assert rows.keys() == {first, second}
    assert rows[first] == {
        "PK": {"S": "PIPELINE#orders"},
        "SK": {"S": first},
        "event": {"S": "fail"},
        "error": {"S": "no disk"},
        "category": {"S": "TRANSIENT"},
        "duration": {"N": "1.5"},
        "ttl": {"N": str(int(clock.now.timestamp()) + 30 * 86400)},
    }
    assert rows[second]["runId"] == {"S": "jr_1"}


def test_an_invalid_outcome_names_all_problems(client: Any, sensors: Sensors) -> None:
    with pytest.raises(InvalidRow) as raised:
        sensors.report_job(
            "orders",
            date="soon",
            event="rerun-accepted",
            schedule="daily",
            run_id=3,
            duration=-1,
            category="BAD",
            error="",
        )
    places = [problem.partition(":")[0] for problem in raised.value.problems]
    assert places == ["event", "category", "run_id", "error", "duration", "schedule", "date"]
    for duration in (float("nan"), "1", True):
        with pytest.raises(InvalidRow, match="duration"):
            sensors.report_job("orders", date=DAY, event="success", duration=duration)
    assert client.rows(JOBLOG) == []


def test_a_repeated_request_is_not_written_again(client: Any, sensors: Sensors, clock: Any) -> None:
    asked = {"reason": "corrected file", "requested_by": "loader", "note": "ticket 5", "requested_at": "load-17"}
    assert sensors.request_rerun("orders", date="2026-03-03T07", schedule="cron", abandon_previous=True, **asked)
    [row] = client.rows()
    assert row == {
        "PK": {"S": "PIPELINE#orders"},
        "SK": {"S": "RERUN_REQUEST#cron#2026-03-03T07"},
        "requestedAt": {"S": "load-17"},
        "reason": {"S": "corrected file"},
        "requestedBy": {"S": "loader"},
        "note": {"S": "ticket 5"},
        "abandonPrevious": {"BOOL": True},
    }
    answered = {**row, "handledAt": {"S": "2026-03-03T23:00:00.000000Z"}, "outcome": {"S": "accepted"}}
    client.client.put_item(TableName=CONTROL, Item=answered)
    assert not sensors.request_rerun("orders", date="2026-03-03T07", schedule="cron", abandon_previous=True, **asked)
    assert client.rows() == [answered]
    assert sensors.request_rerun("orders", date="2026-03-03T07", schedule="cron")
    assert client.rows()[0]["requestedAt"] == {"S": "2026-03-03T22:40:00.000000Z"}


def test_an_invalid_request_names_all_problems(client: Any, sensors: Sensors) -> None:
    with pytest.raises(InvalidRow) as raised:
        sensors.request_rerun(
            "o o", date=DAY, hour=25, schedule=None, reason="late-data", note=3, requested_at="", abandon_previous="yes"
        )  # fmt: skip
    places = [problem.partition(":")[0] for problem in raised.value.problems]
    assert places == ["reason", "note", "requested_at", "abandon_previous", "schedule", "hour", "pipeline"]
    assert client.rows() == []
