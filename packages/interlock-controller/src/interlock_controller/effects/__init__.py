"""Acts on committed rows: starts executions, relays events to the bus, sets SLA timers, keeps dead letters."""

from interlock_controller.effects._bus import PERMANENT_CODES, SOURCE, BusEntry, BusError, EventBus, MalformedEvent
from interlock_controller.effects._dead_letters import dead_letters_of_environment, queue_of
from interlock_controller.effects._executions import MISSING, STATE_MACHINE, Executions
from interlock_controller.effects._outbox import Bus, ExecutionStarter, Outbox
from interlock_controller.effects._repairs import RowRepairs
from interlock_controller.effects._timers import (
    TIMER_VARIABLES,
    NoTimers,
    SchedulerTimers,
    Timers,
    timers_of_environment,
)
from interlock_controller.effects._wakes import EndWait, TaskTokens, Wakes

__all__ = [
    "MISSING",
    "PERMANENT_CODES",
    "SOURCE",
    "STATE_MACHINE",
    "TIMER_VARIABLES",
    "Bus",
    "BusEntry",
    "BusError",
    "EndWait",
    "EventBus",
    "ExecutionStarter",
    "Executions",
    "MalformedEvent",
    "NoTimers",
    "Outbox",
    "RowRepairs",
    "SchedulerTimers",
    "TaskTokens",
    "Timers",
    "Wakes",
    "dead_letters_of_environment",
    "queue_of",
    "timers_of_environment",
]
