"""Takes in stream records: sensors, rerun requests, outcomes of external jobs, configs and calendars."""

from interlock_controller.records._change import Change, MalformedRecord, read_change
from interlock_controller.records._configs import ConfigWatch
from interlock_controller.records._outcomes import JobDesk
from interlock_controller.records._reruns import RerunDesk
from interlock_controller.records._router import Router
from interlock_controller.records._sensors import SensorDesk

__all__ = [
    "Change",
    "ConfigWatch",
    "JobDesk",
    "MalformedRecord",
    "RerunDesk",
    "Router",
    "SensorDesk",
    "read_change",
]
