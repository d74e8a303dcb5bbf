"""The answer to a ping."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from interlock_telemetry import Shown, is_ping, ping

NOW = datetime(2026, 3, 3, 8, tzinfo=UTC)
PING = {"__ping__": True}


def fine() -> str:
    return "whatever it returns"


def broken() -> None:
    raise ConnectionError("rejected")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (PING, True),
        ({"__ping__": True, "Records": []}, True),
        ({"__ping__": False}, False),
        ({"__ping__": "true"}, False),
        ({"__ping__": 1}, False),
        ({}, False),
        (None, False),
        ("__ping__", False),
    ],
)
def test_only_true_is_ping(event: object, expected: bool) -> None:
    assert is_ping(event) is expected
    assert (ping(event, {}, NOW) is not None) is expected


def test_status_is_healthy_if_all_checks_pass() -> None:
    assert ping(PING, {"control": fine, "bus": fine}, NOW) == {
        "status": "healthy",
        "checks": {"control": "ok", "bus": "ok"},
        "timestamp": "2026-03-03T08:00:00+00:00",
    }


def test_text_of_a_check_is_shown_and_does_not_degrade() -> None:
    answer = ping(PING, {"pending": lambda: Shown("3 wait"), "bus": fine}, NOW)
    assert answer is not None
    assert (answer["status"], answer["checks"]) == ("healthy", {"pending": "ok: 3 wait", "bus": "ok"})


def test_failed_check_degrades_status_and_rest_is_reported() -> None:
    answer = ping(PING, {"control": broken, "bus": fine}, NOW)
    assert answer is not None
    assert answer["status"] == "degraded"
    assert answer["checks"] == {"control": "error: ConnectionError: rejected", "bus": "ok"}


def test_hanging_check_does_not_delay_answer() -> None:
    release = threading.Event()
    checks = {"slow": lambda: release.wait(300), "bus": fine}
    answer = ping(PING, checks, NOW, patience=timedelta(seconds=1))
    release.set()
    assert answer is not None
    assert answer["checks"] == {"slow": "error: no answer within 1s", "bus": "ok"}


def test_other_event_than_ping_runs_no_check() -> None:
    assert ping({"Records": []}, {"control": broken}, NOW) is None
