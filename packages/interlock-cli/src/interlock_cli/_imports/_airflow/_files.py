"""Finds the DAGs of a file, without executing it."""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from interlock_cli._imports._airflow._dag import Clock, Dag, Deadline, Naming, NoDraft, Schedule
from interlock_cli._imports._airflow._schedules import NO_SCHEDULE, Start, deadlines_of, schedule_of, start_of
from interlock_cli._imports._airflow._values import Module, Unreadable

_KINDS = ("DAG", "dag", "asset")
_POSITIONS = ("dag_id", "description", "schedule")
_SCHEDULES = ("schedule", "schedule_interval", "timetable")
_ONLY_AIRFLOW_2 = ("schedule_interval", "timetable", "sla_miss_callback", "concurrency")
_DATES = (
    "ds",
    "ds_nodash",
    "ts",
    "ts_nodash",
    "ts_nodash_with_tz",
    "logical_date",
    "execution_date",
    "data_interval_start",
    "data_interval_end",
    "prev_ds",
    "prev_ds_nodash",
    "next_ds",
    "next_ds_nodash",
    "yesterday_ds",
    "yesterday_ds_nodash",
    "tomorrow_ds",
    "tomorrow_ds_nodash",
    "prev_execution_date",
    "next_execution_date",
)
"""The names by which a DAG reads the dates that Airflow gives to a run."""

_TEMPLATE = re.compile(r"\{[{%](.*?)[%}]\}", re.DOTALL)
_DATE = re.compile(rf"\b({'|'.join(_DATES)})\b")
_OF_THE_PAST = ("depends_on_past", "wait_for_downstream")
_CALLBACKS = ("on_failure_callback", "on_success_callback", "on_retry_callback", "sla_miss_callback")
_LISTED = 4


class BadDagFile(ValueError):
    """A text that is not a Python file, with its line."""


class Found(Struct, frozen=True):
    """The DAGs of a file."""

    dags: tuple[Dag, ...]


class _Place(Struct, frozen=True):
    """A call that makes a DAG. name: the id of a DAG whose call names none. body: the node with its tasks."""

    call: ast.Call | None
    node: ast.expr
    name: str
    body: ast.AST
    problem: str = ""


def dags_of_file(text: str, file: str) -> Found:
    """The DAGs of a file's text, in their order. `file` is its name, for their sources. Raises BadDagFile."""
    try:
        with warnings.catch_warnings():
            # The file is not of this program: its odd escapes are the business of Airflow.
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        module = Module(tree)
        places = sorted(_places(module), key=lambda place: (place.node.lineno, place.node.col_offset))
        bodies = [place.body for place in places]
        return Found(tuple(_dag(module, place, bodies, file) for place in places))
    except SyntaxError as error:
        raise BadDagFile(f"line {error.lineno or 0}: {error.msg}") from None
    except (RecursionError, MemoryError):
        raise BadDagFile("it is nested too deeply") from None
    except ValueError as error:
        raise BadDagFile(str(error)) from None


def _places(module: Module) -> Iterator[_Place]:
    decorators: set[ast.AST] = set()
    for function in ast.walk(module.tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in function.decorator_list:
                decorators.add(decorator)
                yield from _decorated(module, function, decorator)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and node not in decorators:
            kind, problem = _kind_of(module, node.func)
            if kind == "DAG":
                around = module.parents.get(module.parents.get(node, node))
                yield _Place(node, node, "", around if isinstance(around, ast.With) else module.tree, problem)


def _decorated(module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef, node: ast.expr) -> Iterator[_Place]:
    call = node if isinstance(node, ast.Call) else None
    kind, problem = _kind_of(module, node.func if isinstance(node, ast.Call) else node)
    if kind not in ("dag", "asset"):
        return
    if kind == "dag" and not problem and not _is_called(module, function.name):
        problem = f"the file defines {function.name} as a DAG, and does not call it"
    yield _Place(call, node, function.name, function, problem)


def _kind_of(module: Module, node: ast.expr) -> tuple[str, str]:
    """The kind of a DAG that the name makes, or "", and the reason why it is not one of Airflow."""
    origin = module.origin(node)
    name = origin.rpartition(".")[2]
    if name in _KINDS and origin.partition(".")[0] == "airflow":
        return name, ""
    if name in ("DAG", "dag"):
        return name, f"its {name} is not that of Airflow: the file imports it from {origin.rpartition('.')[0]}"
    if not origin and isinstance(node, ast.Name) and node.id in ("DAG", "dag"):
        return node.id, f"the file does not import {node.id} by its name"
    return "", ""


def _is_called(module: Module, name: str) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for node in ast.walk(module.tree)
    )


