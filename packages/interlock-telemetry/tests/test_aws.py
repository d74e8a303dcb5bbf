"""Clients of AWS: made on first use, and bounded by the deadline of the invocation."""

import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from interlock_telemetry import CallTimeout, InvocationDeadline, _aws, aws_client, bind_deadline

ENTRIES = [{"Source": "interlock", "DetailType": "RUN_HELD", "Detail": "{}"}]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The services of the clients that boto3 made. The second making would fail."""
    found: list[str] = []

    def make(service: str, **_: object) -> SimpleNamespace:
        found.append(service)
        events = SimpleNamespace(register_first=lambda event, hook: None)
        meta = SimpleNamespace(events=events, method_to_api_mapping={"put_events": "PutEvents"})
        return SimpleNamespace(put_events=lambda **given: given, exceptions="errors of " + service, meta=meta)

    monkeypatch.setitem(sys.modules, "boto3", SimpleNamespace(client=make))
    return found


def test_client_is_made_on_first_use_and_kept(made: list[str]) -> None:
    client = aws_client("events")
    assert made == []
    assert client.put_events(Entries=[]) == {"Entries": []}
    assert client.exceptions == "errors of events"
    assert made == ["events"]


def test_threads_share_one_client(made: list[str]) -> None:
    client = aws_client("sqs")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.exceptions, range(50)))
    assert made == ["sqs"]


@pytest.mark.parametrize("service", ["stepfunctions", "events", "scheduler", "sqs"])
def test_limits_of_a_call_are_those_of_each_client(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "http://127.0.0.1:1")
    config = aws_client(service).meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, 4)
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    assert config.max_pool_connections == 100  # the highest WORKERS_PER_STAGE


def test_client_has_its_own_region_and_number_of_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "http://127.0.0.1:1")
    client = aws_client("sns", region="eu-west-3", requests=1)
    assert (client.meta.region_name, client.meta.config.retries["total_max_attempts"]) == ("eu-west-3", 1)


def test_silent_server_ends_a_call_after_three_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_aws._SECONDS, "read_timeout", 0.1)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(ReadTimeoutError):
            aws_client("stepfunctions").start_execution(stateMachineArn="arn:m", name="n", input="{}")
        silent.settimeout(1)
        for _ in range(3):
            silent.accept()[0].close()
        silent.settimeout(0)
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_call_ends_by_the_deadline_of_the_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with bind_deadline(InvocationDeadline.after(timedelta(seconds=1))):
            with pytest.raises(CallTimeout, match=r"^events\.put_events: .* before its answer$") as raised:
                aws_client("events").put_events(Entries=ENTRIES)
            # One request has 4 seconds, and the call has three of them.
            assert time.monotonic() - began < 4
        assert raised.value.sent


def test_no_request_is_sent_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        with bind_deadline(passed()), pytest.raises(CallTimeout, match="before its request") as raised:
            aws_client("events").put_events(Entries=ENTRIES)
        silent.settimeout(0)
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert not raised.value.sent


def test_retry_of_an_abandoned_call_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first request breaks after the deadline. boto3 would send it again, in a later invocation."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        client = aws_client("events")
        assert client.exceptions  # the import of boto3 would take the time of the call
        with bind_deadline(InvocationDeadline.after(timedelta(seconds=1))), pytest.raises(CallTimeout):
            client.put_events(Entries=ENTRIES)
        silent.settimeout(5)
        silent.accept()[0].close()
        for thread in threading.enumerate():
            if thread.name.startswith("interlock-worker"):
                thread.join(20)
                assert not thread.is_alive()
        silent.settimeout(0)
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_time_is_left_after_a_call_with_a_reserve(made: list[str]) -> None:
    client = aws_client("events", reserve=timedelta(seconds=5))
    with bind_deadline(InvocationDeadline.after(timedelta(seconds=4))), pytest.raises(CallTimeout):
        client.put_events(Entries=ENTRIES)
    with bind_deadline(InvocationDeadline.after(timedelta(minutes=1))):
        assert client.put_events(Entries=ENTRIES) == {"Entries": ENTRIES}


def test_error_of_a_service_is_raised_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "http://127.0.0.1:1")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    client = aws_client("events")
    with bind_deadline(InvocationDeadline.after(timedelta(minutes=1))), pytest.raises(EndpointConnectionError):
        client.put_events(Entries=ENTRIES)


def passed() -> InvocationDeadline:
    return InvocationDeadline.after(timedelta(seconds=-1))


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Let new clients of boto3 call this server."""
    variables = {"AWS_ENDPOINT_URL": url, "NO_PROXY": "127.0.0.1", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**variables, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}.items():
        monkeypatch.setenv(name, value)
