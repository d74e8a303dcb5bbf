"""The text form of moments in events, markers and inputs."""

from datetime import datetime


def rfc3339(moment: datetime) -> str:
    """The moment (UTC) with `Z` at its end, and a fraction only where it has one."""
    return moment.isoformat().replace("+00:00", "Z")
