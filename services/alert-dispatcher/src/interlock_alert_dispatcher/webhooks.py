"""Posts alerts to a webhook as signed JSON."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.deployment import Deployment
from interlock_alert_dispatcher.errors import SettingsFault, TargetAway, TargetBusy, TargetRefused, TargetRejected
from interlock_alert_dispatcher.fanout import Announcement
from interlock_alert_dispatcher.hints import Severity
from interlock_alert_dispatcher.plain import plain_text_of
from interlock_alert_dispatcher.text import severity_of
from interlock_dlq import RetryLater
from interlock_telemetry import InvocationDeadline

if TYPE_CHECKING:
    from interlock_triggers import Poster

SIGNATURE = "X-Interlock-Signature"
_TIMEOUT = timedelta(seconds=10)
_CHECK = timedelta(seconds=3)
_PAUSE = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(hours=1)
_SETTINGS = frozenset({401, 403, 404})
"""Answers that show a wrong key, a missing right or a wrong address. They are no fault of the alert."""


class Webhook:
    """An address that takes each alert as a POST.

    An answer of 2xx is a success. 401, 403, 404, 408, 425, 429, 5xx and no answer let the alert wait. Every other
    answer rejects the alert for good.
    """

    def __init__(
        self,
        url: Callable[[], str],
        key: Callable[[], bytes],
        poster: "Callable[[], Poster]",
        deployment: Deployment,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._url = url
        self._key = key
        self._poster = poster
        self._deployment = deployment
        self._now = now

    def check(self, deadline: InvocationDeadline) -> None:
        """Raise SettingsFault unless address and key can be read and the address may be reached. Nothing is sent."""
        from interlock_triggers import PostForbidden, PostUnanswered

        url = self._url()
        self._key()
        if deadline.expired:
            raise RetryLater("too little time is left to check")
        try:
            self._poster().check(url, seconds=deadline.within(_CHECK).total_seconds())
        except PostForbidden as error:
            raise SettingsFault(f"the webhook cannot be reached: {error}") from None
        except PostUnanswered as error:
            raise TargetAway(f"the webhook cannot be reached: {error}") from None

    def send(self, alert: Alert, deadline: InvocationDeadline, *, late: bool) -> str:
        """Post the alert. A webhook gives it no id."""
        return self._post(body_of(alert, self._deployment, late=late), alert.id, deadline)

    def announce(self, said: Announcement, deadline: InvocationDeadline) -> str:
        """Post a message that is about no alert, as an event of the type DIGEST."""
        content = {
            "detail-type": "DIGEST",
            "source": "interlock",
            "detail": {"id": said.key},
            "severity": str(Severity.NOTICE),
            "text": said.text,
            "late": said.late,
        }
        return self._post(json.dumps(content).encode(), said.key, deadline)

    def _post(self, body: bytes, key: str, deadline: InvocationDeadline) -> str:
        from interlock_triggers import PostForbidden, PostUnanswered

        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key if key.isascii() and key.isprintable() else _digest(key),
            SIGNATURE: signature_of(body, self._key(), round(self._now().timestamp())),
        }
        url = self._url()
        if deadline.expired:
            raise RetryLater("too little time is left to post")
        try:
            seconds = deadline.within(_TIMEOUT).total_seconds()
            answer = self._poster().post(url, headers, body, seconds=seconds)
        except PostForbidden as error:
            # Nothing was accepted. The alert waits until the address or the allow-list is right.
            raise SettingsFault(f"the webhook cannot be reached: {error}") from None
        except PostUnanswered as error:
            raise TargetAway(f"no answer from the webhook: {error}") from None
        self._judge(answer.status, answer.retry_after)
        return ""

    def _judge(self, status: int, retry_after: int | None) -> None:
        if 200 <= status < 300:
            return
        if status == 429:
            asked = timedelta(seconds=min(retry_after or 0, _LONGEST_WAIT.total_seconds()))
            raise TargetBusy(self._now() + max(asked, _PAUSE), "the webhook")
        if status in (408, 425) or status >= 500:
            raise TargetAway(f"the webhook answered {status}")
        if status in _SETTINGS:
            raise TargetRefused(f"the webhook answered {status}: check its address and its key")
        raise TargetRejected(f"the webhook answered {status}")


def body_of(alert: Alert, deployment: Deployment, *, late: bool) -> bytes:
    """The event as the bus wrote it, with the alert's severity, its plain text, and whether it is late."""
    text = plain_text_of(alert, deployment, late=late)
    content = {**alert.envelope, "severity": str(severity_of(alert)), "text": text, "late": late}
    return json.dumps(content).encode()


def signature_of(body: bytes, key: bytes, at: int) -> str:
    """`t=<epoch seconds>,v1=<HMAC-SHA256 in hex>` of the time, a dot and the body."""
    digest = hmac.new(key, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
