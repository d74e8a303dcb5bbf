"""The moments at which a date may begin under another config: recorded ones, cron fires, and rows of the trigger."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import StartRun
from interlock_lifecycle._run import RunKey
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.sensors._dormant import next_allowed_day
from interlock_lifecycle.sensors._reconcile import start_of_fire
from interlock_lifecycle.trials._knowledge import AFTER, Knowledge
from interlock_lifecycle.trials._record import DateRecord, RecordedAttempt, is_of_excluded_day
from interlock_rules import Rule, holds, is_at_least_as_strict
from interlock_sla import Exclusions

_FIRST = datetime.fromtimestamp(0, UTC)

NO_ROWS_BEFORE = "rows that did not fulfil the former trigger are not recorded"


class Opening(Struct, frozen=True):
    """A moment (UTC) at which the date begins, unless it has begun or the day is excluded.

    is_possible: rows that are not known decide. fire: the cron fire that begins the date without a sensor. problem: the
    reason for which no moment is known. next_allowed: the next allowed day, if the record has it as excluded.
    """

    at: datetime
    is_possible: bool = False
    fire: datetime | None = None
    problem: str = ""
    next_allowed: str | None = None

    def start(self, key: RunKey, at: datetime, execution_timeout: timedelta) -> StartRun:
        """The start at the fire of a cron."""
        assert self.fire is not None
        return start_of_fire(key, self.fire, now=at, execution_timeout=execution_timeout)

    def after_excluded(
        self, key: RunKey, config: PipelineConfig, exclusions: Exclusions, knowledge: Knowledge
    ) -> "Opening | None":
        """The opening at the begin of the next allowed day, for an opening that came on an excluded day.

        None if no such day exists, or if the record waited for the same day, so that it has the begin. A date that is
        excluded itself begins only if its row is still there then.
        """
        allowed = next_allowed_day(exclusions, self.at.astimezone(config.zone).date())
        if allowed is None or allowed.isoformat() == self.next_allowed:
            return None
        begin = datetime.combine(allowed, time(), config.zone).astimezone(UTC)
        rule = config.trigger_rule
        if rule is None or not exclusions.excludes(key.date.day):
            return Opening(begin, self.is_possible)
        span = knowledge.at(rule.row_name, begin)
        if span is not None and not holds(rule, span.fields, begin):
            return None
        return Opening(begin, self.is_possible or span is None)


def knows_openings(before: PipelineConfig | None, after: PipelineConfig) -> bool:
    """Whether the record shows which rows would have begun a date: no other rows than those that did so before."""
    rule, former = after.trigger_rule, before.trigger_rule if before is not None else None
    return rule is None or rule == former or (former is not None and is_at_least_as_strict(rule, former))


def find_openings(
    record: DateRecord,
    attempts: Sequence[RecordedAttempt],
    before: PipelineConfig | None,
    after: PipelineConfig,
    knowledge: Knowledge,
    fire: datetime | None,
) -> tuple[Opening, ...]:
    """The openings of a date under the config `after`, in the order of time. fire: its cron fire under that config."""
    rule = after.trigger_rule
    if rule is None:
        return _at_fire(attempts, before, after, fire)
    if not knows_openings(before, after):
        return (Opening(_FIRST, problem=NO_ROWS_BEFORE),)
    recorded = _recorded(record, attempts)
    if before is not None and rule == before.trigger_rule:
        return recorded
    return tuple(_where_it_holds(rule, recorded[0].at, knowledge)) if recorded else ()


def _at_fire(
    attempts: Sequence[RecordedAttempt], before: PipelineConfig | None, after: PipelineConfig, fire: datetime | None
) -> tuple[Opening, ...]:
    if fire is None:
        return ()
    if attempts and before is not None and before.trigger_rule is None and fire <= attempts[0].opened_at:
        same = (before.schedule.cron, before.zone) == (after.schedule.cron, after.zone)
        return (Opening(attempts[0].opened_at if same else fire, fire=fire),)
    return (Opening(fire, fire=fire),)


def _recorded(record: DateRecord, attempts: Sequence[RecordedAttempt]) -> tuple[Opening, ...]:
    """The moments at which a row fulfilled the trigger before the date had begun, and the begin itself."""
    found = [
        Opening(event.at, next_allowed=str(event.detail.get("nextAllowedDay")))
        for event in record.events
        if is_of_excluded_day(event)
    ]
    was_triggered = any(
        event.type == EventType.JOB_TRIGGERED and event.attempt == 0 and event.detail.get("reason") == "sensor"
        for event in record.events
    )
    if attempts and was_triggered:
        found.append(Opening(attempts[0].opened_at))
    elif record.arrived_at is not None and not found:
        found.append(Opening(record.arrived_at))
    return tuple(sorted(found, key=lambda one: one.at))


def _where_it_holds(rule: Rule, first: datetime, knowledge: Knowledge) -> Iterator[Opening]:
    """The openings of a stricter trigger: where the known rows fulfil it, and where unknown rows may."""
    spans = knowledge.spans(rule.row_name)
    moment: datetime | None = first
    while moment is not None:
        span = knowledge.at(rule.row_name, moment)
        if span is None:
            yield Opening(moment, is_possible=True)
        elif holds(rule, span.fields, moment):
            yield Opening(moment)
            return
        later = [at for one in spans for at in (one.since, one.until + AFTER) if at > moment]
        moment = min(later, default=None)
