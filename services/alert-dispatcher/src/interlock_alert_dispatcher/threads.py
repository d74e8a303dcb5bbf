"""Keeps one thread per pipeline, schedule and date: its state as a row, and its head in Slack, which states it."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from msgspec import Struct

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.blocks import head_blocks
from interlock_alert_dispatcher.deployment import Deployment
from interlock_alert_dispatcher.errors import lost_answer
from interlock_alert_dispatcher.leases import Done, Held, Key, Lease, LeasedRows, is_begun, key_at
from interlock_alert_dispatcher.slack import Message, MessageFixed, SlackRefused, ThreadGone
from interlock_alert_dispatcher.state import (
    RunState,
    Step,
    advance,
    note_reply,
    read_state,
    standing,
    suppress,
    write_state,
)
from interlock_alert_dispatcher.text import fact_of, head_of
from interlock_dlq import RetryLater
from interlock_telemetry import InvocationDeadline, get_logger

_log = get_logger(__name__)

_STATE = "runState"
_OPENER = "openedBy"
_HEADS = "heads"
_MOST_HEADS = 4
"""The most heads of one thread. A person may delete a head, and a workspace may lock a thread."""

_PATIENCE = timedelta(seconds=3)
"""How long an alert waits for another alert that opens their thread, before it is tried again later."""

_LOOK_EVERY = timedelta(milliseconds=200)


class Occupied(RetryLater):
    """Another invocation posts this alert, or opens its thread."""


class Channel(Protocol):
    """The Slack channel of the messages."""

    @property
    def channel(self) -> str:
        """The channel's id."""
        ...

    def post(
        self, message: Message, thread_ts: str | None, deadline: InvocationDeadline, *, broadcast: bool = False
    ) -> str:
        """Post a message before the deadline. The result is its ts."""
        ...

    def update(self, message: Message, ts: str, deadline: InvocationDeadline) -> None:
        """Replace a message before the deadline."""
        ...

    def find(self, key: str, thread_ts: str | None, since: datetime | None, deadline: InvocationDeadline) -> str | None:
        """The ts of a message that was posted before, or None."""
        ...


class Head(Struct, frozen=True):
    """The head of a thread. `is_new`: this call posted it.

    `shows`: the channel saw the alert's problem in the head, because the alert opened it.
    """

    thread: Done
    is_new: bool
    shows: bool

    @property
    def ts(self) -> str:
        """The ts of the head, which is that of the thread."""
        return self.thread.texts["threadTs"]


class Recorded(Struct, frozen=True):
    """The step that an alert was, and whether its thread was open, or about to open, when the state was committed.

    An alert that opens the thread later reads the committed state.
    """

    step: Step
    is_begun: bool


