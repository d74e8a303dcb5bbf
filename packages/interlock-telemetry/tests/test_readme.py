"""The examples of the README run and print the output that it shows."""

import doctest
from pathlib import Path


def test_readme_examples_run() -> None:
    readme = Path(__file__).parents[1] / "README.md"
    failures, tried = doctest.testfile(str(readme), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert failures == 0
    assert tried > 3
