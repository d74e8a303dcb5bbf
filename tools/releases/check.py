"""Check that a package or service can be released, and print all problems at once.

Examples:
  python -m releases.check interlock-sla
  python -m releases.check interlock-sla --tag interlock-sla-v0.2.0
  python -m releases.check interlock-sla --between-releases
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from releases import rules, wheels
from releases.git import GitError
from releases.workspace import Unit, Workspace

Rule = Callable[[], Iterator[str]]


def steps(
    workspace: Workspace, unit: Unit, tag: str | None, scratch: Path, between: bool = False
) -> list[tuple[str, Rule]]:
    """The rules of a release in the order in which they run, each with its name.

    between: the next release is not prepared yet, so that changes may still have the version of the last one.
    """
    static: list[tuple[str, Rule]] = [
        ("version and tag", lambda: rules.version_and_tag(workspace, unit, tag, between)),
        ("changelog", lambda: rules.changelog_of(unit, tag)),
        ("requirements", lambda: rules.requirements(workspace, unit, tag)),
        ("public API", lambda: rules.public_api(workspace, unit, between)),
    ]
    return [
        *static,
        ("files", lambda: _files(workspace, unit, scratch)),
        ("lowest versions", lambda: _lowest(workspace, unit, scratch)),
    ]


def _files(workspace: Workspace, unit: Unit, scratch: Path) -> Iterator[str]:
    sdist, wheel = wheels.build(workspace, unit, scratch)
    yield from wheels.contents(workspace, unit, sdist, wheel, scratch)
    yield from wheels.install_alone(workspace, unit, wheel, scratch)
    yield from wheels.install_alone(workspace, unit, sdist, scratch)


def _lowest(workspace: Workspace, unit: Unit, scratch: Path) -> Iterator[str]:
    yield from wheels.lowest_versions(workspace, unit, scratch)


def check(
    workspace: Workspace, unit: Unit, tag: str | None, say: Callable[[str], None], between: bool = False
) -> list[str]:
    """Run every rule, and return all problems. `say` takes one line per rule. between: as for `steps`."""
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="interlock-release-") as scratch:
        for name, rule in steps(workspace, unit, tag, Path(scratch), between):
            began = time.monotonic()
            try:
                found = list(rule())
            except (GitError, wheels.StepFailed) as failed:
                found = [str(failed)]
            result = "ok" if not found else f"{len(found)} problem" + "s" * (len(found) > 1)
            say(f"  {name:<16} {result:<12} {time.monotonic() - began:5.1f} s")
            problems += [f"{name}: {problem}" for problem in found]
    return problems


def main(arguments: list[str] | None = None, root: Path | None = None) -> int:
    """Exit code 1: the unit cannot be released. Exit code 2: the unit does not exist."""
    parser = argparse.ArgumentParser(
        prog="python -m releases.check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("unit", help="folder of a package or service, such as interlock-sla or watchdog")
    moment = parser.add_mutually_exclusive_group()
    moment.add_argument("--tag", help="the tag that is released (default: the version about to be tagged)")
    moment.add_argument(
        "--between-releases", action="store_true", help="changes may still have the version of the last release"
    )
    given = parser.parse_args(arguments)
    workspace = Workspace.read(root or Path.cwd())
    unit = workspace.units.get(given.unit)
    if unit is None:
        parser.error(f"no unit {given.unit!r}, expected one of {', '.join(sorted(workspace.units))}")
    print(f"{unit.distribution} {unit.version}: {_standing(workspace, unit)}", flush=True)
    problems = check(workspace, unit, given.tag, lambda line: print(line, flush=True), between=given.between_releases)
    for problem in problems:
        print(f"error: {unit.name}: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _standing(workspace: Workspace, unit: Unit) -> str:
    try:
        last = rules.last_release(workspace, unit)
    except GitError as failed:
        return str(failed)
    if unit.is_service:
        return f"the last release is {last or 'none'}"
    if last is None:
        return "no earlier release, so no public API to compare"
    return f"the last release is {last}"


if __name__ == "__main__":
    sys.exit(main())