class _Reader:
    """The arguments of one DAG. `notes` grows by each that cannot be read."""

    def __init__(self, module: Module, place: _Place) -> None:
        self.module = module
        self.notes: list[str] = []
        self.given: dict[str, ast.expr] = {}
        if place.call is not None:
            positional = dict(zip(_POSITIONS, place.call.args, strict=False))
            self.given = positional | module.keywords(place.call)
        self.defaults = self._defaults()

    def either(self, name: str) -> ast.expr | None:
        """The argument of the DAG, else the one of its default arguments."""
        return self.given.get(name, self.defaults.get(name))

    def read(self, name: str, kinds: type | tuple[type, ...], node: ast.expr | None) -> Any:
        """The value of an argument. None without it, and with a note if the file does not state it."""
        if node is None:
            return None
        try:
            value = self.module.value(node)
        except Unreadable as error:
            self.notes.append(f"The file does not state {name}: {error}.")
            return None
        return value if isinstance(value, kinds) else None

    def _defaults(self) -> dict[str, ast.expr]:
        node = self.given.get("default_args")
        if node is None:
            return {}
        try:
            return self.module.items(node)
        except Unreadable as error:
            self.notes.append(f"The file does not state default_args: {error}.")
            return {}


def _dag(module: Module, place: _Place, bodies: list[ast.AST], file: str) -> Dag:
    source = f"{file} line {place.node.lineno}"
    text = place.name or " ".join(ast.unparse(place.node).split())[:80]
    try:
        if place.problem:
            raise NoDraft(place.problem)
        reader = _Reader(module, place)
        identifier = _id_of(reader, place)
    except NoDraft as reason:
        return Dag(source=source, text=text, problem=str(reason))
    except Unreadable as error:
        return Dag(source=source, text=text, problem=f"the file does not state its id and its arguments: {error}")
    return _read(reader, place, bodies, source, identifier)


def _read(reader: _Reader, place: _Place, bodies: list[ast.AST], source: str, identifier: str) -> Dag:
    module = reader.module
    version = _version(module, reader)
    catchup = reader.read("catchup", bool, reader.given.get("catchup"))
    if "catchup" not in reader.given and version:
        # The default of Airflow 2 is True. Airflow 3 changed it.
        catchup = version == "2"
    start, zone_problem = _start(reader)
    schedule, problem = _schedule(reader, start, catchup, version)
    retries = reader.read("retries", int, reader.either("retries"))
    owner = reader.read("owner", str, reader.either("owner"))
    deadlines = tuple(_deadlines(reader))
    description = reader.read("description", str, reader.given.get("description"))
    notes = [*_notes(reader, place, catchup), *_uses(module, place, bodies)]
    return Dag(
        source=source,
        text=identifier,
        id=identifier,
        schedule=schedule,
        problem=problem,
        zone=(schedule.zone if schedule else "") or (start.zone if start is not None else ""),
        zone_problem=zone_problem,
        owner="" if owner in (None, "airflow") else owner,
        description=description or _docstring(place.body),
        deadlines=deadlines,
        timeout=reader.read("dagrun_timeout", timedelta, reader.given.get("dagrun_timeout")),
        max_runs=reader.read("max_active_runs", int, reader.given.get("max_active_runs")),
        retries=retries,
        notes=tuple(dict.fromkeys([*reader.notes, *notes])),
    )


def _id_of(reader: _Reader, place: _Place) -> str:
    node = reader.given.get("dag_id", reader.given.get("name") if isinstance(place.body, ast.FunctionDef) else None)
    if node is None:
        if not place.name:
            raise NoDraft("it has no dag_id")
        return place.name
    found = reader.module.value(node)
    if not isinstance(found, str) or not found:
        raise Unreadable(node)
    return found


def _version(module: Module, reader: _Reader) -> str:
    """`3` or `2` if only that version of Airflow reads the file, else ""."""
    if any(name in reader.given for name in _ONLY_AIRFLOW_2) or "sla" in reader.defaults:
        return "2"
    return "3" if any(origin.startswith("airflow.sdk.") for origin in module.origins.values()) else ""


def _start(reader: _Reader) -> tuple[Start | None, str]:
    """The start date, and the reason why its zone is not known."""
    node = reader.either("start_date")
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return None, ""
    try:
        return start_of(reader.module, node), ""
    except Unreadable as error:
        return None, f"the file does not state the zone of start_date: {error}"


def _schedule(reader: _Reader, start: Start | None, catchup: bool | None, version: str) -> tuple[Schedule | None, str]:
    node = next((reader.given[name] for name in _SCHEDULES if name in reader.given), None)
    if node is None:
        both = "it names no schedule: Airflow 3 does not start it, Airflow 2 starts it once a day"
        return None, NO_SCHEDULE if version == "3" else both
    try:
        found = schedule_of(reader.module, node, start, catchup=catchup)
        is_of_2 = version == "2" and found.naming is Naming.SETTING
        return replace(found, naming=Naming.INTERVAL) if is_of_2 else found, ""
    except NoDraft as reason:
        return None, str(reason)
    except Unreadable as error:
        return None, f"the file does not state its schedule: {error}"


