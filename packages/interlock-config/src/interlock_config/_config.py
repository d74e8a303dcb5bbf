"""The config of one pipeline, and the values that follow from it."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta
from msgspec.structs import force_setattr, replace

from interlock_rules import Mode, Rule, RuleSet, compile_rules
from interlock_sla import Calendar, Cron, DormantDays, Exclusions, parse_cron, zone

from ._problems import ConfigError, Path, Problem, did_you_mean, problem_at
from ._structs import ExcludedDays, Exclusion, Identity, Job, PostRun, Schedule, Section, Sla, Validation, Watch

RETRY_DELAY_CEILING = timedelta(hours=1)
"""A doubled retry delay never grows beyond this."""


_NO_SLA, _NO_POST_RUN, _WATCH = Sla(), PostRun(), Watch()


class PipelineConfig(Section, frozen=True, kw_only=True, dict=True):
    """One pipeline, as its file describes it.

    Derived values are computed on first use and kept.
    """

    pipeline: Annotated[Identity, Meta(description="Id, owner and description of the pipeline.")]
    schedule: Annotated[Schedule, Meta(description="When the pipeline runs.")]
    sla: Annotated[Sla | None, Meta(description="Deadlines that are observed.")] = None
    validation: Annotated[Validation, Meta(description="The rules that must hold before the job starts.")]
    job: Annotated[Job, Meta(description="The job that a run starts.")]
    post_run: Annotated[PostRun | None, Meta(description="Rules and drift after the job.")] = None
    dry_run: Annotated[bool, Meta(description="Observe only: nothing is ever started.", examples=[True])] = False
    watch: Annotated[Watch, Meta(description="Reports of the watchdog.")] = _WATCH

    def __post_init__(self) -> None:
        """A section with only defaults counts as left out: it is not written, and equals a missing section."""
        if self.sla == _NO_SLA:
            force_setattr(self, "sla", None)
        if self.post_run == _NO_POST_RUN:
            force_setattr(self, "post_run", None)
        if self.watch == _WATCH:
            force_setattr(self, "watch", _WATCH)

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
        return zone(self.schedule.timezone or "UTC")

    @cached_property
    def sla_zone(self) -> ZoneInfo:
        """The zone of the SLA deadline: its own, else the schedule's."""
        own = self.sla.timezone if self.sla else None
        return self.zone if own is None else zone(own)

    @property
    def trigger_zone(self) -> ZoneInfo:
        """The zone of schedule.trigger.deadline: the schedule's if it is written, else the SLA's, else UTC."""
        return self.zone if self.schedule.timezone is not None else self.sla_zone

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
        """The post-run rules, compiled (all must hold). None without any: nothing is watched then."""
        rules = self.post_run.rules if self.post_run else ()
        return compile_rules(Mode.ALL, rules) if rules else None

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
        return replace(self.own_exclusions, calendars=tuple(calendars[name] for name in self.calendar_names))

    @cached_property
    def own_exclusions(self) -> Exclusions:
        """The exclusions of schedule.exclude itself, without its calendars."""
        exclude = self.schedule.exclude or Exclusion()
        return Exclusions(exclude.weekends, frozenset(exclude.dates), workdays=frozenset(exclude.workdays))

    def dormant_days(self, exclusions: Exclusions) -> DormantDays | None:
        """The excluded days by the schedule's zone, over which deadlines move (docs/reference/sla.md §5).

        None if no day is excluded, or if sla.excludedDays keeps deadlines in their places.
        """
        keeps = self.sla is not None and self.sla.excluded_days is ExcludedDays.KEEP
        return None if keeps or exclusions.is_empty else DormantDays(exclusions, self.zone)

    def retry_delay_before(self, attempt: int) -> timedelta:
        """The wait before retry number `attempt` (1 is the first retry): doubled per retry, at most 1 h."""
        if attempt < 1 or not self.job.retry_delay:
            return timedelta(0)
        doubled = self.job.retry_delay.total_seconds() * 2.0 ** min(attempt - 1, 64)
        return timedelta(seconds=min(doubled, RETRY_DELAY_CEILING.total_seconds()))


CALENDAR_PLACES: tuple[Path, ...] = (("schedule", "calendar"), ("schedule", "exclude", "holidays"))
"""Where a config may name calendars."""


def calendar_places(config: PipelineConfig) -> dict[Path, str]:
    """Where the config names calendars: path to name."""
    exclude = config.schedule.exclude
    names = (config.schedule.calendar, exclude.holidays if exclude else None)
    return {path: name for path, name in zip(CALENDAR_PLACES, names, strict=True) if name is not None}


def _unknown_calendars(
    config: PipelineConfig, missing: Iterable[str], calendars: Mapping[str, Calendar]
) -> list[Problem]:
    return [
        problem_at(config.id, path, name, unknown_calendar(name, calendars))
        for path, name in calendar_places(config).items()
        if name in missing
    ]


def unknown_calendar(name: str, calendars: Iterable[str]) -> str:
    """The message for the name of an unknown calendar."""
    return f"names a calendar that does not exist{did_you_mean(name, calendars)}"
