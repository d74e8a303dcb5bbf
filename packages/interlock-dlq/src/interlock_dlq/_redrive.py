"""Sends dead letters to their origin again, after the cause is fixed, and deletes the letters that succeed."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar, cast

import msgspec
from msgspec import Struct

from interlock_dlq._errors import MalformedRecord, RedriveStopped
from interlock_dlq._ledger import Entry, Ledger, Step
from interlock_dlq._letter import DeadLetter, decode_letter
from interlock_dlq._text import described

T = TypeVar("T")
_log = logging.getLogger("interlock_dlq")

_BATCH = 10
"""The number of messages that SQS returns and changes at once."""

_VISIBLE = "ApproximateNumberOfMessages"

_PATIENCE = 20
"""The number of receives in a row without an unseen letter of this redrive after which it ends."""


class QueueClient(Protocol):
    """The part of an SQS client that a redrive needs."""

    def receive_message(self, **request: Any) -> Any:
        """Receive up to ten messages."""
        ...

    def delete_message(self, **request: Any) -> Any:
        """Delete one message."""
        ...

    def change_message_visibility_batch(self, **request: Any) -> Any:
        """Return up to ten messages to the queue."""
        ...

    def get_queue_attributes(self, **request: Any) -> Any:
        """Count the messages of a FIFO queue."""
        ...


class RedriveReport(Struct, frozen=True, kw_only=True):
    """The result of a redrive, as numbers of letters. Each letter counts once, however often SQS delivers it.

    resent: sent in this run. failed: the resend has failed. skipped: left out by `choose`, or behind a failed letter
    of its FIFO group. unreadable: not a dead letter of this package. planned: a redrive without `dry_run` resends it.
    newer: sent after the redrive began. again: a further letter of a record that this redrive resent, such as the
    letter of a record that is dead-lettered again.
    settled: resent by an earlier run of the ledger, only deleted now. All except `resent` and `settled` stay.

    undeleted: letters of `resent` and `settled` that could not be deleted. Resume with the ledger to delete them.
    repeated: letters that were sent although an earlier run may have sent them, since it ended during the resend.
    is_complete: whether the queue was read to its end, before the limit was reached. A FIFO queue gives no further
    message of a group while a reader holds one of it, so more than ten letters of a group that stay are not complete.
    """

    resent: int = 0
    failed: int = 0
    skipped: int = 0
    unreadable: int = 0
    planned: int = 0
    newer: int = 0
    again: int = 0
    settled: int = 0
    undeleted: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    is_complete: bool = True

    @property
    def letters(self) -> int:
        """The number of letters that the redrive saw."""
        return sum(getattr(self, outcome) for outcome in _Outcome)


class _Outcome(StrEnum):
    """The fields of RedriveReport that count letters."""

    RESENT = "resent"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNREADABLE = "unreadable"
    PLANNED = "planned"
    NEWER = "newer"
    AGAIN = "again"
    SETTLED = "settled"


_GONE = {_Outcome.RESENT, _Outcome.SETTLED}
_CAUSED = {_Outcome.NEWER, _Outcome.AGAIN}
_SENT = {Step.RESENT, Step.DELETED}


class QueuedLetter(Struct, frozen=True, kw_only=True):
    """A message of a dead-letter queue.

    letter: None if the message is not a dead letter of this package. sent_at: the time of the message (UTC).
    group: the FIFO group, or "".
    """

    message_id: str
    receipt: str
    body: str
    sent_at: datetime
    group: str
    letter: DeadLetter | None

    @property
    def id(self) -> str:
        """The id of the letter, or that of the message."""
        return self.letter.id if self.letter else self.message_id

    @property
    def record(self) -> str:
        """Identifies the record: two letters of one record have the same value."""
        if self.letter is None:
            return self.message_id
        known = self.letter.correlation_id or (self.letter.id if self.letter.stored_at else _digest(self.letter))
        return f"{self.letter.source} {known}"


class LettersRead(Struct, frozen=True):
    """The messages of a dead-letter queue, each once, oldest first.

    is_complete: whether these are all messages that no other reader holds. A FIFO queue gives at most ten messages of
    a group at once.
    """

    messages: tuple[QueuedLetter, ...]
    is_complete: bool


def _digest(letter: DeadLetter) -> str:
    return hashlib.sha256(msgspec.json.encode(letter.payload)).hexdigest()


Resend = Callable[[DeadLetter], object]
ResendOther = Callable[[QueuedLetter], object]
Choose = Callable[[DeadLetter], bool]


def redrive(
    queue_url: str,
    resend: Resend,
    *,
    client: QueueClient | None = None,
    limit: int = 100,
    choose: Choose = lambda letter: True,
    only: Collection[str] | None = None,
    resend_other: ResendOther | None = None,
    wait_seconds: int = 1,
    dry_run: bool = False,
    ledger: Ledger | None = None,
    hold_seconds: int = 900,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> RedriveReport:
    """Resend at most `limit` letters of a dead-letter queue. Each is deleted only after `resend` has returned.

    The redrive ends when the queue returns no message within `wait_seconds` (0 asks only some of SQS's servers). It
    leaves letters that are sent after its begin, and further letters of a record that it resent. So it ends even if
    each record is dead-lettered again.

    only: the ids of the letters to resend. The default is all letters that `choose` accepts.
    resend_other: resends a message that is not a dead letter of this package, such as one that SQS or Lambda moved here
    itself. Without it such messages are `unreadable`.
    dry_run: count the letters and resend none.
    ledger: the steps of the redrive. With a FileLedger a killed redrive can continue. It only deletes a letter whose
    resend ended. It repeats a resend that began and has no end in the ledger, and the report names the letter.
    hold_seconds: the time for which the queue hides the letters from others. They return when the redrive ends. A kill
    returns them after this time.

    Raises RedriveStopped with the report if the queue cannot be read. An error of `choose` ends the redrive.
    """
    queue, kept = client or _sqs(), ledger or Ledger(now())
    plan = _Plan(resend, resend_other, choose, only, dry_run)
    run = _Run(queue, queue_url, plan, kept, now)
    stale, is_complete = 0, False
    try:
        while run.seen < limit and stale < _PATIENCE:
            messages = run.receive(min(_BATCH, limit - run.seen), wait_seconds, hold_seconds)
            if not messages:
                is_complete = run.is_at_end()
                break
            before = run.fresh
            for message in messages:
                run.take(message)
            stale = 0 if run.fresh > before else stale + 1
    finally:
        run.release()
    return run.report(is_complete)


def list_letters(
    queue_url: str, *, client: QueueClient | None = None, limit: int = 100, wait_seconds: int = 1
) -> tuple[QueuedLetter, ...]:
    """The messages of a dead-letter queue, each once, oldest first. They stay in the queue.

    These are not all messages if the limit is lower, or if a group of a FIFO queue has more than ten. `read_letters`
    reports whether they are all.
    """
    return read_letters(queue_url, client=client, limit=limit, wait_seconds=wait_seconds).messages


def read_letters(
    queue_url: str, *, client: QueueClient | None = None, limit: int = 100, wait_seconds: int = 1
) -> LettersRead:
    """Read the messages of a dead-letter queue, at most `limit`. They stay in the queue, hidden until the end."""
    queue = client or _sqs()
    found: dict[str, QueuedLetter] = {}
    received: list[QueuedLetter] = []
    is_complete = False
    try:
        while len(found) < limit:
            messages = _receive(queue, queue_url, min(_BATCH, limit - len(found)), wait_seconds, 120)
            received += messages
            unseen = {message.message_id: message for message in messages if message.message_id not in found}
            found |= unseen
            if not unseen:
                is_complete = not messages and _is_at_end(queue, queue_url)
                break
    finally:
        _release(queue, queue_url, received)
    return LettersRead(tuple(sorted(found.values(), key=lambda message: (message.sent_at, message.id))), is_complete)


class _Plan(Struct, frozen=True):
    """Which messages are resent, and how."""

    resend: Resend
    resend_other: ResendOther | None
    choose: Choose
    only: Collection[str] | None
    dry_run: bool

    def takes(self, message: QueuedLetter) -> bool:
        """Whether the message is one of `only`, and its letter is chosen."""
        is_named = self.only is None or message.id in self.only
        return is_named and (message.letter is None or self.choose(message.letter))

    def send(self, message: QueuedLetter) -> None:
        """Resend a message that can be resent. Raises the error of the resend."""
        if message.letter is not None:
            self.resend(message.letter)
        elif self.resend_other is not None:
            self.resend_other(message)

    def can_send(self, message: QueuedLetter) -> bool:
        """Whether there is a way to resend a message of this kind."""
        return message.letter is not None or self.resend_other is not None


class _Run:
    """The state of one redrive: the outcome of each letter, and the messages that it has hidden."""

    def __init__(self, queue: QueueClient, url: str, plan: _Plan, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._queue, self._url, self._plan, self._ledger, self._now = queue, url, plan, ledger, now
        self._outcomes: dict[str, _Outcome] = {}
        self._undeleted: dict[str, None] = {}
        self._repeated: list[str] = []
        self._held: dict[str, QueuedLetter] = {}
        self._planned: set[str] = set()
        """The records of a dry run, of which a real run sends one letter each."""
        self._stopped_groups: set[str] = set()
        self.fresh = 0
        """The number of letters that belong to this redrive. Letters that it causes itself do not count."""

    @property
    def seen(self) -> int:
        """The number of letters with an outcome."""
        return len(self._outcomes)

    def receive(self, most: int, wait: int, hold: int) -> list[QueuedLetter]:
        return self._read(lambda: _receive(self._queue, self._url, most, wait, hold))

    def is_at_end(self) -> bool:
        """Whether a queue that has returned no message has none behind the held messages of a group."""
        return self._read(lambda: _is_at_end(self._queue, self._url))

    def _read(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except Exception as error:
            problem = f"the queue cannot be read: {described(error)}"
            raise RedriveStopped(problem, self.report(False)) from error

    def take(self, message: QueuedLetter) -> None:
        """Find the outcome of a message, unless its letter has one, and delete the message of a resent letter."""
        if message.message_id not in self._outcomes:
            outcome = self._outcomes[message.message_id] = self._outcome(message)
            self.fresh += outcome not in _CAUSED
        if self._outcomes[message.message_id] in _GONE:
            self._delete(message)
        else:
            self._held[message.message_id] = message

    def release(self) -> None:
        """Return the held messages to the queue."""
        _release(self._queue, self._url, list(self._held.values()))

    def report(self, is_complete: bool) -> RedriveReport:
        counts = {str(outcome): count for outcome, count in Counter(self._outcomes.values()).items()}
        return RedriveReport(
            **counts, undeleted=tuple(self._undeleted), repeated=tuple(self._repeated), is_complete=is_complete
        )

    def _outcome(self, message: QueuedLetter) -> _Outcome:
        step = self._ledger.step(message.message_id)
        if step in _SENT:
            return _Outcome.PLANNED if self._plan.dry_run else _Outcome.SETTLED
        if step is None and self._ledger.has_begun(message.record):
            return _Outcome.AGAIN
        if step is None and message.sent_at > self._ledger.began:
            return _Outcome.NEWER
        if not self._plan.can_send(message):
            return _Outcome.UNREADABLE
        if message.group in self._stopped_groups or not self._plan.takes(message):
            return _Outcome.SKIPPED
        if not self._plan.dry_run:
            return self._send(message, step)
        if message.record in self._planned:
            return _Outcome.AGAIN
        self._planned.add(message.record)
        return _Outcome.PLANNED

    def _send(self, message: QueuedLetter, step: Step | None) -> _Outcome:
        if step is Step.BEGUN:
            self._repeated.append(message.id)
        self._note(message, Step.BEGUN, record=message.record)
        try:
            self._plan.send(message)
        except Exception as error:  # noqa: BLE001 - a letter that fails again must not stop the others
            reason = described(error)
            _log.warning("dead_letter_failed_again %s: %s", message.id, reason)
            self._note(message, Step.FAILED, reason=reason)
            self._stopped_groups.update({message.group} if message.group else ())
            return _Outcome.FAILED
        self._note(message, Step.RESENT)
        return _Outcome.RESENT

    def _delete(self, message: QueuedLetter) -> None:
        try:
            self._queue.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)
        except Exception as error:  # noqa: BLE001 - the report and the ledger name the letter
            _log.warning("dead_letter_not_deleted %s: %s", message.id, described(error))
            self._undeleted[message.id] = None
            return
        self._undeleted.pop(message.id, None)
        self._note(message, Step.DELETED)

    def _note(self, message: QueuedLetter, step: Step, *, record: str = "", reason: str = "") -> None:
        self._ledger.write(Entry(message.id, message.message_id, step, self._now(), record, reason))


def _receive(queue: QueueClient, url: str, most: int, wait: int, hold: int) -> list[QueuedLetter]:
    answer = queue.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=most,
        WaitTimeSeconds=wait,
        VisibilityTimeout=hold,
        MessageSystemAttributeNames=["SentTimestamp", "MessageGroupId"],
    )
    return [_queued(message) for message in answer.get("Messages", [])]


def _is_at_end(queue: QueueClient, url: str) -> bool:
    """Whether a queue that has returned no message has no visible one. A held group of a FIFO queue is visible to SQS.

    The count of a standard queue is late, and no group holds its messages back.
    """
    if not url.endswith(".fifo"):
        return True
    answer = queue.get_queue_attributes(QueueUrl=url, AttributeNames=[_VISIBLE])
    return int(answer["Attributes"][_VISIBLE]) == 0


def _queued(message: Mapping[str, Any]) -> QueuedLetter:
    attributes, body = message.get("Attributes", {}), message["Body"]
    return QueuedLetter(
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=body,
        sent_at=datetime.fromtimestamp(int(attributes.get("SentTimestamp", 0)) / 1000, UTC),
        group=attributes.get("MessageGroupId", ""),
        letter=_letter_in(body),
    )


def _letter_in(body: str) -> DeadLetter | None:
    try:
        return decode_letter(body)
    except MalformedRecord:
        return None


def _release(queue: QueueClient, url: str, messages: list[QueuedLetter]) -> None:
    """Make the messages visible again. If that fails, they are visible when their time is over."""
    for part in _parts(messages):
        entries = [
            {"Id": str(number), "ReceiptHandle": message.receipt, "VisibilityTimeout": 0}
            for number, message in enumerate(part)
        ]
        try:
            queue.change_message_visibility_batch(QueueUrl=url, Entries=entries)
        except Exception as error:  # noqa: BLE001 - the letters are safe, and the report counts
            _log.warning("dead_letters_not_released %s", described(error))


def _parts(messages: list[QueuedLetter]) -> Iterator[list[QueuedLetter]]:
    return (messages[start : start + _BATCH] for start in range(0, len(messages), _BATCH))


def _sqs() -> QueueClient:
    import boto3

    return cast("QueueClient", boto3.client("sqs"))
