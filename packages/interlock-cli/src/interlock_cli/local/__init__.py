"""The local stack: an AWS-compatible server as a child process, the Lambda zips, the deployment, the stream pump."""

from interlock_cli.local._errors import LocalStackError
from interlock_cli.local._mapping import StreamMapping
from interlock_cli.local._pump import StreamPump
from interlock_cli.local._shard import Counts, PumpClients, PumpClock

__all__ = ["Counts", "LocalStackError", "PumpClients", "PumpClock", "StreamMapping", "StreamPump"]
