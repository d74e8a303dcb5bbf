"""The public names."""

import subprocess
import sys

import interlock_dlq


def test_all_is_sorted_and_its_names_exist() -> None:
    assert interlock_dlq.__all__ == sorted(interlock_dlq.__all__, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(interlock_dlq, name) for name in interlock_dlq.__all__)


def test_every_error_has_one_base_class() -> None:
    found = (getattr(interlock_dlq, name) for name in interlock_dlq.__all__)
    errors = [value for value in found if isinstance(value, type) and issubclass(value, Exception)]
    assert len(errors) == 10
    assert all(issubclass(error, interlock_dlq.DlqError) for error in errors)


def test_importing_the_package_imports_nothing_slow() -> None:
    check = "import sys, interlock_dlq; print([name for name in ('boto3', 'botocore', 'ulid') if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
