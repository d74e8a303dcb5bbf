"""Runs the Terraform code of this folder with the checker in TFCHECK, or with plain terraform."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

INFRA = Path(__file__).resolve().parents[1]
SERVICES = ("alert-dispatcher", "event-sink", "orchestrator", "sla-monitor", "stream-router", "watchdog")
ROOTS = (
    "bootstrap",
    "examples/complete",
    "examples/openlineage",
    "examples/s3-arrivals",
    "examples/simple",
    "shared",
    "stack",
    "tests/full",
    "tests/modules",
    "tests/own",
    "tests/small",
    *(f"services/{service}" for service in SERVICES),
)

_OFFLINE = ("Failed to query available provider packages", "could not connect to registry.terraform.io")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--further`: also check the negative roots whose kind of fault another root has. `--write`: see its test."""
    parser.addoption("--further", action="store_true", help="check each negative root")
    parser.addoption("--write", action="store_true", help="write the policies of the plan into interlock-local")


def _unavailable(why: str) -> None:
    """Skip, or fail if INTERLOCK_INFRA_REQUIRED forbids a skip."""
    if os.environ.get("INTERLOCK_INFRA_REQUIRED") == "1":
        pytest.fail(f"{why}, and INTERLOCK_INFRA_REQUIRED=1 forbids a skip")
    pytest.skip(why)


@dataclass(frozen=True)
class Outcome:
    """The output of a check of some roots: lines such as `infra/shared: plan ok`, and the text of failures."""

    passed: bool
    output: str

    def failed_step(self, root: str) -> str | None:
        """The failed step of a root, or None if all passed. A root without a step did not run, which is an error."""
        said = [line for line in self.output_of(root).splitlines() if line.startswith(f"infra/{root}: ")]
        assert said, f"infra/{root} was not checked:\n{self.output}"
        failures = [line.split(": ")[1].removesuffix(" FAILED") for line in said if line.endswith(" FAILED")]
        return failures[0] if failures else None

    def output_of(self, root: str) -> str:
        """The output for one root with its failures."""
        lines, ours = [], False
        for line in self.output.splitlines():
            if line.startswith("infra/"):
                ours = line.startswith(f"infra/{root}: ")
            if ours:
                lines.append(line)
        return "\n".join(lines)


