"""The text of a moment for people."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from interlock_lifecycle import say_moment


@pytest.mark.parametrize(
    ("moment", "zone", "said"),
    [
        (datetime(2026, 3, 4, 7, tzinfo=UTC), "Europe/Berlin", "2026-03-04 08:00 CET (07:00Z)"),
        (datetime(2026, 3, 4, 7, 0, 9, 5, tzinfo=UTC), "UTC", "2026-03-04 07:00:09Z"),
        (datetime(2026, 3, 4, 20, tzinfo=UTC), "Pacific/Auckland", "2026-03-05 09:00 NZDT (03-04 20:00Z)"),
        (datetime(9999, 12, 31, 23, tzinfo=UTC), "Pacific/Auckland", "9999-12-31T23:00:00+00:00"),
        (datetime(1, 1, 1, 1, tzinfo=UTC), "America/New_York", "0001-01-01T01:00:00+00:00"),
    ],
)
def test_a_moment_is_said_in_its_zone_and_in_utc(moment: datetime, zone: str, said: str) -> None:
    assert say_moment(moment, ZoneInfo(zone)) == said