class Threads:
    """The threads of a channel. Several Lambdas may use them at once.

    `place` ends the keys of the rows of this channel. It is empty for the default channel. A repeat within `window`
    gets no reply.

    A state is committed before the head states it. An update of a head is followed by another read of the state, so
    that the last update states the last state. An alert that ends in between is delivered again and updates the head.
    """

    def __init__(
        self,
        slack: Channel,
        rows: LeasedRows,
        deployment: Deployment,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[timedelta], None],
        place: str = "",
        window: timedelta | None = None,
    ) -> None:
        self._slack = slack
        self._rows = rows
        self._deployment = deployment
        self._place = place
        self._window = window
        self._now = now
        self._sleep = sleep

    def record(self, alert: Alert, *, silenced: bool = False) -> Recorded:
        """Commit the state after the alert. A repetition is the same step."""
        fact = fact_of(alert)

        def advanced(state: RunState) -> Step:
            step = advance(state, fact, silenced=silenced)
            return step if self._window is None or silenced else suppress(step, fact, self._window)

        return self._swap(self._key_of(alert), advanced)

    def note_reply(self, alert: Alert) -> None:
        """Note that the alert's reply is posted, so that its repeats are suppressed.

        A failure is only logged: the next repeat then gets a reply.
        """
        if self._window is None:
            return
        key, fact = self._key_of(alert), fact_of(alert)
        try:
            self._swap(key, lambda state: Step(note_reply(state, fact), is_worse=False))
        except Exception as error:  # noqa: BLE001 - the reply is in Slack
            _log.error("reply_not_noted", row=key.sk, id=alert.id, reason=f"{type(error).__name__}: {error}")

    def head(self, alert: Alert, deadline: InvocationDeadline) -> Head:
        """The head of the alert's thread, which states the committed state. It is opened or updated.

        Raises SlackError, and ThreadGone if the head does not exist any more. The next call opens another one then.
        """
        thread, posted = self._thread(alert, deadline), None
        if isinstance(thread, Lease):
            thread, posted = self._open(alert, thread, deadline)
        try:
            state = self._show(alert, thread, posted, deadline)
        except ThreadGone:
            self.forget(thread)
            raise
        is_opener = thread.texts.get(_OPENER) == alert.id
        return Head(thread, is_new=posted is not None, shows=is_opener and bool(standing(state).open))

    def refresh(self, alert: Alert, deadline: InvocationDeadline) -> None:
        """Let the head of the alert's thread state the committed state. A thread without a head stays without one.

        Raises SlackError. An alert that opens the thread now reads the state again after the head is noted.
        """
        thread = self._rows.find(self._key_of(alert))
        if thread is None or not self._is_here(thread):
            return
        try:
            self._show(alert, thread, None, deadline)
        except ThreadGone:
            _log.warning("thread_gone", pipeline=alert.pipeline_id, thread=alert.thread)
            self.forget(thread)

    def forget(self, thread: Done) -> None:
        """Note that the thread does not exist any more, so that the next alert opens another one.

        Raises SlackRefused for a thread with the most heads: something deletes its heads or locks its threads, so that
        one more would be one more message and no more.
        """
        if _number(thread.texts.get(_HEADS)) >= _MOST_HEADS:
            raise SlackRefused("thread_not_found")
        self._rows.forget(thread)

    def find(self, lease: Lease, key: str, thread_ts: str | None, deadline: InvocationDeadline) -> str | None:
        """The ts of a message whose answer may have been lost, None if it was not posted.

        A token without the scope for the history cannot look. The message is then posted again rather than lost.
        """
        if not lease.is_repeat:
            return None
        try:
            return self._slack.find(key, thread_ts, lease.since, deadline)
        except SlackRefused as refusal:
            _log.warning("lost_answer_not_looked_for", row=lease.key.sk, reason=str(refusal))
            return None

    def _thread(self, alert: Alert, deadline: InvocationDeadline) -> Done | Lease:
        """The open thread, or the right to open it."""
        key = self._key_of(alert)
        patience = self._now() + deadline.within(_PATIENCE)
        while True:
            thread = self._rows.find(key) or self._rows.take(key, self._now())
            if isinstance(thread, Done) and not self._is_here(thread):
                # The thread belongs to an earlier channel, or another process wrote the row.
                self._rows.forget(thread)
                continue
            if not isinstance(thread, Held):
                return thread
            if self._now() >= patience:
                raise Occupied("another alert is opening the thread")
            self._sleep(_LOOK_EVERY)

    def _open(self, alert: Alert, lease: Lease, deadline: InvocationDeadline) -> tuple[Done, Message | None]:
        """Post the head, unless an earlier attempt did. The result is the thread, and the message if it is new."""
        # The texts are those of the row when it was leased, after the state of this alert was committed.
        message = self._message(alert, read_state(lease.texts.get(_STATE)))
        heads = _number(lease.texts.get(_HEADS)) + 1
        try:
            found = self.find(lease, message.key, None, deadline)
            ts = found or self._slack.post(message, None, deadline)
        except Exception as error:
            self._rows.give_back(lease, self._now(), unsure=lost_answer(error))
            raise
        texts = {"channelId": self._slack.channel, _OPENER: "" if found else alert.id, _HEADS: str(heads)}
        self._rows.note(lease, self._now(), ts, **texts)
        return Done(lease.key, {"threadTs": ts, **texts}), None if found else message

    def _show(self, alert: Alert, thread: Done, shown: Message | None, deadline: InvocationDeadline) -> RunState:
        """Update the head until it states the state of the row, which is the result.

        A thread whose head this call did not post was read after the state of this alert was committed.
        """
        known = shown is None
        while True:
            state = read_state(thread.texts.get(_STATE)) if known else self._state(thread.key)
            known = False
            message = self._message(alert, state)
            if message == shown:
                return state
            try:
                self._slack.update(message, thread.texts["threadTs"], deadline)
            except MessageFixed as refusal:
                _log.error("head_not_updated", row=thread.key.sk, reason=str(refusal))
                return state
            shown = message

    def _swap(self, key: Key, advanced: Callable[[RunState], Step]) -> Recorded:
        """Commit the state of a step, on the condition that the state has not changed since it was read."""
        while True:
            row = self._rows.row(key)
            old = row.get(_STATE)
            step = advanced(_state_in(old))
            new = write_state(step.state)
            if (old or {}).get("S") == new:
                return Recorded(step, is_begun(key, row))
            before = self._rows.swap(key, _STATE, old, new, self._now())
            if before is not None:
                return Recorded(step, is_begun(key, before))

    def _is_here(self, thread: Done) -> bool:
        """Whether the thread has a head in this channel."""
        return not thread.outcome and thread.texts.get("channelId") == self._slack.channel

    def _key_of(self, alert: Alert) -> Key:
        return Key(f"PIPELINE#{alert.pipeline_id}", key_at(alert.thread, self._place))

    def _state(self, key: Key) -> RunState:
        return _state_in(self._rows.row(key).get(_STATE))

    def _message(self, alert: Alert, state: RunState) -> Message:
        key = f"{alert.pipeline_id}/{alert.thread}"
        return Message(key, head_of(alert, state), tuple(head_blocks(alert, state, self._deployment)))


def _number(text: object) -> int:
    """The number in a text of a row, 0 without one."""
    return int(text) if isinstance(text, str) and text.isdecimal() and len(text) < 10 else 0


def _state_in(attribute: Mapping[str, Any] | None) -> RunState:
    return read_state((attribute or {}).get("S"))
