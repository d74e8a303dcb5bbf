"""The checks at a story's end: all is settled, delivered, accounted for and judged, and dry runs match live runs."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, time, timedelta

from simulation import verdicts
from simulation.arrivals import names
from simulation.faults import Fault
from simulation.judged import rules_of
from simulation.ledger import Emitted, Ledger, Version
from simulation.safety import OWN_REASONS
from simulation.stories import Story
from simulation.world import is_half_written

from interlock_config import PipelineConfig
from interlock_lifecycle import RunKey
from interlock_rules import holds
from interlock_sla import ExecutionDate

_KEYS = {"PK", "SK"}


def check(story: Story) -> None:
    """Raise the first broken invariant at the end of a story."""
    checks = story.world.checks
    checks.broke("h", h_everything_settled(story))
    checks.broke("d", d_everything_delivered(story.world.ledger))
    checks.broke("d", d_an_id_says_one_thing(story.world.ledger))
    checks.broke("e", e_dead_letters_were_malformed(story))
    for key in story.promised:
        checks.broke("e", e_date_ended(story, key))
    for key in list(story.world.ledger.runs):
        checks.broke("e", e_date_was_asked_for(story, key))
        checks.broke("e", e_late_data_is_answered(story, key))
        config = story.configs.get(key.pipeline_id)
        if config is not None and key.pipeline_id not in story.edited:
            checks.broke("c", verdicts.c_verdict_is_true(story.world, config, key))
    for config in story.configs.values():
        if not config.dry_run and config.id not in story.edited:
            checks.broke("c", c_unrun_dates_are_breached(story, config))
    for live, shadow in story.twins:
        for key in [found for found in story.promised if found.pipeline_id == live]:
            checks.broke("i", i_alike(story, key, shadow))
    for message in (*e_unreadable_rows_are_rejected(story), *e_half_written_runs_are_closed(story)):
        checks.broke("e", message)
    for invariant, message in story.broken():
        checks.broke(invariant, message)
    checks.raise_broken()


def h_everything_settled(story: Story) -> str | None:
    """Nothing waits, nothing runs, no record is left in the streams."""
    world = story.world
    left = [str(row["SK"]) for row in (*world.store.pending(world.now), *world.store.running(), *world.store.waiting())]
    waiting = [record.sk for shards in world.streams.shards.values() for shard in shards for record in shard.waiting]
    executions = [name for name, execution in world.executions.all.items() if execution.status == "RUNNING"]
    open_runs = [str(key) for key, row in world.ledger.runs.items() if row["status"] == "RUNNING"]
    found = left + waiting + executions + open_runs
    return f"not settled: {found}" if found else None


def d_everything_delivered(ledger: Ledger) -> str | None:
    """Every committed event reached the bus."""
    missing = [
        f"{emitted.type} of {emitted.run}" for name, emitted in ledger.events.items() if name not in ledger.delivered
    ]
    return f"committed, never delivered: {missing}" if missing else None


def d_an_id_says_one_thing(ledger: Ledger) -> str | None:
    """An event that is committed again has the same content: a consumer that has seen its id has seen it."""
    return f"one id, two events: {ledger.contradicted}" if ledger.contradicted else None


def e_late_data_is_answered(story: Story, key: RunKey) -> str | None:
    """Late data and drift lead to another attempt, or their own rerun request was rejected."""
    ledger = story.world.ledger
    if key.pipeline_id in story.edited:
        return None
    answers = ledger.emitted(key.pipeline_id, str(key.date), "RERUN_ACCEPTED", "RERUN_REJECTED")
    for logged_at in ledger.late[key]:
        if not any(emitted.at >= logged_at and _answers_late_data(emitted) for emitted in answers):
            return f"{key}: late data was logged at {logged_at}, and neither an attempt nor a rejection followed"
    return None


def _answers_late_data(emitted: Emitted) -> bool:
    return emitted.type == "RERUN_ACCEPTED" or emitted.detail["detail"]["reason"] in OWN_REASONS


def e_dead_letters_were_malformed(story: Story) -> str | None:
    """Exactly the corrupted rows are dead-lettered."""
    malformed = ("NONSENSE#1", "RERUN_REQUEST#stream#2026-02-30", "JOB#stream")
    letters = [record.sk for record, _ in story.world.dead_letters]
    empty = [record.sk for record, _ in story.world.dead_letters if set(record.wire["dynamodb"]["NewImage"]) <= _KEYS]
    wrong = [sk for sk in letters if not sk.startswith(malformed) and not sk.startswith("SENSOR#")]
    if wrong:
        return f"dead-lettered: {wrong}: {[letter.reason for _, letter in story.world.dead_letters]}"
    buried = {sk for letter in story.world.buried if not (sk := str(letter.payload["SK"])).startswith("TRIGGER#")}
    if buried != story.spoiled_events:
        return f"{story.spoiled_events} rows of events are corrupted, but {buried} are dead-lettered"
    missing = [sk for sk in ("NONSENSE#1", "RERUN_REQUEST#stream#2026-02-30") if sk not in letters]
    was_lost = story.world.faults.count[Fault.RECORD_LOST] > 0
    missing += ["the sensor without fields"] if "SENSOR#ready" not in empty and not was_lost else []
    return f"neither processed nor dead-lettered: {missing}" if missing else None


def e_half_written_runs_are_closed(story: Story) -> Iterator[str]:
    """Each half-written row is closed with one report and a dead letter."""
    for key, is_indexed in story.half_written.items():
        if message := _why_not_closed(story, key, is_indexed=is_indexed):
            yield message


def _why_not_closed(story: Story, key: RunKey, *, is_indexed: bool) -> str | None:
    """The problem of a row that is not closed, although a component could have met it."""
    world = story.world
    row = world.trigger_row(key)
    emitted = [
        one for one in world.ledger.emitted(key.pipeline_id, str(key.date), "INFRA_FAILURE") if _is_corrupted(one)
    ]
    if is_half_written(row):
        could_be_met = is_indexed or not world.faults.count[Fault.RECORD_LOST]
        return f"{key}: its half-written row stays" if could_be_met else None
    buried = [letter for letter in world.buried if str(letter.payload["SK"]).endswith(f"#{key.date}")]
    if row is not None and (len(emitted) != 1 or not buried):
        return f"{key}: its half-written row was reported {len(emitted)} times, with {len(buried)} dead letters"
    return None


def _is_corrupted(emitted: Emitted) -> bool:
    return "is corrupted" in str(emitted.detail["message"])


def e_unreadable_rows_are_rejected(story: Story) -> Iterator[str]:
    """A row with an unreadable date is a dead letter if and only if a rule of its date reads its key.

    A row of a date outside schedule.dates is a dead letter if it fulfils the trigger. Such a row is reported once in
    24 hours for its key and form.
    """
    ledger = story.world.ledger
    letters = {
        (record.wire["dynamodb"]["Keys"]["PK"]["S"][9:], record.sk[7:], record.written_at)
        for record, _ in story.world.dead_letters
        if record.sk.startswith("SENSOR#")
    }
    written: dict[tuple[str, str, str], list[datetime]] = defaultdict(list)
    for (pipeline, sensor), row in ledger.sensors.everything():
        config = story.configs.get(pipeline)
        if not row.value or config is None or pipeline in story.edited:
            continue
        is_letter, is_read = (pipeline, sensor, row.since) in letters, is_dated(config, sensor)
        is_rejected = opens(config, sensor, row) if row.truth.outside else is_read and row.truth.unreadable != ""
        if is_letter != is_rejected:
            yield f"{sensor} of {pipeline} at {row.since}, {row.truth}: dead letter {is_letter}, read {is_read}"
        if is_rejected:
            written[_kind(pipeline, sensor, row.truth.form)].append(row.since)
    reported = _reports(ledger)
    for kind in written.keys() | reported.keys():
        if message := _wrongly_reported(written.get(kind, []), reported.get(kind, [])):
            yield f"{kind}: {message}"


def is_dated(config: PipelineConfig, sensor: str) -> bool:
    """Whether a rule with a date reads this sensor."""
    return any(names(rule.key, sensor) for rule in rules_of(config) if not rule.any_date)


def opens(config: PipelineConfig, sensor: str, row: Version) -> bool:
    """Whether the row fulfils the trigger."""
    rule = config.trigger_rule
    return rule is not None and names(rule.key, sensor) and holds(rule, row.value, row.since)


def _kind(pipeline: str, sensor: str, form: str) -> tuple[str, str, str]:
    return pipeline, re.sub("[0-9]", "9", sensor), form


def _reports(ledger: Ledger) -> dict[tuple[str, str, str], list[datetime]]:
    """The report times of each kind of unreadable row, found by its write of that second and its invalid field."""
    found: dict[tuple[str, str, str], list[datetime]] = defaultdict(list)
    for emitted in ledger.events.values():
        if emitted.type != "SENSOR_REJECTED":
            continue
        pipeline, detail, at = (
            emitted.run[0],
            emitted.detail["detail"],
            datetime.fromisoformat(emitted.detail["timestamp"]),
        )
        rows = ledger.sensors.all((pipeline, detail["sensorKey"]))
        forms = [row.truth for row in rows if row.since.replace(microsecond=0) == at]
        form = next((one.form for one in forms if one.field == detail["field"]), "nothing that was written")
        found[_kind(pipeline, detail["sensorKey"], form)].append(at)
    return found


def _wrongly_reported(written: list[datetime], reported: list[datetime]) -> str | None:
    """Each report opens 24 hours without another report, and each write lies in such hours."""
    begins: list[datetime] = []
    for at in sorted(written):
        if not begins or at.replace(microsecond=0) >= begins[-1] + timedelta(hours=24):
            begins.append(at.replace(microsecond=0))
    return None if begins == sorted(reported) else f"written at {written}, reported at {reported}, not at {begins}"


def e_date_ended(story: Story, key: RunKey) -> str | None:
    """A date with a trigger was run, failed, excluded or held by an edit of its config."""
    world = story.world
    row = world.ledger.runs.get(key)
    if row is not None or key.pipeline_id in story.edited:
        return None
    if story.promised[key]:
        return f"{key}: its trigger came, and it never ran"
    emitted = world.ledger.emitted(key.pipeline_id, str(key.date), "PIPELINE_EXCLUDED")
    if not emitted:
        return f"{key}: excluded without a report"
    return f"{key}: its data came on an excluded day, and was lost" if is_to_begin(story, key) else None


def is_to_begin(story: Story, key: RunKey) -> bool:
    """Whether a date must have begun by now although its trigger came on excluded days only.

    Each row that was ever written of it fulfils the trigger, no key holds an unreadable row, and its next allowed day
    has been there for some quiet ticks. The row of a date that is excluded itself may have been overwritten.
    """
    world, ledger = story.world, story.world.ledger
    config = story.configs[key.pipeline_id]
    rule, exclusions = config.trigger_rule, ledger.exclusions(config)
    if rule is None or exclusions.excludes(key.date.day):
        return False
    rows = [(name, row) for (pipeline, name), row in ledger.sensors.everything() if pipeline == key.pipeline_id]
    read = [row for name, row in rows if names(rule.key, name)]
    own = [row for row in read if row.truth.run_date(row.since, config.zone) == key.date]
    of_its_day = [row for row in read if row.truth.counts_for(key.date)]
    is_unsure = any(row.until is None and row.truth.unreadable for row in read)
    if is_unsure or not all(row.value and holds(rule, row.value, world.now) for row in (*own, *of_its_day)):
        return False
    quiet = max(story.end, max(row.since for row in own)) + 3 * world.tick
    allowed = max(row.since for row in own).astimezone(config.zone).date()
    while exclusions.excludes(allowed):
        allowed += timedelta(days=1)
    begin = datetime.combine(allowed, time(), config.zone) + 3 * world.tick
    return max(quiet, begin) < world.now


def e_date_was_asked_for(story: Story, key: RunKey) -> str | None:
    """Each run belongs to a date that a sensor or an operator named."""
    asked = key in story.promised or key in story.allowed
    return None if asked else f"{key} ran although no sensor and no operator named that date"


def c_unrun_dates_are_breached(story: Story, config: PipelineConfig) -> str | None:
    """An expected date that never ran breaches its absolute clock, even if its timer was lost.

    A day whose hours have runs of their own is not expected as a day.
    """
    world, sla = story.world, config.sla
    if sla is None or sla.deadline is None:
        return None
    for day in story.expected_days(config):
        key = RunKey(config.id, config.schedule_id, ExecutionDate(day))
        deadline = verdicts.expected_deadlines(config, key, None, world.ledger.exclusions(config)).get("absolute")
        has_run = any(run.pipeline_id == config.id and run.date.day == day for run in world.ledger.runs)
        if has_run or deadline is None or deadline > world.now - 3 * world.tick:
            continue
        if not world.ledger.emitted(config.id, str(day), "SLA_BREACH"):
            return f"{key} never ran, its deadline {deadline} passed without a report"
    return None


def i_alike(story: Story, key: RunKey, shadow: str) -> str | None:
    """The dry-run twin reports the acts of the live pipeline at the moments of these acts."""
    world, ledger, day = story.world, story.world.ledger, str(key.date)

    def live(*types: str) -> list[Emitted]:
        return ledger.emitted(key.pipeline_id, day, *types)

    def observed(*types: str) -> list[Emitted]:
        return ledger.emitted(shadow, day, *types)

    if shadow_ran := [found for found in ledger.runs if found.pipeline_id == shadow]:
        return f"the dry run ran: {shadow_ran}"
    passed = ledger.passes.get((key, 0))
    would = observed("DRY_RUN_WOULD_TRIGGER")
    interval = story.configs[key.pipeline_id].schedule.evaluation.interval
    if passed is None or not would:
        seen = passed.committed if passed is not None else would[0].at if would else None
        excused = passed is None and _may_be_too_old_in_time(story, key)
        if seen is not None and not excused and not _is_at_the_window_s_end(story, key, seen):
            return f"{key}: live passed: {passed is not None}, dry run: {bool(would)}"
        return None
    gap = passed.committed - would[0].at
    # One of three ticks finds a live row of an excluded date, and the first tick finds the row of a dry run.
    is_excluded = ledger.exclusions(story.configs[key.pipeline_id]).excludes(key.date.day)
    longest = interval + timedelta(seconds=5) + (3 * world.tick if is_excluded else timedelta())
    if len(would) > 1 or not timedelta(seconds=-2) <= gap <= longest:
        return f"{key}: live passed at {passed.committed}, the dry run would {len(would)} times, at {would[0].at}"
    found = live("POST_RUN_DRIFT"), observed("DRY_RUN_DRIFT")
    drifts = [[emitted.detail["detail"] for emitted in some] for some in found]
    first = min((emitted.at for some in found for emitted in some), default=world.now)
    # A dry run knows neither failures nor later attempts that evaluate the data again.
    again = [emitted for emitted in live("JOB_FAILED", "RERUN_ACCEPTED") if emitted.at <= first]
    completed = any(emitted.at <= first for emitted in live("JOB_COMPLETED"))
    if completed and not again and drifts[0][:1] != drifts[1][:1]:
        return f"{key}: live drifted by {drifts[0]}, the dry run by {drifts[1]}"
    return None


def _may_be_too_old_in_time(story: Story, key: RunKey) -> bool:
    """Whether a row can pass for the dry run and be too old for the live run, which an excluded date begins later."""
    config = story.configs[key.pipeline_id]
    ages = any(str(rule.check).startswith("age") for rule in config.validation.rules)
    return ages and story.world.ledger.exclusions(config).excludes(key.date.day)


def _is_at_the_window_s_end(story: Story, key: RunKey, seen: datetime) -> bool:
    """Whether data came with the live run's last look, which may lie between two whole seconds of stream times."""
    arrived = story.world.store.arrived_at(key)
    if arrived is None:
        return False
    end = arrived + story.configs[key.pipeline_id].schedule.evaluation.window
    return abs(seen - end) <= timedelta(seconds=2)
