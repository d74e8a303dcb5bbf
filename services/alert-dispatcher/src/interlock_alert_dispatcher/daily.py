"""Posts the digest once a day, from the events of the day before."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from interlock_alert_dispatcher.digest import (
    LONGEST,
    SUCCESS,
    TYPES,
    Happening,
    Period,
    digest_text,
    happening_of,
    period_after,
    period_at,
    summarise,
)
from interlock_alert_dispatcher.errors import DeliveryError, lost_answer
from interlock_alert_dispatcher.fanout import Announcement, Targets
from interlock_alert_dispatcher.leases import Done, Held, Key, Lease, LeasedRows, key_at, read_moment
from interlock_alert_dispatcher.routing import ROW
from interlock_alert_dispatcher.tokens import TokenUnreadable
from interlock_config import AlertDigest
from interlock_dlq import RetryLater
from interlock_telemetry import InvocationDeadline, get_logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_log = get_logger(__name__)
_PREFIX = "DIGEST#"
_BATCH = 100
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(milliseconds=50), timedelta(seconds=2)
_NEEDED = timedelta(seconds=1)
"""The time for the post that the reads leave."""

_LOGGED = "logged"
_POSTED = frozenset({"delivered", _LOGGED})

SETTLING = timedelta(minutes=2)
"""The time from the end of a period to its digest, in which the last events of the period reach the table."""

LATE = timedelta(hours=1)
"""A digest also has each event of so much time before its period that came after the last digest had read the table."""

_OVERDUE = timedelta(minutes=10)
"""A digest that is posted so long after the end of its period is late."""

_MOST_SEEN = 5000


class _Last(Struct, frozen=True):
    """The last digest: the end of its period (UTC), and the ids of its problems in the hour before the end.

    The ids are None if the row has none that can be read.
    """

    end: datetime
    seen: frozenset[str] | None


class DailyDigest:
    """Posts one digest a day. Its period begins at the end of the last posted digest.

    A leased row per end of a period keeps a second process from posting it. A target that does not take it is asked
    again at the next tick. A period that no target took joins the next one.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        targets: Targets,
        rows: LeasedRows,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[timedelta], None],
    ) -> None:
        self._client = client
        self._table = table
        self._targets = targets
        self._rows = rows
        self._now = now
        self._sleep = sleep
        self._known = ""

    def run(self, deadline: InvocationDeadline) -> bool:
        """Post the digest if it is due. The result is whether it was posted. Raises the errors of the table."""
        rules = self._targets.routing().rules
        if rules is None or rules.digest is None:
            return False
        due = period_at(self._now() - SETTLING, rules.digest.at, rules.digest.zone)
        if self._known == due.name:
            return False
        last = self._last(due)
        period = period_after(last.end if last else None, due)
        if period is None:
            self._known = due.name
            return False
        lease = self._rows.take(Key(ROW.pk, f"{_PREFIX}{period.name}"), self._now())
        if isinstance(lease, Done):
            self._known = period.name
            return False
        if isinstance(lease, Held):
            return False
        target = self._targets.named(rules.digest.to)
        try:
            found = self._happenings(period, last)
            said = self._announcement(found, period, rules.digest, lease, deadline)
            receipt = target.announce(said, deadline)
        except (DeliveryError, TokenUnreadable, RetryLater) as error:
            self._rows.give_back(lease, self._now(), unsure=lost_answer(error))
            _log.warning("digest_waits", day=period.name, reason=f"{type(error).__name__}: {error}")
            return False
        except Exception:
            self._rows.give_back(lease, self._now())
            raise
        outcome = _LOGGED if target.only_logs else "delivered"
        self._rows.note_end(
            lease, self._now(), outcome, target=rules.digest.to, receipt=receipt or "none", seen=_seen(found, period)
        )
        _log.info("digest_logged" if target.only_logs else "digest_posted", day=period.name, target=rules.digest.to)
        return True

    def _announcement(
        self,
        found: list[Happening],
        period: Period,
        digest: AlertDigest,
        lease: Lease,
        deadline: InvocationDeadline,
    ) -> Announcement:
        text = digest_text(period, digest.timezone, summarise(found, self._silenced(found, deadline)))
        return Announcement(
            f"digest-{period.name}",
            text,
            lease.since if lease.is_repeat else None,
            lease.is_repeat,
            late=self._now() - period.end > _OVERDUE,
        )

    def _last(self, due: Period) -> _Last | None:
        """The newest digest of the last week that was posted."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "PK = :pk AND SK BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":pk": {"S": ROW.pk},
                ":first": {"S": f"{_PREFIX}{Period(due.begin, due.end - LONGEST).name}"},
                # The character behind the digits.
                ":last": {"S": f"{_PREFIX}:"},
            },
            "ScanIndexForward": False,
            "ConsistentRead": True,
        }
        while True:
            page = self._client.query(**request)
            if found := next((one for row in page["Items"] if (one := _last_in(row)) is not None), None):
                return found
            if "LastEvaluatedKey" not in page:
                return None
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _happenings(self, period: Period, last: _Last | None) -> list[Happening]:
        """The events of the period, and those before it that came too late for the last digest."""
        begin, seen = period.begin, frozenset[str]()
        if last is not None and last.seen is not None and last.end == begin:
            begin, seen = begin - LATE, last.seen
        events = (one for kind in (*TYPES, SUCCESS) for one in self._events(kind, Period(begin, period.end)))
        return [one for one in events if one.id not in seen]

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

    def _silenced(self, happenings: list[Happening], deadline: InvocationDeadline) -> set[str]:
        """The ids of the events that were silenced at each of their targets."""
        alerts = [one for one in happenings if one.type in TYPES]
        plans = self._rows_at([_key_of(one, f"ROUTE#{one.id}") for one in alerts], deadline)
        places = {one.id: _places_in(plans.get(_key_of(one, f"ROUTE#{one.id}"))) for one in alerts}
        keys = {one.id: [_key_of(one, key_at(f"ALERT#{one.id}", place)) for place in places[one.id]] for one in alerts}
        found = self._rows_at([key for one in keys.values() for key in one], deadline)
        return {
            identifier for identifier, wanted in keys.items() if all(_is_silenced(found.get(key, {})) for key in wanted)
        }

    def _rows_at(self, keys: list[Key], deadline: InvocationDeadline) -> dict[Key, Mapping[str, Any]]:
        """The rows of the keys. Raises RetryLater if the table takes too few reads until the deadline."""
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Mapping[str, Any]] = {}
        for start in range(0, len(wanted), _BATCH):
            request: Any = {self._table: {"Keys": [key.wire() for key in wanted[start : start + _BATCH]]}}
            wait = _FIRST_PAUSE
            while True:
                answer = self._client.batch_get_item(RequestItems=request)
                for row in answer["Responses"].get(self._table, []):
                    found[Key(row["PK"]["S"], row["SK"]["S"])] = row
                if not (request := answer.get("UnprocessedKeys")):
                    break
                if wait + _NEEDED > deadline.remaining():
                    raise RetryLater("the events table is busy: it left keys unread")
                self._sleep(wait)
                wait = min(wait * 2, _LONGEST_PAUSE)
        return found


def _last_in(row: Mapping[str, Any]) -> _Last | None:
    """The digest of a row, None if it was not posted. Rows of earlier versions are named by the day alone."""
    end = read_moment(row["SK"]["S"].removeprefix(_PREFIX))
    if end is None or row.get("outcome", {}).get("S") not in _POSTED:
        return None
    try:
        return _Last(end, msgspec.json.decode(row.get("seen", {}).get("S", ""), type=frozenset[str]))
    except (msgspec.DecodeError, UnicodeError):
        _log.warning("digest_row_unreadable", row=row["SK"]["S"])
        return _Last(end, None)


def _seen(found: list[Happening], period: Period) -> str:
    """The ids of the problems in the hour before the end, the newest if there are too many, as JSON."""
    begin = _milliseconds(period.end - LATE)
    late = sorted((one for one in found if one.at >= begin and one.type in TYPES), key=lambda one: one.at)
    return msgspec.json.encode([one.id for one in late[-_MOST_SEEN:]]).decode()


def _is_silenced(row: Mapping[str, Any]) -> bool:
    """Whether the alert of a row was certainly not posted."""
    return row.get("outcome", {}).get("S") == "silenced" and "unsure" not in row


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
