"""Decides the words for a cron expression, from the times and days that it names and not from its text."""

from collections.abc import Collection, Sequence
from itertools import pairwise

from ._cron import Cron
from ._cron_syntax import LAST, CronFields

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_FROM_MONDAY = (1, 2, 3, 4, 5, 6, 0)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"),
    "December",
)
_MINUTES, _HOURS, _DAYS = range(60), range(24), range(1, 32)
_SHORTEST_RUN = 3
_MOST_TIMES = 4


def cron_words(cron: Cron) -> str:
    """The fires of an expression in words, such as `at 08:00 from Monday to Friday`.

    Two expressions have the same words only if they fire at the same times of the clock. If both day fields are
    restricted, the words have both, joined by `and also`.
    """
    times, days, months = _times(cron.fields), _days(cron.fields), _months(cron.fields)
    comma = "," if times.startswith(("every", "at minutes")) else ""
    return f"{times}{comma} {days}{months}"


def _times(fields: CronFields) -> str:
    minutes, hours = fields.minutes, sorted({time // 60 for time in fields.times})
    if len(fields.times) <= _MOST_TIMES:
        return f"at {_listed([_clock(time) for time in fields.times])}"
    if len(minutes) == 1:
        return _hourly(minutes[0], hours)
    named = _minutes(minutes)
    if len(hours) < len(_HOURS):
        return f"{named}{_of_hours(hours)}"
    # `every 15 minutes` needs no hour, and `every 7 minutes from minute 0 to 56` does.
    return named if named.startswith("every") and "from" not in named else f"{named} of every hour"


def _hourly(minute: int, hours: Sequence[int]) -> str:
    """Five or more hours at one minute."""
    if len(hours) == len(_HOURS):
        return f"every hour at minute {minute}"
    if step := _step(hours):
        every = "every hour" if step == 1 else f"every {step} hours"
        return f"{every} from {_clock(60 * hours[0] + minute)} to {_clock(60 * hours[-1] + minute)}"
    if run := _run(hours, _HOURS):
        return f"every hour from {_clock(60 * run[0] + minute)} to {_clock(60 * run[1] + minute)}"
    return f"at {_listed([_clock(60 * hour + minute) for hour in hours])}"


def _minutes(minutes: Sequence[int]) -> str:
    if len(minutes) == len(_MINUTES):
        return "every minute"
    step = _step(minutes)
    if not step:
        return f"at minutes {_listed(_runs(minutes))}"
    every = "every minute" if step == 1 else f"every {step} minutes"
    if minutes[0] == 0 and len(_MINUTES) % step == 0 and minutes[-1] + step == len(_MINUTES):
        return every
    return f"{every} from minute {minutes[0]} to {minutes[-1]}"


def _of_hours(hours: Sequence[int]) -> str:
    if len(hours) == 1:
        return f" of hour {hours[0]}"
    step = _step(hours)
    if step > 1:
        return f" of every {_nth(step)} hour from {hours[0]} to {hours[-1]}"
    if run := _run(hours, _HOURS):
        return f" of the hours {run[0]} to {run[1]}"
    return f" of the hours {_listed(_runs(hours))}"


def _days(fields: CronFields) -> str:
    has_days, has_weekdays = fields.days is not None, fields.weekdays is not None or bool(fields.nth)
    # Either day field suffices, so one that names every day leaves nothing for the other.
    if fields.days == frozenset(_DAYS) or fields.weekdays == frozenset(_FROM_MONDAY):
        return "every day"
    found = ([_of_month(fields)] if has_days else []) + ([_of_week(fields)] if has_weekdays else [])
    return " and also ".join(found) or "every day"


def _of_month(fields: CronFields) -> str:
    days = sorted(fields.days or ())
    named: list[str] = []
    if (step := _step(days)) > 1:
        named = [f"every {_nth(step)} day from day {days[0]} to day {days[-1]}"]
    elif days:
        named = [f"day{'' if len(days) == 1 else 's'} {_listed(_runs(days))}"]
    # L is 0 and L-3 is -3. The days that count from the begin of a month come first, and the nearest weekdays last.
    counted = sorted(fields.counted, key=lambda found: (found[1], found[0] <= 0, found[0]))
    return f"on {_listed([*named, *(_counted(n, is_nearest=near) for n, near in counted)])} of the month"


def _counted(n: int, *, is_nearest: bool) -> str:
    if is_nearest and n == 0:
        return "the last weekday (Monday to Friday)"
    if n > 0:
        day = f"day {n}"
    else:
        day = "the last day" if n == 0 else f"the day {-n} day{'' if n == -1 else 's'} before the last day"
    return f"the weekday (Monday to Friday) nearest to {day}" if is_nearest else day


def _of_week(fields: CronFields) -> str:
    if fields.weekdays is None:
        # The last of a month comes after its fifth.
        nth = sorted(fields.nth, key=lambda pair: (_FROM_MONDAY.index(pair[0]), pair[1] == LAST, pair[1]))
        names = [f"the {_nth(n) if n != LAST else 'last'} {_WEEKDAYS[day]}" for day, n in nth]
        return f"on {_listed(names)} of the month"
    if run := _run(fields.weekdays, _FROM_MONDAY):
        return f"from {_WEEKDAYS[run[0]]} to {_WEEKDAYS[run[1]]}"
    days = [_WEEKDAYS[day] for day in _FROM_MONDAY if day in fields.weekdays]
    return f"on each {days[0]}" if len(days) == 1 else f"on {_listed(days)}"


def _months(fields: CronFields) -> str:
    if len(fields.months) == len(_MONTHS):
        return ""
    if run := _run(fields.months, range(1, 13)):
        return f", from {_MONTHS[run[0] - 1]} to {_MONTHS[run[1] - 1]}"
    return f", in {_listed([_MONTHS[month - 1] for month in sorted(fields.months)])}"


def _run(values: Collection[int], circle: Sequence[int]) -> tuple[int, int] | None:
    """The ends of a run of three or more neighbours on a circle, such as 22 to 4. None for other values."""
    begins = [n for n, value in enumerate(circle) if value in values and circle[n - 1] not in values]
    if len(values) < _SHORTEST_RUN or len(begins) != 1:
        return None
    return circle[begins[0]], circle[(begins[0] + len(values) - 1) % len(circle)]


def _step(values: Sequence[int]) -> int:
    """The distance of three or more ascending values that all have the same. 0 for others."""
    distances = {after - before for before, after in pairwise(values)}
    return distances.pop() if len(values) >= _SHORTEST_RUN and len(distances) == 1 else 0


def _runs(values: Sequence[int]) -> list[str]:
    """Ascending values, with each run of three or more neighbours as one item: `1 to 5`."""
    items: list[str] = []
    first = 0
    for n, value in enumerate(values):
        if n + 1 < len(values) and values[n + 1] == value + 1:
            continue
        run = values[first : n + 1]
        items += [f"{run[0]} to {run[-1]}"] if len(run) >= _SHORTEST_RUN else [str(one) for one in run]
        first = n + 1
    return items


def _listed(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(items[:-1]), items[-1]) if part)


def _nth(n: int) -> str:
    teen = n % 100 in range(11, 14)
    return f"{n}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def _clock(time: int) -> str:
    return f"{time // 60:02}:{time % 60:02}"
