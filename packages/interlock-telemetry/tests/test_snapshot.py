"""A snapshot of SnapStart: the imports before it, and the state that each restored environment makes again."""

import random
import sys
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
import snapshot_restore_py as hooks
from msgspec import Struct

import interlock_telemetry._instruments as instruments
import interlock_telemetry._snapshot as module
from interlock_telemetry import LambdaEntry, Settings, environment, instrument, measure
from interlock_telemetry._metrics import Metric
from interlock_telemetry._otlp import _resource
from interlock_telemetry._snapshot import hook_snapshot, load, renew


class Service(Struct, frozen=True):
    health: Mapping[str, Any]
    settings: Settings


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hooks before and after a test."""
    monkeypatch.setattr(hooks, "_before_snapshot_registry", [])
    monkeypatch.setattr(hooks, "_after_restore_registry", [])


@pytest.fixture
def snap_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The initialisation of a published version."""
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")


def entry(wirings: list[int], *modules: str) -> LambdaEntry[Service]:
    """The entry of a service that notes each wiring."""

    def wire(variables: Mapping[str, str]) -> Service:
        wirings.append(len(wirings))
        return Service({}, environment((), source={}))

    return LambdaEntry("watchdog", wire, lambda service, event, context: {}, modules=modules)


def restore() -> None:
    for hook, positional, named in hooks.get_after_restore():
        hook(*positional, **named)


@pytest.mark.parametrize("kind", ["on-demand", "provisioned-concurrency", None])
def test_other_starts_have_no_hooks(kind: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_INITIALIZATION_TYPE", raising=False)
    if kind is not None:
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)
    entry([])
    assert hooks.get_before_snapshot() == hooks.get_after_restore() == []


@pytest.mark.usefixtures("snap_start")
def test_a_snapshot_imports_modules_and_wires_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    wirings: list[int] = []
    entry(wirings, "colorsys")
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    for hook, positional, named in hooks.get_before_snapshot():
        hook(*positional, **named)
    assert "colorsys" in sys.modules
    assert wirings == []


@pytest.mark.usefixtures("snap_start")
def test_a_restored_environment_wires_its_own_service() -> None:
    wirings: list[int] = []
    handle = entry(wirings)
    handle({})
    handle({})
    restore()
    handle({})
    assert wirings == [0, 1]


def test_a_restored_environment_has_its_own_dice() -> None:
    state = random.getstate()
    draws = set()
    for _ in range(2):
        random.setstate(state)
        renew(lambda: None)
        draws.add(random.random())
    assert len(draws) == 2


def test_a_restored_environment_has_its_own_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session(region_name="eu-west-1"))
    renew(lambda: None)
    assert boto3.DEFAULT_SESSION is None


def test_a_restored_environment_has_its_own_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instruments, "_exporter", None)
    assert instrument("watchdog", source={"INTERLOCK_METRICS": "emf"})
    before = instruments.exporter()
    measure(Metric.RECORDS_PROCESSED, 7)
    renew(lambda: None)
    assert instruments.exporter() is None
    assert instrument("watchdog", source={"INTERLOCK_METRICS": "emf"})
    assert instruments.exporter() is not before


def test_an_unknown_module_fails_the_snapshot() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        load(["no_such_module"])


def test_a_runtime_without_hooks_fails_the_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)
    with pytest.raises(ImportError, match="snapshot_restore_py"):
        hook_snapshot((), lambda: None)


def test_a_snapshot_has_the_traces_only_with_an_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    imported: list[str] = []
    monkeypatch.setattr(module, "import_module", imported.append)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    load(())
    assert "boto3" in imported
    assert "interlock_telemetry._otlp" not in imported
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    load(())
    assert "interlock_telemetry._otlp" in imported


def test_a_function_without_a_log_stream_has_a_random_name() -> None:
    function = {"AWS_LAMBDA_FUNCTION_NAME": "test-interlock-watchdog"}
    named = _resource("watchdog", {**function, "AWS_LAMBDA_LOG_STREAM_NAME": "stream"}).attributes
    assert named["faas.instance"] == named["service.instance.id"] == "stream"
    first, second = (_resource("watchdog", function).attributes for _ in range(2))
    assert first["faas.instance"] == first["service.instance.id"]
    assert first["faas.instance"] != second["faas.instance"]
