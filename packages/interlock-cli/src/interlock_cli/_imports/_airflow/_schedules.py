"""Reads the schedule, the zone and the deadlines of a DAG from the expressions of its file."""

import ast
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from interlock_cli._imports._airflow._dag import Clock, Deadline, Naming, NoDraft, Schedule
from interlock_cli._imports._airflow._values import Joined, Made, Module, Named, Unreadable

PRESETS: Mapping[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_ONE_CRON = {
    "CronTriggerTimetable": Naming.FIRE,
    "CronDataIntervalTimetable": Naming.INTERVAL,
    "MultipleCronTriggerTimetable": Naming.FIRE,
}
_LENGTHS = {"DeltaTriggerTimetable": Naming.FIRE, "DeltaDataIntervalTimetable": Naming.INTERVAL}
_ASSETS = ("Asset", "Dataset", "AssetAlias", "DatasetAlias")
_GROUPS = {"AssetAll": False, "DatasetAll": False, "AssetAny": True, "DatasetAny": True}
_WITH_TIME = ("AssetOrTimeSchedule", "DatasetOrTimeSchedule")
_REFERENCES = {
    "DAGRUN_LOGICAL_DATE": Clock.LOGICAL_DATE,
    "DAGRUN_QUEUED_AT": Clock.QUEUED,
}
_DATES = {
    "datetime.datetime": ("tzinfo", ""),
    "airflow.sdk.timezone.datetime": ("tzinfo", ""),
    "airflow.utils.timezone.datetime": ("tzinfo", ""),
    "pendulum.datetime": ("tz", "UTC"),
}
"""The functions of a date: the name of the argument of the zone, and the zone without it ("": Airflow's default)."""

_PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")
_DAYS = ("pendulum.today", "pendulum.yesterday", "pendulum.now")
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)

NO_SCHEDULE = "it has no schedule: another program starts it"
_NO_CLOCK = (
    "a timedelta without catchup counts from the last run, so the file does not state the time of day. Write a cron, "
    "or import the DAG from the server"
)


class Start(Struct, frozen=True):
    """The start date of a DAG: its moment (None if it is not stated), and its zone ("" for Airflow's default)."""

    moment: datetime | None
    zone: str


def schedule_of(module: Module, node: ast.expr, start: Start | None, *, catchup: bool | None) -> Schedule:
    """The schedule of an expression. Raises NoDraft if it has no counterpart, and Unreadable."""
    return _schedule(module, module.value(node), node, start, catchup)


def _schedule(module: Module, value: Any, node: ast.expr, start: Start | None, catchup: bool | None) -> Schedule:
    if value is None:
        raise NoDraft(NO_SCHEDULE)
    if isinstance(value, str):
        return schedule_of_text(value)
    if isinstance(value, timedelta):
        return schedule_of_length(value, _anchor(start, catchup), Naming.SETTING)
    if isinstance(value, Made) and value.name in _ONE_CRON:
        return _of_cron_timetable(module, value)
    if isinstance(value, Made) and value.name in _LENGTHS:
        return _of_length_timetable(module, value, node, start, catchup)
    if isinstance(value, Made) and value.name in _WITH_TIME:
        return _of_assets_or_time(module, value, node, start, catchup)
    names, any_of = _assets(module, value, node)
    return Schedule(assets=tuple(dict.fromkeys(names)), any_of=any_of)


def schedule_of_text(text: str) -> Schedule:
    """The schedule of a preset or a cron. Raises NoDraft for a preset without times."""
    if text == "@once":
        raise NoDraft("@once is one run, and no schedule")
    if text == "@continuous":
        raise NoDraft("@continuous starts a run whenever the last one ends, and a run of Interlock has a date")
    return Schedule(cron=PRESETS.get(text, text))


