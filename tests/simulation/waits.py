"""Invariant (k): a held run is looked at, a followed job is closed soon, and each wait is registered rightly.

The checks know the rows of the tables and the records that the router handled. They never read a wake.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from simulation import judged
from simulation.faults import Change
from simulation.job_events import has_events
from simulation.jobs import Job
from simulation.ledger import Emitted
from simulation.machine import Execution
from simulation.safety import intent_run_id

from interlock_config import PipelineConfig
from interlock_lifecycle import RunKey
from interlock_store import key_of_row, parse_time

if TYPE_CHECKING:
    from simulation.streams import Record
    from simulation.world import World

DELIVERY = timedelta(seconds=10)
"""The longest time from a write to its handled record, and from a wake to its look, without faults."""
PROMPT = timedelta(minutes=1)
_LONGEST_HOLD = timedelta(minutes=30)
_LONGEST_FOLLOW = timedelta(minutes=10)
_FREE_WAKES = 20
MOST_HISTORY = 20_000
"""The most history entries of an execution. Step Functions ends an execution after 25,000."""


class _Due(Struct):
    """A held run whose rules hold since `since`. `heard_at`: the time at which the last record of them was handled.

    That time moves to the end of a clean tick if a fault struck after it.
    """

    token: str
    since: datetime
    heard_at: datetime | None = None


class WaitChecks:
    """Checks each change of a wait, and at each moment that no held run and no followed job is forgotten."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._rows: dict[RunKey, Mapping[str, Any]] = {}
        self._due: dict[RunKey, _Due] = {}
        self._unheard: dict[str, dict[str, datetime]] = {}
        """By pipeline: the rows whose newest record is not handled yet, with the time of the write."""
        self._followed: list[Job] = []
        self._reported: dict[str, datetime] = {}
        """By run id: the time at which an event or a JOB# row about a job's end was handled first."""
        self._faults = 0
        self._last_fault = world.now
        self._newly_held: list[tuple[str, str]] = []
        """The runs of a transaction that other rules hold from now on."""
        self._overdue: dict[tuple[RunKey, str], int] = {}

    # --- at every transaction ----------------------------------------------------------------------------

    def transaction(self, changes: list[Change], emitted: list[Emitted]) -> None:
        """Check the changed waits, and find the held runs whose rules hold from now on."""
        touched: set[str] = set()
        self._newly_held = []
        for (table, pk, sk), before, after in changes:
            if table != self._world.names.control:
                continue
            if sk.startswith("WAIT#"):
                key = key_of_row(pk, sk)
                self._wait_changed(key, before, after)
                touched.add(key.pipeline_id)
            elif sk.startswith("TRIGGER#"):
                self._run_changed(key_of_row(pk, sk), after)
            elif pk.startswith("PIPELINE#") and (sk == "CONFIG" or sk.startswith("SENSOR#")):
                self._unheard.setdefault(pk[9:], {})[sk] = self._world.now
                touched.add(pk[9:])
        # A run that is parked during a pause is reported without rules.
        held = (event for event in emitted if event.type == "RUN_HELD")
        reported = [event.run for event in held if event.detail["detail"]["rules"]]
        if sorted(reported) != sorted(self._newly_held):
            self._broke(f"other rules hold {self._newly_held}, and {reported} were reported as held")
        for pipeline_id in touched:
            self.judge(pipeline_id)

    def _wait_changed(self, key: RunKey, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        if after is None:
            self._rows.pop(key, None)
            return
        self._rows[key] = after
        same = before is not None and before["runToken"] == after["runToken"]
        token = after.get("taskToken")
        if token is not None and token != (before or {}).get("taskToken"):
            self._broke(self._why_not_registered(key, before if same else None, after, str(token)))
        old = set((before or {}).get("held", {})) if same else set()
        if set(after.get("held", {})) != old:
            self._newly_held.append(_run(key))

    def _why_not_registered(
        self, key: RunKey, before: Mapping[str, Any] | None, after: Mapping[str, Any], token: str
    ) -> str | None:
        """A wait is registered only if its row has the numbers that its look has read: nothing came in between."""
        execution = self._world.executions.all.get(token.rpartition("#")[0])
        if execution is None or before is None:
            return f"{key}: a wait was registered at {token}, and its look found no row"
        step = execution.data["step"]
        for name in ("wakes", "registrations"):
            if int(step[name]) != int(before.get(name, 0)):
                return f"{key}: its look read {step[name]} {name}, and its wait was registered after {before[name]}"
        return None if int(after["wakes"]) == int(before["wakes"]) else f"{key}: a registration changed its wakes"

    def _run_changed(self, key: RunKey, after: Mapping[str, Any] | None) -> None:
        """The run is not held any more if its evaluation passed, if it ended, or if it has another execution."""
        due = self._due.get(key)
        if due is not None and (after is None or not _is_evaluating(after) or after["runToken"] != due.token):
            self._look_at(key, due)
            self._due.pop(key, None)

    # --- held runs ---------------------------------------------------------------------------------------

    def handled(self, pipeline_id: str, sk: str, written_at: datetime) -> None:
        """The router handled a record."""
        unheard = self._unheard.get(pipeline_id, {})
        if sk in unheard and unheard[sk] <= written_at:
            del unheard[sk]
        self.judge(pipeline_id)

    def lettered(self, record: "Record") -> None:
        """A record became a dead letter. Its row may have hidden another row, so its runs were woken before."""
        pk = str(record.wire["dynamodb"]["Keys"]["PK"]["S"])
        if pk.startswith("PIPELINE#") and record.sk.startswith("SENSOR#"):
            self.handled(pk[9:], record.sk, record.written_at)

    def judge(self, pipeline_id: str) -> None:
        """Find the held runs of a pipeline whose rules hold now, or hold no more."""
        ledger = self._world.ledger
        found = ledger.configs.now(pipeline_id)
        config = found.value if found is not None else None
        for key, row in self._rows.items():
            if key.pipeline_id != pipeline_id:
                continue
            run = ledger.runs.get(key)
            is_held = run is not None and _is_evaluating(run) and run["runToken"] == row["runToken"]
            if not is_held or row["waitsFor"] != "sensors" or not self._is_safe(key, config):
                self._due.pop(key, None)
                continue
            due = self._due.setdefault(key, _Due(str(row["runToken"]), self._world.now))
            if not self._unheard.get(pipeline_id):
                due.heard_at = due.heard_at or self._world.now
            else:
                due.heard_at = None

    def _is_safe(self, key: RunKey, config: PipelineConfig | None) -> bool:
        if config is None or config.dry_run:
            return False
        ledger = self._world.ledger
        if self._world.faults.ever_active and not judged.is_sure(ledger, key, config):
            return False
        return judged.j_was_rightly_held(ledger, key, config) is not None

    def _look_at(self, key: RunKey, due: _Due) -> None:
        """Report a run that has been held for too long, or that was held for too long until now."""
        world, config = self._world, self._world.ledger.configs.now(key.pipeline_id)
        if config is None or config.value is None or not self._is_alive(key, world.ledger.runs[key]):
            return
        self._note_faults()
        evaluation = config.value.schedule.evaluation
        rest = max(timedelta(seconds=5), evaluation.interval / 10, evaluation.window / 580)
        is_clean = due.heard_at is not None and self._last_fault < due.heard_at
        if is_clean and due.heard_at is not None and world.now > due.heard_at + DELIVERY + PROMPT + rest:
            self._broke(f"{key}: held since {due.since} although its rules hold, which was heard at {due.heard_at}")
        longest = max(_LONGEST_HOLD, evaluation.interval) + world.tick + 2 * PROMPT
        if world.now > max(due.since, self._last_fault) + longest:
            self._broke(f"{key}: held since {due.since} although its rules hold")

    def _is_alive(self, key: RunKey, run: Mapping[str, Any]) -> bool:
        """Whether the run's execution goes on. Invariant (f) limits the time until a dead one is recovered."""
        name = f"{key.pipeline_id}-{key.schedule_id}-{key.date}-{run['runToken']}"
        return self._world.executions.status(name) == "RUNNING"

    # --- followed jobs -----------------------------------------------------------------------------------

    def job_started(self, job: Job) -> None:
        """Follow a job of a type with events."""
        if has_events(job.type):
            self._followed.append(job)

    def job_reported(self, run_id: str) -> None:
        """An event or a JOB# row about the end of a job was handled."""
        self._reported.setdefault(run_id, self._world.now)

    def _look_at_job(self, job: Job) -> bool:
        """Report a job whose run was closed too late. The result is whether the run still follows it."""
        world = self._world
        key = next((one for one in world.ledger.runs if _names(one) == job.date), None)
        run = world.ledger.runs.get(key) if key is not None else None
        if key is None or run is None or run["status"] != "RUNNING" or intent_run_id(run) != job.run_id:
            return False
        if not self._is_alive(key, run):
            return True
        row = self._rows.get(key, {})
        is_awaited = row.get("waitsFor") == "job" and int(row["wakes"]) < _FREE_WAKES
        told = self._reported.get(job.run_id)
        # The execution of a recovery looks at the job when it begins.
        began = parse_time(run.get("startedAt", run["committedAt"]), "", "")
        if is_awaited and told is not None and self._last_fault < told and world.now > told + DELIVERY:
            self._broke(f"{key}: its job {job.run_id} was reported as ended at {told}, without effect")
        if world.now > max(job.ends_at, began, self._last_fault) + _LONGEST_FOLLOW + world.tick + 2 * PROMPT:
            self._broke(f"{key}: its job {job.run_id} ended at {job.ends_at}, and no look followed")
        return True

    # --- at every moment ---------------------------------------------------------------------------------

    def moment(self) -> None:
        """Check the waits after an act."""
        self._note_faults()
        for key, due in self._due.items():
            self._look_at(key, due)
        now = self._world.now
        self._followed = [job for job in self._followed if job.ends_at > now or self._look_at_job(job)]

    def _note_faults(self) -> None:
        total = self._world.faults.count.total()
        if total != self._faults:
            self._faults, self._last_fault = total, self._world.now

    def clean_tick(self, began: datetime) -> None:
        """A tick without faults since the one before sent the success of each overdue wait."""
        self._note_faults()
        for due in self._due.values():
            if due.heard_at is not None and due.heard_at <= self._last_fault:
                due.heard_at = self._world.now
        seen = {}
        for key, row in self._rows.items():
            if row.get("GSI1PK") == "LOOKING" and parse_time(row["GSI1SK"], "", "") < began - 2 * PROMPT:
                place = (key, str(row["taskToken"]))
                seen[place] = self._overdue.get(place, 0) + 1
                if seen[place] > 1:
                    self._broke(f"{key}: its wait is overdue since {row['GSI1SK']}, and two ticks have passed")
        self._overdue = seen

    def history(self, execution: Execution) -> None:
        """No execution comes near the length at which Step Functions ends it."""
        if execution.history > MOST_HISTORY:
            self._broke(f"{execution.name} has {execution.history} history entries")

    def _broke(self, message: str | None) -> None:
        self._world.checks.broke("k", message)


def _run(key: RunKey) -> tuple[str, str]:
    return key.pipeline_id, str(key.date)


def _names(key: RunKey) -> tuple[str, str, str]:
    return key.pipeline_id, key.schedule_id, str(key.date)


def _is_evaluating(run: Mapping[str, Any]) -> bool:
    return run["status"] == "RUNNING" and "evaluatedAt" not in run and "jobIntent" not in run
