"""The package as it is installed: its public names and what importing it costs."""

import inspect
import subprocess
import sys

import interlock_rules


def test_the_public_names_are_sorted_and_documented() -> None:
    names = interlock_rules.__all__
    assert names == sorted(names)
    assert {name for name in vars(interlock_rules) if not name.startswith("_")} == set(names)
    assert [name for name in names if not inspect.getdoc(getattr(interlock_rules, name))] == []


def test_importing_it_imports_no_croniter() -> None:
    program = "import sys, interlock_rules; print('croniter' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert finished.stdout.strip() == "False"
