"""A pytest plugin: the whole test run goes with one mutant applied, the one that the environment names."""

import os
from contextlib import ExitStack

import pytest
from simulation.catalogue import MUTANTS
from simulation.mutants import VARIABLE, applied


def pytest_configure(config: pytest.Config) -> None:
    """Apply the mutant for as long as pytest runs."""
    stack = ExitStack()
    stack.enter_context(applied(next(mutant for mutant in MUTANTS if mutant.name == os.environ[VARIABLE])))
    config.add_cleanup(stack.close)
