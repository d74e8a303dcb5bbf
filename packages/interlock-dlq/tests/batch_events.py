"""Lambda events of each source, made from a list of (lane, number, kind)."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any

Item = tuple[str, int, str]
"""The lane, the number within the whole feed, and the kind of a record, which its handler obeys."""

Event = dict[str, Any]


def _json(item: Item) -> str:
    return json.dumps({"lane": item[0], "number": item[1], "kind": item[2]})


def _base64(item: Item) -> str:
    return base64.b64encode(_json(item).encode()).decode()


def dynamodb(items: Sequence[Item]) -> Event:
    return {
        "Records": [
            {
                "eventID": f"id-{number}",
                "eventSource": "aws:dynamodb",
                "eventSourceARN": "arn:aws:dynamodb:eu-west-1:1:table/t/stream/s",
                "dynamodb": {
                    "SequenceNumber": str(1000 + number),
                    "NewImage": {"lane": {"S": lane}, "number": {"N": str(number)}, "kind": {"S": kind}},
                },
            }
            for lane, number, kind in items
        ]
    }


def kinesis(items: Sequence[Item]) -> Event:
    return {
        "Records": [
            {
                "eventID": f"shardId-0:{item[1]}",
                "eventSource": "aws:kinesis",
                "eventSourceARN": "arn:aws:kinesis:eu-west-1:1:stream/s",
                "kinesis": {"sequenceNumber": str(1000 + item[1]), "data": _base64(item)},
            }
            for item in items
        ]
    }


def sqs(items: Sequence[Item], name: str = "orders") -> Event:
    grouped = {"MessageGroupId": None} if name.endswith(".fifo") else {}
    return {
        "Records": [
            {
                "messageId": f"m-{item[1]}",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:eu-west-1:1:{name}",
                "attributes": {"ApproximateReceiveCount": "1", **dict.fromkeys(grouped, item[0])},
                "body": _json(item),
            }
            for item in items
        ]
    }


def fifo(items: Sequence[Item]) -> Event:
    return sqs(items, "orders.fifo")


def kafka(items: Sequence[Item]) -> Event:
    partitions: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        record = {"topic": "t", "partition": int(item[0]), "offset": item[1], "value": _base64(item)}
        partitions.setdefault(f"t-{item[0]}", []).append(record)
    return {"eventSource": "aws:kafka", "eventSourceArn": "arn:aws:kafka:eu-west-1:1:cluster/c", "records": partitions}


EVENTS: dict[str, Callable[[Sequence[Item]], Event]] = {
    "dynamodb": dynamodb,
    "kinesis": kinesis,
    "sqs": sqs,
    "fifo": fifo,
    "kafka": kafka,
}


def number_of(identifier: Any) -> int:
    """The number of the item that an identifier of a response names."""
    if isinstance(identifier, dict):
        return int(identifier["offset"])
    return int(identifier.removeprefix("m-")) % 1000
