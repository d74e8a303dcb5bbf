"""A pipeline config as a pydantic model, for config_vs_pydantic.py, which lists the missing checks."""

from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from interlock_sla import parse_cron, parse_duration

_ZONES = available_timezones()
_RESERVED = ("first-sensor-arrival", "postrun-baseline")


@lru_cache(maxsize=1024)
def _duration(text: str) -> timedelta:
    return parse_duration(text)


def _known_zone(name: str) -> str:
    if name not in _ZONES:
        raise ValueError("no IANA time zone")
    return name


def _hourly_at_most(cron: str) -> str:
    if parse_cron(cron).is_finer_than_hourly:
        raise ValueError("fires more than once an hour")
    return cron


def _free_key(key: str) -> str:
    if not key.strip() or key.startswith(_RESERVED):
        raise ValueError("empty or reserved")
    return key


def _positive(duration: timedelta) -> timedelta:
    if not timedelta(0) < duration <= timedelta(days=31):
        raise ValueError("out of range")
    return duration


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Length = Annotated[Duration, AfterValidator(_positive)]
Zone = Annotated[str, AfterValidator(_known_zone)]
Key = Annotated[str, AfterValidator(_free_key)]
TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Deadline = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3])?:[0-5][0-9]$")]
Name = Annotated[str, Field(min_length=1)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
Seconds = Annotated[float, Field(gt=0, le=900)]


class Check(StrEnum):
    EXISTS = "exists"
    EQUALS = "equals"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    AGE_LT = "age_lt"
    AGE_GT = "age_gt"


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class Identity(Section):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    owner: str | None = None
    description: str | None = None


class Inclusion(Section):
    dates: Annotated[tuple[date, ...], Field(min_length=1)]


class Rule(Section):
    key: Key
    check: Check
    field: str | None = None
    value: Any = None

    @model_validator(mode="after")
    def _value_fits(self) -> "Rule":
        if self.check in (Check.AGE_LT, Check.AGE_GT):
            if not timedelta(0) < _duration(self.value) <= timedelta(days=3650):
                raise ValueError("age out of range")
        elif self.check is Check.EXISTS:
            pass  # its value is ignored
        elif self.field is None or self.value is None:
            raise ValueError("needs a field and a value")
        elif self.check is not Check.EQUALS and (isinstance(self.value, bool) or float(self.value) is None):
            raise ValueError("needs a number")
        return self


class TriggerCondition(Rule):
    deadline: Deadline | None = None


class Exclusion(Section):
    weekends: bool = False
    dates: tuple[date, ...] = ()
    holidays: Name | None = None


class EvaluationWindow(Section):
    window: Length = timedelta(hours=1)
    interval: Length = timedelta(minutes=5)

    @model_validator(mode="after")
    def _interval_fits(self) -> "EvaluationWindow":
        if not max(self.window / 2000, timedelta(seconds=1)) <= self.interval <= self.window:
            raise ValueError("interval out of range")
        return self


class Schedule(Section):
    cron: Annotated[str, AfterValidator(_hourly_at_most)] | None = None
    include: Inclusion | None = None
    timezone: Zone = "UTC"
    time: TimeOfDay | None = None
    trigger: TriggerCondition | None = None
    exclude: Exclusion | None = None
    calendar: Name | None = None
    evaluation: EvaluationWindow = EvaluationWindow()

    @model_validator(mode="after")
    def _cron_or_dates(self) -> "Schedule":
        if self.cron is not None and self.include is not None:
            raise ValueError("cron and include exclude each other")
        return self


class Sla(Section):
    deadline: Deadline | None = None
    expected_duration: Length | None = None
    max_duration: Annotated[Length, Field(le=timedelta(hours=24))] | None = None
    timezone: Zone | None = None
    critical: bool = False


class Validation(Section):
    trigger: Literal["ALL", "ANY"] = "ALL"
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]


class HttpConfig(Section):
    url: Url
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: dict[str, str] = {}
    body: str | dict[str, Any] | list[Any] | None = None
    timeout: Seconds | None = None


class CommandConfig(Section):
    command: Name
    working_directory: Name | None = None


class AirflowConfig(Section):
    url: Url
    dag_id: Annotated[Name, Field(alias="dagID")]
    headers: dict[str, str] = {}
    body: str | dict[str, Any] | list[Any] | None = None
    timeout: Seconds | None = None


class GlueConfig(Section):
    job_name: Name
    arguments: dict[str, str] = {}


class JobBase(Section):
    max_retries: Annotated[int, Field(ge=0, le=10)] = 0
    max_code_retries: Annotated[int, Field(ge=0, le=3)] = 1
    max_drift_reruns: Annotated[int, Field(ge=0, le=5)] = 1
    max_manual_reruns: Annotated[int, Field(ge=0, le=5)] = 1
    job_poll_window_seconds: Annotated[int, Field(ge=60, le=86400)] = 3600
    retry_delay: Annotated[Duration, Field(ge=timedelta(0), le=timedelta(hours=1))] = timedelta(0)


class HttpJob(JobBase):
    type: Literal["http"]
    config: HttpConfig


class CommandJob(JobBase):
    type: Literal["command"]
    config: CommandConfig


class AirflowJob(JobBase):
    type: Literal["airflow"]
    config: AirflowConfig


class GlueJob(JobBase):
    type: Literal["glue"]
    config: GlueConfig


Job = Annotated[HttpJob | CommandJob | AirflowJob | GlueJob, Field(discriminator="type")]


class PostRun(Section):
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    drift_field: Name = "sensor_count"
    drift_threshold: Annotated[float, Field(ge=0)] = 0
    sensor_timeout: Length = timedelta(hours=2)


class Watch(Section):
    enabled: bool = True


class Pipeline(Section):
    pipeline: Identity
    schedule: Schedule
    sla: Sla | None = None
    validation: Validation
    job: Job
    post_run: PostRun | None = None
    dry_run: bool = False
    watch: Watch = Watch()

    @model_validator(mode="after")
    def _needs_a_trigger(self) -> "Pipeline":
        timed = self.sla is not None and self.sla.max_duration is not None
        if (timed or self.dry_run) and self.schedule.trigger is None:
            raise ValueError("needs schedule.trigger")
        return self
