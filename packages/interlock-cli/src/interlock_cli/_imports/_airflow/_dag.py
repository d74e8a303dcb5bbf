"""A DAG with the facts that its draft needs, from a file or from a server."""

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct


class NoDraft(Exception):
    """The reason why a DAG has no draft."""


class Naming(StrEnum):
    """The date by which Airflow names a scheduled run: its logical date."""

    FIRE = "fire"
    """The time at which the run is due, as Interlock names it."""

    INTERVAL = "interval"
    """The begin of the data interval: one fire earlier."""

    SETTING = "setting"
    """FIRE in Airflow 3 and INTERVAL in Airflow 2, unless a setting of the server changes it."""


class Clock(StrEnum):
    """The moment from which a length of time to the deadline counts."""

    FIRE = "fire"
    LOGICAL_DATE = "logical date"
    QUEUED = "queueing"


class Deadline(Struct, frozen=True):
    """A deadline as a length of time after a moment."""

    clock: Clock
    after: timedelta


class Schedule(Struct, frozen=True):
    """A cron, or the assets whose updates start the DAG.

    zone: that of the timetable, or "" if the zone of the DAG counts. any_of: one of the assets is enough.
    notes: differences from a pipeline with this schedule, one sentence each.
    """

    cron: str = ""
    zone: str = ""
    naming: Naming = Naming.SETTING
    assets: tuple[str, ...] = ()
    any_of: bool = False
    notes: tuple[str, ...] = ()


class Dag(Struct, frozen=True, kw_only=True):
    """A DAG. source: its place in words. text: its id, or its expression.

    schedule: None with the reason in `problem`. zone: "" if it is not known, with the reason in `zone_problem` if there
    is one. timeout: the longest time of a run. max_runs: the most runs at once. retries: those of a task. notes: facts
    that have no counterpart, one sentence each.
    """

    source: str
    text: str
    id: str = ""
    schedule: Schedule | None = None
    problem: str = ""
    zone: str = ""
    zone_problem: str = ""
    owner: str = ""
    description: str = ""
    deadlines: tuple[Deadline, ...] = ()
    timeout: timedelta | None = None
    max_runs: int | None = None
    retries: int | None = None
    notes: tuple[str, ...] = ()
