"""A deployment without EventBridge Scheduler, its smoke test, and its removal. Needs ministack."""

import io
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from interlock_local import LocalStackError, find_checkout
from interlock_local.site import StackSettings, deploy, run_smoke_test, skips_scheduler, teardown
from interlock_local.stack import Ministack
from interlock_local.zips import SERVICES
from interlock_store import MemoryTables, Store, TableNames

ACCOUNT, REGION = "000000000000", "us-east-1"
Clients = Callable[[str], Any]


def stand_ins(folder: Path) -> dict[str, Path]:
    zips = {}
    for service in SERVICES:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(f"interlock_{service.replace('-', '_')}/handler.py", "def handle(event, context): return")
        zips[service] = folder / f"{service}.zip"
        zips[service].write_bytes(buffer.getvalue())
    return zips


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with Ministack() as running:
        key = running.key

        def client(service: str) -> Any:
            return boto3.client(  # type: ignore[call-overload]
                service,
                endpoint_url=running.endpoint_url,
                region_name=REGION,
                aws_access_key_id=key.access_key,
                aws_secret_access_key=key.secret,
                config=Config(proxies={}, retries={"total_max_attempts": 1}),
            )

        yield client


def without_scheduler(clients: Clients) -> Clients:
    """An endpoint that has no EventBridge Scheduler."""

    def client(service: str) -> Any:
        if service == "scheduler":
            raise AssertionError("EventBridge Scheduler was called")
        return clients(service)

    return client


def roll_out(clients: Clients, folder: Path, environment: str, *, skip_scheduler: bool) -> None:
    template = (find_checkout() / "infra" / "statemachine" / "interlock.asl.json").read_text()
    settings = StackSettings(environment=environment, skip_scheduler=skip_scheduler)
    zips = stand_ins(folder)
    deploy(clients, zips, "python3.13", template, settings, region=REGION, account=ACCOUNT, own_server=False)


def left_of(clients: Clients, environment: str) -> dict[str, list[str]]:
    """The resources of an environment, by kind."""
    prefix = f"{environment}-interlock-"
    events, buses = clients("events"), clients("events").list_event_buses(NamePrefix=prefix)["EventBuses"]
    names = {
        "tables": clients("dynamodb").list_tables()["TableNames"],
        "functions": [one["FunctionName"] for one in clients("lambda").list_functions()["Functions"]],
        "mappings": [
            one["FunctionArn"].rpartition(":")[2]
            for one in clients("lambda").list_event_source_mappings()["EventSourceMappings"]
        ],
        "queues": [url.rpartition("/")[2] for url in clients("sqs").list_queues().get("QueueUrls", [])],
        "roles": [one["RoleName"] for one in clients("iam").list_roles()["Roles"]],
        "machines": [one["name"] for one in clients("stepfunctions").list_state_machines()["stateMachines"]],
        "rules": [one["Name"] for one in events.list_rules(NamePrefix=prefix)["Rules"]],
        "buses": [one["Name"] for one in buses],
        "groups": [one["Name"] for one in clients("scheduler").list_schedule_groups()["ScheduleGroups"]],
    }
    return {kind: found for kind, all_ in names.items() if (found := [one for one in all_ if one.startswith(prefix)])}


def test_deployment_without_scheduler_calls_none(clients: Clients, tmp_path: Path) -> None:
    bare = without_scheduler(clients)
    roll_out(bare, tmp_path, "bare", skip_scheduler=True)
    found = clients("lambda").get_function_configuration(FunctionName="bare-interlock-watchdog")
    assert found["Environment"]["Variables"]["SKIP_SCHEDULER"] == "true"
    assert skips_scheduler(clients("lambda"), "bare")
    assert "groups" not in left_of(clients, "bare")
    assert teardown(bare, "bare", skip_scheduler=True)
    assert left_of(clients, "bare") == {}


def test_absent_scheduler_is_an_error_that_names_the_option(clients: Clients, tmp_path: Path) -> None:
    class Scheduler:
        exceptions = clients("scheduler").exceptions

        def create_schedule_group(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "UnknownService", "Message": "not here"}}, "CreateScheduleGroup")

    with pytest.raises(LocalStackError, match=r"not here.*--skip-scheduler"):
        roll_out(
            lambda service: Scheduler() if service == "scheduler" else clients(service),
            tmp_path,
            "none",
            skip_scheduler=False,
        )
    teardown(clients, "none")
    assert left_of(clients, "none") == {}


def test_teardown_removes_one_deployment_and_no_other(clients: Clients, tmp_path: Path) -> None:
    for environment in ("one", "other"):
        roll_out(clients, tmp_path, environment, skip_scheduler=False)
    before = left_of(clients, "other")
    assert (
        set(left_of(clients, "one")) == set(before) >= {"tables", "functions", "mappings", "queues", "rules", "buses"}
    )
    removed = teardown(clients, "one")
    assert left_of(clients, "one") == {}
    assert left_of(clients, "other") == before
    assert "table one-interlock-control" in removed
    # A repetition finds nothing.
    assert teardown(clients, "one") == ()
    assert not skips_scheduler(clients("lambda"), "one")


@pytest.fixture
def store() -> Store:
    return Store(MemoryTables(), TableNames.of_environment("test"))


def test_smoke_test_without_functions_names_the_state(store: Store) -> None:
    began = time.monotonic()
    with pytest.raises(LocalStackError, match=r"did not end within 1 s: no run was opened \(interlock-smoke-"):
        run_smoke_test(store, patience=1)
    assert time.monotonic() - began < 30


def test_smoke_test_removes_its_pipeline_also_after_a_failure(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    monkeypatch.setattr(store, "remove_config", names.append)
    with pytest.raises(LocalStackError):
        run_smoke_test(store, patience=0.1)
    (name,) = names
    assert name.startswith("interlock-smoke-")
