"""The examples of the README are true."""

import doctest
from pathlib import Path


def test_the_readme_s_examples_do_what_they_say() -> None:
    readme = Path(__file__).parents[1] / "README.md"
    failures, tried = doctest.testfile(str(readme), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert failures == 0
    assert tried > 3
