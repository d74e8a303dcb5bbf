"""The functions take time zones from their zips, although the system of this machine may have older ones."""

import pytest
import tzdata
from integration.conftest import Outside


@pytest.mark.parametrize("service", ["alert-dispatcher", "orchestrator", "sla-monitor", "stream-router", "watchdog"])
def test_ping_names_the_packed_zones(service: str, outside: Outside) -> None:
    checks = outside.stack.invoke(service, {"__ping__": True})["checks"]
    assert checks["zones"] == f"ok: {tzdata.IANA_VERSION} from the package tzdata {tzdata.__version__}"