def schedule_of_length(length: timedelta, anchor: datetime | None, naming: Naming) -> Schedule:
    """The cron of a length of time that is counted from `anchor` (UTC). Raises NoDraft without one.

    Airflow adds the length to a moment in UTC, so that its runs keep their times in UTC.
    """
    if length <= timedelta():
        raise NoDraft(f"{length} is no length of time")
    if length < _HOUR:
        raise NoDraft(f"each {length} is more often than once an hour, and a run covers a day or an hour")
    if anchor is None:
        raise NoDraft(_NO_CLOCK)
    note = (
        f"Airflow counts {length} from {anchor:%Y-%m-%d %H:%M:%S} UTC, and again from the last run after a downtime. "
        "The cron keeps the minute, in UTC."
    )
    if length in (_DAY, 7 * _DAY):
        weekday = "*" if length == _DAY else f"{anchor:%a}".upper()
        cron = f"{anchor.minute} {anchor.hour} * * {weekday}"
    elif length % _HOUR == timedelta() and _DAY % length == timedelta():
        step = length // _HOUR
        hours = ",".join(str(hour) for hour in range(anchor.hour % step, 24, step))
        cron = f"{anchor.minute} {'*' if step == 1 else hours} * * *"
    else:
        raise NoDraft(f"no cron fires each {length}")
    return Schedule(cron=cron, zone="UTC", naming=naming, notes=(note,))


def start_of(module: Module, node: ast.expr) -> Start:
    """The start date of an expression. Raises Unreadable if its zone is not stated."""
    if isinstance(node, ast.BinOp):
        return Start(None, start_of(module, node.left).zone)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("add", "subtract"):
        return Start(None, start_of(module, node.func.value).zone)
    value = module.value(node)
    if isinstance(value, str):
        return _of_text(value, node)
    if not isinstance(value, Made):
        raise Unreadable(node)
    if value.origin == "airflow.utils.dates.days_ago":
        return Start(None, "UTC")
    if value.origin in _DAYS:
        if not (value.arguments or value.keywords):
            raise Unreadable(node)
        return Start(None, _zone(module, value, 0, "tz", ""))
    if value.origin not in _DATES:
        raise Unreadable(node)
    keyword, otherwise = _DATES[value.origin]
    zone = _zone(module, value, 7, keyword, otherwise)
    return Start(_moment(module, value, zone), zone)


def deadlines_of(module: Module, node: ast.expr) -> Iterator[Deadline | str]:
    """The deadlines of an expression. A sentence takes the place of one without a counterpart. Raises Unreadable."""
    value = module.value(node)
    if value is None:
        return
    for one in value if isinstance(value, tuple) else (value,):
        if not isinstance(one, Made) or one.name != "DeadlineAlert":
            raise Unreadable(node)
        yield _deadline(module, one, node)


def _deadline(module: Module, made: Made, node: ast.expr) -> Deadline | str:
    given = dict(zip(("reference", "interval", "callback"), made.arguments, strict=False)) | dict(made.keywords)
    if "reference" not in given or "interval" not in given:
        raise Unreadable(node)
    reference, after = module.value(given["reference"]), module.value(given["interval"])
    name = reference.origin.rpartition(".")[2] if isinstance(reference, Named | Made) else "?"
    if not isinstance(after, timedelta) or after <= timedelta():
        raise Unreadable(given["interval"])
    clock = _REFERENCES.get(name)
    if clock is None:
        return f"The deadline refers to {name}, which has no counterpart."
    return Deadline(clock, after)


def _of_cron_timetable(module: Module, made: Made) -> Schedule:
    if made.name.startswith("Multiple") and len(made.arguments) != 1:
        raise NoDraft("it has several crons, and a pipeline has one. Write a pipeline for each, or one cron for all")
    given = dict(zip(("cron", "timezone"), made.arguments, strict=False)) | dict(made.keywords)
    if "cron" not in given:
        raise NoDraft(f"{made.name} has no cron")
    cron = module.value(given["cron"])
    if not isinstance(cron, str):
        raise Unreadable(given["cron"])
    zone = zone_of(module, given["timezone"]) if "timezone" in given else ""
    naming = _ONE_CRON[made.name]
    if "interval" in given and module.value(given["interval"]) != timedelta():
        naming = Naming.INTERVAL
    return Schedule(cron=PRESETS.get(cron, cron), zone=zone, naming=naming)


def _of_length_timetable(
    module: Module, made: Made, node: ast.expr, start: Start | None, catchup: bool | None
) -> Schedule:
    length = module.value(next(iter([*made.arguments, *made.keywords.values()]), node))
    if not isinstance(length, timedelta):
        raise Unreadable(node)
    return schedule_of_length(length, _anchor(start, catchup), _LENGTHS[made.name])


