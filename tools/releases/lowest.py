"""Test the wheel of one unit in this environment, with the lowest versions that it declares.

Nothing but the standard library is needed, because the environment holds only the unit and its dependencies.

    python -m releases.lowest interlock-sla
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[2] / "tests"

# The packages whose README examples run with only the package installed.
README_RUNS = {
    "interlock-config",
    "interlock-controller",
    "interlock-dlq",
    "interlock-lifecycle",
    "interlock-rules",
    "interlock-sensors",
    "interlock-sla",
    "interlock-store",
    "interlock-telemetry",
    "interlock-triggers",
    "interlock-web",
}

# The public modules of a package that work without its extras. `interlock_controller.runs` needs an extra.
FACES = {
    "interlock-controller": [".effects", ".records", ".slas", ".watch"],
    "interlock-lifecycle": [".dates", ".dryrun", ".events", ".reports", ".reruns", ".runs", ".sensors", ".slas"],
    "interlock-local": [".commands", ".demo", ".pump", ".site", ".stack", ".zips"],
    "interlock-web": [".commands"],
}

# A script that checks one package further.
ALONE = {
    "interlock-cli": "cli_alone.py",
    "interlock-local": "local_alone.py",
    "interlock-triggers": "triggers_alone.py",
}


def projects(root: Path) -> dict[str, tuple[Path, dict[str, Any]]]:
    """The folder and the `project` table of each package and service, by distribution."""
    paths = sorted([*root.glob("packages/*/pyproject.toml"), *root.glob("services/*/pyproject.toml")])
    found = [(path.parent, tomllib.loads(path.read_text())["project"]) for path in paths]
    return {project["name"]: (home, project) for home, project in found}


def closure(known: dict[str, tuple[Path, dict[str, Any]]], distribution: str) -> list[str]:
    """The distribution and the siblings that it and their extras need."""
    seen: list[str] = []
    queue = [distribution]
    while queue:
        name = queue.pop()
        if name in seen or name not in known:
            continue
        seen.append(name)
        project = known[name][1]
        extras = [line for extra in project.get("optional-dependencies", {}).values() for line in extra]
        queue += [re.split(r"[^\w.-]", line)[0] for line in (*project.get("dependencies", []), *extras)]
    return seen


def checks(root: Path, home: Path, distribution: str) -> list[list[str]]:
    """The commands that test an installed unit: its public names, its handler, and the examples of its README."""
    module = distribution.replace("-", "_")
    if home.parent.name == "services":
        return [["-c", f"import {module}.handler"]]
    faces = [f"{module}{face}" for face in ("", *FACES.get(distribution, []))]
    found = [[str(TESTS / "public_surface.py"), face] for face in faces]
    if distribution in README_RUNS:
        found.append([str(TESTS / "readme_examples.py"), str(home / "README.md")])
    if distribution in ALONE:
        found.append([str(TESTS / ALONE[distribution])])
    return found


def main() -> int:
    """Install and test. The exit code is 1 if a step fails, and 2 for an unknown unit."""
    parser = argparse.ArgumentParser(prog="python -m releases.lowest", description=__doc__)
    parser.add_argument("unit", help="folder of a package or service, such as interlock-sla or watchdog")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the checkout (default: this folder)")
    parser.add_argument("--older", type=Path, help="a folder with wheels of earlier releases of siblings")
    arguments = parser.parse_args()
    known = projects(arguments.root)
    named = [name for name, (home, _) in known.items() if home.name == arguments.unit]
    if not named:
        parser.error(f"no unit {arguments.unit!r}: {', '.join(home.name for home, _ in known.values())}")
    return _test(arguments.root, known, named[0], arguments.older)


def _test(root: Path, known: dict[str, tuple[Path, dict[str, Any]]], distribution: str, older: Path | None) -> int:
    home, project = known[distribution]
    with tempfile.TemporaryDirectory(prefix="interlock-lowest-") as scratch:
        for sibling in closure(known, distribution):
            _uv(root, "build", "--quiet", "--wheel", "--out-dir", scratch, "--package", sibling)
        for wheel in sorted(older.glob("*.whl")) if older else []:
            shutil.copy(wheel, scratch)
        _uv(
            root,
            "pip",
            "install",
            "--quiet",
            "--no-sources",
            "--resolution=lowest",
            # The version number stays while the code changes, so an installed or cached wheel may be an older build.
            *(f"--reinstall-package={sibling}" for sibling in closure(known, distribution)),
            "--only-binary=:all:",
            f"--python={sys.executable}",
            f"--find-links={scratch}",
            f"{distribution}=={project['version']}",
        )
    # The tests run outside the checkout, so that they cannot import its sources.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory(prefix="interlock-alone-") as elsewhere:
        done = [
            subprocess.run([sys.executable, *command], cwd=elsewhere, env=environment, check=False)
            for command in checks(root, home, distribution)
        ]
    return 1 if any(one.returncode for one in done) else 0


def _uv(root: Path, *arguments: str) -> None:
    done = subprocess.run(["uv", *arguments], cwd=root, check=False)
    if done.returncode != 0:
        print(f"uv {arguments[0]} {arguments[-1]} failed", file=sys.stderr)
        raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main())
