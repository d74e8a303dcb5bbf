"""Moves queues along when a kept stack starts on another port: the server knows its queues by their address."""

from typing import Any
from urllib.parse import urlsplit

# Attributes that CreateQueue takes back as GetQueueAttributes gave them.
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
# What is interrupted in the middle comes back after this (s).
_HIDDEN_SECONDS = 30


def move_queues(client: Any, endpoint_url: str) -> int:
    """Give every queue with another address this endpoint's, messages and all; how many messages were moved.

    A message that was being handled when the stack stopped is hidden for its visibility timeout; it stays where it
    is, and its queue with it, until a later start.
    """
    moved = 0
    place = urlsplit(endpoint_url).netloc
    for page in client.get_paginator("list_queues").paginate():
        for url in page.get("QueueUrls", []):
            if urlsplit(url).netloc != place:
                moved += _move(client, url)
    return moved


def _move(client: Any, url: str) -> int:
    name = urlsplit(url).path.rpartition("/")[2]
    attributes = _attributes(client, url)
    kept = {key: value for key, value in attributes.items() if key in _SETTABLE and value}
    new = client.create_queue(QueueName=name, Attributes=kept)["QueueUrl"]
    moved = 0
    while batch := client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=_HIDDEN_SECONDS, MessageAttributeNames=["All"]
    ).get("Messages"):
        for message in batch:
            body, extra = message["Body"], message.get("MessageAttributes", {})
            client.send_message(QueueUrl=new, MessageBody=body, MessageAttributes=extra)
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        moved += len(batch)
    if _attributes(client, url)["ApproximateNumberOfMessagesNotVisible"] == "0":
        client.delete_queue(QueueUrl=url)
    return moved


def _attributes(client: Any, url: str) -> dict[str, str]:
    found: dict[str, str] = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found
