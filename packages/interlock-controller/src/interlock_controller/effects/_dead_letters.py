"""Picks a Lambda's place for dead letters by its environment variables."""

from collections.abc import Callable

from interlock_dlq import LetterBucket, LogRouter, Router, SqsClient, SqsRouter
from interlock_telemetry import Settings, aws_client, out_of_time, pause


def dead_letters_of_environment(settings: Settings, make_client: Callable[[], SqsClient]) -> Router:
    """The queue at DLQ_QUEUE_URL, or the log if that variable is not set.

    `make_client` makes the boto3 client of SQS. It is only called if there is a queue.
    """
    if settings.dlq_queue_url is None:
        return LogRouter()
    return queue_of(settings, settings.dlq_queue_url, make_client())


def queue_of(settings: Settings, url: str, client: SqsClient) -> Router:
    """The dead-letter queue at `url`. Letters that are too large for it go to DLQ_BUCKET, if that variable is set."""
    return SqsRouter(
        url,
        client,
        max_retries=settings.dlq_max_retries,
        bucket=LetterBucket(settings.dlq_bucket, aws_client("s3")) if settings.dlq_bucket else None,
        sleep=pause,
        expired=out_of_time,
    )
