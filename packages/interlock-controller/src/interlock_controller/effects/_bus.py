"""Puts events on the bus, and treats a partly failed call as a failure."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from msgspec import Struct

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from tenacity import RetryCallState

SOURCE = "interlock"
_PER_CALL = 10
_TRIES = 4

MOST_BYTES = 256_000
"""The most bytes of the entries of one call together. EventBridge takes less than 256 KB."""

_TOO_LARGE, _NOT_SENT = "EntryTooLarge", "NotSent"
_WRONG_REQUESTS = frozenset({"ValidationException", "ValidationError", "SerializationException"})
PERMANENT_CODES = _WRONG_REQUESTS | {_TOO_LARGE, "MalformedDetail", "InvalidArgument"}
"""Error codes of permanent rejections. An entry that is rejected with any other code may be taken later."""


class BusEntry(Struct, frozen=True):
    """One event for the bus: its detail type, its detail as JSON, and its source."""

    detail_type: str
    detail: str
    source: str = SOURCE


class BusError(Exception):
    """The bus rejected some entries at each try. `codes` are the bus's error codes.

    `rejected` maps the place of each rejected entry to its code. The bus took all others. If `rejected` is empty, it
    is unknown which entries the bus took.
    """

    def __init__(self, codes: Sequence[str], rejected: Mapping[int, str] | None = None) -> None:
        super().__init__(f"the bus rejected {len(codes)} events: {', '.join(sorted(set(codes)))}")
        self.codes = tuple(codes)
        self.rejected = dict(rejected or {})


class MalformedEvent(Exception):
    """An event that the bus can never take. `code` is the bus's error code, or names the missing part of the row."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the bus can never take this event: {code}")
        self.code = code


class EventBus:
    """An EventBridge bus. `sleep` waits between the tries of rejected entries."""

    def __init__(self, client: "EventBridgeClient", name: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep

    def publish(self, entries: Sequence[BusEntry]) -> None:
        """Put all entries on the bus in order. Raises BusError for the entries that stay rejected.

        A temporary rejection is tried again. A permanent rejection delays no other entry. After a page with
        temporary rejections the rest is not sent.
        """
        rejected = {at: _TOO_LARGE for at, entry in enumerate(entries) if _size(entry) > MOST_BYTES}
        is_open = True
        for page in _pages({at: entry for at, entry in enumerate(entries) if at not in rejected}):
            left = self._publish_page(page) if is_open else dict.fromkeys(page, _NOT_SENT)
            is_open = is_open and PERMANENT_CODES.issuperset(left.values())
            rejected |= left
        if rejected:
            raise BusError(list(rejected.values()), rejected)

    def ping(self) -> None:
        """Raise unless the bus exists and answers."""
        self._client.describe_event_bus(Name=self._name)

    def _publish_page(self, page: Mapping[int, BusEntry]) -> dict[int, str]:
        """The code of each entry that stays rejected, by its place."""
        # Many invocations publish nothing, and the import takes a noticeable part of a cold start.
        from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_random_exponential

        left, for_good = dict(page), dict[int, str]()

        def put() -> dict[int, str]:
            nonlocal left
            rejected = self._put(left)
            for_good.update({at: code for at, code in rejected.items() if code in PERMANENT_CODES})
            left = {at: left[at] for at in rejected if at not in for_good}
            return {at: rejected[at] for at in left}

        again = Retrying(
            retry=retry_if_result(bool),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            stop=stop_after_attempt(_TRIES),
            sleep=self._sleep,
            retry_error_callback=_last_answer,
        )
        return again(put) | for_good

    def _put(self, entries: Mapping[int, BusEntry]) -> dict[int, str]:
        """Put entries once. The result is the code of each rejected entry, by its place."""
        try:
            answer = self._client.put_events(Entries=[self._wire(entry) for entry in entries.values()])
        except ClientError as error:
            code = str(error.response["Error"].get("Code"))
            if code not in _WRONG_REQUESTS:
                raise
            if len(entries) == 1:
                return dict.fromkeys(entries, code)
            # One entry makes the whole call fail, and the answer does not name it.
            return {at: code for place, entry in entries.items() for at, code in self._put({place: entry}).items()}
        results = zip(entries, answer["Entries"], strict=True)
        return {at: result["ErrorCode"] for at, result in results if "ErrorCode" in result}

    def _wire(self, entry: BusEntry) -> Any:
        return {
            "EventBusName": self._name,
            "Source": entry.source,
            "DetailType": entry.detail_type,
            "Detail": entry.detail,
        }


def _last_answer(state: "RetryCallState") -> Any:
    return state.outcome.result() if state.outcome is not None else {}


def _size(entry: BusEntry) -> int:
    return len(entry.source) + len(entry.detail_type.encode()) + len(entry.detail.encode())


def _pages(entries: Mapping[int, BusEntry]) -> Iterator[dict[int, BusEntry]]:
    """The entries in their order, in pages that fit into one call."""
    page: dict[int, BusEntry] = {}
    weight = 0
    for at, entry in entries.items():
        size = _size(entry)
        if page and (len(page) == _PER_CALL or weight + size > MOST_BYTES):
            yield page
            page, weight = {}, 0
        page[at] = entry
        weight += size
    if page:
        yield page
