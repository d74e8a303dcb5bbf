"""Posts a text to a Slack channel, once per call, and distinguishes the possible failures."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, TypeVar

from pybreaker import STATE_CLOSED, STATE_OPEN, CircuitBreaker, CircuitBreakerError

from interlock_alert_dispatcher.tokens import Tokens
from interlock_dlq import RetryLater
from interlock_telemetry import InvocationDeadline, Metric, measure

if TYPE_CHECKING:
    from slack_sdk.errors import SlackApiError

T = TypeVar("T")

TIMEOUT = timedelta(seconds=10)
_SHORTEST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(hours=1)
"""A longer wait that Slack asks for is cut to this length."""

_TOKEN_CODES = frozenset({"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"})
_THREAD_CODES = frozenset({"cannot_reply_to_message", "message_not_found", "thread_not_found"})
_BUSY_CODES = frozenset({"rate_limited", "ratelimited"})
_AWAY_CODES = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})


class SlackError(Exception):
    """The base of all errors with Slack. The alert waits as a row."""


class SlackAway(SlackError):
    """Slack gave no valid answer: the message may or may not have been posted."""


class SlackBusy(SlackError):
    """Slack posted nothing and asks to wait (429): nothing may be sent before `until` (UTC)."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__(f"Slack asks to wait until {until:%Y-%m-%dT%H:%M:%SZ}")


class SlackRefused(SlackError):
    """Slack rejected the message and posted nothing. `code` is Slack's error code."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"Slack rejects the message: {code}")


class ThreadGone(SlackRefused):
    """The thread of the reply does not exist any more."""


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

    def post(self, text: str, thread_ts: str | None, deadline: InvocationDeadline) -> str:
        """Post a message, or a reply if `thread_ts` is given. The result is the new message's ts.

        Raises SlackError, TokenUnreadable, or RetryLater if the deadline passed before anything was sent.
        """

        def post(token: str, timeout: timedelta) -> str:
            posted: str = self._breaker.call(self._post_once, token, text, thread_ts, timeout)
            return posted

        try:
            return self._with_token(post, deadline)
        except CircuitBreakerError:
            raise SlackAway(_RESTING) from None
        finally:
            measure(Metric.BREAKER_STATE, _BREAKER_STATES.get(self._breaker.current_state, 1), target="slack")

    def probe(self, deadline: InvocationDeadline) -> None:
        """Ask Slack whether it answers and knows the token, and post nothing. An answer closes the circuit breaker.

        Raises as `post`. An open breaker does not prevent the question.
        """
        self._with_token(self._probe_once, deadline)
        self._breaker.close()

    def ready(self) -> None:
        """Raise unless a token can be read and the circuit breaker lets calls through."""
        self._tokens.token()
        if self._breaker.current_state == STATE_OPEN:
            raise SlackAway(_RESTING)

    def _with_token(self, call: Callable[[str, timedelta], T], deadline: InvocationDeadline) -> T:
        """The result of a call. After a rotation the call is repeated with the new token."""
        token = self._tokens.token()
        try:
            return call(token, _time_in(deadline))
        except SlackRefused as refusal:
            if refusal.code not in _TOKEN_CODES or not self._tokens.refused(token):
                raise
            return call(self._tokens.token(), _time_in(deadline))

    def _post_once(self, token: str, text: str, thread_ts: str | None, timeout: timedelta) -> str:
        answer = self._asked(
            lambda client: client.chat_postMessage(
                channel=self.channel,
                text=text,
                thread_ts=thread_ts,
                # Slack must not read names, such as @channel, as mentions.
                parse="none",
                link_names=False,
                unfurl_links=False,
                unfurl_media=False,
            ),
            token,
            timeout,
            is_reply=thread_ts is not None,
        )
        ts = answer.get("ts")
        if not isinstance(ts, str):
            raise SlackAway("Slack's answer has no ts")
        return ts

    def _probe_once(self, token: str, timeout: timedelta) -> None:
        self._asked(lambda client: client.auth_test(), token, timeout, is_reply=False)

    def _asked(self, call: Callable[[Any], Any], token: str, timeout: timedelta, *, is_reply: bool) -> Any:
        """Slack's answer to one call. Raises SlackError."""
        from slack_sdk.errors import SlackApiError
        from slack_sdk.web import WebClient

        # A pending alert is tried again. A retry of slack-sdk could post a second message after a lost answer.
        options: dict[str, Any] = {"base_url": self._base_url} if self._base_url else {}
        seconds = max(round(timeout.total_seconds()), 1)
        client = WebClient(token=token, timeout=seconds, retry_handlers=[], **options)
        try:
            return call(client)
        except SlackApiError as error:
            raise self._meaning(error, is_reply=is_reply) from None
        except (OSError, HTTPException, ValueError, AttributeError) as error:
            raise SlackAway(f"no answer from Slack: {type(error).__name__}: {error}") from None

    def _meaning(self, error: "SlackApiError", *, is_reply: bool) -> SlackError:
        response = error.response
        status = response.status_code
        code = str(response.data.get("error", "")) if isinstance(response.data, dict) else "no object"
        if status == 429 or code in _BUSY_CODES:
            return SlackBusy(self._now() + _patience(response.headers))
        # Text that is not a code is not Slack's answer: slack-sdk puts an unreadable body here.
        if status >= 500 or code in _AWAY_CODES or not _CODE.fullmatch(code):
            return SlackAway(f"Slack failed: HTTP {status} {code[:200]}".rstrip())
        if is_reply and code in _THREAD_CODES:
            return ThreadGone(code)
        return SlackRefused(code or f"HTTP {status}")


_CODE = re.compile(r"[a-z0-9_]{0,80}")
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
