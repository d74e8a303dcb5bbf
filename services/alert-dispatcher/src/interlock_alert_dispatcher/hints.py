"""What each type of alert means for a person: its severity, and the next step. Both come from the event catalogue."""

from enum import StrEnum
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct


class Severity(StrEnum):
    """How severe an alert is; the values are the catalogue's."""

    CRITICAL = "critical"
    WARNING = "warning"
    NOTICE = "notice"
    GOOD = "good"
    PROGRESS = "progress"

    @property
    def mark(self) -> str:
        """The mark that opens the message."""
        return _MARKS[self]


_MARKS = {
    Severity.CRITICAL: "🔴",
    Severity.WARNING: "🟠",
    Severity.NOTICE: "🔵",
    Severity.GOOD: "🟢",
    Severity.PROGRESS: "⚪",
}


class Advice(Struct, frozen=True):
    """The severity of a type of alert, and the hint; `{pipeline}` and `{date}` in it are the alert's."""

    severity: Severity
    hint: str


_UNKNOWN = Advice(
    Severity.WARNING,
    "This type of alert is unknown here: read the event (interlock events {pipeline}; interlock status {pipeline}).",
)


@cache
def _catalogue() -> dict[str, Advice]:
    """The catalogue as the build put it into the package (docs/generate.py)."""
    return msgspec.json.decode((files(__package__) / "events.json").read_bytes(), type=dict[str, Advice])


def advice_for(alert_type: str) -> Advice:
    """The advice for a type; a type that the catalogue lacks is a warning."""
    return _catalogue().get(alert_type, _UNKNOWN)
