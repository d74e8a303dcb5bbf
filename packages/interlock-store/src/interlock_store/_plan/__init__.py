"""The writes of each decision: one list, which is committed as a whole or not at all.

`_dispatch`: the writes of each decision, the fence first and the events last.
`_fences`: the conditions that a row is as it was read, so that of two invocations one commits.
`_starts`: the writes of a date's first arrival, its start, its slot and its recovery.
`_waiting`: the writes of a waiting execution.
`_jobs`: the writes of a passed evaluation and of a job's start.
`_kept`: the writes of the sensor rows that a date keeps.
`_closes`: the writes of a close, a verdict and a repair.
`_reruns`: the writes of reruns, their requests and answers, and of what is noted after a run.
`_rejections`: the writes of counted rejections.
`_dry_runs`: the writes of a dry run.
"""

from interlock_store._plan._dispatch import plan
from interlock_store._plan._reruns import request_as_read

__all__ = ["plan", "request_as_read"]
