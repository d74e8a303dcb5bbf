"""Posts the digest once a day, from the events of the day before."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from interlock_alert_dispatcher.digest import (
    SUCCESS,
    TYPES,
    Happening,
    Period,
    digest_text,
    happening_of,
    period_at,
    summarise,
)
from interlock_alert_dispatcher.errors import DeliveryError, TargetAway
from interlock_alert_dispatcher.fanout import Announcement, Targets
from interlock_alert_dispatcher.leases import Done, Held, Key, LeasedRows, key_at
from interlock_alert_dispatcher.routing import ROW
from interlock_alert_dispatcher.tokens import TokenUnreadable
from interlock_config import AlertDigest
from interlock_dlq import RetryLater
from interlock_telemetry import InvocationDeadline, get_logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_log = get_logger(__name__)
_BATCH = 100


class DailyDigest:
    """Posts the digest of the period that ended last, at the first tick after its end.

    A leased row per day keeps a second process from posting it. A target that does not take it is asked again at the
    next tick, until the next period ends.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        targets: Targets,
        rows: LeasedRows,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._table = table
        self._targets = targets
        self._rows = rows
        self._now = now
        self._known = ""

    def run(self, deadline: InvocationDeadline) -> bool:
        """Post the digest if it is due. The result is whether it was posted. Raises the errors of the table."""
        rules = self._targets.routing().rules
        if rules is None or rules.digest is None:
            return False
        period = period_at(self._now(), rules.digest.at, rules.digest.zone)
        if self._known == period.name:
            return False
        lease = self._rows.take(Key(ROW.pk, f"DIGEST#{period.name}"), self._now())
        if isinstance(lease, Done):
            self._known = period.name
            return False
        if isinstance(lease, Held):
            return False
        try:
            receipt = self._post(period, rules.digest, lease.is_repeat, lease.since, deadline)
        except (DeliveryError, TokenUnreadable, RetryLater) as error:
            self._rows.give_back(lease, self._now(), unsure=str(error) if isinstance(error, TargetAway) else "")
            _log.warning("digest_waits", day=period.name, reason=f"{type(error).__name__}: {error}")
            return False
        except Exception:
            self._rows.give_back(lease, self._now())
            raise
        self._rows.note_end(lease, self._now(), "delivered", target=rules.digest.to, receipt=receipt or "none")
        _log.info("digest_posted", day=period.name, target=rules.digest.to)
        return True

    def _post(
        self, period: Period, digest: AlertDigest, is_repeat: bool, since: datetime | None, deadline: InvocationDeadline
    ) -> str:
        happenings = [one for kind in (*TYPES, SUCCESS) for one in self._events(kind, period)]
        text = digest_text(period, digest.timezone, summarise(happenings, self._silenced(happenings)))
        said = Announcement(f"digest-{period.name}", text, since if is_repeat else None, is_repeat)
        return self._targets.named(digest.to).announce(said, deadline)

    def _events(self, kind: str, period: Period) -> Iterator[Happening]:
        """The events of a type, from the index of the events table. The end does not belong to the period."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": "GSI1",
            "KeyConditionExpression": "eventType = :type AND #at BETWEEN :begin AND :end",
            "ExpressionAttributeNames": {"#at": "timestamp", "#date": "date"},
            "ExpressionAttributeValues": {
                ":type": {"S": kind},
                ":begin": {"N": str(_milliseconds(period.begin))},
                ":end": {"N": str(_milliseconds(period.end) - 1)},
            },
            "ProjectionExpression": "eventType, eventId, pipelineId, scheduleId, #date, #at, detail",
        }
        while True:
            page = self._client.query(**request)
            yield from (found for row in page["Items"] if (found := happening_of(row)) is not None)
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _silenced(self, happenings: list[Happening]) -> set[str]:
        """The ids of the events that were silenced at each of their targets."""
        alerts = [one for one in happenings if one.type in TYPES]
        plans = self._rows_at([_key_of(one, f"ROUTE#{one.id}") for one in alerts])
        places = {one.id: _places_in(plans.get(_key_of(one, f"ROUTE#{one.id}"))) for one in alerts}
        keys = {one.id: [_key_of(one, key_at(f"ALERT#{one.id}", place)) for place in places[one.id]] for one in alerts}
        found = self._rows_at([key for one in keys.values() for key in one])
        return {
            identifier
            for identifier, wanted in keys.items()
            if all(found.get(key, {}).get("outcome", {}).get("S") == "silenced" for key in wanted)
        }

    def _rows_at(self, keys: list[Key]) -> dict[Key, Mapping[str, Any]]:
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Mapping[str, Any]] = {}
        for start in range(0, len(wanted), _BATCH):
            request: Any = {self._table: {"Keys": [key.wire() for key in wanted[start : start + _BATCH]]}}
            while request:
                answer = self._client.batch_get_item(RequestItems=request)
                for row in answer["Responses"].get(self._table, []):
                    found[Key(row["PK"]["S"], row["SK"]["S"])] = row
                request = answer.get("UnprocessedKeys")
        return found


def _key_of(one: Happening, sk: str) -> Key:
    return Key(f"PIPELINE#{one.pipeline}", sk)


def _places_in(row: Mapping[str, Any] | None) -> list[str]:
    try:
        found = msgspec.json.decode((row or {}).get("targets", {}).get("S", "{}"), type=dict[str, str])
    except (msgspec.DecodeError, UnicodeError):
        found = {}
    return list(found.values()) or [""]


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
