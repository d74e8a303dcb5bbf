"""Invariant (c): one true SLA verdict per date, recomputed from the deadlines and the first success."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulation.ledger import Emitted, Ledger
from simulation.truths import Truth

from interlock_config import PipelineConfig
from interlock_controller.records import Change
from interlock_lifecycle import RunKey
from interlock_sla import Exclusions, ExecutionDate, parse_execution_date
from interlock_store import parse_time, pipeline_pk
from interlock_store._rows import run_sk

if TYPE_CHECKING:
    from simulation.world import World

VERDICTS = {"SLA_MET", "SLA_BREACH", "RELATIVE_SLA_BREACH"}
_BREACH_OF = {"absolute": "SLA_BREACH", "relative": "RELATIVE_SLA_BREACH"}


def date_of(text: str) -> ExecutionDate:
    """The execution date of an event."""
    return parse_execution_date(text)


def run_of_sensor(ledger: Ledger, change: Change, truth: Truth) -> RunKey | None:
    """The run of a sensor: of the date that its writer named, else of its day in the pipeline's zone."""
    found = ledger.configs.now(change.pk[9:])
    config = found.value if found is not None else None
    when = truth.run_date(change.at, config.zone) if config is not None else None
    return RunKey(config.id, config.schedule_id, when) if config is not None and when is not None else None


def c_emitted_once(ledger: Ledger, emitted: Emitted) -> str | None:
    """Each verdict is reported once per date, and never both met and breached."""
    pipeline_id, day = emitted.run
    found = [event.type for event in ledger.emitted(pipeline_id, day, *VERDICTS)]
    if found.count(emitted.type) > 1:
        return f"{pipeline_id} {day}: {emitted.type} was reported {found.count(emitted.type)} times"
    if "SLA_MET" in found and len(found) > 1:
        return f"{pipeline_id} {day}: met and breached: {found}"
    return None


def c_written_once(
    key: RunKey, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, emitted: list[Emitted]
) -> str | None:
    """A clock's verdict never changes, and the transaction that writes a breach emits its event."""
    types = {event.type for event in emitted}
    for clock, breach in _BREACH_OF.items():
        old, new = (before or {}).get(clock), (after or {}).get(clock)
        if old is not None and old != new:
            return f"{key}: the verdict of its {clock} clock was changed from {old} to {new}"
        if old is None and new is not None and new["outcome"] == "breach" and breach not in types:
            return f"{key}: its {clock} clock was breached without {breach}"
    return None


def c_close_is_judged(world: "World", key: RunKey, after: Mapping[str, Any]) -> str | None:
    """The transaction that closes a run judges each clock that the close settles."""
    configs = [found.value for found in world.ledger.configs.all(key.pipeline_id)]
    if len(configs) != 1 or configs[0] is None or after["status"] == "RUNNING":
        return None  # the end of the story covers edited configs
    row = world.rows.get(world.names.control, pipeline_pk(key.pipeline_id), run_sk("VERDICT", key)) or {}
    exclusions = world.ledger.exclusions(configs[0])
    created_at = _created_at(world, key.pipeline_id)
    for clock, deadline in expected_deadlines(configs[0], key, world.store.arrived_at(key), exclusions).items():
        if deadline < created_at:
            continue
        # The close decides after the begin of its invocation. A second of tolerance: the invocation's clock may lag.
        is_settled = after["status"] == "COMPLETED" or deadline < world.invocation.began - timedelta(seconds=1)
        if is_settled and clock not in row:
            return f"{key}: closed as {after['status']}, and its {clock} clock of {deadline} was not judged"
    return None


def _created_at(world: "World", pipeline_id: str) -> datetime:
    """The time since when the pipeline exists. No deadline from before it is judged (docs/reference/sla.md §3)."""
    return world.ledger.configs.all(pipeline_id)[0].since


def expected_deadlines(
    config: PipelineConfig, key: RunKey, arrived_at: datetime | None, exclusions: Exclusions
) -> dict[str, datetime]:
    """The deadline of each clock, computed from docs/reference/sla.md §2. An excluded date has none."""
    sla = config.sla
    found: dict[str, datetime] = {}
    if sla is None or exclusions.excludes(key.date.day):
        return found
    if sla.deadline is not None:
        found["absolute"] = _moved(_absolute(sla.deadline, config, key.date), sla.deadline, config, exclusions)
    if sla.max_duration is not None and arrived_at is not None:
        found["relative"] = arrived_at + timedelta(seconds=sla.max_duration.total_seconds())
    return found


