"""Makes the targets of alerts: a Slack channel, an SNS topic or a webhook, each with its pending alerts."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.blocks import mention_of
from interlock_alert_dispatcher.checkup import Check
from interlock_alert_dispatcher.delivery import Delivery, LogOnly
from interlock_alert_dispatcher.deployment import Deployment
from interlock_alert_dispatcher.dispatch import Dispatcher
from interlock_alert_dispatcher.drain import LEASE, Drain, NoDrain
from interlock_alert_dispatcher.errors import SettingsFault
from interlock_alert_dispatcher.fanout import Announcement, PostingRules, Target
from interlock_alert_dispatcher.foreign import escape
from interlock_alert_dispatcher.leases import LeasedRows
from interlock_alert_dispatcher.pacing import Pace
from interlock_alert_dispatcher.pending import PendingAlerts
from interlock_alert_dispatcher.sender import Sender, Transport
from interlock_alert_dispatcher.slack import RESERVE, Message, Slack, SlackRefused
from interlock_alert_dispatcher.tokens import Tokens
from interlock_alert_dispatcher.topics import Topic
from interlock_alert_dispatcher.webhooks import Webhook
from interlock_config import AlertTarget, TopicFormat
from interlock_dlq import Router
from interlock_telemetry import InvocationDeadline, Settings, aws_client, get_logger, pause

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from interlock_triggers import Poster

_log = get_logger(__name__)
_KEEP_KEY = timedelta(minutes=5)


class TargetMaker:
    """Makes targets. `letters` keeps the alerts that a target rejects for good."""

    def __init__(
        self,
        client: "DynamoDBClient",
        settings: Settings,
        *,
        keep: timedelta,
        tokens: Tokens | None,
        letters: Router,
        deployment: Deployment,
        poster: "Callable[[], Poster]",
        silenced_by: Callable[[Alert], str],
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._settings = settings
        self._table = settings["EVENTS_TABLE"]
        self._channel = settings["SLACK_CHANNEL_ID"]
        self._keep = keep
        self._tokens = tokens
        self._letters = letters
        self._deployment = deployment
        self._poster = poster
        self._silenced_by = silenced_by
        self._now = now
        self._rows = LeasedRows(client, self._table, keep)
        self._leases = LeasedRows(client, self._table, keep, length=LEASE)
        # A new routing makes new targets. An address that asked to wait still has to be left alone.
        self._paces: dict[str, Pace] = {}
        self._channels: dict[str, Slack] = {}

    def __call__(self, name: str, described: AlertTarget | None, rules: PostingRules) -> Target:
        """The target of a name. Without a description it posts to the default channel."""
        pending = PendingAlerts(self._client, self._table, name)
        deployment = replace(self._deployment, page=rules.page)
        if described is not None and described.sns is not None:
            return self._sending(described.sns, self._topic(described, deployment), pending, name, pace=described.sns)
        if described is not None and described.webhook is not None:
            webhook = self._webhook(described, deployment)
            return self._sending(name, webhook, pending, name, pace=described.webhook, check=webhook.check)
        return self._posting((described and described.slack) or self._channel, pending, rules, deployment)

    def slack(self, channel: str) -> Slack:
        """The Slack channel. It must not be called without a token."""
        assert self._tokens is not None
        return Slack(
            self._tokens,
            channel,
            base_url=self._settings.get("SLACK_API_URL"),
            trip_after=self._settings.cb_trip_after,
            rest=self._settings.cb_timeout,
            now=self._now,
        )

    def _posting(self, channel: str, pending: PendingAlerts, rules: PostingRules, deployment: Deployment) -> Target:
        # The rows of the default channel have the keys that they had before there was a routing.
        place = "" if channel == self._channel else channel
        if self._tokens is None:
            nothing = NoDrain(pending)
            return Target(channel, LogOnly(), nothing, place=place, announce=_log_announcement, only_logs=True)
        slack = self._channels.setdefault(channel, self.slack(channel))
        dispatcher = Dispatcher(
            slack,
            self._rows,
            now=self._now,
            sleep=sleep_for,
            deployment=deployment,
            quiet=self._settings.alert_quiet if rules.quiet is None else rules.quiet,
            place=place,
            mention=lambda alert: mention_of(rules.mention(alert)),
            silenced_by=self._silenced_by,
            pace=self._paces.setdefault(channel, Pace()),
            window=rules.window,
        )
        drain = Drain(slack, dispatcher, pending, self._leases, self._letters, now=self._now)
        delivery = Delivery(dispatcher, pending, now=self._now, letters=self._letters)
        return Target(channel, delivery, drain, slack.check, place, _announcer(slack), follow=delivery.follow)

    def _sending(
        self,
        address: str,
        transport: Transport,
        pending: PendingAlerts,
        place: str,
        *,
        pace: str,
        check: Check | None = None,
    ) -> Target:
        sender = Sender(
            transport,
            self._rows,
            place,
            now=self._now,
            sleep=sleep_for,
            silenced_by=self._silenced_by,
            pace=self._paces.setdefault(pace, Pace()),
        )
        drain = Drain(sender, sender, pending, self._leases, self._letters, now=self._now)
        delivery = Delivery(sender, pending, now=self._now, letters=self._letters)
        return Target(address, delivery, drain, check, place, transport.announce)

    def _topic(self, described: AlertTarget, deployment: Deployment) -> Topic:
        arn = described.sns or ""
        # A repeated publish after a lost answer would be a second message. The alert waits, and is sent again once.
        client = aws_client("sns", region=arn.split(":")[3], requests=1, reserve=RESERVE)
        is_chatbot = described.format is TopicFormat.CHATBOT
        return Topic(client, arn, deployment, chatbot=is_chatbot, now=self._now)

    def _webhook(self, described: AlertTarget, deployment: Deployment) -> Webhook:
        key = SigningKey(described.secret or "", self._settings, now=self._now)
        address = Address(described.webhook or "", key.secrets)
        return Webhook(address.read, key.read, self._poster, deployment, now=self._now)


class WebhookSecrets:
    """The secrets of a webhook in Secrets Manager. A text is kept for five minutes."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        # Only a webhook needs it, and the import is slow.
        from interlock_triggers import SecretStore

        self._store = SecretStore(_read_secret, keep=_KEEP_KEY.total_seconds(), now=lambda: now().timestamp())

    def filled(self, text: str) -> str:
        """The text with the values of its `${secret:…}`. Raises SettingsFault, which names the reference only."""
        from interlock_triggers import SecretUnreadable

        try:
            return self._store.filled(text)[0]
        except SecretUnreadable as error:
            raise SettingsFault(f"a secret of the webhook cannot be used: {error}") from None


