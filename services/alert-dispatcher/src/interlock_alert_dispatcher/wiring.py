"""Builds the alert-dispatcher from the environment, once per process."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

import boto3
from botocore.config import Config
from msgspec import Struct

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.dispatch import Dispatcher, LogOnly
from interlock_alert_dispatcher.leases import LeasedRows
from interlock_alert_dispatcher.slack import Slack
from interlock_alert_dispatcher.tokens import FixedToken, SecretToken, Tokens
from interlock_dlq import Router, SqsRouter
from interlock_telemetry import InvocationDeadline, Settings, environment, get_logger, instrument

REQUIRED = ("SLACK_CHANNEL_ID", "EVENTS_TABLE", "EVENTS_TTL_DAYS")
SERVICE = "alert-dispatcher"
_log = get_logger(__name__)
# A call that hangs must not outlast a lease.
_PATIENCE = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3})


class Dispatch(Protocol):
    """Delivers alerts."""

    def dispatch(self, alert: Alert, deadline: InvocationDeadline) -> None:
        """Deliver one alert, or raise."""
        ...


def now() -> datetime:
    """The wall clock (UTC)."""
    return datetime.now(UTC)


class Service(Struct, frozen=True):
    """The receiver of alerts, the queue for messages that are not alerts, the checks of a ping, and the settings.

    Without `dead_letters`, malformed messages stay in the queue, whose redrive policy keeps them.
    """

    alerts: Dispatch
    dead_letters: Router | None
    health: Mapping[str, Callable[[], None]]
    settings: Settings


def wire(variables: Mapping[str, str]) -> Service:
    """Build the service. An error names all missing variables at once."""
    settings = environment(REQUIRED, source=variables)
    instrument(SERVICE, source=variables)
    keep = timedelta(days=settings.integer("EVENTS_TTL_DAYS", 90, lowest=1))
    rows = LeasedRows(boto3.client("dynamodb", config=_PATIENCE), settings["EVENTS_TABLE"], keep)
    url = settings.dlq_queue_url
    letters = (
        SqsRouter(url, boto3.client("sqs", config=_PATIENCE), max_retries=settings.dlq_max_retries) if url else None
    )
    tokens = _tokens(settings)
    if tokens is None:
        _log.warning("slack_off", reason="neither SLACK_SECRET_ARN nor SLACK_BOT_TOKEN is set: alerts are logged")
        return Service(LogOnly(), letters, {"events": rows.ping}, settings)
    slack = Slack(
        tokens,
        settings["SLACK_CHANNEL_ID"],
        base_url=settings.get("SLACK_API_URL"),
        trip_after=settings.cb_trip_after,
        rest=settings.cb_timeout,
        now=now,
    )
    dispatcher = Dispatcher(slack, rows, now=now, sleep=lambda length: time.sleep(length.total_seconds()))
    return Service(dispatcher, letters, {"events": rows.ping, "slack": slack.ready}, settings)


def _tokens(settings: Settings) -> Tokens | None:
    arn, token = settings.get("SLACK_SECRET_ARN"), settings.get("SLACK_BOT_TOKEN")
    if arn:
        return SecretToken(boto3.client("secretsmanager", config=_PATIENCE), arn)
    return FixedToken(token) if token else None
