"""Reads the routing of alerts from its row, and decides the targets of each alert."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.errors import SettingsFault
from interlock_alert_dispatcher.leases import Key
from interlock_alert_dispatcher.text import severity_of
from interlock_config import AlertFacts, AlertRules, ConfigError, decode_alerts, reachable, route
from interlock_telemetry import InvocationDeadline, get_logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_log = get_logger(__name__)

ROW = Key("ALERTS", "CONFIG")
"""The row of the routing. interlock-store writes it."""

DEFAULT = ""
"""The name of the channel in SLACK_CHANNEL_ID, which every deployment has."""

READ_EVERY = timedelta(minutes=1)


class Routing(Struct, frozen=True):
    """The routing that counts now. `rules` is None without a file. `fault`: the reason if the row cannot be read.

    Without rules every alert goes to the default channel.
    """

    rules: AlertRules | None = None
    fault: str = ""

    def check(self, deadline: InvocationDeadline) -> None:
        """Raise SettingsFault if the row cannot be read."""
        if self.fault:
            raise SettingsFault(f"{self.fault}. All alerts go to the default channel")

    def targets_of(self, alert: Alert) -> dict[str, str]:
        """The names of the alert's targets, each with the person to mention or ""."""
        return {DEFAULT: ""} if self.rules is None else route(self.rules, facts_of(alert))

    def reachable(self, alert: Alert) -> tuple[str, ...]:
        """The names of the targets that any alert of the same run may reach."""
        return (DEFAULT,) if self.rules is None else reachable(self.rules, facts_of(alert))


class RoutingRow:
    """The row of the routing, read again after a minute. An unreadable row counts as no file."""

    def __init__(self, client: "DynamoDBClient", table: str, *, now: Callable[[], datetime]) -> None:
        self._client = client
        self._table = table
        self._now = now
        self._read_at: datetime | None = None
        self._config: Any = None
        self._found = Routing()

    def current(self) -> Routing:
        """The routing. Raises the errors of the table."""
        if self._read_at is None or not timedelta() <= self._now() - self._read_at < READ_EVERY:
            row = self._client.get_item(TableName=self._table, Key=ROW.wire(), ConsistentRead=True).get("Item")
            config = None if row is None else row.get("config", {})
            if self._read_at is None or config != self._config:
                self._found, self._config = _read(config), config
                if self._found.fault:
                    _log.error("slack_unusable", channel=DEFAULT, reason=self._found.fault)
            self._read_at = self._now()
        return self._found


def facts_of(alert: Alert) -> AlertFacts:
    """The facts of an alert that decide its route."""
    return AlertFacts(
        event=alert.type, severity=str(severity_of(alert)), pipeline=alert.pipeline_id, owner=alert.owner or ""
    )


def _read(config: Any) -> Routing:
    if config is None:
        return Routing()
    text = config.get("S") if isinstance(config, dict) else None
    if not isinstance(text, str):
        return Routing(fault="the row ALERTS, CONFIG has no text as its config")
    try:
        return Routing(decode_alerts(text))
    except ConfigError as error:
        return Routing(fault=f"the row ALERTS, CONFIG is corrupted: {error}"[:1000])
