"""Acts on what was committed: starts executions and relays events, until done."""

from interlock_outbox._bus import SOURCE, BusEntry, BusError, EventBus
from interlock_outbox._executions import MISSING, Executions
from interlock_outbox._outbox import Bus, Contended, ExecutionStarter, Outbox

__all__ = [
    "MISSING",
    "SOURCE",
    "Bus",
    "BusEntry",
    "BusError",
    "Contended",
    "EventBus",
    "ExecutionStarter",
    "Executions",
    "Outbox",
]
