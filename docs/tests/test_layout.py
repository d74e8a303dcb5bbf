"""The layout: a service holds its handler and its wiring, and no decision and no commit."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock_triggers import job_types

ROOT = Path(__file__).parents[2]
LOOP_SERVICES = ("orchestrator", "sla-monitor", "stream-router", "watchdog")
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/pyproject.toml"))


def sources(service: str) -> list[Path]:
    return sorted(ROOT.glob(f"services/{service}/src/*/*.py"))


@pytest.mark.parametrize("service", LOOP_SERVICES)
def test_a_service_of_the_loop_is_its_handler_and_its_wiring(service: str) -> None:
    assert [path.name for path in sources(service)] == ["__init__.py", "handler.py", "wiring.py"]


def decisions(source: str) -> Iterator[str]:
    """The calls of a module that decide or commit."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name.startswith("decide_") or name == "commit":
                yield f"line {node.lineno}: {name}"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_decides_nothing_and_commits_nothing(service: str) -> None:
    assert {path.name: found for path in sources(service) if (found := list(decisions(path.read_text())))} == {}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_nothing_that_decides(service: str) -> None:
    imported = {
        str(node.module)
        for path in sources(service)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
    }
    assert {name for name in imported if name.partition(".")[0] == "interlock_lifecycle"} == set()


def test_decisions_and_commits_are_found() -> None:
    assert list(decisions("x = decide_rerun(1)\nstore.commit(x)")) == ["line 1: decide_rerun", "line 2: commit"]
    assert list(decisions("decided = wire(environ)")) == []


@pytest.mark.parametrize("service", SERVICES)
def test_each_stage_of_a_handler_has_a_limit(service: str) -> None:
    """STAGE_TIMEOUT is a variable of every Lambda, so that each stage must get it."""
    tree = ast.parse(next(ROOT.glob(f"services/{service}/src/*/handler.py")).read_text())
    stages = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "stage"]
    limits = [{word.arg: ast.unparse(word.value) for word in call.keywords}.get("limit") for call in stages]
    assert set(limits) == {"service.settings.stage_timeout"}


ROOMS = sorted(ROOT.glob("packages/interlock-*/src/*/_*/__init__.py"))


def unnamed(room: Path) -> list[str]:
    """The modules of a private folder that its docstring does not name; a job type's module has the type's name."""
    docstring = ast.get_docstring(ast.parse(room.read_text())) or ""
    types = {f"_{name.replace('-', '_')}" for name in job_types()} if room.parent.name == "_jobs" else set()
    modules = {path.stem for path in room.parent.glob("*.py")} - {"__init__"}
    return sorted(name for name in modules - types if f"`{name}`" not in docstring)


@pytest.mark.parametrize("room", ROOMS, ids=lambda path: path.parent.name)
def test_the_face_of_a_folder_names_its_modules(room: Path) -> None:
    assert unnamed(room) == []


def test_config_and_triggers_are_laid_out_by_subject() -> None:
    homes = {room.parents[1].name for room in ROOMS}
    assert {"interlock_config", "interlock_triggers"} <= homes
    for home in ("config", "triggers"):
        flat = list(ROOT.glob(f"packages/interlock-{home}/src/interlock_{home}/*.py"))
        assert len(flat) <= 12
