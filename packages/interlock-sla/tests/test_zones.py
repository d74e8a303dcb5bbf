"""Which names are zones."""

import pytest

from interlock_sla import ZoneError, zone


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
        ("", None),
    ],
)
def test_a_wrong_name_gets_the_nearest_known_one(name: str, nearest: str | None) -> None:
    with pytest.raises(ZoneError) as caught:
        zone(name)
    assert caught.value.nearest == nearest
    assert (nearest or "such as Europe/Berlin") in str(caught.value)


@pytest.mark.parametrize(
    "name", ["right/UTC", "posix/UTC", "localtime", "Factory", "../etc/passwd", "Europe", "a\0b", "/etc/localtime"]
)
def test_what_is_no_civil_zone_is_refused(name: str) -> None:
    with pytest.raises(ZoneError):
        zone(name)
