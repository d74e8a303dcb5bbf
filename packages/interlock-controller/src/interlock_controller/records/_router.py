"""Routes changed rows: committed rows to the outbox, and sensors, requests, outcomes and configs to their intake."""

from collections.abc import Mapping, Sequence
from typing import Any

from interlock_controller.effects import Outbox, RowRepairs
from interlock_controller.records._change import Change, MalformedRecord
from interlock_controller.records._configs import ConfigIntake
from interlock_controller.records._outcomes import OutcomeIntake
from interlock_controller.records._reruns import RerunIntake
from interlock_controller.records._sensors import SensorIntake
from interlock_lifecycle import JOB_EVENTS, Sensor
from interlock_lifecycle.runs import needs_start
from interlock_lifecycle.sensors import is_reserved
from interlock_store import (
    CorruptedTrigger,
    MalformedRow,
    corrupted_values,
    pipeline_of,
    read_entry,
    read_rerun_request,
    read_run,
    read_sensor,
)
from interlock_telemetry import get_logger

_log = get_logger(__name__)

_NOTES = ("MARKER#", "VERDICT#", "DRY_RUN#", "KEPT#", "OPEN#", "WAIT#", "JOBRUN")
"""The kinds of rows that need no action: Interlock's notes. Corrupted values are reported."""


class RecordRouter:
    """Routes one changed row at a time.

    MalformedRecord means that the record can never be processed. After any other error, the record is tried again.
    """

    def __init__(
        self,
        outbox: Outbox,
        configs: ConfigIntake,
        sensors: SensorIntake,
        reruns: RerunIntake,
        jobs: OutcomeIntake,
        repairs: RowRepairs,
    ) -> None:
        self._repairs = repairs
        self._outbox = outbox
        self._configs = configs
        self._sensors = sensors
        self._reruns = reruns
        self._jobs = jobs
        self._runs: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._relayed: set[str] = set()

    def begin_batch(self, events: Sequence[Sequence[Mapping[str, Any]]]) -> None:
        """Note the outbox rows of a batch (`event_runs`). Its events that are next to each other are relayed together.

        The events of a transaction come next to each other. Together they take one request to the bus and one to the
        table. They are relayed when the first of them is reached, so that no event precedes a record that failed.
        """
        self._runs = {str(run[0]["SK"]): run for run in events if len(run) > 1}
        self._relayed = set()

    def route(self, change: Change) -> None:
        """Pass the change to its intake or to the outbox.

        If the row of its run is corrupted, the row is repaired first. A malformed row is reported before it becomes a
        dead letter.
        """
        try:
            self._route_repaired(change)
        except (MalformedRow, MalformedRecord) as error:
            problem = error.problem if isinstance(error, MalformedRow) else str(error)
            self._repairs.report(change.pk, change.sk, problem, "The row is a dead letter and has no effect")
            raise

    def _route_repaired(self, change: Change) -> None:
        try:
            self._route(change)
        except CorruptedTrigger as error:
            self._repairs.repair(error)
            if not change.sk.startswith("TRIGGER#"):
                self._route(change)

    def _route(self, change: Change) -> None:
        if change.pk.startswith("CALENDAR#") or change.sk == "CONFIG":
            self._configured(change)
        elif change.row is None:
            self._deleted(change)
        elif change.sk.startswith(_NOTES):
            self._noted(change.row)
        elif change.sk.startswith("SENSOR#"):
            self._sensed(change)
        elif change.sk.startswith("TRIGGER#"):
            self._started(change)
        elif change.sk.startswith("EVENT#"):
            self._emitted(change.sk, change.row)
        elif change.sk.startswith("RERUN_REQUEST#") and "handledAt" not in change.row:
            self._reruns.requested(read_rerun_request(change.row, change.at))
        elif change.sk.startswith("JOB#"):
            self._reported(change)
        elif not change.sk.startswith("RERUN_REQUEST#"):
            raise MalformedRecord(f"{change.sk.partition('#')[0]!r} is not a kind of row that Interlock knows")

    def _emitted(self, sk: str, row: Mapping[str, Any]) -> None:
        """Relay an event. The outbox also dead-letters an incomplete row, and deletes it only after that."""
        run = self._runs.pop(sk, None)
        if run is not None:
            self._relay_together(run)
        if sk not in self._relayed:
            self._outbox.relay([row])

    def _relay_together(self, rows: Sequence[Mapping[str, Any]]) -> None:
        try:
            self._outbox.relay(rows)
        except Exception as error:  # noqa: BLE001 (each record is routed on its own, and raises its own error)
            _log.warning("events_not_relayed_together", events=len(rows), error=f"{type(error).__name__}: {error}")
        else:
            self._relayed.update(str(row["SK"]) for row in rows)

    def _configured(self, change: Change) -> None:
        if change.pk.startswith("CALENDAR#"):
            self._configs.calendar_changed(change.pk.removeprefix("CALENDAR#"), change)
        else:
            self._configs.config_changed(pipeline_of(change.pk), change)
            self._outbox.start_after_edit(pipeline_of(change.pk))

    def _deleted(self, change: Change) -> None:
        """A deleted sensor row may have hidden another row. No other deletion has an effect."""
        key = change.sk.removeprefix("SENSOR#")
        if key != change.sk and not is_reserved(key):
            self._sensors.emptied(Sensor(pipeline_of(change.pk), key, {}, change.at))

    def _sensed(self, change: Change) -> None:
        sensor = read_sensor(change.row or {}, change.at)
        if is_reserved(sensor.key):
            self._noted(change.row or {})
            return
        if not sensor.fields:
            self._sensors.emptied(sensor)
            raise MalformedRecord(f"sensor {sensor.key} of {sensor.pipeline_id} has no data")
        self._sensors.arrived(sensor)

    def _reported(self, change: Change) -> None:
        """Take in an external job's report. A row with a runToken is Interlock's own: its events are committed."""
        entry = read_entry(change.row or {})
        if entry.run_token is not None:
            return
        if entry.event not in JOB_EVENTS:
            raise MalformedRecord(f"{change.sk}: event {entry.event!r} is not one of {', '.join(sorted(JOB_EVENTS))}")
        self._jobs.reported(entry, change.at)

    def _noted(self, row: Mapping[str, Any]) -> None:
        """Report the corrupted values of a note, which another process must have written."""
        found = corrupted_values(row)
        if found is not None:
            self._repairs.report(row["PK"], row["SK"], *found)

    def _started(self, change: Change) -> None:
        """Start the execution of a run, or after its close the runs that wait for its slot.

        A run of an older tool has no token: its execution is started already.
        """
        run = read_run(change.row or {})
        if not run.is_running:
            self._outbox.start_waiting(run.key.pipeline_id)
        if not run.run_token or not needs_start(run, run.run_token) or run.waits_for_slot:
            return
        started = self._outbox.start_run(run.key)
        if started is not None:
            _log.info("execution_started", run=str(started.key), attempt=started.attempt)
