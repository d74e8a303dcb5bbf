"""The form of a calendar file, with its conversion to JSON and back."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any

from msgspec import UNSET, Meta

from interlock_config._fields import CalendarName, any_case
from interlock_config._problems import ConfigError, Findings
from interlock_config._structs import Section
from interlock_config._values import shaped, to_json, without_absent
from interlock_config._warnings import warn_of_repeats
from interlock_sla import Calendar, parse_weekday

from ._json import read_json
from ._yaml_on_demand import read_yaml


class Weekday(StrEnum):
    """The days of the week, as calendar files write them."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class CalendarFile(Section, frozen=True):
    """A named set of days on which nothing starts: weekdays and dates, except the workdays."""

    name: CalendarName
    days: Annotated[
        tuple[Annotated[Weekday, Meta(extra={"schema": any_case(Weekday)})], ...],
        Meta(
            description="Days of the week.",
            examples=[["saturday", "sunday"]],
            extra={"allowed": "must be a list of days such as [saturday, sunday]"},
        ),
    ] = ()
    dates: Annotated[
        tuple[date, ...],
        Meta(
            description="Dates, YYYY-MM-DD.",
            examples=[["2026-12-25"]],
            extra={"allowed": "must be a list of dates YYYY-MM-DD"},
        ),
    ] = ()
    workdays: Annotated[
        tuple[date, ...],
        Meta(
            description="Dates that are open in any case, such as a working Saturday, YYYY-MM-DD.",
            examples=[["2026-10-10"]],
            extra={"allowed": "must be a list of dates YYYY-MM-DD"},
        ),
    ] = ()


def decode_calendar(data: bytes | str, source: str = "") -> Calendar:
    """Read one calendar from JSON, as it is stored. Raises ConfigError with every error of the text."""
    return build_calendar(read_json(data, source).value, Findings(source))


def decode_calendar_yaml(text: str | bytes, source: str = "") -> Calendar:
    """Read one calendar from YAML. Raises ConfigError with every error of the file."""
    return build_calendar(*read_yaml(text, source))


def encode_calendar(calendar: Calendar) -> str:
    """The calendar as JSON, its days and dates in order. `decode_calendar` returns an equal calendar."""
    weekdays = tuple(Weekday)
    return to_json(
        CalendarFile(
            name=calendar.name,
            days=tuple(weekdays[day] for day in sorted(calendar.days)),
            dates=tuple(sorted(calendar.dates)),
            workdays=tuple(sorted(calendar.workdays)),
        )
    )


def build_calendar(raw: Any, findings: Findings) -> Calendar:
    """A calendar from plain values, with a warning for each repeated entry. Raises ConfigError with every error."""
    file = shaped(CalendarFile, _lower_case_days(without_absent(CalendarFile, raw)), findings)
    if file is None or findings.failed:
        raise ConfigError(findings.in_order())
    for name, entries in (("days", file.days), ("dates", file.dates), ("workdays", file.workdays)):
        warn_of_repeats(entries, (name,), findings)
    return Calendar(
        name=file.name,
        days=frozenset(parse_weekday(day) for day in file.days),
        dates=frozenset(file.dates),
        workdays=frozenset(file.workdays),
    )


def _lower_case_days(raw: Any) -> Any:
    days = raw.get("days") if isinstance(raw, dict) else None
    if not isinstance(days, list):
        return raw
    known = tuple(Weekday)
    lower = [day.lower() if isinstance(day, str) and day.lower() in known else day for day in days]
    return {**raw, "days": lower}


def warn_calendar(calendar: Calendar, findings: Findings) -> None:
    """Record the values of a calendar that are allowed but probably not meant."""
    if not calendar.days and not calendar.dates and not calendar.workdays:
        findings.warning((), UNSET, "names neither days nor dates; it excludes nothing")
    if len(calendar.days) == len(Weekday):
        findings.warning(("days",), UNSET, "names every day of the week; nothing would ever run")
    for day in sorted(calendar.dates & calendar.workdays):
        findings.warning(("workdays",), str(day), "is also one of the calendar's dates; the workday counts")
