"""Makes the bench importable and gives tests one."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from orchestrator_bench import GLUE, Bench, Board


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def bench(board: Board) -> Bench:
    return Bench(GLUE, board)
