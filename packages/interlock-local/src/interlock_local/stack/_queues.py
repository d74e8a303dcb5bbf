"""Moves queues when a kept stack starts on another port, since the server knows its queues by their address."""

from typing import Any
from urllib.parse import urlsplit

# Attributes that CreateQueue accepts in the form of GetQueueAttributes.
_SETTABLE = (
    "DelaySeconds",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)
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
    hidden = int(_attributes(client, url)["ApproximateNumberOfMessagesNotVisible"])
    # A queue is deleted by its name, which would delete an existing new queue.
    deleted = alone and hidden == len(messages)
    if deleted:
        client.delete_queue(QueueUrl=url)
    kept = {key: value for key, value in attributes.items() if key in _SETTABLE and value} if alone else {}
    new = client.create_queue(QueueName=_name(url), Attributes=kept)["QueueUrl"]
    for message in messages:
        body, extra = message["Body"], message.get("MessageAttributes", {})
        client.send_message(QueueUrl=new, MessageBody=body, MessageAttributes=extra)
        if not deleted:
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return len(messages)


def _name(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]


def _receive_all(client: Any, url: str) -> list[Any]:
    messages: list[Any] = []
    while batch := client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=_HIDDEN_SECONDS, MessageAttributeNames=["All"]
    ).get("Messages"):
        messages += batch
    return messages


def _attributes(client: Any, url: str) -> dict[str, str]:
    found: dict[str, str] = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found
