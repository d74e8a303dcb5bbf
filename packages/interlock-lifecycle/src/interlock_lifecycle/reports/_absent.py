"""The reason why a date has no run: the condition of its trigger, with the last values of the trigger's sensor."""

from collections.abc import Mapping
from datetime import datetime

from interlock_config import PipelineConfig
from interlock_rules import Mode, UnreadableDate, compile_rules, row_date, select_rows, updated_at
from interlock_sla import ExecutionDate, SlaError, execution_day

_OBSERVED = "the pipeline is a dry run, which starts nothing: its events have the decisions"


def why_not_triggered(
    config: PipelineConfig, rows: Mapping[str, Mapping[str, object]], date: ExecutionDate, now: datetime
) -> str:
    """The condition of the trigger with the last values of its sensor. Empty for a date that needs no sensor.

    rows: the sensor rows that the date may read, by row key. now: an aware time.
    """
    rule = config.trigger_rule
    if rule is None:
        return "the watchdog starts it, without a sensor" if config.cron is not None else ""
    selected = select_rows(rows, [rule], date)
    (finding,) = compile_rules(Mode.ALL, [rule]).evaluate(selected.fields, now, selected.notes).findings
    if not finding.passed:
        return finding.sentence
    source, fields = selected.sources[rule.row_name], selected.fields[rule.row_name]
    own = own_date(config, source, fields)
    if own is not None and own != date:
        return f"no row of {date} has arrived: {source} is of {own}"
    return f"{finding.sentence}, but {_why_not_begun(config, source, fields)}"


def own_date(config: PipelineConfig, key: str, fields: Mapping[str, object]) -> ExecutionDate | None:
    """The date that a trigger's row opens: the date that it names, otherwise the day of its time. None without both."""
    own, stamp = row_date(key, fields), updated_at(fields)
    if isinstance(own, UnreadableDate) or (own is None and stamp is None):
        return None
    try:
        return execution_day(stamp, config.zone) if own is None and stamp is not None else own
    except SlaError:
        return None


def _why_not_begun(config: PipelineConfig, key: str, fields: Mapping[str, object]) -> str:
    """The reason why a row whose condition holds, and that counts for the date, has opened no run."""
    if row_date(key, fields) is None and updated_at(fields) is None:
        return "it names no date and no time: it counts for the day on which it was written"
    if own_date(config, key, fields) is None:
        return "its date cannot be read"
    return _OBSERVED if config.dry_run else "the watchdog has not started it yet"
