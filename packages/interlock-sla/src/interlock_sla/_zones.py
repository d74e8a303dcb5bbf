"""Decides which names are time zones."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from ._errors import ZoneError

# Files of the zone database that are not civil zones: "right" counts leap seconds,
# "localtime" is the machine's own setting.
_NO_CIVIL_ZONE = ("right/", "posix/", "localtime", "posixrules", "Factory")
_LONGEST_NAME = 64  # twice the longest IANA name, since zoneinfo imports a package for each "/" of a name


def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name ("Europe/Berlin"), with or without a zone database on the system.

    Raises ZoneError, with the zone that a wrong name probably means.
    """
    if not isinstance(name, str):
        raise ZoneError(name, "write the name of an IANA time zone, such as Europe/Berlin")
    found = _find(name)
    if found is None:
        nearest, hint = _hint(name)
        said = f"; {hint}" if hint else ""
        raise ZoneError(name, f"it is not an IANA time zone such as Europe/Berlin{said}", nearest, hint)
    return found


@lru_cache(maxsize=1024)
def _find(name: str) -> ZoneInfo | None:
    if len(name) > _LONGEST_NAME or name.startswith(_NO_CIVIL_ZONE):
        return None
    try:
        return ZoneInfo(name)
    # Directories, path tricks and odd characters raise any of these.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _hint(name: str) -> tuple[str | None, str]:
    from ._zone_hints import zone_hint  # loaded only for a wrong name

    if len(name) > _LONGEST_NAME:
        return None, ""
    return zone_hint(name, {known.lower(): known for known in _civil_zones()})


def _civil_zones() -> list[str]:
    return sorted(known for known in available_timezones() if not known.startswith(_NO_CIVIL_ZONE))
