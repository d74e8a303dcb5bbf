"""Decides where dead letters are kept: in a queue, otherwise in the log, with an error if neither keeps them."""

import logging
import random
import time
from collections.abc import Callable
from typing import Any, Protocol

from interlock_dlq._classify import Permanence, classify
from interlock_dlq._errors import RoutingFailed
from interlock_dlq._letter import DeadLetter, encode_letter
from interlock_dlq._text import described

_log = logging.getLogger("interlock_dlq")


class Router(Protocol):
    """Keeps a dead letter for good. When `route` returns, the source may delete the record."""

    def route(self, letter: DeadLetter) -> None:
        """Keep the letter. If it raises, the record must stay in its source."""
        ...


class LogRouter:
    """Writes each whole letter to the log in one line at level ERROR: `dead_letter {…}`."""

    def __init__(self, logger: logging.Logger = _log) -> None:
        self._logger = logger

    def route(self, letter: DeadLetter) -> None:
        """Write the letter. Raises RoutingFailed if the logger would drop it."""
        if not self._logger.isEnabledFor(logging.ERROR):
            raise RoutingFailed(f"logger {self._logger.name} drops errors, so letter {letter.id} cannot be kept")
        # The message has the whole letter for any formatter. A JSON formatter uses `event` and `fields`.
        extra = {"event": "dead_letter", "fields": {"letter": letter}}
        self._logger.error("dead_letter %s", encode_letter(letter), extra=extra)


class NullRouter:
    """Keeps letters only in memory, in `letters`: for dry runs and tests."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    def route(self, letter: DeadLetter) -> None:
        """Keep the letter in memory."""
        self.letters.append(letter)


class SqsClient(Protocol):
    """The sending part of an SQS client."""

    def send_message(self, *, QueueUrl: str, MessageBody: str, MessageAttributes: Any) -> Any:  # noqa: N803 - boto3's names
        """Send one message."""
        ...


class SqsRouter:
    """Sends letters to a queue, also to a FIFO queue. A letter that the queue rejects goes to `fallback`.

    After a transient failure it retries `max_retries` times. The pause starts at 100 ms and doubles, with jitter.
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
        """Send the letter, or pass it to the fallback. Raises the fallback's error."""
        for retry in range(self._max_retries + 1):
            try:
                self._send(letter)
                return
            except Exception as error:  # noqa: BLE001 - the fallback takes the letter after any error
                _log.warning("dead_letter_not_queued %s: %s", letter.id, described(error))
                if classify(error) is Permanence.PERMANENT or retry == self._max_retries:
                    break
                # Only jitter, not a secret.
                self._sleep(0.1 * 2**retry * random.uniform(0.5, 1))  # noqa: S311
        self._fallback.route(letter)

    def _send(self, letter: DeadLetter) -> None:
        if self._client is None:
            import boto3

            self._client = boto3.client("sqs")
        texts = {"source": letter.source, "errorType": letter.error_type, "permanence": str(letter.permanence)}
        send: Any = self._client.send_message
        send(
            QueueUrl=self._queue_url,
            MessageBody=encode_letter(letter),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in texts.items() if value
            },
            **self._order(letter),
        )

    def _order(self, letter: DeadLetter) -> dict[str, str]:
        """The parameters that a FIFO queue demands. Each letter is a group of its own: letters have no order."""
        if not self._queue_url.endswith(".fifo"):
            return {}
        return {"MessageGroupId": letter.id, "MessageDeduplicationId": letter.id}
