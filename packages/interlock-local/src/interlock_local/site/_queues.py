"""The bus and the queues of a deployment."""

import json

from interlock_local.site._site import Queue, Site

DEAD_LETTERS = (
    "alert-dlq",
    "event-sink-dlq",
    "sr-control-dlq",
    "sr-joblog-dlq",
    "async-dlq",
    "job-events-dlq",
    "sensor-inbox-dlq.fifo",
)
"""The dead-letter queues of a deployment."""

# The queues that functions read, each with its dead-letter queue, receives and visibility timeout in seconds.
_READ = {
    "alerts": ("alert-dlq", 10, 360),
    "event-sink": ("event-sink-dlq", 240, 362),
    "sensor-inbox.fifo": ("sensor-inbox-dlq.fifo", 720, 120),
    "job-events": ("job-events-dlq", 30, 120),
}

READ_QUEUES = tuple(_READ)
"""The queues that functions read."""

_PER_GROUP = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
"""The attributes of a FIFO queue: order and limits count per message group."""


class Messaging:
    """Creates and updates the bus and the queues."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def bus(self) -> None:
        client = self._site.clients("events")
        try:
            client.create_event_bus(Name=self._site.name("bus"))
        except client.exceptions.ResourceAlreadyExistsException:
            return

    def queues(self) -> dict[str, Queue]:
        found = {name: self._queue(name) for name in DEAD_LETTERS}
        for name, (dead_letters, receives, visibility) in _READ.items():
            redrive = json.dumps({"deadLetterTargetArn": found[dead_letters].arn, "maxReceiveCount": receives})
            found[name] = self._queue(name, RedrivePolicy=redrive, VisibilityTimeout=str(visibility))
        for name, queue in found.items():
            # No rule sends to the sensor inbox and to the letters of streams. The policies of roles permit them.
            if not name.startswith(("sensor-inbox", "sr-")):
                policy = _queue_policy(queue.arn, self._site.account)
                self._site.clients("sqs").set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": policy})
        return found

    def _queue(self, thing: str, **attributes: str) -> Queue:
        client = self._site.clients("sqs")
        name = self._site.name(thing)
        order = _PER_GROUP if name.endswith(".fifo") else {}
        fixed = {"SqsManagedSseEnabled": "true", "MessageRetentionPeriod": "1209600", **order, **attributes}
        try:
            kind = {"FifoQueue": "true"} if order else {}
            url = client.create_queue(QueueName=name, Attributes={**kind, **fixed})["QueueUrl"]
        except client.exceptions.QueueNameExists:
            url = client.get_queue_url(QueueName=name)["QueueUrl"]
            client.set_queue_attributes(QueueUrl=url, Attributes=fixed)
        return Queue(url, self._site.arn("sqs", name))


def _queue_policy(arn: str, account: str) -> str:
    """The policy that only lets EventBridge of this account send."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
