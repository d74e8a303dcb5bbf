"""A home folder per test, the feed and the extract as modules, and the jobs as programs."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import pytest

FLIGHTS = Path(__file__).parents[1]

RunJob = Callable[..., "subprocess.CompletedProcess[str]"]


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"flights_{name}", FLIGHTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def feed() -> ModuleType:
    return _load("feed")


@pytest.fixture(scope="session")
def extract() -> ModuleType:
    return _load("extract")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def run_job(home: Path) -> RunJob:
    def run(job: str, date: str | None, **more: str) -> subprocess.CompletedProcess[str]:
        period: Mapping[str, str] = {} if date is None else {"INTERLOCK_DATE": date}
        environment = {
            "PATH": os.environ["PATH"],
            "INTERLOCK_FLIGHTS_HOME": str(home),
            "INTERLOCK_ATTEMPT": "0",
            "INTERLOCK_JOB_KEY": "a-key",
            **period,
            **more,
        }
        return subprocess.run(
            [sys.executable, str(FLIGHTS / "jobs" / f"{job}.py")],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
