"""Where dead letters go: a queue, else the log; never nowhere without saying so."""

import logging
import random
import time
from collections.abc import Callable
from typing import Any, Protocol

from interlock_dlq._classify import Permanence, classify
from interlock_dlq._errors import RoutingFailed
from interlock_dlq._letter import DeadLetter, encode_letter

_log = logging.getLogger("interlock_dlq")


class Router(Protocol):
    """Keeps a dead letter for good; when it returns, the record may be forgotten by its source."""

    def route(self, letter: DeadLetter) -> None:
        """Keep the letter, or raise: then the record has to stay where it is."""
        ...


class LogRouter:
    """Writes letters to the log, whole, one line each, at level ERROR: `dead_letter {…}`."""

    def __init__(self, logger: logging.Logger = _log) -> None:
        self._logger = logger

    def route(self, letter: DeadLetter) -> None:
        """Write the letter; RoutingFailed when the logger would drop it."""
        if not self._logger.isEnabledFor(logging.ERROR):
            raise RoutingFailed(f"logger {self._logger.name} drops errors, letter {letter.id} has no place")
        # The message holds everything, so that no formatter loses it; a JSON formatter takes `event` and `fields`.
        extra = {"event": "dead_letter", "fields": {"letter": letter}}
        self._logger.error("dead_letter %s", encode_letter(letter), extra=extra)


class NullRouter:
    """Keeps nothing: for dry runs and tests. `letters` remembers what it was given."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    def route(self, letter: DeadLetter) -> None:
        """Remember the letter in memory."""
        self.letters.append(letter)


class SqsClient(Protocol):
    """The part of an SQS client that sends."""

    def send_message(self, *, QueueUrl: str, MessageBody: str, MessageAttributes: Any) -> Any:  # noqa: N803 - boto3's names
        """Send one message."""
        ...


class SqsRouter:
    """Sends letters to a queue; one that the queue does not take goes to `fallback` instead, whole.

    A transient failure is tried again `max_retries` times, after 100 ms, doubled each time, with jitter.
    """

    def __init__(
        self,
        queue_url: str,
        client: SqsClient | None = None,
        *,
        max_retries: int = 3,
        fallback: Router | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._queue_url = queue_url
        self._client = client
        self._max_retries = max_retries
        self._fallback = fallback or LogRouter()
        self._sleep = sleep

    def route(self, letter: DeadLetter) -> None:
        """Send the letter, else hand it to the fallback; raises what the fallback raises."""
        for retry in range(self._max_retries + 1):
            try:
                self._send(letter)
                return
            except Exception as error:  # noqa: BLE001 - whatever keeps the queue from taking it, the fallback does
                _log.warning("dead_letter_not_queued %s: %s: %s", letter.id, type(error).__name__, error)
                if classify(error) is Permanence.PERMANENT or retry == self._max_retries:
                    break
                # Jitter only, nothing secret hangs on it.
                self._sleep(0.1 * 2**retry * random.uniform(0.5, 1))  # noqa: S311
        self._fallback.route(letter)

    def _send(self, letter: DeadLetter) -> None:
        if self._client is None:
            import boto3

            self._client = boto3.client("sqs")
        texts = {"source": letter.source, "errorType": letter.error_type, "permanence": str(letter.permanence)}
        self._client.send_message(
            QueueUrl=self._queue_url,
            MessageBody=encode_letter(letter),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in texts.items() if value
            },
        )
