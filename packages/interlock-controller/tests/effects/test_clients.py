"""Clients that are made on first use."""

import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from interlock_controller.effects import client_on_use


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The services of the clients that boto3 made. The second making would fail."""
    found: list[str] = []

    def make(service: str) -> SimpleNamespace:
        found.append(service)
        return SimpleNamespace(put_events=lambda **given: given, exceptions="errors of " + service)

    monkeypatch.setitem(sys.modules, "boto3", SimpleNamespace(client=make))
    return found


def test_client_is_made_on_first_use_and_kept(made: list[str]) -> None:
    client = client_on_use("events")
    assert made == []
    assert client.put_events(Entries=[]) == {"Entries": []}
    assert client.exceptions == "errors of events"
    assert made == ["events"]


def test_threads_share_one_client(made: list[str]) -> None:
    client = client_on_use("sqs")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.exceptions, range(50)))
    assert made == ["sqs"]
