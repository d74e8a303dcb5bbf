"""A real Airflow 3 for the tests of this directory. INTERLOCK_TEST_AIRFLOW names its `airflow` executable."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from airflow_site import Site

_SEEN = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Site]:
    executable = os.environ.get("INTERLOCK_TEST_AIRFLOW")
    if not executable:
        pytest.skip("INTERLOCK_TEST_AIRFLOW names no airflow executable (`nox -s airflow` installs it)")
    with Site(Path(executable), tmp_path_factory.mktemp("airflow")) as site:
        took = ", ".join(f"{what} after {seconds} s" for what, seconds in site.seconds.items())
        pytestconfig.stash[_SEEN] = f"Airflow {site.version}: {took}"
        yield site
        pytestconfig.stash[_SEEN] += f", {len(site.dag_run_ids())} DAG runs, {len(site.ran())} tasks"
    assert site.left_over() == []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if _SEEN in config.stash:
        terminalreporter.write_line(config.stash[_SEEN])
