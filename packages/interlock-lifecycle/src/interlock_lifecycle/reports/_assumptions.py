"""The explanation of a date with sensor rows that no process has written: the answer to a question "what if"."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import Announce, Ignore, NoteAfterRun, NoteDormant, NoteRest, RequestRerun, StartRun
from interlock_lifecycle._run import RunStatus, Sensor
from interlock_lifecycle.reports._date_facts import DateFacts
from interlock_lifecycle.reports._explanation import Explanation, explain_date, rerun_answer
from interlock_lifecycle.reports._projection import project
from interlock_lifecycle.reports._report import Progress
from interlock_lifecycle.sensors._arrival import SensorFacts, SensorPath, path_of, run_key_of
from interlock_lifecycle.sensors._postrun import decide_post_run
from interlock_lifecycle.sensors._rejected import problem_of
from interlock_lifecycle.sensors._sensor import SensorDecision, decide_sensor
from interlock_rules import row_keys, select_rows

_ANY_TIMEOUT = timedelta(hours=4)


class _Answer(Struct, frozen=True):
    """The consequence of one assumed row, and the facts after it."""

    says: str
    facts: DateFacts


def explain_assumed(
    facts: DateFacts, assumed: Mapping[str, Mapping[str, object]], now: datetime, read_at: datetime | None = None
) -> Explanation:
    """Explain a date as it would be at `now` (UTC), had each of these rows been written then.

    assumed: the fields of each sensor row, by row key. They replace the row that exists. A row that would open the run
    of the date gives the explanation of that run, as if its execution had started at once. read_at: the time of the
    facts (UTC), by default `now`. Between this time and a later `now` no row changes, and the controller does its work.
    """
    config = facts.config
    if config is None:
        return explain_date(facts, now)
    if read_at is None or now <= read_at:
        return _explained(facts, config, assumed, now)
    projection = project(facts, read_at, now)
    found = _explained(projection.facts, config, assumed, now)
    if projection.starts_at is not None and found.state == Progress.EVALUATING:
        found = replace(found, reason="all rules hold, and the job has been started", until=None, decision="")
    return replace(found, assumed=(*projection.says(config), *found.assumed), read_at=read_at)


def _explained(
    facts: DateFacts, config: PipelineConfig, assumed: Mapping[str, Mapping[str, object]], now: datetime
) -> Explanation:
    if not assumed:
        return explain_date(facts, now)
    # All rows are there before the first is judged, as for a writer that writes them together.
    facts = replace(facts, rows={**facts.rows, **assumed})
    lines = []
    for key, fields in assumed.items():
        answer = _answer(Sensor(config.id, key, fields, now), facts, config)
        facts = answer.facts
        lines.append(f"{key}: {answer.says}")
    return replace(explain_date(facts, now), assumed=tuple(lines))


def _answer(sensor: Sensor, facts: DateFacts, config: PipelineConfig) -> _Answer:
    problem = problem_of(sensor, config)
    if problem is not None:
        return _Answer(f"it counts for no run: its {problem}", facts)
    own, path = run_key_of(sensor, config), path_of(sensor, config)
    if path is SensorPath.DRY_RUN:
        return _Answer("the pipeline is a dry run, which starts nothing", facts)
    if path is None:
        return _Answer(_read_by_rules(sensor, facts, config), facts)
    if own.date != facts.key.date:
        return _Answer(f"it is of {own.date}", facts)
    decide = decide_post_run if path is SensorPath.POST_RUN else _decide_trigger
    decision = decide(sensor, config, _sensor_facts(facts))
    if isinstance(decision, StartRun):
        run = replace(decision.run, started_token=decision.run.run_token, started_at=sensor.written_at)
        arrival = facts.sla.arrived_at or decision.arrived_at
        sla = replace(facts.sla, arrived_at=arrival)
        return _Answer("it opens the run", replace(facts, run=run, kept=decision.kept, sla=sla, evaluation=None))
    after = replace(facts, kept=decision.kept) if isinstance(decision, NoteDormant) else facts
    return _Answer(_describe(decision, sensor, facts, config), after)


def _decide_trigger(sensor: Sensor, config: PipelineConfig, facts: SensorFacts) -> SensorDecision:
    return decide_sensor(sensor, config, facts, execution_timeout=_ANY_TIMEOUT)


def _sensor_facts(facts: DateFacts) -> SensorFacts:
    return SensorFacts(
        run=facts.run,
        has_arrival=facts.sla.arrived_at is not None,
        exclusions=facts.sla.exclusions,
        request=facts.request,
        baseline=facts.baseline,
        sensors=facts.rows,
        kept=facts.kept,
        other_run=facts.other_run,
    )


def _describe(decision: SensorDecision, sensor: Sensor, facts: DateFacts, config: PipelineConfig) -> str:
    match decision:
        case RequestRerun():
            answer = rerun_answer(facts, config, decision.reason, sensor.written_at)
            return f"it requests a rerun ({decision.reason}), which is {answer}"
        case NoteRest():
            return "it is the rest of a repeated hour: the close of the run requests a rerun"
        case NoteDormant():
            return f"the day is excluded, and {facts.key.date} waits for the next open day"
        case NoteAfterRun() | Announce():
            return "; ".join(event.message or str(event.type) for event in decision.events) or "it is noted"
        case Ignore():
            if facts.run is not None and facts.run.status is RunStatus.RUNNING:
                return _read_by_rules(sensor, facts, config)
            return decision.reason
        case StartRun():
            return "it opens the run"


def _read_by_rules(sensor: Sensor, facts: DateFacts, config: PipelineConfig) -> str:
    rules, date = config.validation.rules, facts.key.date
    names = {rule.row_name for rule in rules if sensor.key in row_keys([rule], date)}
    if not names:
        return "no rule of this date reads it, and it fulfils no trigger"
    sources = select_rows(facts.rows, rules, date, facts.kept.rows).sources
    read = {sources[name] for name in names if name in sources}
    if sensor.key in read:
        return "the rules read it"
    return f"the rules read {' and '.join(sorted(read))} instead" if read else "it does not count for this date"
