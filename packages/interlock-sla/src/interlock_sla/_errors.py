"""Decides how a value that cannot be read is reported: one exception per kind, with the value and a remedy."""


class SlaError(ValueError):
    """A value that this package cannot use. The base class of all its errors.

    value: the input as given.
    allowed: the accepted form, as the end of a sentence ("write HH:MM or :MM").
    """

    def __init__(self, value: object, allowed: str) -> None:
        self.value = value
        self.allowed = allowed
        super().__init__(f"{_shown(value)} is not valid: {allowed}")


class DurationError(SlaError):
    """Not a duration such as "90s", "1h30m" or "1.5h"."""


class ExecutionDateError(SlaError):
    """Not an execution date, or one outside the supported years."""


class ZoneError(SlaError):
    """Not an IANA time zone.

    nearest: the zone that the name probably means, None when in doubt. hint: the advice of the message, such as
    "did you mean Europe/Berlin?" or the spelling of an offset. Empty without advice.
    """

    def __init__(self, value: object, allowed: str, nearest: str | None = None, hint: str = "") -> None:
        self.nearest = nearest
        self.hint = hint
        super().__init__(value, allowed)


class CronError(SlaError):
    """Not a five-field cron expression, or one that can never fire.

    meant: the five fields with the same meaning, for a value in another form. None when in doubt.
    """

    def __init__(self, value: object, allowed: str, meant: str | None = None) -> None:
        self.meant = meant
        super().__init__(value, allowed)


class DeadlineError(SlaError):
    """Not a deadline ("HH:MM" or ":MM")."""


class CalendarError(SlaError):
    """Not a calendar: an unknown weekday, an empty name, or a time where a day is needed."""


class NaiveTimeError(SlaError):
    """A datetime without a zone where an instant is needed."""


class TimeRangeError(SlaError):
    """A time outside the years 1 to 9999 of datetime, or too close to their limits."""


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deeply, or a number with more digits than Python prints
        text = f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= 80 else text[:77] + "..."
