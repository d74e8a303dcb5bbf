"""The examples of the README run and print the output that it shows."""

import doctest
import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_there_are_three_examples() -> None:
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_prints_what_the_readme_says(example: str) -> None:
    parsed = doctest.DocTestParser().get_doctest(example, {}, "README.md", "README.md", 0)
    assert parsed.examples
    output: list[str] = []
    doctest.DocTestRunner().run(parsed, out=output.append)
    assert not output, "".join(output)
