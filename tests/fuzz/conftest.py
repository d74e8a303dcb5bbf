"""The sums of the fuzzed rows, also of parallel workers."""

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

COUNTS: Counter[str] = Counter()
_KEY = "fuzzed"


@pytest.fixture
def counts() -> Counter[str]:
    """The sums of this process: rows, records, dead letters, jobs and commands."""
    return COUNTS


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """No log lines: the handlers log every row."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    COUNTS.update(node.workeroutput.get(_KEY, {}))


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_KEY] = dict(COUNTS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if COUNTS:
        sums = ", ".join(f"{count:,} {name}" for name, count in COUNTS.items())
        terminalreporter.write_line(f"fuzzed: {sums}")
