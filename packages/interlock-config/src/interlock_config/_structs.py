"""The sections of a pipeline config, with their defaults."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from interlock_rules import Mode
from interlock_sla import Duration, parse_duration

from ._fields import (
    CalendarName,
    CheckName,
    Deadline,
    Field,
    Id,
    JobType,
    RuleList,
    SensorKey,
    TimeOfDay,
    Timezone,
    WatchedRules,
    any_case,
    duration,
    text,
    whole,
)

FARTHEST_DAYS = 3660
"""Largest bound of schedule.dates in days: ten years."""


MOST_OPEN_DATES = 10_000
"""Largest schedule.maxOpenDates."""


class Section(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """Common settings of all parts of a config: frozen, camelCase on the wire, no unknown keys."""


class Identity(Section, frozen=True):
    """Id, owner and description of the pipeline."""

    id: Id
    owner: Annotated[str, text("Team that is responsible for the pipeline.", "data-platform")] | None = None
    description: Annotated[str, text("Purpose of the pipeline.", "Loads the day's orders.")] | None = None


class Inclusion(Section, frozen=True):
    """Irregular dates on which the pipeline runs."""

    dates: Annotated[
        tuple[date, ...],
        Meta(
            min_length=1,
            description="Dates, YYYY-MM-DD.",
            examples=[["2026-03-31"]],
            extra={"allowed": "must be a list of at least one date YYYY-MM-DD"},
        ),
    ]


class TriggerCondition(Section, frozen=True):
    """The sensor condition that starts a run, and the end of the time in which it may."""

    key: SensorKey
    check: CheckName
    field: Field = None
    value: Annotated[Any, Meta(description="Value that the field is compared with.", examples=["done"])] = None
    deadline: Annotated[
        Deadline | None,
        Meta(
            description="End of the auto-trigger window of an execution date, in schedule.timezone, else sla.timezone."
        ),
    ] = None


class Exclusion(Section, frozen=True):
    """Days on which nothing starts."""

    weekends: Annotated[bool, Meta(description="Saturdays and Sundays.", examples=[True])] = False
    dates: Annotated[
        tuple[date, ...],
        Meta(
            description="Dates, YYYY-MM-DD.",
            examples=[["2026-12-25"]],
            extra={"allowed": "must be a list of dates YYYY-MM-DD"},
        ),
    ] = ()
    holidays: CalendarName | None = None
    workdays: Annotated[
        tuple[date, ...],
        Meta(
            description="Dates that are open in any case, although other settings exclude them, YYYY-MM-DD.",
            examples=[["2026-10-10"]],
            extra={"allowed": "must be a list of dates YYYY-MM-DD"},
        ),
    ] = ()


class EvaluationWindow(Section, frozen=True):
    """How long the rules are evaluated, and how often."""

    window: Annotated[Duration, duration("Length from the start of the execution.", "1h")] = parse_duration("1h")
    interval: Annotated[Duration, duration("Time between two evaluations.", "5m")] = parse_duration("5m")


class DateWindow(Section, frozen=True):
    """The execution dates that a sensor may name, in days from today in the schedule's zone. 0 sets no limit."""

    back: Annotated[int, whole("Days before today. 0 sets no limit.", 0, FARTHEST_DAYS, 400)] = 400
    ahead: Annotated[int, whole("Days after today. 0 sets no limit.", 0, FARTHEST_DAYS, 31)] = 31


_NO_EXCLUSION, _EVALUATION, _DATES = Exclusion(), EvaluationWindow(), DateWindow()


class Schedule(Section, frozen=True):
    """When the pipeline may, must and must not run."""

    cron: (
        Annotated[
            str,
            Meta(
                min_length=1,
                description="Five cron fields: minute hour day month weekday. Excludes `include`.",
                examples=["0 8 * * *"],
                extra={
                    "allowed": 'must be five cron fields in quotes, such as "0 8 * * *"',
                    "schema": {"type": "string", "pattern": r"^\s*\S+(\s+\S+){4}\s*$"},
                },
            ),
        ]
        | None
    ) = None
    include: Annotated[Inclusion | None, Meta(description="Irregular dates. Excludes `cron`.")] = None
    timezone: Annotated[Timezone | None, Meta(description="IANA time zone, UTC by default.")] = None
    time: Annotated[TimeOfDay | None, Meta(description="Expected start, for missed-schedule checks.")] = None
    trigger: Annotated[TriggerCondition | None, Meta(description="Sensor that starts a run.")] = None
    exclude: Annotated[Exclusion | None, Meta(description="Days on which nothing starts.")] = None
    calendar: CalendarName | None = None
    evaluation: Annotated[EvaluationWindow, Meta(description="Evaluation window and interval.")] = _EVALUATION
    dates: Annotated[
        DateWindow,
        Meta(
            description="Execution dates that a sensor may name. A row of any other date opens nothing.",
            extra={
                "allowed": "must be a mapping with the keys back, ahead, in days; "
                "dates to run on belong at schedule.include.dates"
            },
        ),
    ] = _DATES
    max_open_dates: Annotated[
        int, whole("Dates whose runs are under way at once. Others wait. 0 sets no limit.", 0, MOST_OPEN_DATES, 64)
    ] = 64

    def __post_init__(self) -> None:
        """A part with only defaults counts as left out: it is not written, and equals a missing part."""
        if self.exclude == _NO_EXCLUSION:
            force_setattr(self, "exclude", None)
        if self.evaluation == _EVALUATION:
            force_setattr(self, "evaluation", _EVALUATION)
        if self.dates == _DATES:
            force_setattr(self, "dates", _DATES)


