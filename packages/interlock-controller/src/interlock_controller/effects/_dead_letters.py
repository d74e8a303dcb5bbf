"""Picks a Lambda's place for dead letters by its environment variables."""

from collections.abc import Callable

from interlock_dlq import LogRouter, Router, SqsClient, SqsRouter
from interlock_telemetry import Settings, out_of_time, pause


def dead_letters_of_environment(settings: Settings, make_client: Callable[[], SqsClient]) -> Router:
    """The queue at DLQ_QUEUE_URL, or the log if that variable is not set.

    `make_client` makes the boto3 client of SQS. It is only called if there is a queue.
    """
    if settings.dlq_queue_url is None:
        return LogRouter()
    retries = settings.dlq_max_retries
    return SqsRouter(settings.dlq_queue_url, make_client(), max_retries=retries, sleep=pause, expired=out_of_time)
