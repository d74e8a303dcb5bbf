"""The local stack: an AWS-compatible server as a child process, with zips, a deployment and a stream pump."""

from interlock_local.stack._ministack import Ministack
from interlock_local.stack._slack import RecordingSlack
from interlock_local.stack._stack import LocalStack

__all__ = ["LocalStack", "Ministack", "RecordingSlack"]
