"""A canary is one entry of the bus with a source of its own, and a lost canary raises no error."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest

from interlock_controller.effects import BusEntry, BusError
from interlock_controller.watch import Canary

NOW = datetime(2026, 3, 3, 8, 0, 0, 250_000, tzinfo=UTC)


class Bus:
    """Keeps the entries, or rejects them with `error`."""

    def __init__(self, error: Exception | None = None) -> None:
        self.entries: list[BusEntry] = []
        self._error = error

    def publish(self, entries: Sequence[BusEntry]) -> None:
        if self._error is not None:
            raise self._error
        self.entries += entries


def test_canary_has_its_own_source_an_id_and_its_time() -> None:
    bus = Bus()
    Canary(bus, now=lambda: NOW.astimezone(timezone(timedelta(hours=9)))).send()
    (entry,) = bus.entries
    assert (entry.source, entry.detail_type) == ("interlock.canary", "CANARY")
    detail = json.loads(entry.detail)
    assert detail.keys() == {"id", "timestamp"}
    assert len(detail["id"]) == 26
    assert detail["timestamp"] == "2026-03-03T08:00:00.250000Z"


def test_each_canary_has_its_own_id() -> None:
    bus, moments = Bus(), [NOW, NOW + timedelta(minutes=5)]
    canary = Canary(bus, now=lambda: moments.pop(0))
    canary.send()
    canary.send()
    first, second = (json.loads(entry.detail)["id"] for entry in bus.entries)
    assert first < second


def test_without_a_bus_no_canary_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    Canary(None, now=lambda: NOW).send()
    assert caplog.records == []


@pytest.mark.parametrize("error", [BusError(["InternalFailure"]), ConnectionError("away")])
def test_canary_that_the_bus_rejects_is_logged(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    Canary(Bus(error), now=lambda: NOW).send()
    (record,) = [record for record in caplog.records if record.getMessage() == "canary_not_sent"]
    assert record.__dict__["fields"] == {"reason": f"{type(error).__name__}: {error}"}
