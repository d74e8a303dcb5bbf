"""Puts events on the bus, and does not take "some of them failed" for success."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "interlock"
_PER_CALL = 10
_TRIES = 4


class BusEntry(Struct, frozen=True):
    """One event for the bus: its detail type and its detail as JSON."""

    detail_type: str
    detail: str


class BusError(Exception):
    """The bus did not take all entries, again and again. `codes` are the bus's words for why."""

    def __init__(self, codes: Sequence[str]) -> None:
        super().__init__(f"{len(codes)} events were refused: {', '.join(sorted(set(codes)))}")
        self.codes = tuple(codes)


class EventBus:
    """An EventBridge bus."""

    def __init__(self, client: "EventBridgeClient", name: str) -> None:
        self._client = client
        self._name = name

    def publish(self, entries: Sequence[BusEntry]) -> None:
        """Put all entries on the bus in order; those that it refuses are tried again, then BusError."""
        for start in range(0, len(entries), _PER_CALL):
            self._publish_page(list(entries[start : start + _PER_CALL]))

    def ping(self) -> None:
        """Raise unless the bus exists and answers."""
        self._client.describe_event_bus(Name=self._name)

    def _publish_page(self, left: list[BusEntry]) -> None:
        for attempt in Retrying(
            retry=retry_if_exception_type(BusError),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            stop=stop_after_attempt(_TRIES),
            reraise=True,
        ):
            with attempt:
                answer = self._client.put_events(Entries=[self._wire(entry) for entry in left])
                if answer["FailedEntryCount"]:
                    refused = [at for at, result in enumerate(answer["Entries"]) if "ErrorCode" in result]
                    codes = [answer["Entries"][at]["ErrorCode"] for at in refused]
                    left = [left[at] for at in refused]
                    raise BusError(codes)

    def _wire(self, entry: BusEntry) -> Any:
        return {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": entry.detail_type,
            "Detail": entry.detail,
        }
