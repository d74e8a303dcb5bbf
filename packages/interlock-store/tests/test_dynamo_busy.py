"""DynamoTables on a busy table: the calls that are tried again, their number, and errors that are raised at once."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from interlock_store import DynamoTables, TableBusy, TransactionRejected
from interlock_store._write import Check, Delete, Expect, Put, Update, Write

ONE: list[Write] = [Put("t", {"PK": "a", "SK": "1"})]
TWO: list[Write] = [Put("t", {"PK": "a", "SK": "1"}), Check("t", "a", "2", Expect(exists=True))]
TRIES = 8


def cancelled(*reasons: str) -> ClientError:
    error = {"Code": "TransactionCanceledException", "Message": "cancelled"}
    return ClientError({"Error": error, "CancellationReasons": [{"Code": code} for code in reasons]}, "x")  # type: ignore[typeddict-unknown-key]


def failed(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "x")


class Client:
    """A DynamoDB that gives its answers in order and records the requests."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def _answer(self, **request: Any) -> Any:
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    put_item = update_item = delete_item = transact_write_items = batch_get_item = _answer


class Pauses(list[float]):
    """Takes the place of sleeping."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def busy(pauses: Pauses) -> Callable[[Client], DynamoTables]:
    return lambda client: DynamoTables(client, sleep=pauses)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"]
)
def test_a_transaction_that_collides_is_sent_again_as_it_was(busy: Any, pauses: Pauses, code: str) -> None:
    client = Client(cancelled(code, "None"), cancelled("None", code), {})
    busy(client).transact(TWO)
    assert len(client.asked) == 3
    assert client.asked[0] == client.asked[1] == client.asked[2]
    assert len(pauses) == 2
    assert all(0 <= pause <= 2 for pause in pauses)


def test_a_table_that_stays_busy_is_said_to_be_busy(busy: Any, pauses: Pauses) -> None:
    client = Client(*[cancelled("TransactionConflict", "None")] * TRIES)
    with pytest.raises(TableBusy, match="8 times in a row"):
        busy(client).transact(TWO)
    assert (len(client.asked), len(pauses)) == (TRIES, TRIES - 1)


@pytest.mark.parametrize(
    ("reasons", "indexes"),
    [
        (("ConditionalCheckFailed", "None"), (0,)),
        (("None", "ConditionalCheckFailed"), (1,)),
        (("ConditionalCheckFailed", "TransactionConflict"), (0,)),
        (("ConditionalCheckFailed", "ConditionalCheckFailed"), (0, 1)),
    ],
)
def test_a_rejected_condition_is_an_answer_at_once(
    busy: Any, pauses: Pauses, reasons: tuple[str, ...], indexes: tuple[int, ...]
) -> None:
    with pytest.raises(TransactionRejected) as rejected:
        busy(Client(cancelled(*reasons))).transact(TWO)
    assert rejected.value.indexes == indexes
    assert pauses == []


@pytest.mark.parametrize("error", [cancelled("ValidationError", "None"), failed("AccessDeniedException")])
def test_trouble_is_neither_an_answer_nor_tried_again(busy: Any, pauses: Pauses, error: ClientError) -> None:
    for writes in (ONE, TWO):
        with pytest.raises(ClientError) as raised:
            busy(Client(error)).transact(writes)
        assert raised.value is error
    assert pauses == []


@pytest.mark.parametrize(
    "write",
    [Put("t", {"PK": "a", "SK": "1"}), Update("t", "a", "1", set={"n": 1}), Delete("t", "a", "1")],
    ids=["put", "update", "delete"],
)
def test_a_single_write_that_meets_a_transaction_is_sent_again(busy: Any, pauses: Pauses, write: Write) -> None:
    client = Client(failed("TransactionConflictException"), failed("TransactionConflictException"), {})
    busy(client).transact([write])
    assert client.asked[0] == client.asked[2]
    assert len(pauses) == 2


def test_a_single_write_whose_condition_fails_is_rejected(busy: Any, pauses: Pauses) -> None:
    with pytest.raises(TransactionRejected) as rejected:
        busy(Client(failed("ConditionalCheckFailedException"))).transact(ONE)
    assert rejected.value.indexes == (0,)
    assert pauses == []


def test_throttling_at_every_try_of_the_client_is_raised(busy: Any) -> None:
    for writes in (ONE, TWO):
        with pytest.raises(ClientError, match="ProvisionedThroughputExceededException"):
            busy(Client(failed("ProvisionedThroughputExceededException"))).transact(writes)


def keys(*numbers: int) -> dict[str, Any]:
    return {"t": {"Keys": [{"PK": {"S": "a"}, "SK": {"S": str(n)}} for n in numbers], "ConsistentRead": True}}


def rows(*numbers: int) -> dict[str, Any]:
    return {"t": [{"PK": {"S": "a"}, "SK": {"S": str(n)}} for n in numbers]}


def test_keys_that_were_not_read_are_asked_for_until_they_are(busy: Any, pauses: Pauses) -> None:
    client = Client(
        {"Responses": rows(1), "UnprocessedKeys": keys(2, 3)},
        {"Responses": {}, "UnprocessedKeys": keys(2, 3)},
        {"Responses": rows(2), "UnprocessedKeys": keys(3)},
        {"Responses": rows(3), "UnprocessedKeys": {}},
    )
    found = busy(client).get_many("t", [("a", "1"), ("a", "2"), ("a", "3")])
    assert [sk for _, sk in found] == ["1", "2", "3"]
    assert [len(asked["RequestItems"]["t"]["Keys"]) for asked in client.asked] == [3, 2, 2, 1]
    assert len(pauses) == 1


def test_a_batch_of_which_nothing_is_ever_read_is_a_busy_table(busy: Any) -> None:
    client = Client(*[{"Responses": {}, "UnprocessedKeys": keys(1)}] * TRIES)
    with pytest.raises(TableBusy):
        busy(client).get_many("t", [("a", "1")])
    assert len(client.asked) == TRIES
