"""Checks every commit, delivery, start, record and tick against the invariants of the design."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from simulation import judged, safety, verdicts
from simulation.arrivals import (
    e_arrival_is_answered,
    e_excluded_day_is_reported_once,
    e_failure_is_reported_once,
    is_after_failure,
)
from simulation.faults import Change
from simulation.jobs import Job
from simulation.ledger import Emitted, Version
from simulation.parts import GRACE
from simulation.waits import WaitChecks

from interlock_controller.records import Change as Record
from interlock_controller.watch import TickFailed
from interlock_dlq import BatchResult
from interlock_lifecycle import RunKey
from interlock_lifecycle.sensors import is_reserved
from interlock_store import key_of_row, parse_time, sensor_fields

if TYPE_CHECKING:
    from simulation.streams import Record as StreamRecord
    from simulation.world import World

_CLOSING = {
    "RETRY_EXHAUSTED",
    "PIPELINE_EXCLUDED",
    "VALIDATION_EXHAUSTED",
    "JOB_POLL_EXHAUSTED",
    "INFRA_FAILURE",
    "SFN_TIMEOUT",
    "CONFIG_INVALID",
    "SENSOR_DEADLINE_EXPIRED",
}
_ONCE = {"SCHEDULE_MISSED", "IRREGULAR_SCHEDULE_MISSED", "SENSOR_DEADLINE_EXPIRED"}
_MOST_TICKS = 2


class InvariantBroken(AssertionError):
    """An invariant does not hold."""


class Routing(Struct):
    """A record on its way through the router, with the events of its handling so far."""

    change: Record
    record: "StreamRecord"
    emitted: list[Emitted]


class Before(Struct, frozen=True):
    """The state before a sensor's record is handled: its write, its run, and all runs of its pipeline."""

    version: Version
    key: RunKey | None
    row: Mapping[str, Any] | None
    runs: list[RunKey]