def _deadlines(reader: _Reader) -> Iterator[Deadline]:
    sla = reader.read("sla", timedelta, reader.defaults.get("sla"))
    if sla is not None and sla > timedelta():
        reader.notes.append("In Airflow the sla is that of each task. The draft has it for the run.")
        yield Deadline(Clock.FIRE, sla)
    node = reader.given.get("deadline")
    if node is None:
        return
    try:
        for found in deadlines_of(reader.module, node):
            if isinstance(found, str):
                reader.notes.append(found)
            else:
                yield found
    except Unreadable as error:
        reader.notes.append(f"The file does not state deadline: {error}.")


def _notes(reader: _Reader, place: _Place, catchup: bool | None) -> Iterator[str]:
    if catchup:
        yield CATCHUP
    for name in _OF_THE_PAST:
        if reader.read(name, bool, reader.either(name)):
            yield f"{name}: {PAST}"
    if "end_date" in reader.given or "end_date" in reader.defaults:
        yield "Airflow ends the schedule at end_date. A pipeline has no end: remove it with `interlock remove`."
    callbacks = [name for name in _CALLBACKS if name in reader.given or name in reader.defaults]
    if reader.read("email_on_failure", bool, reader.defaults.get("email_on_failure")):
        callbacks.append("email_on_failure")
    if callbacks:
        yield f"Airflow calls {', '.join(callbacks)}. Route the alerts of Interlock in alerts.yaml."
    tags = reader.read("tags", tuple, reader.given.get("tags")) or ()
    if tags:
        yield tags_note(str(tag) for tag in tags)
    yield from _around(reader.module, place)


CATCHUP = (
    "catchup: Airflow runs the dates since start_date. Interlock runs no date before its first row. Request them with "
    "`interlock rerun ID FROM..TO`."
)
TAGS = "Tags: "
PAST = "a run waits for the run before it. Interlock decides about each date alone."


def tags_note(tags: Iterator[str]) -> str:
    """The sentence about the tags of a DAG."""
    return f"{TAGS}{', '.join(sorted(tags))}. A pipeline has no tags."


def _around(module: Module, place: _Place) -> Iterator[str]:
    """A condition or a function around the DAG, which decides whether it exists."""
    inner: ast.AST = place.body if isinstance(place.body, ast.FunctionDef) else place.node
    for node in module.within(inner):
        kind = _CONDITIONS.get(type(node))
        if kind:
            yield f"The DAG is within {kind} (line {getattr(node, 'lineno', 0)}). The draft takes it as given."


_CONDITIONS: Mapping[type[ast.AST], str] = {
    ast.If: "a condition",
    ast.Try: "a try",
    ast.For: "a loop",
    ast.While: "a loop",
    ast.FunctionDef: "a function",
    ast.AsyncFunctionDef: "a function",
}


def _uses(module: Module, place: _Place, bodies: list[ast.AST]) -> Iterator[str]:
    """The uses of Airflow's dates, and the sensors, of a DAG. Code outside of all DAGs belongs to each."""
    others = [body for body in bodies if body is not place.body and body is not module.tree]
    dates: dict[str, int] = {}
    sensors: dict[str, int] = {}
    for node in _walk(module.tree, others):
        line = getattr(node, "lineno", 0)
        for name in _dates_in(node):
            dates.setdefault(name, line)
        if (sensor := _sensor(node)) is not None:
            sensors.setdefault(sensor, line)
    if dates:
        yield f"The DAG reads {_listed(dates)}. A run of Interlock has no such date: read dag_run.conf['date']."
    if sensors:
        yield f"The DAG waits by itself: {_listed(sensors)}. Write a row for this data, and a rule in its place."


def _walk(node: ast.AST, left_out: list[ast.AST]) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not any(child is one for one in left_out):
            yield child
            yield from _walk(child, left_out)


def _dates_in(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            for inner in _TEMPLATE.findall(text):
                yield from _DATE.findall(inner)
        case ast.arg(arg=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            if name in _DATES:
                yield name


def _sensor(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Call):
        return None
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    return name if name.endswith("Sensor") else "@task.sensor" if name == "sensor" else None


def _listed(found: Mapping[str, int]) -> str:
    shown = [f"{name} (line {line})" for name, line in list(found.items())[:_LISTED]]
    rest = len(found) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def _docstring(node: ast.AST) -> str:
    found = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
    return (found or "").partition("\n")[0].strip()
