"""Builds the alert-dispatcher from the environment, once per process."""

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from interlock_alert_dispatcher.canary import CanaryWatch
from interlock_alert_dispatcher.checkup import Checkup, check_all
from interlock_alert_dispatcher.daily import DailyDigest
from interlock_alert_dispatcher.delivery import Alerts
from interlock_alert_dispatcher.deployment import Deployment
from interlock_alert_dispatcher.drain import LEASE
from interlock_alert_dispatcher.fanout import AllDrains, Drains, Fanout, Targets
from interlock_alert_dispatcher.leases import LeasedRows
from interlock_alert_dispatcher.makers import TargetMaker, sleep_for
from interlock_alert_dispatcher.pending import PendingAlerts, targets_that_waited
from interlock_alert_dispatcher.plans import Plans
from interlock_alert_dispatcher.routing import RoutingRow
from interlock_alert_dispatcher.silences import Silences
from interlock_alert_dispatcher.slack import CHECK_WITHIN, RESERVE
from interlock_alert_dispatcher.tokens import FixedToken, SecretToken, Tokens
from interlock_dlq import LogRouter, Router, router_of
from interlock_telemetry import (
    InvalidEnvironment,
    InvocationDeadline,
    Settings,
    Shown,
    Variable,
    arn,
    aws_client,
    environment,
    get_logger,
    instrument,
    out_of_time,
    pause,
    url,
    whole_number,
    zone_database,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from interlock_triggers import Poster

REQUIRED = ("SLACK_CHANNEL_ID", "EVENTS_TABLE", "EVENTS_TTL_DAYS")
SERVICE = "alert-dispatcher"
# The lifetime of a row. A century does not overflow a date.
_CHANNEL = re.compile(r"[CDG][A-Z0-9]+")
# Slack updates a message by the id of its channel only, and a name such as #alerts fails at the second message.
_OWN = {
    "EVENTS_TTL_DAYS": whole_number(90, lowest=1, highest=36_500),
    "SLACK_CHANNEL_ID": Variable(
        lambda text: text if text == "none" or _CHANNEL.fullmatch(text) else None,
        "the id of a channel, such as C0123456789, or none",
    ),
    "SLACK_SECRET_ARN": arn("secretsmanager", "secret:"),
    "SLACK_API_URL": url(),
}
_EVENTS = "-interlock-events"
_log = get_logger(__name__)


def now() -> datetime:
    """The wall clock (UTC)."""
    return datetime.now(UTC)


class Service(Struct, frozen=True):
    """The receiver of alerts, the drain of pending alerts, the queue for messages that are not alerts, and the rest.

    `checkup` looks for faults of the settings, and `digest` posts the summary of a day. `canary` measures the canaries
    of the watchdog. `health` has the checks of a ping. Without `dead_letters`, malformed messages stay in the queue,
    whose redrive policy keeps them.
    """

    alerts: Alerts
    drain: Drains
    checkup: Checkup
    digest: DailyDigest
    canary: CanaryWatch
    dead_letters: Router | None
    health: Mapping[str, Callable[[], object]]
    settings: Settings


def wire(variables: Mapping[str, str]) -> Service:
    """Build the service. An error names all missing variables at once."""
    settings = environment(REQUIRED, own=_OWN, source=variables)
    instrument(SERVICE, source=variables)
    keep = timedelta(days=settings.integer("EVENTS_TTL_DAYS"))
    client, table = aws_client("dynamodb"), settings["EVENTS_TABLE"]
    letters = router_of(settings, aws_client, sleep=pause, expired=out_of_time)
    tokens = _tokens(settings)
    if tokens is None:
        _log.warning("slack_off", reason="neither SLACK_SECRET_ARN nor SLACK_BOT_TOKEN is set: alerts are logged")
    silences = Silences(client, table, now=now)
    maker = TargetMaker(
        client,
        settings,
        keep=keep,
        tokens=tokens,
        letters=letters or LogRouter(),
        deployment=Deployment(
            _environment(table), settings.get("AWS_REGION") or "", (settings.aws_endpoint_url or "").rstrip("/")
        ),
        poster=_poster(settings.get("INTERLOCK_TRIGGER_ALLOWED_HOSTS") or ""),
        silenced_by=silences.covering,
        now=now,
    )
    targets = Targets(RoutingRow(client, table, now=now).current, maker)
    health: dict[str, Callable[[], object]] = {
        "events": LeasedRows(client, table, keep).ping,
        "pending": lambda: _waiting(client, table),
        "zones": zone_database,
        "targets": lambda: _check_targets(targets, settings["SLACK_CHANNEL_ID"]),
    }
    # Pings and canaries have a circuit breaker of their own. They never close the one of a target.
    slack = maker.slack(settings["SLACK_CHANNEL_ID"]) if tokens is not None else None
    if slack is not None:
        health["slack"] = slack.ready
    return Service(
        Fanout(targets, Plans(client, table, keep, now=now)),
        AllDrains(
            targets,
            lambda: targets_that_waited(client, table),
            lambda name: PendingAlerts(client, table, name).retire(now()),
            now=now,
        ),
        Checkup(lambda: {**targets.checks(), "silences": silences.check}, now=now),
        DailyDigest(client, table, targets, LeasedRows(client, table, keep, length=LEASE), now=now, sleep=sleep_for),
        CanaryWatch(None if slack is None else slack.probe, now=now),
        letters,
        health,
        settings,
    )


def _poster(allowed: str) -> Callable[[], "Poster"]:
    """The sender of webhooks, made once. An invalid allow-list ends the start of the function."""

    @cache
    def make() -> "Poster":
        # Only a webhook needs it, and the import is slow.
        from interlock_triggers import AllowListError, Poster

        try:
            return Poster(allowed)
        except AllowListError as error:
            raise InvalidEnvironment((), (f"INTERLOCK_TRIGGER_ALLOWED_HOSTS is {allowed!r}: {error}",)) from None

    if allowed:
        make()
    return make


def _environment(table: str) -> str:
    """The name of the deployment, which is the first part of its tables' names. Empty for a table of another name."""
    return table.removesuffix(_EVENTS) if table.endswith(_EVENTS) else ""


def _check_targets(targets: Targets, default: str) -> None:
    """Raise SettingsFault with the fault of each target of the routing. The default channel has a check of its own."""
    checks = {name: check for name, check in targets.checks().items() if name != default}
    check_all(checks, InvocationDeadline.after(CHECK_WITHIN, clock=time.monotonic))


def _waiting(client: "DynamoDBClient", table: str) -> Shown:
    names = ["", *targets_that_waited(client, table)]
    return Shown(f"{sum(PendingAlerts(client, table, name).count() for name in names)} wait")


def _tokens(settings: Settings) -> Tokens | None:
    arn, token = settings.get("SLACK_SECRET_ARN"), settings.get("SLACK_BOT_TOKEN")
    if arn:
        return SecretToken(aws_client("secretsmanager", reserve=RESERVE), arn)
    return FixedToken(token) if token else None