def _read_secret(name: str) -> str:
    region = name.split(":")[3] if name.startswith("arn:") else None
    client = aws_client("secretsmanager", region=region, reserve=RESERVE)
    return str(client.get_secret_value(SecretId=name).get("SecretString", ""))


class Address:
    """The URL of a webhook, which may contain `${secret:…}`."""

    def __init__(self, url: str, secrets: WebhookSecrets) -> None:
        self._url, self._secrets = url, secrets

    def read(self) -> str:
        """The URL. Raises SettingsFault."""
        return self._secrets.filled(self._url)


class SigningKey:
    """The key that signs the posts of a webhook. A secret of Secrets Manager is read again after five minutes."""

    def __init__(self, place: str, settings: Settings, *, now: Callable[[], datetime]) -> None:
        self._place = place
        self._settings = settings
        self._now = now
        self.secrets = WebhookSecrets(now)
        self._read_at: datetime | None = None
        self._key = b""

    def read(self) -> bytes:
        """The key. Raises SettingsFault, without the key in its message."""
        if self._place.startswith("${secret:"):
            return self.secrets.filled(self._place).encode()
        if self._place.startswith("${"):
            name = self._place[2:-1]
            if not (value := self._settings.get(name)):
                raise SettingsFault(f"the key of the webhook is missing: the variable {name} is not set")
            return value.encode()
        if self._read_at is None or not timedelta() <= self._now() - self._read_at < _KEEP_KEY:
            self._key, self._read_at = self._fetch(), self._now()
        return self._key

    def _fetch(self) -> bytes:
        client = aws_client("secretsmanager", region=self._place.split(":")[3], reserve=RESERVE)
        try:
            text = str(client.get_secret_value(SecretId=self._place).get("SecretString", "")).strip()
        except Exception as error:  # noqa: BLE001 - any error of AWS concerns the key, not the alert
            # The error has no cause, because a cause could count as an error of the alert.
            raise SettingsFault(f"the key of the webhook cannot be read: {type(error).__name__}: {error}") from None
        if not text:
            raise SettingsFault("the key of the webhook is missing: its secret is empty")
        return text.encode()


def _announcer(slack: Slack) -> Callable[[Announcement, InvocationDeadline], str]:
    """Posts an announcement as a message of the channel, and looks for one whose answer was lost."""

    def announce(said: Announcement, deadline: InvocationDeadline) -> str:
        message = Message(said.key, escape(said.text))
        found = _found(slack, said, deadline) if said.is_repeat else None
        return found or slack.post(message, None, deadline)

    return announce


def _found(slack: Slack, said: Announcement, deadline: InvocationDeadline) -> str | None:
    try:
        return slack.find(said.key, None, said.since, deadline)
    except SlackRefused as refusal:
        _log.warning("lost_answer_not_looked_for", row=said.key, reason=str(refusal))
        return None


def _log_announcement(said: Announcement, deadline: InvocationDeadline) -> str:
    _log.warning("announcement", key=said.key, text=said.text)
    return ""


def sleep_for(length: timedelta) -> None:
    """Wait, and let the telemetry of the process know that it only waits."""
    pause(length.total_seconds())
