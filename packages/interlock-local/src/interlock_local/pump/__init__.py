"""The stream pump: passes the records of DynamoDB streams to functions like the event source mappings of AWS."""

from interlock_local.pump._checkpoint import Checkpoints, FileCheckpoints, TableCheckpoints
from interlock_local.pump._mapping import StreamMapping
from interlock_local.pump._pump import StreamPump
from interlock_local.pump._shard import Counts, PumpClients, PumpClock

__all__ = [
    "Checkpoints",
    "Counts",
    "FileCheckpoints",
    "PumpClients",
    "PumpClock",
    "StreamMapping",
    "StreamPump",
    "TableCheckpoints",
]
