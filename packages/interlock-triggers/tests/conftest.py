"""Makes the peers importable and gives tests their clients, clocks and attempts."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--starts", type=int, default=150, help="starts per job type in the fault simulation")
    parser.addoption("--seed", type=int, default=None, help="seed of the fault simulation")