def _of_assets_or_time(
    module: Module, made: Made, node: ast.expr, start: Start | None, catchup: bool | None
) -> Schedule:
    given = dict(made.keywords)
    timetable, assets = given.get("timetable"), given.get("assets", given.get("datasets"))
    if timetable is None or assets is None:
        raise Unreadable(node)
    timed = _schedule(module, module.value(timetable), timetable, start, catchup)
    names, _ = _assets(module, module.value(assets), assets)
    return with_time(timed, names)


def with_time(timed: Schedule, names: tuple[str, ...]) -> Schedule:
    """The schedule of a DAG that a time starts, and updates of assets too. The time is kept."""
    note = f"Updates of {', '.join(names)} started the DAG too. The draft has its times only."
    return Schedule(cron=timed.cron, zone=timed.zone, naming=timed.naming, notes=(*timed.notes, note))


def _assets(module: Module, value: Any, node: ast.expr) -> tuple[tuple[str, ...], bool]:
    """The names of assets, and whether one of them is enough. Raises NoDraft for a mixture of both."""
    if isinstance(value, tuple):
        parts, any_of = value, False
    elif isinstance(value, Joined):
        parts, any_of = value.parts, value.is_any
    elif isinstance(value, Made) and value.name in _GROUPS:
        parts, any_of = tuple(module.value(one) for one in value.arguments), _GROUPS[value.name]
    else:
        return (_asset(module, value, node),), False
    found = [_assets(module, one, node) for one in parts]
    if any(len(names) > 1 and inner != any_of for names, inner in found):
        raise NoDraft("its assets are joined by both & and |, and a pipeline has rules of one kind")
    if not found:
        raise NoDraft(NO_SCHEDULE)
    return tuple(name for names, _ in found for name in names), any_of


def _asset(module: Module, value: Any, node: ast.expr) -> str:
    """The name of an asset: that of a function with @asset, or the name, or else the address, of an Asset."""
    if isinstance(value, ast.FunctionDef):
        if any(module.origin(_called(one)).endswith(".asset") for one in value.decorator_list):
            return value.name
        raise Unreadable(node)
    if isinstance(value, Made) and value.origin == "dateutil.relativedelta.relativedelta":
        raise NoDraft("a relativedelta counts from the last run. Write a cron")
    if not isinstance(value, Made) or not value.origin.startswith("airflow."):
        raise Unreadable(node)
    if value.name not in _ASSETS:
        raise NoDraft(f"{value.name} has no counterpart")
    given = next((value.keywords[key] for key in ("name", "uri") if key in value.keywords), None)
    named = value.arguments[0] if value.arguments else given
    text = None if named is None else module.value(named)
    if not isinstance(text, str) or not text:
        raise Unreadable(node)
    return text


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def zone_of(module: Module, node: ast.expr) -> str:
    """The name of a zone. Raises Unreadable."""
    value = module.value(node)
    if isinstance(value, str) and value:
        return value
    if isinstance(value, Named) and value.origin.rpartition(".")[2].lower() == "utc":
        return "UTC"
    if isinstance(value, Made) and value.name in ("ZoneInfo", "timezone", "Timezone", "gettz") and value.arguments:
        name = module.value(value.arguments[0])
        if isinstance(name, str) and name:
            return name
    raise Unreadable(node)


def _zone(module: Module, made: Made, position: int, keyword: str, otherwise: str) -> str:
    """The zone of an argument, or `otherwise` without one."""
    node = made.arguments[position] if len(made.arguments) > position else made.keywords.get(keyword)
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return otherwise
    return zone_of(module, node)


def _moment(module: Module, made: Made, zone: str) -> datetime | None:
    """The moment of a date that is in UTC. None for another zone, or numbers that the file does not state."""
    if zone != "UTC":
        return None
    try:
        given = dict(zip(_PARTS, (module.value(one) for one in made.arguments), strict=False))
        given |= {name: module.value(one) for name, one in made.keywords.items() if name in _PARTS}
        return datetime(**given, tzinfo=UTC)
    except (Unreadable, TypeError, ValueError):
        return None


def _of_text(text: str, node: ast.expr) -> Start:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Unreadable(node) from None
    if found.tzinfo is None:
        return Start(None, "")
    if found.utcoffset() == timedelta():
        return Start(found.astimezone(UTC), "UTC")
    raise Unreadable(node)


def _anchor(start: Start | None, catchup: bool | None) -> datetime | None:
    """The moment from which Airflow counts a length of time. None if only the server knows it."""
    return start.moment if start is not None and catchup is True else None
