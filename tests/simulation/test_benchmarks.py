"""The benchmarks over the simulation still run: each with one small size, without its table."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> object:
    """Loads a benchmark by name."""

    def loaded(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return loaded


def test_run_costs_count_each_story(load) -> None:  # type: ignore[no-untyped-def]
    found, scans = load("run_costs").costs(2)
    assert scans == []
    assert {story: counts["executions"] for story, counts in found.items()} == {
        "happy run": 1,
        "rerun": 1,
        "drift, rerun": 1,
        "one retry": 2,
    }


def test_the_speed_of_the_simulation_is_measured(load) -> None:  # type: ignore[no-untyped-def]
    figure = load("simulation_speed").Figure()
    figure.play(0, 0.0)
    assert figure.days > 0


@pytest.mark.parametrize("name", ["held_evaluation", "local_latency", "table_client", "watchdog_tick"])
def test_the_names_that_a_benchmark_imports_exist(load, name: str) -> None:  # type: ignore[no-untyped-def]
    assert callable(load(name).main)
