"""Prints a summary of the season in pytest's last lines, from properties of the reports (also of xdist's workers)."""

import pytest

SEASON = "season"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the lines that the tests have recorded."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    for report in reports:
        for name, line in getattr(report, "user_properties", ()):
            if name == SEASON:
                terminalreporter.write_line(f"season: {line}")
