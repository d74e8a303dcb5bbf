"""A burst of events: the local stack stores each event once, although the event-sink is throttled meanwhile."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from integration.conftest import Outside, await_that

EVENTS = 2000
CALL = 10


def put_events(outside: Outside, first: int) -> None:
    """Put the events `first` to `first + CALL - 1` in one call."""
    at = datetime.now(UTC).isoformat()
    entries = [
        {
            "Source": "interlock",
            "DetailType": "JOB_TRIGGERED",
            "EventBusName": "local-interlock-bus",
            "Detail": json.dumps({"id": f"burst-{number:04}", "pipelineId": "burst", "timestamp": at, "message": "a"}),
        }
        for number in range(first, first + CALL)
    ]
    assert outside.stack.client("events").put_events(Entries=entries)["FailedEntryCount"] == 0


def test_a_burst_of_events_is_stored_whole(outside: Outside) -> None:
    begin = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda first: put_events(outside, first), range(0, EVENTS, CALL)))
    put = time.monotonic() - begin

    def stored() -> list[str] | None:
        found = [str(row["eventId"]) for row in outside.store.events("burst")]
        return found if len(found) >= EVENTS else None

    found = await_that(stored, f"{EVENTS} rows in the events table", every=0.5)
    print(f"\n{EVENTS} events: put in {put:.1f} s, all stored {time.monotonic() - begin:.1f} s after the first put")
    assert sorted(found) == [f"burst-{number:04}" for number in range(EVENTS)]
