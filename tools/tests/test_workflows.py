"""The workflows and labels agree with the workspace. actionlint and zizmor check their form."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from releases.workspace import Workspace

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
_PINNED = re.compile(r"uses: (?:\./\.github/workflows/[\w-]+\.yml|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$")


def jobs(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())["jobs"])


def test_there_is_a_label_for_each_package_and_service() -> None:
    labels = yaml.safe_load((ROOT / ".github" / "labeler.yml").read_text())
    for unit in Workspace.read(ROOT).units.values():
        [rule] = labels.pop(unit.name)
        assert f"{unit.home.relative_to(ROOT)}/**" in rule["changed-files"][0]["any-glob-to-any-file"]
    assert sorted(labels) == ["docs", "infra", "workflows"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_each_action_is_pinned_with_its_version(path: Path) -> None:
    lines = [line.strip().removeprefix("- ") for line in path.read_text().splitlines() if "uses:" in line]
    assert lines
    assert [line for line in lines if not _PINNED.fullmatch(line)] == []


def test_an_action_has_one_version_in_all_workflows() -> None:
    found: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for name, pin in re.findall(r"uses: ([\w./-]+)@(.*)", path.read_text()):
            found.setdefault(name, set()).add(pin)
    assert {name: pins for name, pins in found.items() if len(pins) > 1} == {}


def test_the_nightly_sessions_are_no_default_sessions() -> None:
    text = (ROOT / "noxfile.py").read_text()
    sessions = set(
        re.findall(r"^@nox\.session(?:\([^)]*\))?\n(?:@nox\.parametrize\(.*\n)?def (\w+)", text, re.MULTILINE)
    )
    default = re.findall(r'"([\w-]+)', text[text.index("nox.options.sessions") :].partition("]")[0])
    [job] = jobs("nightly.yml").values()
    nightly = job["strategy"]["matrix"]["session"]
    assert nightly == sorted(nightly)
    assert {name.replace("-", "_") for name in nightly} <= sessions - set(default)


def test_only_main_is_applied() -> None:
    """A plan runs for pull requests too. Each apply needs the branch main and the environment with reviewers."""
    applied = [job for job in jobs("deploy.yml").values() if job.get("with", {}).get("apply")]
    assert len(applied) == 3
    for job in applied:
        assert "github.ref == 'refs/heads/main'" in job["if"]
        assert "github.event_name != 'pull_request'" in job["if"]
        assert job["with"]["environment"] == "production"


def test_plans_of_two_branches_do_not_wait_for_each_other() -> None:
    """A group keeps one waiting job: the plan of a third branch would cancel that of the second, also on main."""
    [job] = jobs("terraform.yml").values()
    group = job["concurrency"]["group"]
    assert "${{ inputs.apply && 'apply' || github.ref }}" in group
    assert "${{ inputs.environment }}" in group
    assert "${{ inputs.root }}" in group


def test_labels_may_be_created() -> None:
    """A new repository has no label of a package, and GitHub creates one only with the permission for issues."""
    [job] = jobs("labels.yml").values()
    assert job["permissions"] == {"contents": "read", "issues": "write", "pull-requests": "write"}


def test_services_of_the_deployment_are_computed() -> None:
    text = (ROOT / ".github" / "workflows" / "deploy.yml").read_text()
    names = [unit.name for unit in Workspace.read(ROOT).units.values() if unit.is_service]
    assert [name for name in names if name in text] == ["orchestrator"]


def test_only_the_publishing_job_has_an_identity_for_pypi() -> None:
    found = {name: job["permissions"] for name, job in jobs("release.yml").items()}
    assert found["build"] == {"contents": "read"}
    assert found["pypi"] == {"id-token": "write"}


def test_the_tests_run_on_each_supported_python() -> None:
    matrix = jobs("tests.yml")["python"]["strategy"]["matrix"]
    assert matrix["version"] == declared_versions("PYTHONS")
    assert matrix["session"] == ["python"]
    older = [{"version": version, "session": "older"} for version in declared_versions("OLDER_PYTHONS")]
    assert matrix["include"] == older


def declared_versions(name: str) -> list[str]:
    """The Python versions in a constant of noxfile.py."""
    declared = re.search(rf"^{name} = \((.*)\)", (ROOT / "noxfile.py").read_text(), re.MULTILINE)
    assert declared is not None
    return re.findall(r'"([\d.]+)"', declared[1])


def test_a_tag_outside_of_main_releases_nothing() -> None:
    """The first command after the check-out, before anything of the tag is run."""
    commands = [step["run"] for step in jobs("release.yml")["build"]["steps"] if "run" in step]
    assert commands[0] == 'git merge-base --is-ancestor "$GITHUB_SHA" origin/main'


def test_a_package_without_pypi_gets_no_github_release() -> None:
    condition = " ".join(jobs("release.yml")["github"]["if"].split())
    assert condition.endswith("(needs.pypi.result == 'success' || needs.build.outputs.kind == 'service')")


def test_release_checks_see_the_tags() -> None:
    """In a shallow clone tags may be missing."""
    checkouts = {
        "nightly.yml": "${{ matrix.session == 'release-check' && '0' || '1' }}",
        "release.yml": 0,
    }
    for name, depth in checkouts.items():
        first = next(iter(jobs(name).values()))["steps"][0]
        assert first["with"]["fetch-depth"] == depth


def test_the_release_check_of_a_night_permits_unreleased_changes() -> None:
    """Otherwise each unit with a change fails every night until its release."""
    steps = {
        step["run"]: step.get("if") for step in jobs("nightly.yml")["session"]["steps"] if "nox" in step.get("run", "")
    }
    assert steps == {
        "uv run nox -s release-check -- --between-releases": "matrix.session == 'release-check'",
        'uv run nox -s "$SESSION"': "matrix.session != 'release-check'",
    }
