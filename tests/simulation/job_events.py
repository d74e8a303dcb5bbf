"""The events of ended jobs: EventBridge puts them into a queue, and the queue delivers them at least once."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulation.faults import Crash, Fault

if TYPE_CHECKING:
    from simulation.jobs import Job
    from simulation.world import World

_ACCOUNT = "123456789012"
QUEUE = f"arn:aws:sqs:eu-west-1:{_ACCOUNT}:job-events"
DELAY = timedelta(seconds=1)
"""The time from a job's end to the delivery of its event."""

_FORMS: Mapping[str, tuple[str, str, str, Mapping[str, str]]] = {
    "glue": ("aws.glue", "Glue Job State Change", "jobRunId", {"jobName": "j", "state": "SUCCEEDED"}),
    "emr": ("aws.emr", "EMR Step Status Change", "stepId", {"clusterId": "j-1", "state": "COMPLETED"}),
    "emr-serverless": (
        "aws.emr-serverless",
        "EMR Serverless Job Run State Change",
        "jobRunId",
        {"applicationId": "a", "state": "SUCCESS"},
    ),
    "step-function": ("aws.states", "Step Functions Execution Status Change", "executionArn", {"status": "SUCCEEDED"}),
}
"""By job type: the source, the detail type, the field of the run id, and further fields, as AWS documents them."""

_VISIBILITY = timedelta(minutes=1)
_MOST_RECEIVES = 5


def has_events(job_type: str) -> bool:
    """Whether the target of this job type puts an event on the bus when a job ends."""
    return job_type in _FORMS


def ended(job_type: str, run_id: str, at: datetime) -> dict[str, Any]:
    """The message of the queue about a job that ended `at` (UTC)."""
    source, detail_type, field, further = _FORMS[job_type]
    event = {
        "version": "0",
        "id": f"{job_type}-{run_id}",
        "source": source,
        "detail-type": detail_type,
        "account": _ACCOUNT,
        "time": at.isoformat(),
        "detail": {**further, field: run_id},
    }
    return {
        "messageId": f"message-{job_type}-{run_id}",
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE,
        "body": json.dumps(event),
    }


class JobEvents:
    """The queue of job events. EventBridge may lose, double or delay an event, and the queue repeats a failed one."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def await_end(self, job: "Job") -> None:
        """Deliver the event of the job's end, unless it is lost."""
        if not has_events(job.type):
            return
        world, faults = self._world, self._world.faults
        if faults.strikes(Fault.EVENT_LOST):
            return
        message = ended(job.type, job.run_id, job.ends_at)
        for _ in range(2 if faults.strikes(Fault.EVENT_DOUBLED) else 1):
            late = timedelta(minutes=world.rng.randint(1, 30)) if faults.strikes(Fault.EVENT_LATE) else timedelta()
            world.at(job.ends_at + DELAY + late, lambda: self._receive(job.run_id, message))

    def _receive(self, run_id: str, message: dict[str, Any], receives: int = 1) -> None:
        world, sandbox = self._world, self._world.sandbox()
        try:
            world.invoke(lambda: sandbox.job_events.take(message))
        except (Crash, Exception):  # noqa: BLE001 (the queue repeats the message after any error)
            if receives < _MOST_RECEIVES:
                world.at(world.now + _VISIBILITY, lambda: self._receive(run_id, message, receives + 1))
        else:
            world.checks.waits.job_reported(run_id)
