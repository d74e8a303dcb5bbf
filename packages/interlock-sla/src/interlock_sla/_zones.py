"""Decides which names are time zones, and which known name a wrong one was meant to be."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from ._errors import ZoneError

# Files of the zone database that are no civil zones: "right" counts leap seconds,
# "localtime" is the machine's own setting.
_NO_CIVIL_ZONE = ("right/", "posix/", "localtime", "posixrules", "Factory")
_LONGEST_NAME = 64  # twice the longest there is; zoneinfo imports a package per "/" of a name


def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name ("Europe/Berlin"), with or without a zone database on the system.

    Raises ZoneError, which names the nearest known zone.
    """
    if not isinstance(name, str):
        raise ZoneError(name, "write the name of an IANA time zone, such as Europe/Berlin")
    found = _find(name)
    if found is None:
        nearest = _nearest(name)
        hint = f"; did you mean {nearest}?" if nearest else ""
        raise ZoneError(name, f"it is not an IANA time zone such as Europe/Berlin{hint}", nearest)
    return found


@lru_cache(maxsize=1024)
def _find(name: str) -> ZoneInfo | None:
    if len(name) > _LONGEST_NAME or name.startswith(_NO_CIVIL_ZONE):
        return None
    try:
        return ZoneInfo(name)
    # Directories, path tricks and odd characters surface as any of these.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _nearest(name: str) -> str | None:
    import difflib  # only when a name is wrong

    known = {known.lower(): known for known in available_timezones() if not known.startswith(_NO_CIVIL_ZONE)}
    wanted = name.lower().replace(" ", "_")
    cities = [full for lower, full in sorted(known.items()) if lower.rpartition("/")[2] == wanted]
    close = cities or [known[match] for match in difflib.get_close_matches(wanted, known, n=1)]
    return close[0] if close else None
