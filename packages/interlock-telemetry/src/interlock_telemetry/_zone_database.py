"""Names the database of time zones that decides in this process: the version and its source."""

import re
import zoneinfo
from importlib import import_module
from pathlib import Path

from interlock_telemetry._health import Shown

_PROBE = "UTC"
"""Every database has this zone."""
_VERSION = re.compile(r"(?:# version )?(\d{4}[a-z]{1,2})")


def zone_database() -> Shown:
    """The version and the source, such as `2026f from the package tzdata 2026.6`.

    Python searches a zone in the folders of `zoneinfo.TZPATH` first, and in the package tzdata last. An old database of
    the system therefore wins over a newer package. `PYTHONTZPATH=""` leaves out the folders. Raises LookupError without
    any database.
    """
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / _PROBE).is_file():
            return Shown(f"{_version_of(folder)} from {folder}")
    try:
        package = import_module("tzdata")
    except ImportError:
        raise LookupError("no database of time zones: neither a folder of TZPATH nor the package tzdata") from None
    return Shown(f"{package.IANA_VERSION} from the package tzdata {package.__version__}")


def _version_of(folder: Path) -> str:
    """The version that a folder of the system states in one of its two usual files."""
    for name in ("tzdata.zi", "+VERSION"):
        try:
            with (folder / name).open(encoding="utf-8") as file:
                found = _VERSION.match(file.readline())
        except OSError:
            continue
        if found is not None:
            return found[1]
    return "a database without a version"
