"""One holder may work on a row, until its lease runs out."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from interlock_alert_dispatcher.leases import Done, Held, Key, Lease, LeasedRows

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "test-interlock-events"
KEY = Key("PIPELINE#bronze", "THREAD#cron#2026-03-03")
SECOND = timedelta(seconds=1)


@pytest.fixture
def rows(dynamodb: "DynamoDBClient") -> LeasedRows:
    return LeasedRows(dynamodb, TABLE, timedelta(days=2), length=30 * SECOND)


def stored(client: "DynamoDBClient") -> dict[str, Any]:
    return client.get_item(TableName=TABLE, Key=KEY.wire()).get("Item", {})


def test_only_one_holder_gets_the_lease(rows: LeasedRows, clock: Any) -> None:
    assert isinstance(rows.take(KEY, clock.now()), Lease)
    assert rows.take(KEY, clock.now()) == Held(KEY)


@pytest.mark.parametrize(("after", "taken_over"), [(29, False), (30, False), (31, True)])
def test_the_lease_of_a_crashed_holder_is_taken_over_at_its_end(
    rows: LeasedRows, clock: Any, after: int, taken_over: bool
) -> None:
    rows.take(KEY, clock.now())
    assert isinstance(rows.take(KEY, clock.now() + after * SECOND), Lease) is taken_over


def test_a_released_row_may_be_leased_at_once(rows: LeasedRows, clock: Any) -> None:
    first = rows.take(KEY, clock.now())
    assert isinstance(first, Lease)
    rows.release(first)
    assert isinstance(rows.take(KEY, clock.now()), Lease)


def test_a_finished_row_is_never_leased_again(rows: LeasedRows, clock: Any, dynamodb: "DynamoDBClient") -> None:
    lease = rows.take(KEY, clock.now())
    assert isinstance(lease, Lease)
    assert rows.finish(lease, clock.now(), "17.1", channelId="C1") is True
    later = clock.now() + timedelta(hours=1)
    found = rows.take(KEY, later)
    assert isinstance(found, Done)
    assert found == rows.find(KEY)
    assert (found.texts["threadTs"], found.texts["channelId"]) == ("17.1", "C1")
    assert found.texts["createdAt"] == clock.now().isoformat()
    row = stored(dynamodb)
    assert not {"leaseUntil", "leasedBy"} & row.keys()
    assert int(row["ttl"]["N"]) == round((clock.now() + timedelta(days=2)).timestamp())


def test_a_lost_lease_can_be_neither_finished_nor_released(
    rows: LeasedRows, clock: Any, dynamodb: "DynamoDBClient"
) -> None:
    lost = rows.take(KEY, clock.now())
    late = clock.now() + 31 * SECOND
    assert isinstance(lost, Lease)
    assert isinstance(rows.take(KEY, late), Lease)
    before = stored(dynamodb)
    assert rows.finish(lost, late, "17.1") is False
    rows.release(lost)
    assert stored(dynamodb) == before


def test_a_leased_row_is_not_found_as_done(rows: LeasedRows, clock: Any) -> None:
    rows.take(KEY, clock.now())
    assert rows.find(KEY) is None


def test_a_forgotten_row_may_be_done_again_once(rows: LeasedRows, clock: Any) -> None:
    def do(ts: str) -> Done:
        lease = rows.take(KEY, clock.now())
        assert isinstance(lease, Lease)
        rows.finish(lease, clock.now(), ts)
        done = rows.find(KEY)
        assert done is not None
        return done

    old = do("17.1")
    rows.forget(old)
    new = do("17.2")
    rows.forget(old)
    assert rows.find(KEY) == new


def test_a_row_of_a_crashed_holder_expires_too(rows: LeasedRows, clock: Any, dynamodb: "DynamoDBClient") -> None:
    rows.take(KEY, clock.now())
    assert int(stored(dynamodb)["ttl"]["N"]) == round((clock.now() + timedelta(days=2)).timestamp())


def test_a_ping_writes_nothing_and_notices_a_missing_table(rows: LeasedRows, dynamodb: "DynamoDBClient") -> None:
    rows.ping()
    assert dynamodb.scan(TableName=TABLE)["Items"] == []
    dynamodb.delete_table(TableName=TABLE)
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        rows.ping()
