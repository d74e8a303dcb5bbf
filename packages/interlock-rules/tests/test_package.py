"""The installed package: its public names, and its independence of the machine's zone."""

import inspect
import subprocess
import sys

import interlock_rules


def run(program: str, **environment: str) -> str:
    """The output of a fresh interpreter."""
    finished = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_the_public_names_are_sorted_and_documented() -> None:
    names = interlock_rules.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name))
    assert {name for name in vars(interlock_rules) if not name.startswith("_")} == set(names)
    assert [name for name in names if not inspect.getdoc(getattr(interlock_rules, name))] == []


def test_the_zone_of_the_machine_does_not_matter() -> None:
    program = (
        "import datetime, interlock_rules as r; naive = datetime.datetime(2026, 3, 3, 9, 14, 2);"
        "print(r.parse_timestamp('2026-03-03T09:14:02'), r.parse_timestamp(naive), r.parse_timestamp(1772529242))"
    )
    assert run(program, TZ="America/New_York") == " ".join(["2026-03-03 09:14:02+00:00"] * 3)
