"""Says in pytest's closing lines what the season held: also from the workers of xdist, as a property of its reports."""

import pytest

SEASON = "season"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The lines that tests have recorded."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    for report in reports:
        for name, line in getattr(report, "user_properties", ()):
            if name == SEASON:
                terminalreporter.write_line(f"season: {line}")
