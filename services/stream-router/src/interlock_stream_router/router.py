"""Routes each changed row to what it means: act on committed rows, decide on sensors, requests and configs."""

from interlock_controller import Outbox, RerunDesk, SensorDesk
from interlock_lifecycle import is_reserved
from interlock_store import key_of_row, pipeline_of, read_rerun_request, read_sensor
from interlock_stream_router.configs import ConfigWatch
from interlock_stream_router.record import Change, MalformedRecord
from interlock_telemetry import get_logger

_log = get_logger(__name__)

_SILENT = ("MARKER#", "VERDICT#", "DRY_RUN#", "JOB#")
"""Rows that nobody has to act upon: Interlock's notes, and joblog rows, which the orchestrator reads itself."""


class Router:
    """One changed row at a time; raising means "try this record again", MalformedRecord that it never will work."""

    def __init__(self, outbox: Outbox, configs: ConfigWatch, sensors: SensorDesk, reruns: RerunDesk) -> None:
        self._outbox = outbox
        self._configs = configs
        self._sensors = sensors
        self._reruns = reruns

    def route(self, change: Change) -> None:
        """Do what the change asks for."""
        if change.pk.startswith("CALENDAR#"):
            self._configs.calendar_changed(change.pk.removeprefix("CALENDAR#"))
        elif change.sk == "CONFIG":
            self._configs.config_changed(pipeline_of(change.pk), change)
        elif change.row is None or change.sk.startswith(_SILENT):
            return
        elif change.sk.startswith("SENSOR#"):
            sensor = read_sensor(change.row, change.at)
            if not is_reserved(sensor.key):
                self._sensors.arrived(sensor)
        elif change.sk.startswith("TRIGGER#"):
            self._started(change)
        elif change.sk.startswith("EVENT#"):
            self._relay(change)
        elif change.sk.startswith("RERUN_REQUEST#") and "handledAt" not in change.row:
            self._reruns.requested(read_rerun_request(change.row, change.at))
        elif not change.sk.startswith("RERUN_REQUEST#"):
            raise MalformedRecord(f"{change.sk.partition('#')[0]!r} is not a kind of row that Interlock knows")

    def _started(self, change: Change) -> None:
        row = change.row or {}
        if row.get("status") != "RUNNING" or row.get("startedToken") == row.get("runToken"):
            return
        run = self._outbox.start_run(key_of_row(change.pk, change.sk))
        if run is not None:
            _log.info("execution_started", pipeline=run.key.pipeline_id, date=str(run.key.date), attempt=run.attempt)

    def _relay(self, change: Change) -> None:
        row = change.row or {}
        if "detailType" not in row or "detail" not in row:
            raise MalformedRecord("an event row without detailType and detail")
        self._outbox.relay([row])