def _moved(at: datetime, text: str, config: PipelineConfig, exclusions: Exclusions) -> datetime:
    """A deadline on an excluded day moves to the same time of the next allowed day. No story excludes a month.

    A time that clocks skip on the excluded day exists on the next one.
    """
    wall = at.astimezone(config.sla_zone).replace(tzinfo=None)
    hour, _, minute = text.partition(":")
    wall = wall.replace(hour=int(hour), minute=int(minute)) if hour else wall
    while exclusions.excludes(at.astimezone(config.zone).date()):
        wall += timedelta(days=1)
        at = wall.replace(tzinfo=config.sla_zone).astimezone(UTC)
    return at


def _absolute(text: str, config: PipelineConfig, when: ExecutionDate) -> datetime:
    hour, _, minute = text.partition(":")
    zone, day = config.sla_zone, when.day
    if when.hour is not None:
        # The end of an hour is its local time, also for an hour that clocks skip.
        shown = datetime(day.year, day.month, day.day, when.hour) + timedelta(hours=1)
        begin = shown.replace(tzinfo=zone).astimezone(UTC)
        if not hour:
            return begin + timedelta(minutes=int(minute))
        return _first_at_or_after(begin, int(hour), int(minute), zone)
    fire = None
    if config.cron is not None:
        midnight = datetime(day.year, day.month, day.day, tzinfo=config.zone)
        fire = config.cron.first_fire_on(day, config.zone) or midnight.astimezone(UTC)
        return _first_at_or_after(fire, int(hour or 0), int(minute), zone)
    after = day + timedelta(days=1)
    return datetime(after.year, after.month, after.day, int(hour or 0), int(minute), tzinfo=zone).astimezone(UTC)


def _first_at_or_after(begin: datetime, hour: int, minute: int, zone: Any) -> datetime:
    local = begin.astimezone(zone).date()
    for step in range(3):
        day = local + timedelta(days=step)
        moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)
        if moment >= begin:
            return moment
    raise AssertionError("there is a tomorrow")


def c_verdict_is_true(world: "World", config: PipelineConfig, key: RunKey) -> str | None:
    """At the end, each clock was judged by the first success. A breach may be missing only after a final failure."""
    deadlines = expected_deadlines(config, key, world.store.arrived_at(key), world.ledger.exclusions(config))
    row = world.rows.get(world.names.control, pipeline_pk(key.pipeline_id), run_sk("VERDICT", key)) or {}
    emitted = [event.type for event in world.ledger.emitted(key.pipeline_id, str(key.date), *VERDICTS)]
    success = min(world.ledger.successes[key], default=None)
    created_at = _created_at(world, key.pipeline_id)
    if before := [clock for clock, deadline in deadlines.items() if deadline < created_at and clock in row]:
        return f"{key}: its {before} clocks were judged, with deadlines from before the pipeline, {created_at}"
    deadlines = {clock: deadline for clock, deadline in deadlines.items() if deadline >= created_at}
    for clock, deadline in deadlines.items():
        judged = row.get(clock)
        if judged is not None and parse_time(judged["deadline"], "", "") != deadline:
            return f"{key}: its {clock} clock was judged by {judged['deadline']}, not by {deadline}"
        expected = _expected(world, key, deadline, success)
        outcome = judged["outcome"] if judged is not None else None
        if outcome not in expected:
            return f"{key}: its {clock} clock is {outcome}, not {expected}; success {success}, deadline {deadline}"
        if (outcome == "breach") != (_BREACH_OF[clock] in emitted):
            return f"{key}: its {clock} clock is {outcome}, but reported was {emitted}"
    in_time = bool(deadlines) and success is not None and success < min(deadlines.values())
    if in_time and _was_logged_late(world, key, min(deadlines.values())):
        return None
    if in_time != ("SLA_MET" in emitted):
        return f"{key}: success {success}, deadlines {deadlines}, but reported was {emitted}"
    return None


def _expected(world: "World", key: RunKey, deadline: datetime, success: datetime | None) -> set[str | None]:
    if success is not None and success < deadline:
        return {"met", "breach"} if _was_logged_late(world, key, deadline) else {"met"}
    if success is not None:
        return {"breach"}
    if deadline >= world.now:
        return {None}
    return {"breach", None} if _failed_before(world, key, deadline) else {"breach"}


def _was_logged_late(world: "World", key: RunKey, deadline: datetime) -> bool:
    """Whether a success before the deadline was committed after it, so that the timer may have been first."""
    return world.ledger.first_logged[key] > deadline - timedelta(seconds=1)


def _failed_before(world: "World", key: RunKey, deadline: datetime) -> bool:
    """Whether the date was closed as failed at its deadline."""
    row = world.ledger.runs.get(key)
    if row is None:
        return False
    began, closed = world.ledger.failing.get(key, []), world.ledger.closings.get(key, [])
    return any(
        since <= deadline + timedelta(seconds=1) and (until is None or until >= deadline)
        for since, (_, until) in zip(began, closed, strict=True)
    )
