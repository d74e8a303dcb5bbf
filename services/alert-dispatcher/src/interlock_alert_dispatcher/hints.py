"""Gives the severity and the next step of each type of alert, from the event catalogue."""

from enum import StrEnum
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct


class Severity(StrEnum):
    """The severity of an alert. The values are those of the catalogue."""

    CRITICAL = "critical"
    WARNING = "warning"
    NOTICE = "notice"
    GOOD = "good"
    PROGRESS = "progress"

    @property
    def mark(self) -> str:
        """The mark that opens the message."""
        return _MARKS[self]

    @property
    def rank(self) -> int:
        """The place among the severities by the catalogue: 0 is the most severe."""
        return _ranks()[self]


_MARKS = {
    Severity.CRITICAL: "🔴",
    Severity.WARNING: "🟠",
    Severity.NOTICE: "🔵",
    Severity.GOOD: "🟢",
    Severity.PROGRESS: "⚪",
}


class Advice(Struct, frozen=True):
    """The severity of a type of alert, its hint with the placeholders `{pipeline}` and `{date}`, and its subject.

    The subject is the part of the run that the alert is about. It is empty for an incident. `withheld` is the step that
    Interlock did not take, if any.
    """

    severity: Severity
    hint: str
    subject: str = ""
    withheld: str = ""


_UNKNOWN = Advice(
    Severity.WARNING,
    "This type of alert is unknown here: read the event (interlock events {pipeline}, interlock status {pipeline}).",
)


class _Ranked(Struct, frozen=True):
    """A type of alert with the rank of its severity."""

    severity: Severity
    rank: int


def _read_catalogue() -> bytes:
    """The catalogue in the package, written by docs/generate.py."""
    return (files(__package__) / "events.json").read_bytes()


@cache
def _catalogue() -> dict[str, Advice]:
    return msgspec.json.decode(_read_catalogue(), type=dict[str, Advice])


@cache
def _ranks() -> dict[Severity, int]:
    ranked = msgspec.json.decode(_read_catalogue(), type=dict[str, _Ranked])
    return {one.severity: one.rank for one in ranked.values()}


def advice_for(alert_type: str) -> Advice:
    """The advice for a type. An unknown type is a warning."""
    return _catalogue().get(alert_type, _UNKNOWN)
