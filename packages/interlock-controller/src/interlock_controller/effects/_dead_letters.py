"""Picks a Lambda's place for dead letters by its environment variables."""

from collections.abc import Callable
from typing import Any

from interlock_dlq import LogRouter, Router, SqsClient, router_of
from interlock_telemetry import Settings, aws_client, out_of_time, pause


def dead_letters_of_environment(settings: Settings, make_client: Callable[[], SqsClient]) -> Router:
    """The queue at DLQ_QUEUE_URL, or the log if that variable is not set.

    `make_client` makes the boto3 client of SQS. It is only called if there is a queue.
    """
    return _router(settings, make_client) or LogRouter()


def queue_of(settings: Settings, url: str, client: SqsClient) -> Router:
    """The dead-letter queue at `url`. Letters that are too large for it go to DLQ_BUCKET, if that variable is set."""
    return _router(settings, lambda: client, url) or LogRouter()


def _router(settings: Settings, make_client: Callable[[], SqsClient], url: str | None = None) -> Router | None:
    def client(service: str) -> Any:
        return make_client() if service == "sqs" else aws_client(service)

    return router_of(settings, client, url=url, sleep=pause, expired=out_of_time)
