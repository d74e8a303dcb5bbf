"""Reads the silences of alerts. `interlock silence` writes them (docs/reference/rows.md §5)."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.leases import read_moment
from interlock_config import silence_covers
from interlock_telemetry import InvocationDeadline, get_logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_log = get_logger(__name__)

PARTITION = "SILENCES"
READ_EVERY = timedelta(seconds=10)


class Silence(Struct, frozen=True):
    """The used part of a silence. The times are in UTC."""

    id: str
    pipeline: str
    events: frozenset[str]
    every: bool
    since: datetime
    until: datetime

    def covers(self, alert: Alert, now: datetime) -> bool:
        """Whether the silence is in force and covers the alert."""
        if not self.since <= now < self.until:
            return False
        return silence_covers(
            self.pipeline, self.events, every=self.every, event=alert.type, pipeline=alert.pipeline_id
        )


class Silences:
    """The silences that have not ended, read again after ten seconds. A row that cannot be read silences nothing."""

    def __init__(self, client: "DynamoDBClient", table: str, *, now: Callable[[], datetime]) -> None:
        self._client = client
        self._table = table
        self._now = now
        self._read_at: datetime | None = None
        self._found: list[Silence] = []

    def covering(self, alert: Alert) -> str:
        """The id of a silence that covers the alert now, or "". Raises the errors of the table."""
        now = self._now()
        if self._read_at is None or not timedelta() <= now - self._read_at < READ_EVERY:
            self._found, self._read_at = self._read(now), now
        return next((one.id for one in self._found if one.covers(alert, now)), "")

    def check(self, deadline: InvocationDeadline) -> None:
        """Read the silences, so that each unreadable row is in the log although no alert comes."""
        self._found, self._read_at = self._read(self._now()), self._now()

    def _read(self, now: datetime) -> list[Silence]:
        """The sort key of a silence begins with its end, so a query reads no silence that has ended."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "PK = :pk AND SK > :now",
            "ExpressionAttributeValues": {
                ":pk": {"S": PARTITION},
                ":now": {"S": f"{round(now.timestamp() * 1000):013d}"},
            },
            "ConsistentRead": True,
        }
        found: list[Silence] = []
        while True:
            page = self._client.query(**request)
            found += [one for row in page["Items"] if "endedAt" not in row and (one := _silence_of(row)) is not None]
            if "LastEvaluatedKey" not in page:
                return found
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _silence_of(row: Mapping[str, Any]) -> Silence | None:
    identifier, pipeline = (row.get(name, {}).get("S") for name in ("silenceId", "pipeline"))
    since, until = (read_moment(row.get(name, {}).get("S")) for name in ("since", "until"))
    listed, every = row.get("events", {"L": []}).get("L"), row.get("every", {"BOOL": False}).get("BOOL")
    events = [one.get("S") for one in listed or ()]
    is_whole = listed is not None and None not in events and isinstance(every, bool)
    if not identifier or not pipeline or since is None or until is None or not is_whole:
        _log.warning("silence_unreadable", row=str(row.get("SK"))[:200])
        return None
    return Silence(identifier, pipeline, frozenset(events), every, since, until)
