"""The packages and Terraform roots that a change touches, with the workspace of this repository."""

import json
import re
from pathlib import Path

import pytest

from demo_workspace import Demo
from releases import touched
from releases.workspace import Workspace

ROOT = Path(__file__).parents[2]
WORKSPACE = Workspace.read(ROOT)
SERVICES = sorted(unit.name for unit in WORKSPACE.units.values() if unit.is_service)
PACKAGES = sorted(unit.name for unit in WORKSPACE.units.values() if not unit.is_service)


def services(*paths: str) -> list[str]:
    return list(touched.touched(WORKSPACE, paths).services)


def roots(*paths: str) -> list[str]:
    return touched.touched(WORKSPACE, paths).roots


def test_a_service_touches_itself() -> None:
    found = touched.touched(WORKSPACE, ["services/watchdog/src/interlock_watchdog/handler.py"])
    assert (found.packages, found.roots) == ((), ["services/watchdog"])


def test_a_package_touches_its_dependents() -> None:
    found = touched.touched(WORKSPACE, ["packages/interlock-triggers/src/interlock_triggers/_types.py"])
    # interlock-local packs the services, so it needs their packages.
    users = ["interlock-cli", "interlock-controller", "interlock-local", "interlock-safety", "interlock-triggers"]
    assert list(found.packages) == users
    assert [name for name in SERVICES if name not in found.services] == ["event-sink"]


def test_the_lowest_package_touches_all_that_need_it() -> None:
    found = touched.touched(WORKSPACE, ["packages/interlock-sla/pyproject.toml"])
    users = [unit for unit in WORKSPACE.units.values() if WORKSPACE.units["interlock-sla"] in WORKSPACE.closure(unit)]
    assert {*found.packages, *found.services} == {unit.name for unit in users}


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "docs/architecture.md",
        "docs/how-to/route-alerts.md",
        "tests/sla/season.py",
        ".github/workflows/tests.yml",
        "noxfile.py",
        "packages/interlock-sla/tests/test_cron.py",
        "packages/interlock-sla/CHANGELOG.md",
        "services/watchdog/tests/test_watchdog.py",
        "infra/tests/conftest.py",
        "infra/bootstrap/main.tf",
        "infra/.checkov.yaml",
        "infra/examples/simple/main.tf",
        "infra/services/watchdog/tests/watchdog.tftest.hcl",
        "infra/README.md",
        "tools/releases/touched.py",
    ],
)
def test_a_path_that_no_zip_holds_touches_nothing(path: str) -> None:
    assert touched.touched(WORKSPACE, [path]) == touched.Touched((), (), False)


@pytest.mark.parametrize("path", ["infra/unknown/main.tf", "scripts/new.sh", "pyproject.toml", "infra/main.tf"])
def test_an_unknown_path_touches_everything(path: str) -> None:
    found = touched.touched(WORKSPACE, [path])
    assert (list(found.packages), list(found.services), found.shared) == (PACKAGES, SERVICES, True)


def test_a_terraform_root_touches_its_service() -> None:
    assert roots("infra/services/event-sink/main.tf") == ["services/event-sink"]


def test_a_module_touches_the_roots_that_use_it() -> None:
    assert roots("infra/modules/lambda-function/main.tf") == sorted(
        (f"services/{name}" for name in SERVICES), key=lambda name: ("orchestrator" in name, name)
    )
    assert "shared" in roots("infra/modules/queue/main.tf")


def test_the_state_machine_touches_the_orchestrator() -> None:
    assert roots("infra/statemachine/interlock.asl.json") == ["services/orchestrator"]


def test_the_shared_root_touches_all_services() -> None:
    found = roots("infra/shared/main.tf")
    assert found[0] == "shared"
    assert found[-1] == "services/orchestrator"
    assert sorted(found[1:]) == [f"services/{name}" for name in SERVICES]


def test_the_builder_of_the_zips_touches_all_services() -> None:
    assert (ROOT / touched.BUILDER / "_builder.py").exists()
    assert services(f"{touched.BUILDER}_builder.py") == SERVICES
    assert services("packages/interlock-local/src/interlock_local/keys.py") == []


@pytest.mark.parametrize("file", sorted(ROOT.glob("infra/*/**/*.tf")), ids=lambda file: str(file.relative_to(ROOT)))
def test_each_local_path_of_terraform_is_understood(file: Path) -> None:
    code = "\n".join(line.partition("#")[0] for line in file.read_text().splitlines())
    named = touched._LOCAL_PATH.findall(code)
    assert len(named) == len(re.findall(r"\.\./(?!\.\.)[\w]", code))
    assert [path for path in named if not (file.parent / path).exists()] == []


_LOCK = """
[[package]]
name = "demo-tick"
version = "0.1.0"
dependencies = [{ name = "demo-app" }]

[[package]]
name = "demo-app"
version = "0.1.0"
dependencies = [{ name = "left" }]

[package.dev-dependencies]
test = [{ name = "right" }]

[[package]]
name = "left"
version = "1.0"
wheels = [{ url = "https://example.com/left", hash = "sha256:aa" }]

[[package]]
name = "right"
version = "1.0"
"""


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("", "", []),
        ('"left"\nversion = "1.0"', '"left"\nversion = "1.1"', ["tick"]),
        ("sha256:aa", "sha256:bb", ["tick"]),
        ('"right"\nversion = "1.0"', '"right"\nversion = "1.1"', []),
        ("https://example.com", "https://mirror.example.com", []),
    ],
)
def test_a_locked_dependency_touches_the_services_with_it(demo: Demo, old: str, new: str, found: list[str]) -> None:
    assert touched.locked_changes(demo.workspace, _LOCK, _LOCK.replace(old, new) if old else _LOCK) == found


def between(demo: Demo, before: str) -> touched.Touched:
    return touched.between(demo.workspace, before, demo.commit())


def test_changes_between_commits_are_read_from_git(demo: Demo) -> None:
    before = demo.git("rev-parse", "HEAD")
    demo.write("packages/demo-core/src/demo_core/_parts.py", '"""Other parts."""\n')
    demo.git("mv", "packages/demo-app/README.md", "packages/demo-app/MORE.md")
    assert between(demo, before) == touched.Touched(("demo-app", "demo-core"), ("tick",), False)


def test_settings_of_uv_touch_everything(demo: Demo) -> None:
    before = demo.git("rev-parse", "HEAD")
    demo.write("pyproject.toml", demo.read("pyproject.toml") + "\n[tool.ruff]\nline-length = 90\n")
    assert between(demo, before) == touched.Touched((), (), False)
    before = demo.git("rev-parse", "HEAD")
    demo.replace("pyproject.toml", "package = false", 'package = false\nno-binary-package = ["x"]')
    assert between(demo, before) == touched.Touched(("demo-app", "demo-core"), ("tick",), True)


@pytest.mark.parametrize("before", ["0" * 40, "nothing"])
def test_an_unknown_first_commit_touches_everything(demo: Demo, before: str) -> None:
    assert between(demo, before) == touched.Touched(("demo-app", "demo-core"), ("tick",), True)


def test_a_workflow_gets_each_value_as_json(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    assert touched.main(["0" * 40, "HEAD", "--github"], demo.root) == 0
    values = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    assert {name: json.loads(value) for name, value in values.items()} == json.loads(capsys.readouterr().out)
    assert values["roots"] == '["shared", "services/tick"]'


def test_an_unknown_second_commit_has_exit_code_2(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    assert touched.main(["HEAD", "nothing"], demo.root) == 2
    assert capsys.readouterr().err.startswith("error: git diff ")
