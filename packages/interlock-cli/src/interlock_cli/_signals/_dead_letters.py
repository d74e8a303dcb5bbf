"""Counts the messages in the dead-letter queues of a deployment."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from interlock_cli._deployment._deployment import Deployment

QUEUES = (
    "alert-dlq",
    "async-dlq",
    "event-sink-dlq",
    "sr-control-dlq",
    "sr-joblog-dlq",
    "job-events-dlq",
    "sensor-inbox-dlq.fifo",
)
"""The dead-letter queues of a deployment, without the prefix of their names (infra/modules/names)."""

_ABSENT = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


class DeadLetters(Struct, frozen=True):
    """The number of messages by queue name. `problem`: the reason if the queues cannot be read, or ""."""

    counts: dict[str, int]
    problem: str = ""

    @property
    def sentence(self) -> str:
        """The queues with messages in one line, or the reason of their absence."""
        if self.problem:
            return f"dead letters are unknown: {self.problem}"
        waiting = [f"{count} in {name}" for name, count in self.counts.items() if count]
        return f"dead letters wait: {', '.join(waiting)}" if waiting else "no dead letters wait"

    @property
    def are_fine(self) -> bool:
        """Whether the queues are known to be empty."""
        return not self.problem and not any(self.counts.values())


def count_dead_letters(where: Deployment) -> DeadLetters:
    """Read the lengths of the queues. SQS counts approximately. An error is a part of the result."""
    try:
        counts = dict(_counts(where.client("sqs"), where.environment))
    except ClientError as error:
        code = str(error.response["Error"].get("Code", ""))
        needs = "the command needs the permissions sqs:GetQueueUrl and sqs:GetQueueAttributes"
        return DeadLetters({}, needs if code in _DENIED else f"SQS answered {code or error}")
    except BotoCoreError as error:
        return DeadLetters({}, f"SQS cannot be asked: {error}")
    return DeadLetters(counts) if counts else DeadLetters({}, f"{where.environment!r} has no dead-letter queue")


def _counts(client: Any, environment: str) -> Iterator[tuple[str, int]]:
    """Name and length of each queue that exists. A deployment may leave out a service with its queue."""
    for queue in QUEUES:
        url = queue_url(client, environment, queue)
        if url is not None:
            found = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))["Attributes"]
            yield f"{environment}-interlock-{queue}", sum(int(found.get(count, 0)) for count in _COUNTS)


def count_hidden(client: Any, url: str) -> int:
    """The number of messages that readers hold, such as the letters of a killed redrive. SQS counts approximately."""
    name = "ApproximateNumberOfMessagesNotVisible"
    return int(client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def queue_url(client: Any, environment: str, queue: str) -> str | None:
    """The address of a queue of the deployment, None if it does not exist."""
    try:
        return str(client.get_queue_url(QueueName=f"{environment}-interlock-{queue}")["QueueUrl"])
    except ClientError as error:
        if error.response["Error"].get("Code") not in _ABSENT:
            raise
        return None
