"""Sensors that are read in two ways that may conflict. The conditions of the rules are ignored."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from interlock_config._config import PipelineConfig
from interlock_config._problems import Findings, Path, render
from interlock_rules import key_matches
from interlock_sla import format_duration

_DAY = 24 * 60
_HOUR = timedelta(hours=1)
_PERIOD_MARK = "#"


def _post_run(config: PipelineConfig, findings: Findings) -> None:
    """A row that exists before the run does not show that the sensor reported after the run."""
    for place, rule in enumerate(config.post_run.rules if config.post_run is not None else ()):
        reader = next((path for path, key in _read_before(config) if _is_same(key, rule.key)), None)
        if reader is not None:
            message = f"is also read by {render(reader)}; a row from before the run counts as the post-run report"
            findings.warning(("postRun", "rules", place, "key"), rule.key, message)


def _read_before(config: PipelineConfig) -> Iterator[tuple[Path, str]]:
    """The sensor keys that decide whether a run begins and its job starts, each with the place that reads it."""
    if config.schedule.trigger is not None:
        yield ("schedule", "trigger"), config.schedule.trigger.key
    yield from ((("validation", "rules", place), rule.key) for place, rule in enumerate(config.validation.rules))


def _is_same(key: str, other: str) -> bool:
    return key_matches(key, other) or key_matches(other, key)


def _plain_key(config: PipelineConfig, findings: Findings) -> None:
    """Warn only if the next row may come while a run is held: the config does not say whether rows carry dates."""
    trigger, window, apart = config.schedule.trigger, config.schedule.evaluation.window, _least_apart(config)
    if trigger is None or apart is None or window < apart or _PERIOD_MARK in trigger.key:
        return
    for place, rule in enumerate(config.validation.rules):
        if rule.key == trigger.key and rule.reads_run_date:
            reader = render(("validation", "rules", place))
            message = (
                f"is also read by {reader}, for up to {window.text}, and the row of the next run may come after "
                f"{format_duration(apart)}; if rows carry date and hour, write one row for each hour "
                "(key#2026-03-03T07), or shorten evaluation.window"
            )
            findings.warning(("schedule", "trigger", "key"), trigger.key, message)
            return


def _least_apart(config: PipelineConfig) -> timedelta | None:
    """The least time between two runs of a day, None for a pipeline with daily runs."""
    if config.cron is not None:
        times = config.cron.fields.times
        gaps = [later - earlier for earlier, later in pairwise((*times, times[0] + _DAY))]
        return timedelta(minutes=min(gaps)) if config.cron.is_hourly else None
    trigger, sla = config.schedule.trigger, config.sla
    deadlines = (trigger.deadline if trigger else None, sla.deadline if sla else None)
    return _HOUR if any(deadline is not None and deadline.startswith(":") for deadline in deadlines) else None


KEY_WARNINGS = (
    (_post_run, ("schedule", "validation", "postRun")),
    (_plain_key, ("schedule", "sla", "validation")),
)
