"""Clients that are made on first use."""

import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from botocore.exceptions import ReadTimeoutError

from interlock_controller.effects import _clients, client_on_use


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The services of the clients that boto3 made. The second making would fail."""
    found: list[str] = []

    def make(service: str, config: object) -> SimpleNamespace:
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


@pytest.mark.parametrize("service", ["stepfunctions", "events", "scheduler", "sqs"])
def test_limits_of_a_call_are_those_of_each_client(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "http://127.0.0.1:1")
    config = client_on_use(service).meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, 4)
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}


def test_silent_server_ends_a_call_after_three_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_clients._LIMITS, "read_timeout", 0.1)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(ReadTimeoutError):
            client_on_use("stepfunctions").start_execution(stateMachineArn="arn:m", name="n", input="{}")
        silent.settimeout(1)
        for _ in range(3):
            silent.accept()[0].close()
        silent.settimeout(0)
        with pytest.raises(BlockingIOError):
            silent.accept()


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Let new clients of boto3 call this server."""
    variables = {"AWS_ENDPOINT_URL": url, "NO_PROXY": "127.0.0.1", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**variables, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}.items():
        monkeypatch.setenv(name, value)