class Checks:
    """Checks everything that happens, and keeps broken invariants, because a service may swallow a raised error."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._ledger = world.ledger
        self._broken: list[str] = []
        self._routing: list[Routing] = []
        self._ticks_seen: Counter[tuple[str, str, str]] = Counter()
        self._fault_count = 0
        self.waits = WaitChecks(world)

    def broke(self, invariant: str, message: str | None) -> None:
        """Keep a broken invariant, if there is a message."""
        if message is not None:
            self._broken.append(f"({invariant}) at {self._world.now:%Y-%m-%dT%H:%M:%S}: {message}")

    def raise_broken(self) -> None:
        """Raise the first broken invariant."""
        if self._broken:
            raise InvariantBroken(self._broken[0])

    # --- at every transaction ----------------------------------------------------------------------------

    def transaction(self, changes: list[Change]) -> None:
        """Check the changes of one transaction."""
        keys = {key: (before, after) for key, before, after in changes}
        emitted = [
            self._ledger.events[sk[6:]]
            for (_, _, sk), (_, after) in keys.items()
            if sk.startswith("EVENT#") and "detailType" in (after or {})
        ]
        for event in emitted:
            self._event(event)
        reruns = [str(after["reason"]) for (_, _, sk), (_, after) in keys.items() if sk.startswith("RERUN#") and after]
        for (table, pk, sk), (before, after) in keys.items():
            kind = sk.partition("#")[0]
            if kind in ("JOB", "RERUN", "EVENT") and before is not None and after is not None:
                self.broke("d", f"{table} {sk} was overwritten")
            if kind == "EVENT" and after is None and not self._has_left_rightly(sk):
                self.broke("d", f"{sk} of {pk} left the outbox without having been delivered")
            if kind == "TRIGGER":
                self._run_changed(key_of_row(pk, sk), before, after, emitted, reruns)
            if kind == "VERDICT":
                self.broke("c", verdicts.c_written_once(key_of_row(pk, sk), before, after, emitted))
        self.waits.transaction(changes, emitted)
        if self._routing:
            self._routing[-1].emitted.extend(emitted)

    def _event(self, emitted: Emitted) -> None:
        pipeline_id, date = emitted.run
        if emitted.type in verdicts.VERDICTS:
            self.broke("c", verdicts.c_emitted_once(self._ledger, emitted))
        if emitted.type in _ONCE and len(self._ledger.emitted(pipeline_id, date, emitted.type)) > 1:
            self.broke("e", f"{pipeline_id} {date}: {emitted.type} was reported twice")
        if emitted.type == "PIPELINE_EXCLUDED":
            self.broke("e", e_excluded_day_is_reported_once(self._ledger, _key_of(emitted), emitted))
        if emitted.type == "RERUN_REJECTED":
            began = self._world.invocation.began
            self.broke("g", safety.g_rejection_is_right(self._ledger, _key_of(emitted), emitted, began))
        if is_after_failure(emitted):
            self.broke("e", e_failure_is_reported_once(self._ledger, _key_of(emitted), emitted))
        if emitted.type == "VALIDATION_EXHAUSTED" and not self._world.faults.ever_active:
            self._held(_key_of(emitted))

    def _held(self, key: RunKey) -> None:
        config = self._ledger.configs.now(key.pipeline_id)
        if config is not None and config.value is not None:
            self.broke("j", judged.j_was_rightly_held(self._ledger, key, config.value))

    def _run_changed(
        self,
        key: RunKey,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        emitted: list[Emitted],
        reruns: list[str],
    ) -> None:
        world, began = self._world, self._world.invocation.began
        if after is None:
            return self.broke("d", f"{key}: its trigger row was deleted")
        self.broke("d", d_change_is_emitted(key, before, after, {event.type for event in emitted}))
        actor = world.invocation.actor
        if actor is not None and before is not None and before.get("runToken") != actor:
            self.broke("b", f"{key}: an execution that does not own the run wrote about it")
        if before is not None and before.get("startedToken") != after.get("startedToken"):
            self.broke("l", safety.l_slots_are_kept(self._ledger, key, began))
        opened = after["status"] == "RUNNING" and (before is None or int(after["attempt"]) > int(before["attempt"]))
        if opened:
            self.broke("a", safety.a_attempt_may_open(self._ledger, key, after, began, rerun=bool(reruns)))
            self._date_opened(key, before, reruns)
        for reason in reruns:
            failure = next((event.detail.get("detail") for event in emitted if event.type == "JOB_FAILED"), None)
            self.broke("g", safety.g_within_budget(self._ledger, key, reason, failure, began))
            if reason != "job-fail-retry":
                self.broke("g", safety.g_rerun_has_news(self._ledger, key, parse_time(after["committedAt"], "", "")))
        passed = self._ledger.passes.get((key, int(after["attempt"])))
        if passed is not None and passed.committed == world.now and before is not None and "evaluatedAt" not in before:
            self.broke("a", safety.a_rules_held(self._ledger, passed))
            self.broke("j", judged.j_pass_is_of_its_date(self._ledger, passed))
        if "jobIntent" in after and before is not None and "jobIntent" not in before:
            self.broke("a", safety.a_intent_is_allowed(self._ledger, key, after, began))
            self.broke("a", safety.a_intent_is_not_in_a_pause(self._ledger, key))
        if before is not None and before["status"] == "RUNNING":
            self._run_ended(key, after, emitted)
        return None

    def _date_opened(self, key: RunKey, before: Mapping[str, Any] | None, reruns: list[str]) -> None:
        """A date without an operator's request is begun by its own data."""
        config = self._ledger.configs.now(key.pipeline_id)
        if before is None and not reruns and config is not None and config.value is not None:
            self.broke("j", judged.j_opened_by_its_date(self._ledger, key, config.value))

    def _run_ended(self, key: RunKey, after: Mapping[str, Any], emitted: list[Emitted]) -> None:
        """A running attempt may have ended, and its date may be closed."""
        world = self._world
        self.broke("c", verdicts.c_close_is_judged(world, key, after))
        for event in emitted:
            if event.type in ("JOB_COMPLETED", "JOB_FAILED"):
                self.broke("b", safety.b_end_is_true(world.jobs.accepted, key, event, world.now))

    # --- at every start ----------------------------------------------------------------------------------

    def job_starts(self, job: Job) -> None:
        """Check a start that a target is about to accept."""
        accepted = self._world.jobs.accepted
        self.waits.job_started(job)
        self.broke("a", safety.a_start_was_evaluated(self._ledger, job))
        self.broke("a", safety.a_start_is_allowed(self._ledger, job, self._world.invocation.began))
        self.broke("b", safety.b_one_start_per_attempt(accepted, job))
        self.broke("b", safety.b_one_attempt_runs(accepted, job))

    # --- at every delivery and record --------------------------------------------------------------------

    def _has_left_rightly(self, sk: str) -> bool:
        """Whether an event was delivered or is kept as a dead letter. The end of the story checks the letter's kind."""
        return sk[6:] in self._ledger.delivered or any(letter.payload["SK"] == sk for letter in self._world.buried)

    def d_delivered(self, event_type: str, detail: Mapping[str, Any]) -> None:
        """A delivered event was committed with this id and content."""
        event_id = str(detail["id"])
        self._ledger.delivered.add(event_id)
        committed = self._ledger.events.get(event_id)
        if committed is None and event_type != "WATCHDOG_DEGRADED":
            self.broke("d", f"{event_type} {event_id} was delivered but never committed")
        if committed is not None and (committed.type, committed.detail) != (event_type, detail):
            self.broke("d", f"{event_type} {event_id} is not what was committed")

    @contextmanager
    def routing(self, change: Record, record: "StreamRecord") -> Iterator[None]:
        """Handle a record. A record that is handled without faults must have its effect."""
        frame = Routing(change, record, [])
        before, faults = self._look(change, record), self._world.faults.count.total()
        self._routing.append(frame)
        try:
            yield
        finally:
            self._routing.pop()
        if before is None:
            return
        is_clean = self._world.faults.count.total() == faults
        if before.key is not None and is_clean:
            answer = e_arrival_is_answered(
                self._world, change, record.written_at, before.key, before.row, frame.emitted
            )
            self.broke("e", answer)
        self._ledger.take_in(before.runs, change.sk[7:], before.version)
        if before.key is not None and before.row is None and before.key in self._ledger.runs and is_clean:
            self._ledger.take_in([before.key], change.sk[7:], before.version)

    def _look(self, change: Record, record: "StreamRecord") -> "Before | None":
        """The state before a sensor's record is handled, or None for other records."""
        sensor, pipeline = change.sk.removeprefix("SENSOR#"), change.pk.removeprefix("PIPELINE#")
        if sensor == change.sk or change.row is None or is_reserved(sensor):
            return None
        version = self._ledger.version_of(pipeline, sensor, sensor_fields(change.row), record.written_at)
        key = verdicts.run_of_sensor(self._ledger, change, version.truth)
        runs = [found for found in self._ledger.runs if found.pipeline_id == pipeline]
        return Before(version, key, self._ledger.runs.get(key) if key is not None else None, runs)

    def handled(self, change: Record, record: "StreamRecord") -> None:
        """Check a record that the router handled."""
        if change.pk.startswith("PIPELINE#") and (change.sk == "CONFIG" or change.sk.startswith("SENSOR#")):
            self.waits.handled(change.pk[9:], change.sk, record.written_at)
        if change.sk.startswith("JOB#") and change.row is not None and "runId" in change.row:
            self.waits.job_reported(str(change.row["runId"]))

    def e_record_is_settled(self, record: "StreamRecord") -> None:
        """A record that is not redelivered was processed or dead-lettered."""
        if not record.settled:
            self.broke("e", f"the record of {record.sk} was skipped")

    def e_books_balance(self, result: BatchResult, size: int) -> None:
        """Every record of a batch is accounted for."""
        if result.processed + result.dlq_routed + result.batch_failures != size:
            self.broke("e", f"of {size} records, only {result} are accounted for")

    # --- at every tick -----------------------------------------------------------------------------------

    def f_tick_done(self, began: datetime) -> None:
        """After ticks without faults no committed row waits, and no run is far past its lease."""
        total = self._world.faults.count.total()
        clean, self._fault_count = total == self._fault_count, total
        if not clean:
            return
        self.waits.clean_tick(began)
        for name, since in self._ledger.pending.items():
            if since < began - GRACE - timedelta(seconds=1):
                self._ticks_seen[name] += 1
                if self._ticks_seen[name] >= _MOST_TICKS:
                    self.broke("f", f"{name} waits since {since:%Y-%m-%dT%H:%M:%S}")
        for name, since in self._ledger.waiting.items():
            slots = safety.free_slots(self._ledger, name.pipeline_id)
            self._ticks_seen["waits", name.pipeline_id, str(name)] *= since < began and slots > 0
            self._ticks_seen["waits", name.pipeline_id, str(name)] += since < began and slots > 0
            if self._ticks_seen["waits", name.pipeline_id, str(name)] > _MOST_TICKS:
                self.broke("l", f"{name} waits since {since:%Y-%m-%dT%H:%M:%S}, and {slots} slots are free")
        for key, row in self._ledger.runs.items():
            late = began - self._world.tick - timedelta(seconds=2)
            # A run that waits for a slot does not expire. Invariant (l) limits its wait.
            has_lease = row["status"] == "RUNNING" and key not in self._ledger.waiting
            if has_lease and parse_time(row["leaseUntil"], "", "") < late:
                self.broke("f", f"{key} outlived its lease of {row['leaseUntil']}")
            self._is_taken_up(key, row, began)

    def _is_taken_up(self, key: RunKey, row: Mapping[str, Any], began: datetime) -> None:
        """A run with a dead execution was recovered by the tick that probes it."""
        if row["status"] != "RUNNING" or row.get("startedToken") != row["runToken"]:
            return
        started = parse_time(row["startedAt"], "", "")
        ended = next(
            (at for name, at in self._world.executions.broken_off.items() if name.endswith(str(row["runToken"]))), None
        )
        if ended is not None and ended < began and started + self._world.tick + timedelta(seconds=2) < began:
            self.broke("f", f"{key}: its execution broke off at {ended:%Y-%m-%dT%H:%M:%S}, and no tick recovered it")

    def h_tick_failed(self, failed: BaseException) -> None:
        """Without faults no tick fails."""
        if not self._world.faults.active and isinstance(failed, TickFailed):
            self.broke("h", f"a tick failed: {failed}")

    def h_invocation_failed(self, error: Exception) -> None:
        """Without faults no step of an execution fails."""
        if not self._world.faults.active:
            self.broke("h", f"a step failed: {type(error).__name__}: {error}")


