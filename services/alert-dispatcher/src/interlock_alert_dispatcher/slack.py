"""Posts, updates and finds messages of a Slack channel, and distinguishes the possible failures."""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import partial
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct
from pybreaker import STATE_CLOSED, STATE_OPEN, CircuitBreaker, CircuitBreakerError

from interlock_alert_dispatcher.errors import DeliveryError, TargetAway, TargetBusy, TargetRefused
from interlock_alert_dispatcher.tokens import Tokens
from interlock_dlq import RetryLater
from interlock_telemetry import InvocationDeadline, Metric, call_in_time, get_logger, measure

if TYPE_CHECKING:
    from slack_sdk.errors import SlackApiError
    from slack_sdk.web import WebClient

T = TypeVar("T")
_log = get_logger(__name__)

TIMEOUT = timedelta(seconds=10)
RESERVE = timedelta(milliseconds=500)
"""The time after a call without an answer that is left to keep the alert as a row."""
_SHORTEST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(hours=1)
"""A longer wait that Slack asks for is cut to this length."""

_TOKEN_CODES = frozenset({"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"})
_THREAD_CODES = frozenset(
    {"cannot_reply_to_message", "message_not_found", "restricted_action_thread_locked", "thread_not_found"}
)
_FIXED_CODES = frozenset({"block_mismatch", "cant_update_message", "edit_window_closed"})
_FORM_CODES = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
        "msg_blocks_too_long",
    }
)
"""Rejections of everything but the text. The text alone still arrives."""

_BROADCAST_CODES = frozenset({"cant_broadcast_message"})
"""Rejections of a reply in the channel. The reply in its thread still arrives."""

_BUSY_CODES = frozenset({"rate_limited", "ratelimited"})
_AWAY_CODES = frozenset(
    {
        "external_channel_migrating",
        "fatal_error",
        "internal_error",
        "request_timeout",
        "service_unavailable",
        "update_failed",
    }
)
CHECK_WITHIN = timedelta(seconds=4)
"""A ping waits five seconds for a check."""

_PAGE = 200
_MOST_PAGES = 10
_SKEW = timedelta(minutes=1)
"""The most by which Slack's clock differs from that of a Lambda."""

_METADATA = "interlock"


class SlackError(DeliveryError):
    """The base of all errors with Slack. The alert waits as a row."""


class SlackAway(SlackError, TargetAway):
    """Slack gave no valid answer: the message may or may not have been posted."""


class SlackResting(SlackAway):
    """The circuit breaker is open. Nothing was sent."""

    sent_nothing = True


