"""Install each package from a local index into a new environment, and run its README outside of the checkout.

The index has the wheels of the packages. All other distributions come from the registry. Per package the README must
hold: its first `pip install` line installs it, its Python examples print their output, and its commands exist. A line
with `uvx` runs as it is written.

Examples:
  python -m releases.installed
  python -m releases.installed interlock-sla interlock-dlq
"""

import argparse
import hashlib
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from releases import lowest
from releases.wheels import StepFailed, new_environment, run
from releases.workspace import Unit, Workspace

_SHELL = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COUNTS = re.compile(r": (\d+) examples, (\d+) wrong")
_COMMAND = re.compile(r"(?:interlock|interlock-safety|python -m interlock_\w+(?:\.\w+)*)\b")


@dataclass(frozen=True)
class Readme:
    """The lines of a README that a user types. `install`: the requirements of the first `pip install` line."""

    install: tuple[str, ...]
    commands: tuple[str, ...]
    tools: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> "Readme":
        """Read the shell blocks. A comment at the end of a line is left out."""
        lines = [line.partition(" #")[0].strip() for block in _SHELL.findall(text) for line in block.splitlines()]
        installs = [shlex.split(line)[2:] for line in lines if line.startswith("pip install ")]
        commands = [line for line in lines if _COMMAND.match(line)]
        tools = [line for line in lines if line.startswith("uvx ")]
        return cls(tuple(installs[0]) if installs else (), tuple(commands), tuple(tools))


@dataclass
class Outcome:
    """The result of one package. `size`: the bytes of its wheel. `examples`: the Python blocks that ran."""

    name: str
    size: int
    examples: int = 0
    commands: int = 0
    left_out: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


def make_index(wheels: Iterable[Path], folder: Path) -> Path:
    """Write a package index in the form of PEP 503 with links to wheels, and return its folder."""
    projects: dict[str, list[str]] = {}
    for wheel in sorted(wheels):
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        link = f'<a href="{wheel.resolve().as_uri()}#sha256={digest}">{wheel.name}</a><br>\n'
        projects.setdefault(wheel.name.partition("-")[0].replace("_", "-"), []).append(link)
    for name, links in projects.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "index.html").write_text(f"<!DOCTYPE html>\n<html><body>\n{''.join(links)}</body></html>\n")
    return folder


def check(unit: Unit, wheel: Path, index: Path, scratch: Path) -> Outcome:
    """Install one package as its README says, and run the README."""
    began, outcome = time.monotonic(), Outcome(unit.name, wheel.stat().st_size)
    path = unit.home / "README.md"
    readme = Readme.read(path.read_text(encoding="utf-8"))
    place = scratch / unit.name
    (place / "elsewhere").mkdir(parents=True)
    try:
        python = _install(readme, unit, index, place)
        _examples(python, path, outcome, place / "elsewhere")
        for command in readme.commands:
            _command(python, command, place / "elsewhere")
            outcome.commands += 1
        for command in readme.tools:
            run(["uvx", *_from(index), *shlex.split(command)[1:]], place / "elsewhere")
            outcome.commands += 1
    except StepFailed as failed:
        outcome.problems.append(str(failed))
    outcome.seconds = time.monotonic() - began
    return outcome


def _install(readme: Readme, unit: Unit, index: Path, place: Path) -> Path:
    if not readme.install:
        raise StepFailed("the README has no line with `pip install`")
    python = new_environment(place / "environment")
    # The index comes first, so that a distribution of the registry with the name of a package is never installed.
    command = ["uv", "pip", "install", "--quiet", f"--python={python}", *_from(index)]
    run([*command, *readme.install], place)
    run(["uv", "pip", "check", "--quiet", f"--python={python}"], place)
    found = run([str(python), "-c", f"import {unit.module} as m; print(m.__file__)"], place).strip()
    if not found.startswith(str(place)):
        raise StepFailed(f"{unit.module} is imported from {found}, outside of the environment")
    return python


def _from(index: Path) -> list[str]:
    """The options to install from the index. A cached wheel of the same version may be an older build."""
    return [f"--index={index.as_uri()}", *(f"--reinstall-package={path.name}" for path in sorted(index.iterdir()))]


def _examples(python: Path, readme: Path, outcome: Outcome, elsewhere: Path) -> None:
    """Run the Python blocks of a README. The blocks that it leaves out are listed with their reasons."""
    said = run([str(python), str(lowest.TESTS / "readme_examples.py"), str(readme)], elsewhere)
    counts = _COUNTS.search(said)
    if counts is None:
        raise StepFailed(f"the examples of the README have no result: {said}")
    outcome.examples = int(counts[1])
    outcome.left_out += re.findall(r"^not run: (.*)$", said, re.MULTILINE)


def _command(python: Path, line: str, elsewhere: Path) -> None:
    """The command of a line exists with its options. It gets --help too, because it may need a deployment."""
    program, *words = shlex.split(line)
    path = python if program == "python" else python.parent / program
    if not path.exists():
        raise StepFailed(f"{line}: the package installs no command {program}")
    run([str(path), *words, "--help"], elsewhere)


def main(arguments: list[str] | None = None, root: Path | None = None) -> int:
    """Exit code 1: the README of a package does not hold. Exit code 2: a package does not exist."""
    parser = argparse.ArgumentParser(
        prog="python -m releases.installed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("packages", nargs="*", help="folders of packages, such as interlock-sla (default: all)")
    given = parser.parse_args(arguments)
    workspace = Workspace.read(root or Path.cwd())
    known = {unit.name: unit for unit in workspace.in_order() if not unit.is_service}
    if unknown := [name for name in given.packages if name not in known]:
        parser.error(f"no package {', '.join(unknown)}, expected some of {', '.join(sorted(known))}")
    names = given.packages or list(known)
    with tempfile.TemporaryDirectory(prefix="interlock-installed-") as scratch:
        outcomes = list(_check_all(workspace, [known[name] for name in names], Path(scratch)))
    _print(outcomes)
    return 1 if any(one.problems for one in outcomes) else 0


def _check_all(workspace: Workspace, units: list[Unit], scratch: Path) -> Iterator[Outcome]:
    wheels = scratch / "wheels"
    for unit in workspace.units.values():
        if unit.is_service:
            continue
        command = ["uv", "build", "--quiet", "--wheel", "--package", unit.distribution, "--out-dir", str(wheels)]
        run(command, workspace.root)
    index = make_index(wheels.glob("*.whl"), scratch / "simple")
    for unit in units:
        [wheel] = wheels.glob(f"{unit.module}-*.whl")
        outcome = check(unit, wheel, index, scratch)
        print(f"{unit.name}: {len(outcome.problems)} problems, {outcome.seconds:.0f} s", flush=True)
        yield outcome


def _print(outcomes: list[Outcome]) -> None:
    print(f"\n{'package':<22} {'wheel':>8} {'examples':>8} {'commands':>8}  outcome")
    for one in outcomes:
        result = "ok" if not one.problems else "failed"
        print(f"{one.name:<22} {one.size / 1024:>5.0f} KB {one.examples:>8} {one.commands:>8}  {result}")
    for one in outcomes:
        for reason in one.left_out:
            print(f"{one.name}: not run: {reason}")
        for problem in one.problems:
            print(f"error: {one.name}: {problem}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
