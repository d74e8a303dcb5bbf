"""The examples of the README run and print the output that it shows."""

import doctest
from pathlib import Path

from interlock_telemetry import Metric
from interlock_telemetry._metrics import INSTRUMENTS


def test_readme_examples_run() -> None:
    readme = Path(__file__).parents[1] / "README.md"
    failures, tried = doctest.testfile(str(readme), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert failures == 0
    assert tried > 3


def test_readme_has_every_metric() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    for metric, instrument in INSTRUMENTS.items():
        assert f"| `{metric}` | {instrument.kind} | {instrument.unit} | {instrument.description} |" in readme
    assert INSTRUMENTS.keys() == set(Metric)
