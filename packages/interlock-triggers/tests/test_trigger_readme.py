"""The README's examples run and print the output that it shows, and its tables name every type and error."""

import doctest
from pathlib import Path

import pytest

import interlock_triggers
from interlock_triggers import TriggerError, job_types

README = Path(__file__).parents[1] / "README.md"


def test_the_examples_are_true() -> None:
    result = doctest.testfile(str(README), module_relative=False, optionflags=doctest.REPORT_NDIFF)
    assert result.attempted >= 6
    assert result.failed == 0


@pytest.mark.parametrize("name", job_types())
def test_every_type_is_described(name: str) -> None:
    firsts = [line.split("|")[1].strip() for line in README.read_text().splitlines() if line.startswith("|")]
    assert sum(name in first.split(", ") for first in firsts) == 2


def test_every_error_is_described() -> None:
    public = [getattr(interlock_triggers, name) for name in interlock_triggers.__all__]
    errors = [each for each in public if isinstance(each, type) and issubclass(each, TriggerError)]
    missing = [each.__name__ for each in errors if each.__name__ not in README.read_text()]
    assert missing == []
