"""The DAGs of a server, from the details that it reports and from the source of their files.

The details have no zone of the timetable: their `timezone` is that of the server for every DAG (seen in Airflow 3.3.2).
So the zone comes from the source, and the next run of the details must be a fire in it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from interlock_cli._imports._airflow._dag import Dag, Naming, NoDraft, Schedule
from interlock_cli._imports._airflow._files import CATCHUP, PAST, TAGS, BadDagFile, dags_of_file, tags_note
from interlock_cli._imports._airflow._schedules import (
    NO_SCHEDULE,
    schedule_of_length,
    schedule_of_text,
    with_time,
)
from interlock_cli._imports._airflow._server import Server
from interlock_sla import CronError, ZoneError, parse_cron
from interlock_sla import zone as find_zone

_LENGTH = re.compile(r"(?:(\d+) days?, )?(\d+):(\d\d):(\d\d)")
_ISO_LENGTH = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?")
_OF_ASSETS = "Asset"
_AND_TIME = "Asset or "
_NO_SOURCE = (
    "The server does not show a DAG of this id in its source. A deadline, the uses of Airflow's dates and the sensors "
    "of the DAG are not known."
)


def dags_of_server(server: Server, zone: str | None) -> Iterator[Dag]:
    """Each DAG of a server, by its id. `zone`: that of DAGs whose source names none. Raises ServerError."""
    # Many DAGs may come from one file.
    known: dict[str, tuple[Dag, ...]] = {}
    for details in server.dags():
        identifier = str(details.get("dag_id"))
        source = server.source(identifier) if details.get("timetable_summary") else ""
        if source not in known:
            known[source] = _dags_of(source)
        read = next((dag for dag in known[source] if dag.id == identifier), None)
        yield _dag(details, identifier, read, zone)


def _dags_of(source: str) -> tuple[Dag, ...]:
    """The DAGs as their file states them. Airflow also accepts a file that this Python cannot parse."""
    try:
        return dags_of_file(source, "its file").dags
    except BadDagFile:
        return ()


def _dag(details: Mapping[str, Any], identifier: str, read: Dag | None, zone: str | None) -> Dag:
    """The DAG of its details and of its file (None if the file does not state it).

    The details count where both have a fact, since they are the values in force.
    """
    place = f"DAG {identifier}"
    try:
        schedule = _schedule(details, read)
    except NoDraft as reason:
        return Dag(source=place, text=identifier, id=identifier, problem=str(reason))
    named = schedule.zone or _zone(details, read) or zone or ""
    problem = _zone_problem(details, schedule, named) if schedule.cron and named else ""
    if problem:
        return Dag(source=place, text=identifier, id=identifier, problem=problem)
    unknown = "its source does not state its zone"
    return Dag(
        source=place,
        text=identifier,
        id=identifier,
        schedule=schedule,
        zone=named,
        zone_problem=read.zone_problem or unknown if read is not None else unknown,
        owner=_owner(details),
        description=_text(details.get("description")) or (read.description if read is not None else ""),
        deadlines=read.deadlines if read is not None else (),
        timeout=_iso_length(details.get("dag_run_timeout")),
        max_runs=_number(details.get("max_active_runs")),
        retries=_number(_defaults(details).get("retries")),
        notes=tuple(dict.fromkeys([*_notes(details), *_others(read)])),
    )


def _zone(details: Mapping[str, Any], read: Dag | None) -> str:
    """The zone that the source states. If it states that none is named, it is the default zone of the server."""
    if read is None or read.zone_problem:
        return ""
    return read.zone or _text(details.get("timezone"))


def _others(read: Dag | None) -> Iterable[str]:
    """The notes of the file about facts that the details do not have."""
    notes = (_NO_SOURCE,) if read is None else read.notes
    return (note for note in notes if note != CATCHUP and not note.startswith(TAGS))


def _schedule(details: Mapping[str, Any], read: Dag | None) -> Schedule:
    """The schedule in force. Raises NoDraft."""
    summary = details.get("timetable_summary")
    if not isinstance(summary, str) or not summary:
        raise NoDraft(NO_SCHEDULE)
    zone = read.schedule.zone if read is not None and read.schedule is not None else ""
    names, any_of = _assets(details.get("asset_expression"))
    if summary == _OF_ASSETS:
        return Schedule(assets=names, any_of=any_of)
    text = summary.removeprefix(_AND_TIME)
    found = _timed(text, details)
    found = found if found.zone else replace(found, zone=zone)
    return with_time(found, names) if summary.startswith(_AND_TIME) else found


def _timed(text: str, details: Mapping[str, Any]) -> Schedule:
    naming = _naming(details)
    if length := _LENGTH.fullmatch(text):
        days, hours, minutes, seconds = (int(part or 0) for part in length.groups())
        span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return schedule_of_length(span, _moment(details.get("next_dagrun_run_after")), naming)
    if "," in text and len(text.split()) > 5:
        raise NoDraft("it has several crons, and a pipeline has one. Write a pipeline for each, or one cron for all")
    return replace(schedule_of_text(text), naming=naming)


def _naming(details: Mapping[str, Any]) -> Naming:
    """Whether the logical date of the next run is its due time, or the begin of its data interval."""
    logical, due = (_moment(details.get(name)) for name in ("next_dagrun_logical_date", "next_dagrun_run_after"))
    if logical is None or due is None:
        return Naming.SETTING
    return Naming.FIRE if logical == due else Naming.INTERVAL


def _zone_problem(details: Mapping[str, Any], schedule: Schedule, zone: str) -> str:
    """The reason why a zone cannot be that of the schedule: the next run is no fire in it. "" otherwise."""
    due = _moment(details.get("next_dagrun_run_after"))
    if due is None:
        return ""
    try:
        cron, where = parse_cron(schedule.cron), find_zone(zone)
        if cron.last_fire(due, where) == due.replace(second=0, microsecond=0):
            return ""
    except (CronError, ZoneError):
        return ""
    return (
        f"its next run is due at {due:%Y-%m-%d %H:%M}Z, which is no fire of {schedule.cron} in {zone}: "
        "name its zone with --zone, or write it into the DAG"
    )


def _assets(expression: object) -> tuple[tuple[str, ...], bool]:
    """The names in an asset expression, and whether one of them is enough. Raises NoDraft for a mixture of both."""
    if not isinstance(expression, dict) or len(expression) != 1:
        return (), False
    (kind, inner), *_ = expression.items()
    if kind in ("all", "any") and isinstance(inner, list):
        found = [_assets(one) for one in inner]
        if any(len(names) > 1 and any_of != (kind == "any") for names, any_of in found):
            raise NoDraft("its assets are joined by both & and |, and a pipeline has rules of one kind")
        return tuple(dict.fromkeys(name for names, _ in found for name in names)), kind == "any"
    name = inner.get("name") or inner.get("uri") if isinstance(inner, dict) else inner
    return ((name,) if isinstance(name, str) else ()), False


def _notes(details: Mapping[str, Any]) -> Iterator[str]:
    if details.get("catchup") is True:
        yield CATCHUP
    for name in ("depends_on_past", "wait_for_downstream"):
        if _defaults(details).get(name) is True:
            yield f"{name}: {PAST}"
    if details.get("is_paused") is True:
        yield "The DAG is paused."
    tags = details.get("tags")
    names = [tag["name"] for tag in tags if isinstance(tag, dict) and isinstance(tag.get("name"), str)] if tags else []
    if names:
        yield tags_note(iter(names))


def _owner(details: Mapping[str, Any]) -> str:
    """The owner of the default arguments, else the only owner of the tasks. `airflow` is the default of Airflow."""
    named = _text(_defaults(details).get("owner"))
    owners = details.get("owners")
    others = [one for one in owners if isinstance(one, str) and one != "airflow"] if isinstance(owners, list) else []
    if named and named != "airflow":
        return named
    return others[0] if len(others) == 1 else ""


def _defaults(details: Mapping[str, Any]) -> Mapping[str, Any]:
    found = details.get("default_args")
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _moment(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None


def _iso_length(value: object) -> timedelta | None:
    """A length of time in ISO 8601, such as PT3H. None for any other value."""
    found = _ISO_LENGTH.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) or None