class ExcludedDays(StrEnum):
    """The treatment of a deadline on an excluded day."""

    MOVE = "move"
    KEEP = "keep"


class Sla(Section, frozen=True):
    """Two observing clocks: an absolute deadline and a longest duration."""

    deadline: Deadline | None = None
    expected_duration: Annotated[
        Duration | None, duration("Usual duration. The warning comes this long before the breach.", "30m")
    ] = None
    max_duration: Annotated[
        Duration | None,
        duration("Longest duration from the first sensor's arrival, at most 24h. Needs schedule.trigger.", "2h"),
    ] = None
    timezone: Annotated[Timezone | None, Meta(description="Time zone of `deadline`, schedule.timezone by default.")] = (
        None
    )
    critical: Annotated[bool, Meta(description="Marks alerts about this SLA as critical.", examples=[True])] = False
    excluded_days: Annotated[
        ExcludedDays,
        Meta(
            description="Deadlines on excluded days move to the next day that is not excluded, or keep their day.",
            examples=["keep"],
        ),
    ] = ExcludedDays.MOVE


class Validation(Section, frozen=True, kw_only=True):
    """The rules that must hold before the job may start."""

    trigger: Annotated[
        Mode,
        Meta(
            description="Whether ALL or ANY of the rules must hold, in any letter case.",
            examples=["ALL"],
            extra={"schema": any_case(Mode)},
        ),
    ] = Mode.ALL
    rules: RuleList


class Job(Section, frozen=True):
    """The job that a run starts, and the limits of its retries and reruns.

    `config` has canonical camelCase keys. `${INTERLOCK_…}` in `config` is not expanded yet (see `expand`).
    """

    type: Annotated[JobType, Meta(description="How the job is started.", examples=["glue"])]
    config: Annotated[
        dict[str, Any],
        Meta(
            description="Settings of the job type.",
            examples=[{"jobName": "load-orders"}],
            extra={"allowed": "must be a mapping with the keys of the job type"},
        ),
    ]
    max_retries: Annotated[int, whole("Retries after transient failures.", 0, 10, 2)] = 0
    max_code_retries: Annotated[int, whole("Retries after permanent failures.", 0, 3, 1)] = 1
    max_drift_reruns: Annotated[int, whole("Reruns for late data and drift.", 0, 5, 1)] = 1
    max_manual_reruns: Annotated[int, whole("Reruns on request.", 0, 5, 1)] = 1
    job_poll_window_seconds: Annotated[
        int,
        Meta(
            description="How long a job is followed, in seconds. 0 means the default.",
            ge=60,
            le=86400,
            examples=[3600],
            extra={
                "allowed": "must be a whole number of seconds from 60 to 86400, or 0 for the default",
                "schema": {"type": "integer", "anyOf": [{"const": 0}, {"minimum": 60, "maximum": 86400}]},
            },
        ),
    ] = 3600
    retry_delay: Annotated[
        Duration, duration("Wait before the first retry, doubled for each further retry, at most 1h.", "1m")
    ] = parse_duration("0s")


class PostRun(Section, frozen=True):
    """Rules and drift that are checked after the job has finished."""

    rules: WatchedRules = ()
    drift_field: Annotated[
        str,
        Meta(
            min_length=1,
            description="Field compared with the baseline.",
            examples=["sensor_count"],
            extra={"allowed": "must be the name of a field"},
        ),
    ] = "sensor_count"
    drift_threshold: Annotated[
        float, Meta(ge=0, description="Largest difference that is not yet drift.", examples=[100])
    ] = 0
    sensor_timeout: Annotated[Duration, duration("Longest wait for post-run sensors after completion.", "2h")] = (
        parse_duration("2h")
    )


class Watch(Section, frozen=True):
    """Whether the watchdog reports on the pipeline."""

    enabled: Annotated[bool, Meta(description="false: the watchdog reports nothing.", examples=[False])] = True
