"""Takes in stream records: sensors, rerun requests, outcomes of external jobs, configs and calendars."""

from interlock_controller.records._change import Change, MalformedRecord, event_runs, read_change
from interlock_controller.records._configs import ConfigIntake
from interlock_controller.records._inbox import SensorInbox, SensorReading, read_reading
from interlock_controller.records._job_events import JobEventIntake
from interlock_controller.records._outcomes import OutcomeIntake
from interlock_controller.records._reruns import RerunIntake
from interlock_controller.records._router import RecordRouter
from interlock_controller.records._sensors import SensorIntake

__all__ = [
    "Change",
    "ConfigIntake",
    "JobEventIntake",
    "MalformedRecord",
    "OutcomeIntake",
    "RecordRouter",
    "RerunIntake",
    "SensorInbox",
    "SensorIntake",
    "SensorReading",
    "event_runs",
    "read_change",
    "read_reading",
]
