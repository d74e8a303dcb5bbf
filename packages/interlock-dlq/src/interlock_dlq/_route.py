"""Decides where dead letters are kept: in a queue, otherwise in the log, with an error if neither keeps them."""

import logging
import random
import time
from collections.abc import Callable
from typing import Any, Protocol, cast

import msgspec

from interlock_dlq._classify import Permanence, classify
from interlock_dlq._errors import RetryLater, RoutingFailed
from interlock_dlq._letter import DeadLetter, decode_letter, encode_letter
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


class S3Client(Protocol):
    """The part of an S3 client that letters need."""

    def put_object(self, **request: Any) -> Any:
        """Write one object."""
        ...

    def get_object(self, **request: Any) -> Any:
        """Read one object."""
        ...


class LetterSettings(Protocol):
    """The settings of dead letters: an address of a queue, a bucket for large letters, and the number of retries."""

    @property
    def dlq_queue_url(self) -> str | None:
        """DLQ_QUEUE_URL."""
        ...

    @property
    def dlq_bucket(self) -> str | None:
        """DLQ_BUCKET."""
        ...

    @property
    def dlq_max_retries(self) -> int:
        """DLQ_MAX_RETRIES."""
        ...


class LetterBucket:
    """A bucket of S3 for letters that are too large for a queue."""

    def __init__(self, bucket: str, client: S3Client | None = None, *, prefix: str = "dead-letters/") -> None:
        """Without a client, the first letter makes one."""
        self._bucket, self._client, self._prefix = bucket, client, prefix

    def put(self, letter: DeadLetter) -> str:
        """Write the letter, and return its address as s3://bucket/key."""
        key = f"{self._prefix}{letter.id}.json"
        self._s3().put_object(Bucket=self._bucket, Key=key, Body=encode_letter(letter).encode())
        return f"s3://{self._bucket}/{key}"

    def whole(self, letter: DeadLetter) -> DeadLetter:
        """The letter with its record, which is read if it is in S3."""
        if not letter.stored_at.startswith("s3://"):
            return letter
        bucket, _, key = letter.stored_at.removeprefix("s3://").partition("/")
        return decode_letter(self._s3().get_object(Bucket=bucket, Key=key)["Body"].read())

    def _s3(self) -> S3Client:
        if self._client is None:
            import boto3

            self._client = cast("S3Client", boto3.client("s3"))
        return self._client


class SqsRouter:
    """Sends letters to a queue, also to a FIFO queue. A letter that the queue rejects goes to `bucket` or `fallback`.

    A rejected letter is too large. The bucket keeps it whole. Without a bucket, the fallback does. The queue then gets
    a letter without its payload, whose `stored_at` names the place. After a transient failure the router retries
    `max_retries` times. The pause starts at 100 ms and doubles, with jitter.
    """

    def __init__(
        self,
        queue_url: str,
        client: SqsClient | None = None,
        *,
        max_retries: int = 3,
        fallback: Router | None = None,
        bucket: LetterBucket | None = None,
        sleep: Callable[[float], None] = time.sleep,
        expired: Callable[[], bool] | None = None,
    ) -> None:
        """`expired`: whether the time of the invocation is over. Nothing is sent again then, and `route` raises.

        `sleep` waits between the tries.
        """
        self._queue_url = queue_url
        self._client = client
        self._max_retries = max_retries
        self._fallback = fallback or LogRouter()
        self._bucket = bucket
        self._sleep = sleep
        self._expired = expired

    def route(self, letter: DeadLetter) -> None:
        """Send the letter, or keep it elsewhere. Raises the fallback's error.

        Raises RetryLater if the time of the invocation ended before the queue had the letter. The queue is not at fault
        then, so the record returns to its source.
        """
        problem = self._try_send(letter)
        if problem is None:
            return
        is_rejected = classify(problem) is Permanence.PERMANENT
        if self._is_late() and not is_rejected:
            raise RetryLater("the invocation's time ended before the dead letter was sent") from problem
        place = self._keep_elsewhere(letter, is_rejected)
        if is_rejected:
            self._announce(msgspec.structs.replace(letter, payload={}, stored_at=place))

    def _try_send(self, letter: DeadLetter) -> Exception | None:
        """Send the letter with retries. Returns the last error, None if the queue has the letter."""
        for retry in range(self._max_retries + 1):
            try:
                self._send(letter)
                return None
            except Exception as error:  # noqa: BLE001 - the fallback takes the letter after any error
                _log.warning("dead_letter_not_queued %s: %s", letter.id, described(error))
                is_last = retry == self._max_retries or self._is_late()
                if classify(error) is Permanence.PERMANENT or is_last:
                    return error
                # Only jitter, not a secret.
                self._sleep(0.1 * 2**retry * random.uniform(0.5, 1))  # noqa: S311
        raise AssertionError("the last retry returns")

    def _is_late(self) -> bool:
        return self._expired is not None and self._expired()

    def _keep_elsewhere(self, letter: DeadLetter, is_rejected: bool) -> str:
        """Keep the whole letter in the bucket or by the fallback, and return the place."""
        if self._bucket is not None and is_rejected:
            try:
                return self._bucket.put(letter)
            except Exception as error:  # noqa: BLE001 - the fallback takes the letter after any error
                _log.warning("dead_letter_not_in_bucket %s: %s", letter.id, described(error))
        self._fallback.route(letter)
        return "the log"

    def _announce(self, letter: DeadLetter) -> None:
        """Send the letter without its payload. It is kept already, so a failure is only logged."""
        _log.error("dead_letter_too_large %s: its record is at %s", letter.id, letter.stored_at)
        try:
            self._send(letter)
        except Exception as error:  # noqa: BLE001 - the whole letter is kept at another place
            _log.warning("dead_letter_not_announced %s: %s", letter.id, described(error))

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


def router_of(
    settings: LetterSettings,
    client: Callable[[str], Any],
    *,
    url: str | None = None,
    sleep: Callable[[float], None] = time.sleep,
    expired: Callable[[], bool] | None = None,
) -> Router | None:
    """The queue at `url`, or that of the settings, with their bucket for large letters. None without a queue.

    `client` makes the boto3 client of a service, and is only called for services that are needed. `sleep` and `expired`
    are those of SqsRouter.
    """
    queue = url or settings.dlq_queue_url
    if queue is None:
        return None
    return SqsRouter(
        queue,
        client("sqs"),
        max_retries=settings.dlq_max_retries,
        bucket=LetterBucket(settings.dlq_bucket, client("s3")) if settings.dlq_bucket else None,
        sleep=sleep,
        expired=expired,
    )
