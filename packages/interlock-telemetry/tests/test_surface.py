"""The public names."""

import subprocess
import sys

import pytest

import interlock_telemetry


def test_all_is_sorted_and_its_names_exist() -> None:
    assert interlock_telemetry.__all__ == sorted(interlock_telemetry.__all__)
    assert all(hasattr(interlock_telemetry, name) for name in interlock_telemetry.__all__)


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = ("boto3", "botocore", "opentelemetry", "urllib3", "asyncio", "cProfile")
    check = f"import sys, interlock_telemetry; print([name for name in {heavy!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_import_of_the_package_imports_no_module_of_it() -> None:
    own = "[name for name in sys.modules if name.startswith('interlock_telemetry.')]"
    check = f"import sys, interlock_telemetry as t; before = {own}; t.correlation_id; print(before, {own})"
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[] ['interlock_telemetry._correlation']"


def test_each_name_has_the_module_that_defines_it() -> None:
    assert set(interlock_telemetry._HOMES) == set(interlock_telemetry.__all__)
    assert set(interlock_telemetry.__all__) <= set(dir(interlock_telemetry))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'interlock_telemetry' has no attribute 'unknown'"):
        interlock_telemetry.unknown  # noqa: B018
