"""The course of one date, as it was recorded or as a replay gives it."""

from datetime import datetime

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._run import RunStatus
from interlock_lifecycle.dates._expected import ExpectedStart
from interlock_lifecycle.trials._knowledge import Knowledge
from interlock_lifecycle.trials._openings import Opening
from interlock_lifecycle.trials._record import DateRecord, RecordedAttempt
from interlock_sla import Exclusions


class Occurrence(Struct, frozen=True):
    """An event of a course: its type, its time (UTC), and its message. has_unknown: unknown rows decided.

    The message is empty if it would name rows that are not known.
    """

    type: str
    at: datetime
    message: str = ""
    has_unknown: bool = False


class Course(Struct, frozen=True):
    """The course of one date under a config.

    begun_at: the time of its first attempt (UTC). status: of its run, None without one. unknown: the reasons for which
    the course is not known from some moment on. is_open: whether unknown rows decided the begin or an evaluation.
    """

    occurrences: tuple[Occurrence, ...] = ()
    begun_at: datetime | None = None
    status: RunStatus | None = None
    unknown: tuple[str, ...] = ()
    is_open: bool = False


class Scene(Struct, frozen=True):
    """The facts of a replay that do not depend on its course. before: the present config, None if it is unreadable.

    openings: the moments at which the date may begin. is_expected: whether its deadline counts although it has not
    begun. missed: the starts that are reported if the date has not begun. trigger_ends: the end of the trigger's
    window. has_hours: whether hours of the day have runs of their own. created_at: the creation of the pipeline
    (UTC), from which its deadlines count. until: the end of the period (UTC).
    """

    record: DateRecord
    attempts: tuple[RecordedAttempt, ...]
    config: PipelineConfig
    exclusions: Exclusions
    knowledge: Knowledge
    before: PipelineConfig | None
    created_at: datetime
    until: datetime
    openings: tuple[Opening, ...] = ()
    is_expected: bool = False
    missed: tuple[ExpectedStart, ...] = ()
    trigger_ends: datetime | None = None
    has_hours: bool = False
