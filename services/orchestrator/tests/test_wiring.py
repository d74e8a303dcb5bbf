"""The variables of the environment reach the objects of the orchestrator."""

import socket
import subprocess
import sys
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from interlock_orchestrator import wiring
from interlock_orchestrator.wiring import Service, now, wire
from interlock_telemetry import InvalidEnvironment, zone_database
from interlock_triggers import Attempt, StartRejected, Triggers

VARIABLES = {
    "CONTROL_TABLE": "t-control",
    "JOBLOG_TABLE": "t-joblog",
    "RERUN_TABLE": "t-rerun",
    "EVENT_BUS_NAME": "t-bus",
    "CB_TRIP_AFTER": "2",
    "CB_TIMEOUT": "7",
    "INTERLOCK_TRIGGER_ALLOWED_HOSTS": "127.0.0.1",
}


def test_jobs_are_polled_in_a_deployment_without_job_events(service: Service) -> None:
    assert service.context(now()).has_job_events
    without = wire({**VARIABLES, "JOB_EVENTS": "false"})
    assert not without.context(now()).has_job_events


class Gauge:
    """Keeps the measurements."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, float, dict[str, str]]] = []

    def __call__(self, metric: str, value: float, **attributes: str) -> None:
        self.seen.append((str(metric), value, attributes))


@pytest.fixture
def gauge() -> Gauge:
    return Gauge()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, gauge: Gauge) -> Service:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    return wire(VARIABLES, gauge)


def _rejected(service: Service, port: int) -> str:
    assert isinstance(service.jobs, Triggers)
    config: dict[str, Any] = {"url": f"http://127.0.0.1:{port}/"}
    with pytest.raises(StartRejected) as rejected:
        service.jobs.start("http", config, Attempt("p", "s", "2026-03-03", 0, "k"), until=time.time() + 30)
    return str(rejected.value)


def test_a_breakers_state_is_a_metric_and_follows_variables(service: Service, gauge: Gauge) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    said = _rejected(service, port)
    assert gauge.seen == [("interlock.breaker.state", 2, {"target": f"127.0.0.1:{port}"})]
    assert "failed 2 times in a row" in said
    assert "gets no requests for 7 s" in said


def test_each_state_of_a_breaker_has_its_number(service: Service, gauge: Gauge) -> None:
    assert isinstance(service.jobs, Triggers)
    for state in ("closed", "half-open", "open"):
        service.jobs.clients.breakers.changed("h:1", state)
    assert [value for _, value, _ in gauge.seen] == [0, 1, 2]


def test_an_invocation_keeps_time_to_record_a_start(service: Service) -> None:
    ends_at = now() + timedelta(minutes=5)
    assert ends_at - service.context(ends_at).until() == timedelta(seconds=5)


class Secrets:
    """Secrets Manager with one secret."""

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, str]] = []

    def client(self, service: str, *, region: str | None, reserve: timedelta) -> SimpleNamespace:
        assert (service, reserve) == ("secretsmanager", timedelta(seconds=5))

        def get_secret_value(**parameters: str) -> dict[str, str]:
            self.asked.append((region, parameters["SecretId"]))
            if parameters["SecretId"] == "absent":
                raise LookupError("with the value")
            return {"SecretString": "a-long-value"}

        return SimpleNamespace(get_secret_value=get_secret_value)


def test_secrets_of_jobs_are_read_where_they_are(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = Secrets()
    monkeypatch.setattr(wiring, "aws_client", secrets.client)
    elsewhere = "arn:aws:secretsmanager:eu-west-3:123456789012:secret:airflow"
    config = {"headers": {"A": "${secret:prod/db}", "B": f"${{secret:{elsewhere}}}", "C": "${secret:absent}"}}
    unreadable = service.context(now()).unreadable_secrets(config)
    assert unreadable == ("${secret:absent} cannot be read: LookupError",)
    assert secrets.asked == [(None, "prod/db"), ("eu-west-3", elsewhere), (None, "absent")]


def test_ping_names_the_zones_that_decide(service: Service) -> None:
    assert service.health["zones"]() == zone_database()


def test_missing_variables_are_named_all_at_once() -> None:
    with pytest.raises(Exception, match=r"CONTROL_TABLE.*JOBLOG_TABLE"):
        wire({})


def test_a_wrong_allow_list_is_named(service: Service) -> None:
    with pytest.raises(
        InvalidEnvironment, match=r"INTERLOCK_TRIGGER_ALLOWED_HOSTS is '\*.internal': allowed hosts are"
    ):
        wire({**VARIABLES, "INTERLOCK_TRIGGER_ALLOWED_HOSTS": "*.internal"})


def test_wiring_imports_no_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    """The import of boto3 takes most of a cold start, and many invocations call the tables only."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    monkeypatch.setenv("HOME", "/nonexistent")
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    program = "import os, sys; from interlock_orchestrator.wiring import wire; wire(os.environ); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"boto3", "botocore.session"} & set(done.stdout.split())
