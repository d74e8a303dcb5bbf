"""The installed package: its public names, its errors, and its independence of the machine's zones."""

import inspect
import subprocess
import sys

import pytest

import interlock_sla


def run(program: str, **environment: str) -> str:
    """The output of a fresh interpreter."""
    finished = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_the_public_names_are_sorted_and_documented() -> None:
    names = interlock_sla.__all__
    assert names == sorted(names)
    assert {name for name in vars(interlock_sla) if not name.startswith("_")} == set(names)
    assert [name for name in names if not inspect.getdoc(getattr(interlock_sla, name))] == []


def test_zones_work_without_zone_database_on_machine() -> None:
    program = "import interlock_sla, zoneinfo; print(zoneinfo.TZPATH, interlock_sla.zone('Europe/Berlin'))"
    assert run(program, PYTHONTZPATH="") == "() Europe/Berlin"


IN_BERLIN = """
from datetime import datetime, timedelta
from interlock_sla import *
berlin, day = zone("Europe/Berlin"), parse_execution_date("2026-03-28")
at, cron = datetime(2026, 3, 29, 3, 30, tzinfo=berlin), parse_cron("30 2 * * *")
print(cron.last_fire(at, berlin), cron.execution_date(at, berlin), execution_day(at, berlin))
print(relative_deadline(at, timedelta(1), expected=None).breach_at)
print(absolute_deadline("02:30", day, berlin, cron_fire=None, expected=None).breach_at)
"""


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Auckland"])
def test_the_zone_of_the_machine_does_not_matter(zone: str) -> None:
    assert run(IN_BERLIN, TZ=zone).splitlines() == [
        "2026-03-29 01:30:00+00:00 2026-03-29 2026-03-29",
        "2026-03-30 01:30:00+00:00",
        "2026-03-29 01:30:00+00:00",
    ]


def test_every_error_is_sla_error_and_value_error() -> None:
    errors = [value for name, value in vars(interlock_sla).items() if name.endswith("Error")]
    assert len(errors) > 5
    assert all(issubclass(error, interlock_sla.SlaError) and issubclass(error, ValueError) for error in errors)
