"""What a pipeline config is: its sections, their defaults, and the values that follow from them."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from interlock_rules import Check, Mode, Rule, RuleSet, compile_rules
from interlock_sla import Calendar, Cron, Duration, Exclusions, parse_cron, parse_duration, zone

from ._problems import ConfigError, Problem, did_you_mean

RESERVED_KEYS = ("first-sensor-arrival", "postrun-baseline")
"""Beginnings of the sensor keys that Interlock writes itself."""

DURATION_PATTERN = r"^[-+]?((([0-9]+(\.[0-9]*)?|\.[0-9]+)(h|ms|m|us|µs|μs|ns|s))+|0)$"
"""What a duration looks like; the sign and a bare 0 are allowed, other numbers need a unit."""

RETRY_DELAY_CEILING = timedelta(hours=1)
"""A doubled retry delay never grows beyond this."""


class JobType(StrEnum):
    """The nine ways to start a job."""

    HTTP = "http"
    COMMAND = "command"
    AIRFLOW = "airflow"
    GLUE = "glue"
    EMR = "emr"
    EMR_SERVERLESS = "emr-serverless"
    STEP_FUNCTION = "step-function"
    DATABRICKS = "databricks"
    LAMBDA = "lambda"


Id = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_.-]{1,64}$(?!\n)",
        description="Unique name of the pipeline: letters, digits, '-', '_' and '.', at most 64.",
        examples=["bronze-orders"],
        extra={"allowed": "must be 1 to 64 letters, digits, '-', '_' or '.'"},
    ),
]
Timezone = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$(?!\n)",
        description="IANA time zone.",
        examples=["UTC", "Europe/Berlin"],
        extra={"allowed": "must be an IANA time zone such as Europe/Berlin"},
    ),
]
TimeOfDay = Annotated[
    str,
    Meta(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)",
        description="Wall-clock time, HH:MM.",
        examples=["08:00"],
        extra={"allowed": 'must be a time of day in quotes, from "00:00" to "23:59"', "time": True},
    ),
]
Deadline = Annotated[
    str,
    Meta(
        pattern=r"^([01][0-9]|2[0-3])?:[0-5][0-9]$(?!\n)",
        description='"HH:MM" for daily runs, ":MM" for hourly runs.',
        examples=["08:30", ":45"],
        extra={"allowed": 'must be "HH:MM" (daily) or ":MM" (hourly), in quotes', "time": True},
    ),
]
SensorKey = Annotated[
    str,
    Meta(
        min_length=1,
        description="Sensor key; `key` also stands for its per-period rows `key#…`.",
        examples=["orders-ready"],
        extra={
            "allowed": "must be a sensor key, not empty",
            "schema": {
                "type": "string",
                "minLength": 1,
                "pattern": f"^(?!{'|'.join(RESERVED_KEYS)})",
            },
        },
    ),
]
Field = Annotated[
    str | None,
    Meta(
        description="Field of the sensor's data. exists: left out, it asks for the sensor; ages: default updatedAt.",
        examples=["row_count"],
        extra={
            "allowed": "must be the name of a field of the sensor's data",
            "schema": {"type": "string", "minLength": 1},
        },
    ),
]
CheckName = Annotated[
    Check, Meta(description="What must hold: presence, equality, a bound, or an age.", examples=["gte"])
]
CalendarName = Annotated[
    str,
    Meta(
        min_length=1,
        description="Name of a calendar file; its days and dates are excluded.",
        examples=["us-holidays"],
        extra={"allowed": "must be the name of a calendar file"},
    ),
]
RuleList = Annotated[
    tuple[Rule, ...],
    Meta(
        min_length=1,
        description="Rules over sensors.",
        examples=[[{"key": "orders-ready", "check": "equals", "field": "status", "value": "done"}]],
        extra={"allowed": "must be a list of at least one rule {key, check, field, value}"},
    ),
]


def any_case(names: type[StrEnum]) -> dict[str, Any]:
    """The JSON Schema of names that may be written in any letter case."""
    letters = ("".join(f"[{letter.upper()}{letter.lower()}]" for letter in name.value) for name in names)
    known = [name.value for name in names]
    return {"anyOf": [{"enum": known}, {"type": "string", "pattern": f"^({'|'.join(letters)})$"}]}


def _text(description: str, example: str) -> Meta:
    return Meta(description=description, examples=[example], extra={"allowed": "must be text"})


def _duration(description: str, example: str) -> Meta:
    return Meta(description=description, examples=[example])


def _whole(description: str, least: int, most: int, example: int) -> Meta:
    return Meta(description=description, ge=least, le=most, examples=[example])


class Section(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True, dict=True):
    """Common settings of all parts of a config: frozen, camelCase on the wire, no unknown keys."""


class Identity(Section, frozen=True):
    """Who the pipeline is."""

    id: Id
    owner: Annotated[str | None, _text("Who answers for it.", "data-platform")] = None
    description: Annotated[str | None, _text("What it does.", "Loads the day's orders.")] = None


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
    """The sensor condition that starts a run, and until when it may."""

    key: SensorKey
    check: CheckName
    field: Field = None
    value: Annotated[Any, Meta(description="What the field is compared with.", examples=["done"])] = None
    deadline: Annotated[
        Deadline | None,
        Meta(description="End of the auto-trigger window of an execution date, in schedule.timezone."),
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


class EvaluationWindow(Section, frozen=True):
    """How long the rules are looked at, and how often."""

    window: Annotated[Duration, _duration("From the start of the execution.", "1h")] = parse_duration("1h")
    interval: Annotated[Duration, _duration("Between two looks.", "5m")] = parse_duration("5m")


class Schedule(Section, frozen=True):
    """When the pipeline may, must and must not run."""

    cron: Annotated[
        str | None,
        Meta(
            description="Five cron fields: minute hour day month weekday. Excludes `include`.",
            examples=["0 8 * * *"],
            extra={
                "allowed": 'must be five cron fields in quotes, such as "0 8 * * *"',
                "schema": {"type": "string", "pattern": r"^\s*\S+(\s+\S+){4}\s*$"},
            },
        ),
    ] = None
    include: Annotated[Inclusion | None, Meta(description="Irregular dates. Excludes `cron`.")] = None
    timezone: Timezone = "UTC"
    time: Annotated[TimeOfDay | None, Meta(description="Expected start, for missed-schedule checks.")] = None
    trigger: Annotated[TriggerCondition | None, Meta(description="Sensor that starts a run.")] = None
    exclude: Annotated[Exclusion | None, Meta(description="Days on which nothing starts.")] = None
    calendar: CalendarName | None = None
    evaluation: Annotated[EvaluationWindow, Meta(description="Evaluation window and interval.")] = EvaluationWindow()


class Sla(Section, frozen=True):
    """Two observing clocks: an absolute deadline and a longest duration."""

    deadline: Deadline | None = None
    expected_duration: Annotated[
        Duration | None, _duration("Usual duration; the warning comes that long before the breach.", "30m")
    ] = None
    max_duration: Annotated[
        Duration | None,
        _duration("Longest duration from the first sensor's arrival, at most 24h; needs schedule.trigger.", "2h"),
    ] = None
    timezone: Annotated[Timezone | None, Meta(description="Zone of `deadline`; else schedule.timezone.")] = None
    critical: Annotated[bool, Meta(description="Marks its alerts as critical.", examples=[True])] = False


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
    """What is started, and how often it is tried again.

    `config` has canonical camelCase keys; `${INTERLOCK_…}` in it is not expanded yet (see `expand`).
    """

    type: Annotated[JobType, Meta(description="How the job is started.", examples=["glue"])]
    config: Annotated[
        dict[str, Any],
        Meta(
            description="What that type needs.",
            examples=[{"jobName": "load-orders"}],
            extra={"allowed": "must be a mapping with the keys of the job type"},
        ),
    ]
    max_retries: Annotated[int, _whole("Retries after transient failures.", 0, 10, 2)] = 0
    max_code_retries: Annotated[int, _whole("Retries after permanent failures.", 0, 3, 1)] = 1
    max_drift_reruns: Annotated[int, _whole("Reruns for late data and drift.", 0, 5, 1)] = 1
    max_manual_reruns: Annotated[int, _whole("Reruns on request.", 0, 5, 1)] = 1
    job_poll_window_seconds: Annotated[
        int,
        Meta(
            description="How long a job is followed, in seconds; 0 means the default.",
            ge=60,
            le=86400,
            examples=[3600],
            extra={
                "allowed": "must be a whole number of seconds from 60 to 86400, or 0 for the default",
                "schema": {"type": "integer", "anyOf": [{"const": 0}, {"minimum": 60, "maximum": 86400}]},
            },
        ),
    ] = 3600
    retry_delay: Annotated[Duration, _duration("Wait before a retry, doubled per retry, at most 1h.", "1m")] = (
        parse_duration("0s")
    )


class PostRun(Section, frozen=True):
    """What is watched after the job has finished."""

    rules: RuleList
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
    sensor_timeout: Annotated[
        Duration, _duration("How long after completion post-run sensors may stay away.", "2h")
    ] = parse_duration("2h")


class Watch(Section, frozen=True):
    """Whether the watchdog reports on the pipeline."""

    enabled: Annotated[bool, Meta(description="false: the watchdog reports nothing for it.", examples=[False])] = True


class PipelineConfig(Section, frozen=True, kw_only=True):
    """One pipeline, as its file describes it. Derived values are computed on first use and kept."""

    pipeline: Annotated[Identity, Meta(description="Who the pipeline is.")]
    schedule: Annotated[Schedule, Meta(description="When it runs.")]
    sla: Annotated[Sla | None, Meta(description="Deadlines that are observed.")] = None
    validation: Annotated[Validation, Meta(description="The rules that must hold before the job starts.")]
    job: Annotated[Job, Meta(description="What is started.")]
    post_run: Annotated[PostRun | None, Meta(description="What is watched after the job.")] = None
    dry_run: Annotated[bool, Meta(description="Observe only: nothing is ever started.", examples=[True])] = False
    watch: Annotated[Watch, Meta(description="What the watchdog does.")] = Watch()

    @property
    def id(self) -> str:
        """The pipeline's id."""
        return self.pipeline.id

    @property
    def schedule_id(self) -> str:
        """`cron` for a pipeline with schedule.cron, else `stream`."""
        return "stream" if self.schedule.cron is None else "cron"

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone of the schedule: its wall clock decides dates, fires and exclusions."""
        return zone(self.schedule.timezone)

    @cached_property
    def sla_zone(self) -> ZoneInfo:
        """The zone of the SLA deadline: its own, else the schedule's."""
        own = self.sla.timezone if self.sla else None
        return self.zone if own is None else zone(own)

    @cached_property
    def cron(self) -> Cron | None:
        """The parsed cron expression, None without one."""
        return None if self.schedule.cron is None else parse_cron(self.schedule.cron)

    @cached_property
    def rules(self) -> RuleSet:
        """The validation rules, compiled."""
        return compile_rules(self.validation.trigger, self.validation.rules)

    @cached_property
    def trigger_rule(self) -> Rule | None:
        """The trigger condition as a rule, None without one."""
        trigger = self.schedule.trigger
        if trigger is None:
            return None
        return Rule(trigger.key, trigger.check, trigger.field, trigger.value)

    @cached_property
    def post_run_rules(self) -> RuleSet | None:
        """The post-run rules, compiled (all must hold), None without a postRun section."""
        return compile_rules(Mode.ALL, self.post_run.rules) if self.post_run else None

    @cached_property
    def calendar_names(self) -> tuple[str, ...]:
        """The named calendars whose days are excluded, each once."""
        exclude = self.schedule.exclude
        named = (self.schedule.calendar, exclude.holidays if exclude else None)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    def exclusions(self, calendars: Mapping[str, Calendar]) -> Exclusions:
        """The days on which nothing starts, with the named calendars looked up in `calendars`.

        Raises ConfigError when a named calendar is not there: an unknown calendar might exclude today.
        """
        missing = [name for name in self.calendar_names if name not in calendars]
        if missing:
            raise ConfigError(_unknown_calendars(self, missing, calendars))
        exclude = self.schedule.exclude or Exclusion()
        return Exclusions(
            weekends=exclude.weekends,
            dates=frozenset(exclude.dates),
            calendars=tuple(calendars[name] for name in self.calendar_names),
        )

    def retry_delay_before(self, attempt: int) -> timedelta:
        """The wait before retry number `attempt` (1 is the first retry): doubled per retry, at most 1 h."""
        if attempt < 1 or not self.job.retry_delay:
            return timedelta(0)
        doubled = self.job.retry_delay.total_seconds() * 2.0 ** min(attempt - 1, 64)
        return timedelta(seconds=min(doubled, RETRY_DELAY_CEILING.total_seconds()))


def calendar_places(config: PipelineConfig) -> dict[tuple[str, ...], str]:
    """Where the config names calendars: path to name."""
    exclude = config.schedule.exclude
    places: dict[tuple[str, ...], str | None] = {("schedule", "calendar"): config.schedule.calendar}
    if exclude is not None:
        places["schedule", "exclude", "holidays"] = exclude.holidays
    return {path: name for path, name in places.items() if name is not None}


def _unknown_calendars(
    config: PipelineConfig, missing: Iterable[str], calendars: Mapping[str, Calendar]
) -> list[Problem]:
    return [
        Problem(config.id, ".".join(path), name, unknown_calendar(name, calendars))
        for path, name in calendar_places(config).items()
        if name in missing
    ]


def unknown_calendar(name: str, calendars: Iterable[str]) -> str:
    """What to say about a calendar that nobody defined."""
    return f"names a calendar that does not exist{did_you_mean(name, calendars)}"
