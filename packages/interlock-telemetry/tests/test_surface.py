"""The public names."""

import subprocess
import sys

import interlock_telemetry


def test_all_is_sorted_and_its_names_exist() -> None:
    assert interlock_telemetry.__all__ == sorted(interlock_telemetry.__all__)
    assert all(hasattr(interlock_telemetry, name) for name in interlock_telemetry.__all__)


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = ("boto3", "botocore", "opentelemetry", "urllib3", "asyncio", "cProfile")
    check = f"import sys, interlock_telemetry; print([name for name in {heavy!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
