"""Builds the alert-dispatcher from the environment, once per process."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

from msgspec import Struct

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.blocks import Deployment
from interlock_alert_dispatcher.checkup import Checkup
from interlock_alert_dispatcher.delivery import Delivery, LogOnly
from interlock_alert_dispatcher.dispatch import Dispatcher
from interlock_alert_dispatcher.drain import LEASE, Drain, Drained, NoDrain
from interlock_alert_dispatcher.leases import LeasedRows
from interlock_alert_dispatcher.pending import PendingAlerts
from interlock_alert_dispatcher.slack import RESERVE, Slack
from interlock_alert_dispatcher.tokens import FixedToken, SecretToken, Tokens
from interlock_dlq import LogRouter, Router, SqsRouter
from interlock_telemetry import (
    InvocationDeadline,
    Settings,
    Shown,
    aws_client,
    environment,
    get_logger,
    instrument,
    out_of_time,
    pause,
    url,
    whole_number,
)

REQUIRED = ("SLACK_CHANNEL_ID", "EVENTS_TABLE", "EVENTS_TTL_DAYS")
SERVICE = "alert-dispatcher"
# The lifetime of a row. A century does not overflow a date.
_OWN = {"EVENTS_TTL_DAYS": whole_number(90, lowest=1, highest=36_500), "SLACK_API_URL": url()}
_EVENTS = "-interlock-events"
_log = get_logger(__name__)


class Alerts(Protocol):
    """Delivers alerts."""

    def deliver(self, alert: Alert, body: str, deadline: InvocationDeadline) -> None:
        """Deliver one alert with the body of its message, or raise."""
        ...


class Drains(Protocol):
    """Posts pending alerts."""

    def run(self, deadline: InvocationDeadline) -> Drained:
        """Post pending alerts until the deadline."""
        ...


def now() -> datetime:
    """The wall clock (UTC)."""
    return datetime.now(UTC)


class Service(Struct, frozen=True):
    """The receiver of alerts, the drain of pending alerts, the queue for messages that are not alerts, and the rest.

    `checkup` looks for faults of the Slack settings. `health` has the checks of a ping. Without `dead_letters`,
    malformed messages stay in the queue, whose redrive policy keeps them.
    """

    alerts: Alerts
    drain: Drains
    checkup: Checkup | None
    dead_letters: Router | None
    health: Mapping[str, Callable[[], object]]
    settings: Settings


def wire(variables: Mapping[str, str]) -> Service:
    """Build the service. An error names all missing variables at once."""
    settings = environment(REQUIRED, own=_OWN, source=variables)
    instrument(SERVICE, source=variables)
    keep = timedelta(days=settings.integer("EVENTS_TTL_DAYS"))
    client, table = aws_client("dynamodb"), settings["EVENTS_TABLE"]
    rows, pending = LeasedRows(client, table, keep), PendingAlerts(client, table)
    health: dict[str, Callable[[], object]] = {"events": rows.ping, "pending": lambda: _waiting(pending)}
    letters = _dead_letters(settings)
    tokens = _tokens(settings)
    if tokens is None:
        _log.warning("slack_off", reason="neither SLACK_SECRET_ARN nor SLACK_BOT_TOKEN is set: alerts are logged")
        return Service(LogOnly(), NoDrain(pending), None, letters, health, settings)
    slack = Slack(
        tokens,
        settings["SLACK_CHANNEL_ID"],
        base_url=settings.get("SLACK_API_URL"),
        trip_after=settings.cb_trip_after,
        rest=settings.cb_timeout,
        now=now,
    )
    dispatcher = Dispatcher(
        slack,
        rows,
        now=now,
        sleep=lambda length: pause(length.total_seconds()),
        deployment=Deployment(_environment(table), settings.get("AWS_REGION") or ""),
        quiet=settings.alert_quiet,
    )
    leases = LeasedRows(client, table, keep, length=LEASE)
    drain = Drain(slack, dispatcher, pending, leases, letters or LogRouter(), now=now)
    delivery = Delivery(dispatcher, pending, now=now)
    return Service(delivery, drain, Checkup(slack, now=now), letters, {**health, "slack": slack.ready}, settings)


def _dead_letters(settings: Settings) -> Router | None:
    url, retries = settings.dlq_queue_url, settings.dlq_max_retries
    if url is None:
        return None
    return SqsRouter(url, aws_client("sqs"), max_retries=retries, sleep=pause, expired=out_of_time)


def _environment(table: str) -> str:
    """The name of the deployment, which is the first part of its tables' names. Empty for a table of another name."""
    return table.removesuffix(_EVENTS) if table.endswith(_EVENTS) else ""


def _waiting(pending: PendingAlerts) -> Shown:
    return Shown(f"{pending.count()} wait")


def _tokens(settings: Settings) -> Tokens | None:
    arn, token = settings.get("SLACK_SECRET_ARN"), settings.get("SLACK_BOT_TOKEN")
    if arn:
        return SecretToken(aws_client("secretsmanager", reserve=RESERVE), arn)
    return FixedToken(token) if token else None
