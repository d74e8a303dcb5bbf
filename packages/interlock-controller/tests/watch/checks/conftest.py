"""The deployment of a test, and the path of `watch_bench`."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from watch_bench import Deployment


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()
