"""Pytest's closing lines say how much was simulated; a default run that simulated too little fails."""

from functools import reduce

import pytest
from msgspec import Struct
from simulation.long import DEFAULT_SEEDS

SIMULATED = "simulated"
"""The property of a test's report that says what the test simulated."""
LEAST = 2_000
"""Pipeline-days with faults that a default run has to simulate."""


class Amount(Struct, frozen=True):
    """How much was simulated: seeds, pipeline-days, how many of them in stories with faults, faults, and seconds."""

    seeds: int = 0
    days: int = 0
    faulty_days: int = 0
    faults: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))

    @property
    def is_too_little(self) -> bool:
        """Whether the seeds of a default run were too few; a narrower run is not measured."""
        return self.seeds >= DEFAULT_SEEDS and self.faulty_days < LEAST


def simulated(config: pytest.Config) -> Amount:
    """What all tests simulated together; their reports come here from every process."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = [report for outcome in ("passed", "failed") for report in reporter.stats.get(outcome, [])]
    told = [dict(report.user_properties).get(SIMULATED) for report in reports if report.when == "call"]
    return reduce(Amount.__add__, (Amount(*one) for one in told if one is not None), Amount())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A default run that simulated too little has failed."""
    if not hasattr(session.config, "workerinput") and simulated(session.config).is_too_little:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how much was simulated."""
    amount = simulated(config)
    if amount.seeds:
        terminalreporter.write_line(
            f"simulated: {amount.days} pipeline-days, {amount.faulty_days} of them with {amount.faults} faults, "
            f"in {amount.seconds:.0f} s of tests"
        )
    if amount.is_too_little:
        terminalreporter.write_line(f"a default run has to simulate {LEAST} pipeline-days with faults", red=True)
