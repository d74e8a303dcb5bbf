"""Moves queues when a kept stack starts on another port, since the server knows its queues by their address."""

from typing import Any
from urllib.parse import urlsplit

# Attributes that CreateQueue accepts in the form of GetQueueAttributes.
_SETTABLE = (
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)
_ORDER = ("MessageGroupId", "MessageDeduplicationId")
# Seconds after which the messages of an interrupted move are visible again.
_HIDDEN_SECONDS = 30


def move_queues(client: Any, endpoint_url: str) -> int:
    """Move each queue with another address to this endpoint, and return the number of moved messages.

    A message that is hidden stays in its old queue until a later start. The server releases hidden messages at its
    start, so that only an interrupted move hides any.
    """
    place = urlsplit(endpoint_url).netloc
    pages = client.get_paginator("list_queues").paginate()
    urls = [url for page in pages for url in page.get("QueueUrls", [])]
    here = {_name(url) for url in urls if urlsplit(url).netloc == place}
    return sum(_move(client, url, alone=_name(url) not in here) for url in urls if urlsplit(url).netloc != place)


def _move(client: Any, url: str, *, alone: bool) -> int:
    attributes = _attributes(client, url)
    messages = _receive_all(client, url)
    left = _attributes(client, url)
    hidden = int(left["ApproximateNumberOfMessagesNotVisible"])
    # A FIFO queue hands out the next messages of a group only after the earlier ones were deleted.
    waiting = int(left["ApproximateNumberOfMessages"])
    # A queue is deleted by its name, which would delete an existing new queue.
    deleted = alone and hidden == len(messages) and not waiting
    if deleted:
        client.delete_queue(QueueUrl=url)
    kept = {key: value for key, value in attributes.items() if key in _SETTABLE and value} if alone else {}
    new = client.create_queue(QueueName=_name(url), Attributes=kept)["QueueUrl"]
    moved = 0
    while messages:
        for message in messages:
            client.send_message(QueueUrl=new, **_copied(message))
            if not deleted:
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        moved += len(messages)
        messages = [] if deleted else _receive_all(client, url)
    return moved


def _copied(message: dict[str, Any]) -> dict[str, Any]:
    """The parameters that send the message again, to a FIFO queue with its group."""
    order = {name: value for name, value in message.get("Attributes", {}).items() if name in _ORDER}
    return {"MessageBody": message["Body"], "MessageAttributes": message.get("MessageAttributes", {}), **order}


def _name(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]


def _receive_all(client: Any, url: str) -> list[Any]:
    messages: list[Any] = []
    while batch := client.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=_HIDDEN_SECONDS,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=list(_ORDER),
    ).get("Messages"):
        messages += batch
    return messages


def _attributes(client: Any, url: str) -> dict[str, str]:
    found: dict[str, str] = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found
