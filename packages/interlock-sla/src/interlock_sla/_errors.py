"""Decides how a value that cannot be read is reported: one exception per kind, with the value and a remedy."""


class SlaError(ValueError):
    """A value that this package cannot use. The root of every error it raises.

    value: the input as it was given.
    allowed: what would be accepted, as the end of a sentence ("write HH:MM or :MM").
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

    nearest: the zone that was meant, None when that is in doubt. hint: what to say about it, such as
    "did you mean Europe/Berlin?" or how an offset is written; empty when there is nothing to say.
    """

    def __init__(self, value: object, allowed: str, nearest: str | None = None, hint: str = "") -> None:
        self.nearest = nearest
        self.hint = hint
        super().__init__(value, allowed)


class CronError(SlaError):
    """Not a five-field cron expression, or one that can never fire.

    meant: the five fields that say the same, where the value is in another form; None when that is in doubt.
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
    """A time that no datetime can hold, or too near to that: before the year 1 or after 9999."""


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested without end, or a number of more digits than Python writes
        text = f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= 80 else text[:77] + "..."