class Checker:
    """The checks of TFCHECK (fmt, init, validate, plan, test), or of plain terraform without the plan."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._tool = os.environ.get("TFCHECK") or None
        if shutil.which("terraform") is None:
            _unavailable("terraform is not installed")

    def run(self, roots: Sequence[str], infra: Path = INFRA) -> Outcome:
        """Check the roots at paths below a folder with the name infra."""
        if self._tool is None:
            return self._run_plain(roots, infra)
        with ThreadPoolExecutor() as pool:
            halves = list(pool.map(lambda half: self._run_tool(half, infra), filter(None, (roots[::2], roots[1::2]))))
        return Outcome(all(half.passed for half in halves), "\n".join(half.output for half in halves))

    def _run_tool(self, roots: Sequence[str], infra: Path) -> Outcome:
        assert self._tool is not None
        result = subprocess.run(
            [self._tool, *(str(infra / root) for root in roots)],
            cwd=infra.parent,
            env={**os.environ, "TFCHECK_PLANS": str(self._scratch)},
            capture_output=True,
            text=True,
            check=False,
        )
        return Outcome(result.returncode == 0, result.stdout + result.stderr)

    def plan(self, root: str) -> dict[str, Any]:
        """The plan of a checked root. Only TFCHECK makes a plan without an account."""
        if self._tool is None:
            _unavailable("a plan without an account needs TFCHECK")
        found: dict[str, Any] = json.loads((self._scratch / f"infra_{root.replace('/', '_')}.json").read_text())
        return found

    def _run_plain(self, roots: Sequence[str], infra: Path) -> Outcome:
        copy = self._scratch / "infra"
        shutil.copytree(infra, copy, ignore=shutil.ignore_patterns(".terraform*", "__pycache__"), dirs_exist_ok=True)
        lines, passed = [], True
        for root in roots:
            for step, command in _STEPS.items():
                result = subprocess.run(command, cwd=copy / root, capture_output=True, text=True, check=False)
                output = result.stdout + result.stderr
                if step == "init" and any(words in output for words in _OFFLINE):
                    _unavailable("the Terraform registry cannot be reached, and TFCHECK names no offline checker")
                lines.append(f"infra/{root}: {step} {'FAILED' if result.returncode else 'ok'}")
                if result.returncode:
                    lines.append(output)
                    passed = False
                    break
        return Outcome(passed, "\n".join(lines))


_STEPS = {
    "fmt": ["terraform", "fmt", "-check", "-diff", "-recursive"],
    "init": ["terraform", "init", "-input=false", "-no-color"],
    "validate": ["terraform", "validate", "-no-color"],
    "test": ["terraform", "test", "-no-color"],
}


@dataclass(frozen=True)
class Resource:
    """A planned resource: its address without the module, its type, and its known arguments."""

    address: str
    type: str
    values: Mapping[str, Any]


class Plan:
    """The resources of a plan."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self._plan = plan

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """Every managed resource, of all modules."""
        return tuple(_walk(self._plan["planned_values"]["root_module"]))

    def output(self, name: str) -> Any:
        """The planned value of an output of the root, None for an absent one."""
        return self._plan["planned_values"].get("outputs", {}).get(name, {}).get("value")

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The planned values of the outputs of the root, without those that are known after the apply only."""
        found = self._plan["planned_values"].get("outputs", {})
        return {name: output["value"] for name, output in found.items() if "value" in output}

    def of(self, *types: str) -> list[Resource]:
        """The resources of some types."""
        return [resource for resource in self.resources if resource.type in types]

    def one(self, type_: str, **values: object) -> Resource:
        """The only resource of a type with these arguments."""
        found = [
            resource
            for resource in self.of(type_)
            if all(resource.values.get(name) == value for name, value in values.items())
        ]
        assert len(found) == 1, f"{len(found)} {type_} with {values}"
        return found[0]


def _walk(module: Mapping[str, Any]) -> list[Resource]:
    found = [
        Resource(entry["address"], entry["type"], entry.get("values", {}))
        for entry in module.get("resources", [])
        if entry["mode"] == "managed"
    ]
    for child in module.get("child_modules", []):
        found += _walk(child)
    return found


@pytest.fixture(scope="session")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    return Checker(tmp_path_factory.mktemp("plans"))


@pytest.fixture(scope="session")
def roots(checker: Checker) -> Outcome:
    """All roots, checked once."""
    return checker.run(ROOTS)


@pytest.fixture(scope="session")
def plan_of(checker: Checker, roots: Outcome) -> Callable[[str], Plan]:
    assert roots.passed, roots.output
    return lambda root: Plan(checker.plan(root))


@pytest.fixture(scope="session")
def plan_of_text(checker: Checker, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Plan]:
    """The plan of a root with this name and this main.tf, in a folder outside of the checkout."""

    def plan(name: str, text: str) -> Plan:
        infra = tmp_path_factory.mktemp("outside") / "infra"
        (infra / name).mkdir(parents=True)
        (infra / name / "main.tf").write_text(text, encoding="utf-8")
        outcome = checker.run([name], infra)
        assert outcome.failed_step(name) is None, outcome.output
        return Plan(checker.plan(name))

    return plan


@pytest.fixture(scope="session")
def stack(plan_of: Callable[[str], Plan]) -> Plan:
    return plan_of("stack")


@pytest.fixture(scope="session")
def full(plan_of: Callable[[str], Plan]) -> Plan:
    """The stack with all options enabled."""
    return plan_of("tests/full")


@pytest.fixture(scope="session")
def own(plan_of: Callable[[str], Plan]) -> Plan:
    """The stack with roles, log groups, a key and a dead-letter queue that exist already."""
    return plan_of("tests/own")


@pytest.fixture(scope="session")
def small(plan_of: Callable[[str], Plan]) -> Plan:
    """The stack without the options that are on by default."""
    return plan_of("tests/small")
