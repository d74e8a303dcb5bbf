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
    place = urlsplit(endpoint_url).netloc
    pages = client.get_paginator("list_queues").paginate()
    urls = [url for page in pages for url in page.get("QueueUrls", [])]
    here = {_name(url) for url in urls if urlsplit(url).netloc == place}
    return sum(_move(client, url, alone=_name(url) not in here) for url in urls if urlsplit(url).netloc != place)


def _move(client: Any, url: str, *, alone: bool) -> int:
    attributes = _attributes(client, url)
    messages = _receive_all(client, url)
    hidden = int(_attributes(client, url)["ApproximateNumberOfMessagesNotVisible"])
    # Deleting goes by the name: it would take the new queue away, if there is one already.
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
