"""The control loop: facts are gathered, the lifecycle decides, the store commits, committed rows are acted upon."""

from interlock_controller._alerts import AlertDesk, TimerEarly
from interlock_controller._bus import PERMANENT_CODES, SOURCE, BusEntry, BusError, EventBus, MalformedEvent
from interlock_controller._dead_letters import dead_letters_of_environment
from interlock_controller._executions import MISSING, Executions
from interlock_controller._jobs import JobDesk
from interlock_controller._outbox import Bus, ExecutionStarter, Outbox
from interlock_controller._reruns import RerunDesk
from interlock_controller._sensors import SensorDesk
from interlock_controller._timers import NoTimers, SchedulerTimers, Timers, timers_of_environment
from interlock_store import Contended

__all__ = [
    "MISSING",
    "PERMANENT_CODES",
    "SOURCE",
    "AlertDesk",
    "Bus",
    "BusEntry",
    "BusError",
    "Contended",
    "EventBus",
    "ExecutionStarter",
    "Executions",
    "JobDesk",
    "MalformedEvent",
    "NoTimers",
    "Outbox",
    "RerunDesk",
    "SchedulerTimers",
    "SensorDesk",
    "TimerEarly",
    "Timers",
    "dead_letters_of_environment",
    "timers_of_environment",
]
