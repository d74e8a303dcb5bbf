"""Makes the bench and the job targets of interlock-triggers importable, and provides a bench."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[3] / "interlock-triggers" / "tests"))

from run_bench import GLUE, Bench, Board


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def bench(board: Board) -> Bench:
    return Bench(GLUE, board)
