"""Decides which time zone a wrong name probably means: a place, an offset or an abbreviation."""

import difflib
import re
from collections.abc import Mapping

_OFFSET = re.compile(r"(?P<etc>etc/)?(?:gmt|utc|z)?(?P<sign>[+-])(?P<hours>[0-9]{1,2})(?::?(?P<minutes>[0-9]{2}))?")
# Zone names on clocks and in POSIX settings: IST, EST5, CET-1CEST.
_ABBREVIATION = re.compile(r"([A-Za-z]{1,5})(?:[+-]?[0-9]{1,2}(?:[A-Za-z]{3,5})?)?")
_FARTHEST_ETC = {"+": 14, "-": 12}
_SHORTEST_NEAR = 6  # shorter names resemble too many others: IST resembles EST, which is hours away
_NEAR = 0.8
_CLOSEST = 5

_ABBREVIATED: dict[str, tuple[str, ...]] = {
    "Z": ("UTC",),
    "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "BST": ("Europe/London", "Asia/Dhaka"),
    "ET": ("America/New_York",),
    "CT": ("America/Chicago",),
    "MT": ("America/Denver",),
    "PT": ("America/Los_Angeles",),
    "AT": ("America/Halifax",),
    "CST": ("America/Chicago", "Asia/Shanghai", "America/Havana"),
    "CDT": ("America/Chicago", "America/Havana"),
    "EST": ("America/New_York", "America/Jamaica"),
    "EDT": ("America/New_York",),
    "MST": ("America/Denver", "America/Phoenix"),
    "MDT": ("America/Denver",),
    "PST": ("America/Los_Angeles", "Asia/Manila"),
    "PDT": ("America/Los_Angeles",),
    "AST": ("America/Halifax", "America/Puerto_Rico", "Asia/Riyadh"),
    "ADT": ("America/Halifax",),
    "BRT": ("America/Sao_Paulo",),
    "ART": ("America/Argentina/Buenos_Aires",),
    "CET": ("Europe/Berlin", "Africa/Algiers"),
    "CEST": ("Europe/Berlin",),
    "MEZ": ("Europe/Berlin",),
    "MESZ": ("Europe/Berlin",),
    "EEST": ("Europe/Athens",),
    "WEST": ("Europe/Lisbon",),
    "MSK": ("Europe/Moscow",),
    "TRT": ("Europe/Istanbul",),
    "SAST": ("Africa/Johannesburg",),
    "WAT": ("Africa/Lagos",),
    "EAT": ("Africa/Nairobi",),
    "GST": ("Asia/Dubai",),
    "PKT": ("Asia/Karachi",),
    "NPT": ("Asia/Kathmandu",),
    "ICT": ("Asia/Bangkok",),
    "WIB": ("Asia/Jakarta",),
    "SGT": ("Asia/Singapore",),
    "HKT": ("Asia/Hong_Kong",),
    "JST": ("Asia/Tokyo",),
    "KST": ("Asia/Seoul",),
    "AWST": ("Australia/Perth",),
    "ACST": ("Australia/Adelaide", "Australia/Darwin"),
    "ACDT": ("Australia/Adelaide",),
    "AEST": ("Australia/Sydney", "Australia/Brisbane"),
    "AEDT": ("Australia/Sydney",),
    "NZST": ("Pacific/Auckland",),
    "NZDT": ("Pacific/Auckland",),
}
# Common names for the zones of the United States, also on Windows: Eastern, Pacific Standard Time.
_AMERICAN = re.compile(r"(?:us/)?(eastern|central|mountain|pacific)(?:_(?:standard|daylight))?(?:_time)?")
_AMERICAN_ZONES = {
    "eastern": "America/New_York",
    "central": "America/Chicago",
    "mountain": "America/Denver",
    "pacific": "America/Los_Angeles",
}


def zone_hint(name: str, names: Mapping[str, str]) -> tuple[str | None, str]:
    """The zone that the name means, if only one is possible, and the advice for the message (`did you mean …?`).

    Returns None and an empty text without a candidate.
    names: the known zones by their names in lower case.
    """
    wanted = name.lower().replace(" ", "_")
    if wanted in names:
        return _meant(names[wanted])
    if offset := _OFFSET.fullmatch(wanted):
        return None, _of_offset(offset)
    if american := _AMERICAN.fullmatch(wanted):
        return _meant(_AMERICAN_ZONES[american[1]])
    cities = [full for lower, full in sorted(names.items()) if lower.rpartition("/")[2] == wanted]
    if cities:
        return _meant(cities[0])
    if abbreviated := _ABBREVIATION.fullmatch(name):
        return _of_abbreviation(name, _ABBREVIATED.get(abbreviated[1].upper(), ()))
    return _meant(_near(wanted, names))


def _meant(zone: str | None) -> tuple[str | None, str]:
    return zone, f"did you mean {zone}?" if zone else ""


def _of_offset(offset: re.Match[str]) -> str:
    """Etc/GMT-2 is two hours ahead of UTC: the names follow POSIX, where west is positive."""
    sign, hours, minutes = offset["sign"], int(offset["hours"]), int(offset["minutes"] or 0)
    if offset["etc"] and offset[0].startswith("etc/gmt"):
        sign = "-" if sign == "+" else "+"
    if hours == minutes == 0:
        return "did you mean UTC?"
    if minutes or hours > _FARTHEST_ETC[sign]:
        return "an offset is not a zone: write the name of a place, such as Asia/Kolkata for UTC+5:30"
    inverted = "-" if sign == "+" else "+"
    return (
        f"write the name of a place, or Etc/GMT{inverted}{hours} for UTC{sign}{hours} all year (its sign is inverted)"
    )


def _of_abbreviation(name: str, zones: tuple[str, ...]) -> tuple[str | None, str]:
    if len(zones) <= 1:
        return _meant(zones[0] if zones else None)
    several = f"{', '.join(zones[:-1])} or {zones[-1]}"
    return None, f"{name} is an abbreviation of several zones: write the intended zone, such as {several}"


def _near(wanted: str, names: Mapping[str, str]) -> str | None:
    """A zone with a similar spelling. The last parts of the names must be near: many zones share a region."""
    if "/" in wanted:
        close = difflib.get_close_matches(wanted, names, n=_CLOSEST)
        return next((names[name] for name in close if _is_near(_city(wanted), _city(name))), None)
    if len(wanted) < _SHORTEST_NEAR:
        return None
    cities = {_city(lower): full for lower, full in sorted(names.items(), reverse=True)}
    close = difflib.get_close_matches(wanted, cities, n=1, cutoff=_NEAR)
    return cities[close[0]] if close else None


def _city(name: str) -> str:
    return name.rpartition("/")[2]


def _is_near(city: str, other: str) -> bool:
    return difflib.SequenceMatcher(None, city, other).ratio() >= _NEAR
