"""Publishes alerts to an SNS topic, one message per event."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.deployment import Deployment, command_of
from interlock_alert_dispatcher.errors import TargetAway, TargetBusy, TargetRefused
from interlock_alert_dispatcher.fanout import Announcement
from interlock_alert_dispatcher.foreign import escape, render_foreign, render_within
from interlock_alert_dispatcher.links import links_of
from interlock_alert_dispatcher.plain import ascii_subject, error_of, facts_of, plain_text_of, subject_of
from interlock_alert_dispatcher.text import hint_of, severity_of, withheld_of
from interlock_telemetry import InvocationDeadline

_BUSY = frozenset({"KMSThrottling", "Throttled", "ThrottledException", "Throttling", "ThrottlingException"})
_PAUSE = timedelta(seconds=5)
_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,./:;<=>?@\[\\\]^_`{|}~-]{1,128}")
_NAME = 200
_CAUSE = 1500
_FACTS = 1000
_RULES = 10


class Topic:
    """An SNS topic. A FIFO topic drops a repeated event for five minutes, and keeps the order of each pipeline."""

    def __init__(
        self, client: Any, arn: str, deployment: Deployment, *, chatbot: bool, now: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._arn = arn
        self._deployment = deployment
        self._chatbot = chatbot
        self._now = now

    def send(self, alert: Alert, deadline: InvocationDeadline, *, late: bool) -> str:
        """Publish the alert. The result is the id of the message."""
        return self._publish(self._request(alert, late=late))

    def announce(self, said: Announcement, deadline: InvocationDeadline) -> str:
        """Publish a message that is about no alert. The result is its id."""
        title = said.text.splitlines()[0]
        request: dict[str, Any] = {"TopicArn": self._arn, "Message": said.text, "Subject": ascii_subject(title)}
        if self._chatbot:
            content = {"textType": "client-markdown", "title": title, "description": escape(said.text)}
            message = {"version": "1.0", "source": "custom", "id": said.key, "content": content}
            request = {"TopicArn": self._arn, "Message": json.dumps(message, ensure_ascii=False)}
        if self._arn.endswith(".fifo"):
            request |= {"MessageDeduplicationId": _id(said.key), "MessageGroupId": "digest"}
        return self._publish(request)

    def _publish(self, request: dict[str, Any]) -> str:
        # An error of botocore has many types. Its import is part of boto3, which the process has loaded.
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return str(self._client.publish(**request)["MessageId"])
        except ClientError as error:
            raise self._error_of(error.response) from None
        except (BotoCoreError, OSError) as error:
            raise TargetAway(f"no answer from SNS: {type(error).__name__}: {error}") from None

    def _request(self, alert: Alert, *, late: bool) -> dict[str, Any]:
        attributes = {"severity": str(severity_of(alert)), "pipeline": alert.pipeline_id, "type": alert.type}
        request: dict[str, Any] = {
            "TopicArn": self._arn,
            "Message": self._message(alert, late=late),
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": text[:_NAME]} for name, text in attributes.items()
            },
        }
        if not self._chatbot:
            request["Subject"] = subject_of(alert)
        if self._arn.endswith(".fifo"):
            request |= {"MessageDeduplicationId": _id(alert.id), "MessageGroupId": _id(alert.pipeline_id)}
        return request

    def _message(self, alert: Alert, *, late: bool) -> str:
        if self._chatbot:
            return json.dumps(chatbot_message(alert, self._deployment, late=late), ensure_ascii=False)
        return plain_text_of(alert, self._deployment, late=late)

    def _error_of(self, response: Mapping[str, Any]) -> Exception:
        code = str(response.get("Error", {}).get("Code", ""))
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        text = f"SNS answered {code or status}: {response.get('Error', {}).get('Message', '')}"[:300]
        if code in _BUSY or status == 429:
            return TargetBusy(self._now() + _PAUSE, "SNS")
        return TargetAway(text) if status >= 500 or code == "InternalError" else TargetRefused(text)


def chatbot_message(alert: Alert, deployment: Deployment, *, late: bool) -> dict[str, Any]:
    """The alert as a custom notification of Amazon Q Developer in chat applications, which shows no other text.

    Alerts of one run have one thread. https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
    """
    hint = hint_of(alert)
    names = (render_foreign(name, _NAME) for name in (alert.pipeline_id, alert.date) if name)
    title = " · ".join([f"{severity_of(alert).mark} {render_foreign(alert.type, _NAME)}", *names])
    sent = "sent late, " if late else ""
    withheld = withheld_of(alert)
    lines = [
        render_within(alert.message or "", _CAUSE),
        f"error: {render_within(error, _CAUSE)}" if (error := error_of(alert)) else "",
        render_within(facts_of(alert), _FACTS),
        *(f"- {render_within(rule, _NAME)}" for rule in (*alert.rules, *alert.held_by)[:_RULES]),
        f"withheld: {withheld}" if withheld else "",
        *(f"{link.label}: {escape(link.url)}" for link in links_of(alert, deployment)),
        f"{sent}emitted {alert.at:%Y-%m-%d %H:%M:%S} UTC",
    ]
    steps = [render_foreign(hint, _NAME), command_of(alert, hint, deployment)] if hint else []
    return {
        "version": "1.0",
        "source": "custom",
        "id": alert.id,
        "content": {
            "textType": "client-markdown",
            "title": title,
            "description": "\n".join(line for line in lines if line),
            "nextSteps": [step for step in steps if step],
        },
        "metadata": {
            "threadId": hashlib.sha256(f"{alert.pipeline_id}/{alert.thread}".encode()).hexdigest()[:32],
            "summary": subject_of(alert),
            "eventType": alert.type,
        },
    }


def _id(text: str) -> str:
    """The text as SNS takes it as an id. A digest replaces any other text, such as one with a blank."""
    return text if _ID.fullmatch(text) else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