def _key_of(emitted: Emitted) -> RunKey:
    pipeline_id, date = emitted.run
    return RunKey(pipeline_id, str(emitted.detail["scheduleId"]), verdicts.date_of(date))


def d_change_is_emitted(  # noqa: C901 (one line per change)
    key: RunKey, before: Mapping[str, Any] | None, after: Mapping[str, Any], emitted: set[str]
) -> str | None:
    """Each change of a trigger row's state is committed with its event, and only allowed changes happen."""

    def needs(*types: str) -> str | None:
        return None if emitted & set(types) else f"{key}: {_shown(before)} became {_shown(after)} without {types}"

    if before is None:
        # A half-written row counts as no row. Its repair closes the run.
        return needs("SENSOR_DEADLINE_EXPIRED", "INFRA_FAILURE") if after["status"] != "RUNNING" else None
    old, new = int(before["attempt"]), int(after["attempt"])
    if before["status"] != "RUNNING":
        if after["status"] != "RUNNING":
            return None if after["status"] == before["status"] else f"{key}: a closed run became {after['status']}"
        return needs("RERUN_ACCEPTED") if new == old + 1 else f"{key}: attempt {old} became {new}"
    if after["status"] == "COMPLETED":
        return needs("JOB_COMPLETED")
    if after["status"] == "FAILED_FINAL":
        return needs(*_CLOSING)
    if new != old:
        return needs("JOB_FAILED") if new == old + 1 else f"{key}: attempt {old} became {new}"
    if before["runToken"] != after["runToken"]:
        # A run whose job is not promised may also be parked during a pause.
        return needs("TRIGGER_RECOVERED", *(() if "jobIntent" in after else ("RUN_HELD",)))
    if before.get("startedToken") != after.get("startedToken"):
        return needs("JOB_TRIGGERED")
    if "evaluatedAt" in after and "evaluatedAt" not in before:
        return needs("VALIDATION_PASSED")
    if safety.intent_run_id(after) is not None and safety.intent_run_id(before) is None:
        return needs("JOB_TRIGGERED")
    return None


def _shown(row: Mapping[str, Any] | None) -> str:
    return f"{row['status']} {row['attempt']}" if row is not None else "nothing"
