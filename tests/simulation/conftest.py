"""Reports the amount of simulation in pytest's summary, and fails a default run that simulated too little."""

from functools import reduce

import pytest
from msgspec import Struct
from simulation.long import DEFAULT_SEEDS

SIMULATED = "simulated"
"""The property of a test's report with the amount that the test simulated."""
LEAST = 800
"""Pipeline-days with faults that a default run has to simulate."""


class Amount(Struct, frozen=True):
    """The amount of simulation: seeds, pipeline-days, pipeline-days of stories with faults, faults, and seconds."""

    seeds: int = 0
    days: int = 0
    faulty_days: int = 0
    faults: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))

    @property
    def is_too_little(self) -> bool:
        """Whether the seeds of a default run were too few. A narrower run is not measured."""
        return self.seeds >= DEFAULT_SEEDS and self.faulty_days < LEAST


def simulated(config: pytest.Config) -> Amount:
    """The amount that all tests simulated together. The reports of every process come here."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = [report for outcome in ("passed", "failed") for report in reporter.stats.get(outcome, [])]
    emitted = [dict(report.user_properties).get(SIMULATED) for report in reports if report.when == "call"]
    return reduce(Amount.__add__, (Amount(*one) for one in emitted if one is not None), Amount())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a default run that simulated too little."""
    if not hasattr(session.config, "workerinput") and simulated(session.config).is_too_little:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Report the amount of simulation."""
    amount = simulated(config)
    if amount.seeds:
        terminalreporter.write_line(
            f"simulated: {amount.days} pipeline-days, {amount.faulty_days} of them with {amount.faults} faults, "
            f"in {amount.seconds:.0f} s of tests"
        )
    if amount.is_too_little:
        terminalreporter.write_line(f"a default run has to simulate {LEAST} pipeline-days with faults", red=True)
