"""Routes changed rows: committed rows to the outbox, and sensors, requests, outcomes and configs to their intake."""

from interlock_controller.effects import Outbox
from interlock_controller.records._change import Change, MalformedRecord
from interlock_controller.records._configs import ConfigIntake
from interlock_controller.records._outcomes import OutcomeIntake
from interlock_controller.records._reruns import RerunIntake
from interlock_controller.records._sensors import SensorIntake
from interlock_lifecycle import JOB_EVENTS
from interlock_lifecycle.sensors import is_reserved
from interlock_store import key_of_row, pipeline_of, read_entry, read_rerun_request, read_sensor
from interlock_telemetry import get_logger

_log = get_logger(__name__)

_SILENT = ("MARKER#", "VERDICT#", "DRY_RUN#", "KEPT#")
"""The kinds of rows that need no action: Interlock's notes."""


class RecordRouter:
    """Routes one changed row at a time.

    MalformedRecord means that the record can never be processed. After any other error, the record is tried again.
    """

    def __init__(
        self, outbox: Outbox, configs: ConfigIntake, sensors: SensorIntake, reruns: RerunIntake, jobs: OutcomeIntake
    ) -> None:
        self._outbox = outbox
        self._configs = configs
        self._sensors = sensors
        self._reruns = reruns
        self._jobs = jobs

    def route(self, change: Change) -> None:
        """Pass the change to its intake or to the outbox."""
        if change.pk.startswith("CALENDAR#"):
            self._configs.calendar_changed(change.pk.removeprefix("CALENDAR#"), change)
        elif change.sk == "CONFIG":
            self._configs.config_changed(pipeline_of(change.pk), change)
        elif change.row is None or change.sk.startswith(_SILENT):
            return
        elif change.sk.startswith("SENSOR#"):
            self._sensed(change)
        elif change.sk.startswith("TRIGGER#"):
            self._started(change)
        elif change.sk.startswith("EVENT#"):
            # The outbox also dead-letters an incomplete row, and deletes it only after that.
            self._outbox.relay([change.row])
        elif change.sk.startswith("RERUN_REQUEST#") and "handledAt" not in change.row:
            self._reruns.requested(read_rerun_request(change.row, change.at))
        elif change.sk.startswith("JOB#"):
            self._reported(change)
        elif not change.sk.startswith("RERUN_REQUEST#"):
            raise MalformedRecord(f"{change.sk.partition('#')[0]!r} is not a kind of row that Interlock knows")

    def _sensed(self, change: Change) -> None:
        sensor = read_sensor(change.row or {}, change.at)
        if is_reserved(sensor.key):
            return
        if not sensor.fields:
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

    def _started(self, change: Change) -> None:
        row = change.row or {}
        if row.get("status") != "RUNNING" or row.get("startedToken") == row.get("runToken"):
            return
        run = self._outbox.start_run(key_of_row(change.pk, change.sk))
        if run is not None:
            _log.info("execution_started", pipeline=run.key.pipeline_id, date=str(run.key.date), attempt=run.attempt)