class SlackBusy(SlackError, TargetBusy):
    """Slack posted nothing and asks to wait (429): nothing may be sent before `until` (UTC)."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until, "Slack")


class SlackRefused(SlackError, TargetRefused):
    """Slack rejected the call and did nothing. `code` is its error code, `needed` the scope that the token lacks."""

    def __init__(self, code: str, needed: str = "") -> None:
        self.code = code
        self.needed = needed
        super().__init__(f"Slack rejects the call: {code}" + (f", the token lacks {needed}" if needed else ""))


class ThreadGone(SlackRefused):
    """The thread of the reply does not exist any more."""


class MessageFixed(SlackRefused):
    """Slack does not let the bot change this message, for example because the workspace limits the time of edits."""


class Message(Struct, frozen=True):
    """A message in blocks, with `text` where Slack shows none. The same key in the history is the same message."""

    key: str
    text: str
    blocks: tuple[dict[str, Any], ...] = ()


class Slack:
    """A channel. After `trip_after` failures in a row, each post raises SlackAway for the time `rest`."""

    def __init__(
        self,
        tokens: Tokens,
        channel: str,
        *,
        base_url: str | None,
        trip_after: int,
        rest: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self.channel = channel
        self._tokens = tokens
        self._base_url = base_url
        self._now = now
        self._breaker = CircuitBreaker(
            fail_max=trip_after,
            reset_timeout=rest.total_seconds(),
            exclude=[SlackBusy, SlackRefused],
            throw_new_error_on_trip=False,
        )

    def post(
        self, message: Message, thread_ts: str | None, deadline: InvocationDeadline, *, broadcast: bool = False
    ) -> str:
        """Post a message, or a reply if `thread_ts` is given. The result is the new message's ts.

        A reply with `broadcast` is shown in the channel too. Raises SlackError, TokenUnreadable, or RetryLater if the
        deadline passed before anything was sent.
        """
        place = {"thread_ts": thread_ts, "reply_broadcast": broadcast} if thread_ts else {}

        def call(client: Any, form: dict[str, Any]) -> Any:
            return client.chat_postMessage(
                channel=self.channel,
                # Slack must not read names, such as @channel, as mentions.
                parse="none",
                link_names=False,
                unfurl_links=False,
                unfurl_media=False,
                **place,
                **form,
            )

        try:
            answer = self._send(message, call, deadline, _Meaning.REPLY if thread_ts else _Meaning.OTHER)
        except SlackRefused as refusal:
            if not (broadcast and refusal.code in _BROADCAST_CODES):
                raise
            # The head shows the change for the worse too, so the reply matters more than its place.
            _log.error("broadcast_rejected", code=refusal.code, key=message.key)
            return self.post(message, thread_ts, deadline)
        ts = answer.get("ts")
        if not isinstance(ts, str):
            raise SlackAway("Slack's answer has no ts")
        return ts

    def update(self, message: Message, ts: str, deadline: InvocationDeadline) -> None:
        """Replace the message `ts`. A repetition is harmless. Raises as `post`, and ThreadGone or MessageFixed."""

        def call(client: Any, form: dict[str, Any]) -> Any:
            return client.chat_update(channel=self.channel, ts=ts, parse="none", link_names=False, **form)

        self._send(message, call, deadline, _Meaning.UPDATE)

    def find(self, key: str, thread_ts: str | None, since: datetime | None, deadline: InvocationDeadline) -> str | None:
        """The ts of the message with this key, None if Slack's history has none since about `since` (UTC).

        It looks in a thread, or among the channel's messages without `thread_ts`. Raises as `post`. The token needs the
        scope `channels:history`, or `groups:history` for a private channel.
        """
        oldest = f"{((since or self._now() - LONGEST_WAIT) - _SKEW).timestamp():.6f}"
        common = {"channel": self.channel, "oldest": oldest, "include_all_metadata": True, "limit": _PAGE}
        cursor = None
        for _ in range(_MOST_PAGES):

            def call(client: Any, cursor: str | None = cursor) -> Any:
                if thread_ts:
                    return client.conversations_replies(ts=thread_ts, cursor=cursor, **common)
                return client.conversations_history(cursor=cursor, **common)

            answer = self._guarded(call, deadline, _Meaning.REPLY if thread_ts else _Meaning.OTHER)
            for message in answer.get("messages", []):
                if _key_in(message) == key:
                    return str(message["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None
        _log.warning("lost_answer_not_found", key=key, looked_at=_PAGE * _MOST_PAGES)
        return None

    def probe(self, deadline: InvocationDeadline) -> None:
        """Ask Slack whether it answers and knows the token, and post nothing. An answer closes the circuit breaker.

        Raises as `post`. An open breaker does not prevent the question.
        """
        self._with_token(self._probe_once, deadline)
        self._breaker.close()

    def check(self, deadline: InvocationDeadline) -> None:
        """Raise unless Slack knows the token and the channel, and the history can be read. Nothing is posted.

        Raises SlackRefused for a wrong token, a wrong or archived channel, a bot that is no member of it, and a missing
        scope, which it names. Raises SlackError and TokenUnreadable as `post`.
        """
        self._with_token(self._probe_once, deadline)
        try:
            answer = self._looked(lambda client: client.conversations_info(channel=self.channel), deadline)
        except SlackRefused as refusal:
            # The scope of this call is optional. The history shows a wrong channel too.
            if refusal.code != "missing_scope":
                raise
        else:
            channel = answer.get("channel") or {}
            if channel.get("is_archived") is True:
                raise SlackRefused("is_archived")
            if channel.get("is_member") is False:
                raise SlackRefused("not_in_channel")
        self._looked(lambda client: client.conversations_history(channel=self.channel, limit=1), deadline)

    def ready(self) -> None:
        """Raise unless the circuit breaker lets calls through and `check` finds no fault."""
        if self._breaker.current_state == STATE_OPEN:
            raise SlackResting(_RESTING)
        self.check(InvocationDeadline.after(CHECK_WITHIN, clock=time.monotonic))

    def _looked(self, call: Callable[[Any], Any], deadline: InvocationDeadline) -> Any:
        return self._with_token(lambda token, timeout: self._asked(call, token, timeout, _Meaning.OTHER), deadline)

    def _send(
        self,
        message: Message,
        call: Callable[[Any, dict[str, Any]], Any],
        deadline: InvocationDeadline,
        meaning: "_Meaning",
    ) -> Any:
        """Send a message in full, or its text alone if Slack rejects the rest of its form."""
        try:
            return self._guarded(lambda client: call(client, _form_of(message)), deadline, meaning)
        except SlackRefused as refusal:
            if refusal.code not in _FORM_CODES:
                raise
            _log.error("form_rejected", code=refusal.code, key=message.key)
            return self._guarded(lambda client: call(client, {"text": message.text}), deadline, meaning)

    def _guarded(self, call: Callable[[Any], Any], deadline: InvocationDeadline, meaning: "_Meaning") -> Any:
        """Slack's answer to one call through the circuit breaker."""

        def ask(token: str, timeout: timedelta) -> Any:
            return self._breaker.call(self._asked, call, token, timeout, meaning)

        try:
            return self._with_token(ask, deadline)
        except CircuitBreakerError:
            raise SlackResting(_RESTING) from None
        finally:
            measure(Metric.BREAKER_STATE, _BREAKER_STATES.get(self._breaker.current_state, 1), target="slack")

    def _with_token(self, call: Callable[[str, timedelta], T], deadline: InvocationDeadline) -> T:
        """The result of a call. After a rotation the call is repeated with the new token."""
        _load_sdk()
        token = self._tokens.token()
        try:
            return call(token, _time_in(deadline))
        except SlackRefused as refusal:
            if refusal.code not in _TOKEN_CODES or not self._tokens.refused(token):
                raise
            return call(self._tokens.token(), _time_in(deadline))

    def _probe_once(self, token: str, timeout: timedelta) -> None:
        self._asked(lambda client: client.auth_test(), token, timeout, _Meaning.OTHER)

    def _asked(self, call: Callable[[Any], Any], token: str, timeout: timedelta, meaning: "_Meaning") -> Any:
        """Slack's answer to one call. Raises SlackError."""
        web_client, api_error = _load_sdk()
        # A pending alert is tried again. A retry of slack-sdk could post a second message after a lost answer.
        options: dict[str, Any] = {"base_url": self._base_url} if self._base_url else {}
        seconds: Any = timeout.total_seconds()  # declared as whole seconds, and passed on to a socket
        client = web_client(token=token, timeout=seconds, retry_handlers=[], **options)
        try:
            return call_in_time("slack", partial(call, client), reserve=RESERVE)
        except api_error as error:
            raise self._error_of(error, meaning) from None
        except (OSError, HTTPException, ValueError, AttributeError) as error:
            raise SlackAway(f"no answer from Slack: {type(error).__name__}: {error}") from None

    def _error_of(self, error: "SlackApiError", meaning: "_Meaning") -> SlackError:
        response = error.response
        status = response.status_code
        code = str(response.data.get("error", "")) if isinstance(response.data, dict) else "no object"
        if status == 429 or code in _BUSY_CODES:
            return SlackBusy(self._now() + _patience(response.headers))
        # Text that is not a code is not Slack's answer: slack-sdk puts an unreadable body here.
        if status >= 500 or code in _AWAY_CODES or not _CODE.fullmatch(code):
            return SlackAway(f"Slack failed: HTTP {status} {code[:200]}".rstrip())
        if meaning is not _Meaning.OTHER and code in _THREAD_CODES:
            return ThreadGone(code)
        if meaning is _Meaning.UPDATE and code in _FIXED_CODES:
            return MessageFixed(code)
        return SlackRefused(code or f"HTTP {status}", _scope_in(response.data))


