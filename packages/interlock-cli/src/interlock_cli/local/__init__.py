"""The local stack: an AWS-compatible server as a child process, the Lambda zips, the deployment, the stream pump."""

from interlock_cli.local._builder import SERVICES, Target, build_zips
from interlock_cli.local._checkout import find_checkout
from interlock_cli.local._definition import render_definition
from interlock_cli.local._deploy import Deployment, deploy, deploy_to
from interlock_cli.local._errors import LocalStackError
from interlock_cli.local._mapping import StreamMapping
from interlock_cli.local._ministack import Ministack
from interlock_cli.local._pump import StreamPump
from interlock_cli.local._settings import StackSettings
from interlock_cli.local._shard import Counts, PumpClients, PumpClock
from interlock_cli.local._slack import RecordingSlack
from interlock_cli.local._stack import LocalStack, invoke_function, ping_function

__all__ = [
    "SERVICES",
    "Counts",
    "Deployment",
    "LocalStack",
    "LocalStackError",
    "Ministack",
    "PumpClients",
    "PumpClock",
    "RecordingSlack",
    "StackSettings",
    "StreamMapping",
    "StreamPump",
    "Target",
    "build_zips",
    "deploy",
    "deploy_to",
    "find_checkout",
    "invoke_function",
    "ping_function",
    "render_definition",
]
