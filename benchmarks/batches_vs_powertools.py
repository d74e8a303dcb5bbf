"""Times batches of records: interlock-dlq against the batch utility of aws-lambda-powertools.

`uv run nox -s bench` prints the figures and asserts nothing. Both sides handle the same records with a handler that
does nothing, so the figures are the cost of the library per record. Each round times both sides, one after the other.

The powertools side is `process_partial_response` with a processor that is made once per process, as its documentation
shows. Its typed side uses a pydantic model, and that of interlock-dlq a msgspec type.
"""

import json
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from msgspec import Struct

from interlock_dlq import NullRouter, process_batch

ROUNDS = 15
SIZES = (10, 100, 10_000)
Event = dict[str, Any]


class Order(Struct):
    """The content of a message."""

    id: int
    state: str


def queue(size: int) -> Event:
    """A batch of an SQS queue."""
    attributes = {"ApproximateReceiveCount": "1"}
    return {
        "Records": [
            {
                "messageId": f"m-{number}",
                "body": json.dumps({"id": number, "state": "open"}),
                "attributes": attributes,
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:orders",
            }
            for number in range(size)
        ]
    }


def fifo(size: int) -> Event:
    """A batch of a FIFO queue with ten groups."""
    event = queue(size)
    for number, record in enumerate(event["Records"]):
        record["attributes"] = {"MessageGroupId": str(number % 10)}
        record["eventSourceARN"] += ".fifo"
    return event


def table(size: int) -> Event:
    """A batch of a DynamoDB stream."""
    image = {"id": {"N": "1"}, "state": {"S": "open"}}
    return {
        "Records": [
            {
                "eventID": str(number),
                "eventSource": "aws:dynamodb",
                "dynamodb": {"SequenceNumber": str(number), "NewImage": image},
            }
            for number in range(1, size + 1)
        ]
    }


def kinesis(size: int) -> Event:
    """A batch of a Kinesis stream."""
    return {
        "Records": [
            {
                "eventID": f"shard:{number}",
                "eventSource": "aws:kinesis",
                "kinesis": {"sequenceNumber": str(number), "data": "e30="},
            }
            for number in range(1, size + 1)
        ]
    }


def handle(record: Any) -> None:
    """Handle a record or its content."""


def ours(event: Event) -> object:
    """The response of interlock-dlq."""
    return process_batch(event, handle, NullRouter()).response()


def ours_typed(event: Event) -> object:
    """The response of interlock-dlq with a typed handler."""
    return process_batch(event, handle, NullRouter(), into=Order).response()


def theirs() -> dict[str, Callable[[Event], object]]:
    """The functions of powertools, by the kind of batch."""
    from aws_lambda_powertools.utilities.batch import (
        BatchProcessor,
        EventType,
        SqsFifoPartialProcessor,
        process_partial_response,
    )
    from pydantic import BaseModel, Json

    class PydanticOrder(BaseModel):
        id: int
        state: str

    class Message(BaseModel):
        messageId: str  # noqa: N815 - the name on the wire
        body: Json[PydanticOrder]

    def with_processor(processor: Any) -> Callable[[Event], object]:
        return lambda event: process_partial_response(event, handle, processor)

    return {
        "SQS": with_processor(BatchProcessor(EventType.SQS)),
        "FIFO": with_processor(SqsFifoPartialProcessor(skip_group_on_error=True)),
        "DynamoDB": with_processor(BatchProcessor(EventType.DynamoDBStreams)),
        "Kinesis": with_processor(BatchProcessor(EventType.KinesisDataStreams)),
        "SQS, typed": with_processor(BatchProcessor(EventType.SQS, model=Message)),
    }


def seconds(work: Callable[[Event], object], event: Event, repeats: int) -> float:
    """The time of one call."""
    began = time.perf_counter()
    for _ in range(repeats):
        work(event)
    return (time.perf_counter() - began) / repeats


def compare(name: str, event: Event, mine: Callable[[Event], object], other: Callable[[Event], object]) -> None:
    """Print the best time of each side for one batch."""
    size = len(event["Records"])
    repeats = max(1, 2_000 // size)
    rounds = [(seconds(mine, event, repeats), seconds(other, event, repeats)) for _ in range(ROUNDS)]
    best = [min(times) / size * 1e6 for times in zip(*rounds, strict=True)]
    ratio = best[0] / best[1]
    verdict = "met" if ratio <= 1 else "MISSED"
    print(f"{name:12} {size:7,} records {best[0]:9.2f} µs {best[1]:9.2f} µs {ratio:8.2f}   {verdict}")


def main() -> None:
    """Time all kinds of batches, and print one line for each."""
    try:
        others = theirs()
    except ImportError:
        print("aws-lambda-powertools or pydantic is not installed, so there is nothing to compare with")
        return
    rival = f"aws-lambda-powertools {version('aws-lambda-powertools')}"
    print(f"per record, best of {ROUNDS} rounds: interlock-dlq, {rival}, ratio")
    kinds = {"SQS": queue, "FIFO": fifo, "DynamoDB": table, "Kinesis": kinesis, "SQS, typed": queue}
    for name, make in kinds.items():
        for size in SIZES:
            compare(name, make(size), ours_typed if "typed" in name else ours, others[name])


if __name__ == "__main__":
    main()