def _load_sdk() -> tuple["type[WebClient]", "type[SlackApiError]"]:
    """The client and its error. The first import takes long, so it comes before the look at the deadline."""
    from slack_sdk.errors import SlackApiError

    from interlock_alert_dispatcher.slack_client import TimedClient

    return TimedClient, SlackApiError


def _scope_in(data: Any) -> str:
    needed = data.get("needed") if isinstance(data, dict) else None
    return needed if isinstance(needed, str) and _SCOPE.fullmatch(needed) else ""


class _Meaning(Enum):
    """The kind of a call, on which the meaning of an error code depends."""

    REPLY = auto()
    UPDATE = auto()
    OTHER = auto()


def _form_of(message: Message) -> dict[str, Any]:
    metadata = {"event_type": _METADATA, "event_payload": {"key": message.key}}
    blocks = {"blocks": list(message.blocks)} if message.blocks else {}
    return {"text": message.text, "metadata": metadata, **blocks}


def _key_in(message: Any) -> str | None:
    """The key of a message of the history. Messages of others may have metadata of any form."""
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") if metadata.get("event_type") == _METADATA else None
    return payload.get("key") if isinstance(payload, dict) else None


_CODE = re.compile(r"[a-z0-9_]{0,80}")
_SCOPE = re.compile(r"[a-z._:,]{1,80}")
_RESTING = "Slack failed too often, so nothing is sent for a while"
_BREAKER_STATES = {STATE_CLOSED: 0, STATE_OPEN: 2}


def _time_in(deadline: InvocationDeadline) -> timedelta:
    """The time for one call. Raises RetryLater if the deadline has passed."""
    if deadline.expired:
        raise RetryLater("too little time is left to post")
    return deadline.within(TIMEOUT)


def _patience(headers: Any) -> timedelta:
    """The wait of the Retry-After header in whole seconds, or the shortest wait without a valid header."""
    text = {str(name).lower(): value for name, value in headers.items()}.get("retry-after", "")
    text = text[0] if isinstance(text, list) else text
    seconds = int(text) if str(text).isdecimal() else 0
    return max(timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds())), _SHORTEST_WAIT)
