"""The dates of sensor rows as their writers know them: a reading of the contract that shares no code with the product.

Each write of a story carries its `Truth`, so that no row has to be parsed to find its run.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from interlock_sla import ExecutionDate


class Truth(Struct, frozen=True):
    """The knowledge of a row's writer about its date.

    date: the date that the row names, or None. unreadable: the invalid field and the form in which
    the writer corrupted it (`date slashes`), empty for a row that can be read. outside: the same for a date that is
    farther away than schedule.dates allows: it opens nothing.
    """

    date: ExecutionDate | None = None
    unreadable: str = ""
    outside: str = ""

    @property
    def form(self) -> str:
        """The reason of the row's rejection, or empty without one."""
        return self.unreadable or self.outside

    @property
    def field(self) -> str:
        """The invalid field of a rejected row."""
        return self.form.partition(" ")[0]

    def counts_for(self, wanted: ExecutionDate) -> bool:
        """Whether the row may decide a rule that reads the date `wanted`."""
        if self.unreadable:
            return False
        if self.date is None:
            return True
        same_hour = self.date.hour is None or wanted.hour is None or self.date.hour == wanted.hour
        return self.date.day == wanted.day and same_hour

    def is_own(self, wanted: ExecutionDate) -> bool:
        """Whether the row names exactly this date, or no date. A day does not match an hour, nor an hour a day."""
        return not self.unreadable and self.date in (None, wanted)

    def run_date(self, written_at: datetime, zone: ZoneInfo) -> ExecutionDate | None:
        """The date of the run that the row's record belongs to, or None for a row that opens nothing."""
        if self.form:
            return None
        return self.date if self.date is not None else ExecutionDate(written_at.astimezone(zone).date())


UNDATED = Truth()


def of(day: date, hour: int | None = None) -> Truth:
    """The truth of a row that names the date."""
    return Truth(ExecutionDate(day, hour))


def moved(when: ExecutionDate, offset: int) -> ExecutionDate:
    """The date that a rule with this dateOffset reads for a run: days, or hours for an hourly run."""
    if when.hour is None:
        return ExecutionDate(when.day + timedelta(days=offset))
    shown = datetime(when.day.year, when.day.month, when.day.day, when.hour) + timedelta(hours=offset)
    return ExecutionDate(shown.date(), shown.hour)


def names_of(key: str, when: ExecutionDate) -> list[str]:
    """The rows that a rule reads for a date, the best first."""
    forms = ("%Y-%m-%d", "%Y%m%d")
    hours = [] if when.hour is None else [f"{when.day:{form}}T{when.hour:02d}" for form in forms]
    return [f"{key}#{suffix}" for suffix in (*hours, *(f"{when.day:{form}}" for form in forms))] + [key]
