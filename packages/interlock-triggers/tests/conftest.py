"""Makes the peers importable, and provides clients, clocks and attempts for the tests."""

import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("default", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", max_examples=5_000, deadline=None)
settings.load_profile("default")

sys.path.insert(0, str(Path(__file__).parent))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--starts", type=int, default=100, help="starts per job type in the fault simulation")
    parser.addoption("--seed", type=int, default=None, help="seed of the fault simulation")


class _Connects:
    """Sees every connect of this process, and permits only loopback addresses."""

    def __init__(self) -> None:
        self.forbidden = False
        self.seen: list[str] = []

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "socket.connect" or not isinstance(arguments[1], tuple):
            return
        host = str(arguments[1][0])
        if self.forbidden:
            self.seen.append(host)
            raise ConnectionRefusedError(111, "Connection refused")
        if not ip_address(host.partition("%")[0]).is_loopback:
            raise ConnectionRefusedError(111, f"tests contact nothing but loopback, not {host}")


_CONNECTS = _Connects()
sys.addaudithook(_CONNECTS.hook)


@pytest.fixture
def forbid_connects() -> Iterator[Callable[[], list[str]]]:
    """No socket connects while this fixture is in use. Yields the attempts to connect."""
    _CONNECTS.forbidden, _CONNECTS.seen = True, []
    yield lambda: list(_CONNECTS.seen)
    _CONNECTS.forbidden = False
