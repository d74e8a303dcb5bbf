"""The names that are zones, and the advice for other names."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from interlock_sla import ZoneError, zone
from interlock_sla._zone_hints import _ABBREVIATED


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_iana_names_are_zones(name: str) -> None:
    assert zone(name).key == name


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("Kolkata", "Asia/Kolkata"),
        ("buenos aires", "America/Argentina/Buenos_Aires"),
        ("belrin", "Europe/Berlin"),
        ("utc", "UTC"),
        ("JST", "Asia/Tokyo"),
        ("cest", "Europe/Berlin"),
        ("Z", "UTC"),
        ("MEZ", "Europe/Berlin"),
        ("mesz", "Europe/Berlin"),
        ("ET", "America/New_York"),
        ("CT", "America/Chicago"),
        ("MT", "America/Denver"),
        ("PT", "America/Los_Angeles"),
        ("Eastern", "America/New_York"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("Central Time", "America/Chicago"),
        ("US/Mountain Time", "America/Denver"),
        ("America/Newyork", "America/New_York"),
        ("Asia/Calcuta", "Asia/Calcutta"),
        ("Europa/Berlin", "Europe/Berlin"),
        ("Europe/Nowhere", None),
        ("America/Mordor", None),
        ("Eastern Promises", None),
        ("India", None),
        ("XYZ", None),
        ("", None),
    ],
)
def test_error_for_wrong_name_suggests_nearest_zone(name: str, nearest: str | None) -> None:
    with pytest.raises(ZoneError) as caught:
        zone(name)
    assert caught.value.nearest == nearest
    assert (nearest or "such as Europe/Berlin") in str(caught.value)


@pytest.mark.parametrize(
    "name", ["right/UTC", "posix/UTC", "localtime", "Factory", "../etc/passwd", "Europe", "a\0b", "/etc/localtime"]
)
def test_names_other_than_civil_zones_are_rejected(name: str) -> None:
    with pytest.raises(ZoneError):
        zone(name)


def hint(name: str) -> str:
    with pytest.raises(ZoneError) as caught:
        zone(name)
    assert caught.value.hint in str(caught.value)
    return caught.value.hint


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("GMT+2", 2),
        ("UTC+2", 2),
        ("UTC+02:00", 2),
        ("+02:00", 2),
        ("+0200", 2),
        ("gmt-5", -5),
        ("UTC-12", -12),
        ("UTC+14", 14),
        ("Etc/GMT+02", -2),
        ("Etc/UTC+2", 2),
    ],
)
def test_error_for_offset_suggests_zone_of_offset(name: str, hours: int) -> None:
    said = hint(name)
    found = re.fullmatch(
        r"write the name of a place, or (\S+) for UTC([+-][0-9]+) all year \(its sign is inverted\)", said
    )
    assert found
    assert zone(found[1]).utcoffset(datetime(2026, 3, 3, tzinfo=UTC)) == timedelta(hours=hours)
    assert int(found[2]) == hours


@pytest.mark.parametrize("name", ["UTC+5:30", "+0545", "UTC-13", "Etc/GMT+15", "GMT+99"])
def test_error_for_offset_without_zone_asks_for_place(name: str) -> None:
    assert hint(name) == "an offset is not a zone: write the name of a place, such as Asia/Kolkata for UTC+5:30"


@pytest.mark.parametrize(
    ("name", "zones"),
    [
        ("IST", "Asia/Kolkata, Europe/Dublin or Asia/Jerusalem"),
        ("BST", "Europe/London or Asia/Dhaka"),
        ("CST", "America/Chicago, Asia/Shanghai or America/Havana"),
        ("AEST", "Australia/Sydney or Australia/Brisbane"),
        ("EST5", "America/New_York or America/Jamaica"),
    ],
)
def test_error_for_shared_abbreviation_lists_all_zones(name: str, zones: str) -> None:
    said = "is an abbreviation of several zones: write the intended zone, such as"
    assert hint(name) == f"{name} {said} {zones}"


def test_every_zone_of_an_abbreviation_exists() -> None:
    assert all(zone(name).key == name for names in _ABBREVIATED.values() for name in names)
