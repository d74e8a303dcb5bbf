"""The layout: a service holds its handler and its wiring, and no decision and no commit."""

import ast
import re
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


_DECIDING = re.compile(r"_?(?:decide|commit)(?:_\w+)?")


def decisions(source: str) -> Iterator[str]:
    """The names in a module that decide or commit, however they are used, and the modules of the lifecycle."""
    for node in ast.walk(ast.parse(source)):
        yield from (f"line {node.lineno}: {name}" for name in _names_in(node) if _DECIDING.fullmatch(name))  # type: ignore[attr-defined]
        yield from (f"line {node.lineno}: {room}" for room in _rooms_in(node) if _is_deciding(room))  # type: ignore[attr-defined]


def _names_in(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.Name):
        return [node.id]
    return [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []


def _rooms_in(node: ast.AST) -> list[str]:
    """The modules that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def _is_deciding(module: str) -> bool:
    return module.partition(".")[0] == "interlock_lifecycle"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_decides_nothing_and_commits_nothing(service: str) -> None:
    assert {path.name: found for path in sources(service) if (found := list(decisions(path.read_text())))} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = decide_rerun(1)", ["decide_rerun"]),
        ("store.commit(x)", ["commit"]),
        ("settle(decide=reruns.decide_rerun)", ["decide_rerun"]),
        ("act = store.commit", ["commit"]),
        ("from interlock_controller.runs import decide_until_settled as settled", ["decide_until_settled"]),
        ("from interlock_lifecycle.reruns import RerunFacts", ["interlock_lifecycle.reruns"]),
        ("import interlock_lifecycle.runs as runs", ["interlock_lifecycle.runs"]),
        ("from interlock_controller import records", []),
        ("decided = wire(environ)", []),
        ("result = decider(1)", []),
    ],
)
def test_decisions_and_commits_are_found(source: str, found: list[str]) -> None:
    seen = [one.partition(": ")[2] for one in decisions(source)]
    assert list(dict.fromkeys(name for name in seen if name in found)) == found
    assert bool(seen) == bool(found)


@pytest.mark.parametrize("service", SERVICES)
def test_each_stage_of_a_handler_has_a_limit(service: str) -> None:
    """STAGE_TIMEOUT is a variable of every Lambda, so that each stage must get it."""
    tree = ast.parse(next(ROOT.glob(f"services/{service}/src/*/handler.py")).read_text())
    stages = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "stage"]
    limits = [{word.arg: ast.unparse(word.value) for word in call.keywords}.get("limit") for call in stages]
    assert set(limits) == {"service.settings.stage_timeout"}


@pytest.mark.parametrize("suite", ["simulation", "model", "sla", "dates", "sensors"])
def test_a_suite_of_packages_imports_no_service(suite: str) -> None:
    paths = sorted(ROOT.glob(f"tests/{suite}/**/*.py"))
    assert paths
    services = {f"interlock_{name.replace('-', '_')}" for name in SERVICES}
    found = {
        path.name: {
            room.partition(".")[0] for node in ast.walk(ast.parse(path.read_text())) for room in _rooms_in(node)
        }
        & services
        for path in paths
    }
    assert {name: modules for name, modules in found.items() if modules} == {}


LEAVES = {"dlq", "telemetry", "triggers"}
_IMPORT = re.compile(r"^\s*(?:from|import) interlock_(\w+)", re.MULTILINE)


def leaves_of(*patterns: str) -> set[str]:
    """The leaves that the modules of some folders import."""
    paths = [path for pattern in patterns for path in ROOT.glob(f"{pattern}/**/*.py")]
    assert paths
    return {name for path in paths for name in _IMPORT.findall(path.read_text())} & LEAVES


@pytest.mark.parametrize(
    ("line", "folders"),
    [
        ("cli", ["packages/interlock-cli/src"]),
        ("services", ["services/*/src", "packages/interlock-local/src"]),
        (
            "controller",
            [f"packages/interlock-controller/src/*/{room}" for room in ("effects", "records", "slas", "watch")],
        ),
        ("controller.runs only", ["packages/interlock-controller/src/*/runs"]),
        ("store", ["packages/interlock-store/src"]),
        ("lifecycle", ["packages/interlock-lifecycle/src"]),
    ],
)
def test_the_architecture_names_the_leaves_that_are_imported(line: str, folders: list[str]) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    row = re.search(rf"^ *{re.escape(line)} .*$", page.partition("## Imports")[2], re.MULTILINE)
    assert row is not None
    named = set(row[0].partition("->")[2].replace(",", " ").split())
    shared = {"telemetry"} if line == "controller.runs only" else set()
    assert leaves_of(*folders) == named | shared


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
