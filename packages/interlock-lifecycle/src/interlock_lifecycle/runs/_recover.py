"""What happens to a run whose execution died outside, or that outlived its lease."""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from interlock_lifecycle._decision import CloseRun, Ignore, RecoverRun
from interlock_lifecycle._run import Run, make_run_token
from interlock_lifecycle._start import lease_end
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import Event, make_event
from interlock_lifecycle.runs._close import CloseFacts, Exhaustion, exhaust

MAX_RECOVERIES = 2
"""How often one attempt is given a new execution before it fails (docs/reference/runs.md §9)."""


class ExecutionEnded(Struct, frozen=True):
    """What Step Functions says of an execution that is over: FAILED, TIMED_OUT, ABORTED or SUCCEEDED; or MISSING."""

    status: str


def decide_recovery(
    facts: CloseFacts, token: str, ended: ExecutionEnded, *, now: datetime, execution_timeout: timedelta
) -> RecoverRun | CloseRun | Ignore:
    """The execution of a RUNNING row is over although the row is not closed.

    The attempt goes on under a new token and keeps its job intent, so that the job that is already there is
    adopted. After two recoveries it fails as INFRA_FAILURE.
    """
    run = facts.run
    if run is None or not run.is_held_by(token):
        return Ignore("the run is closed or another execution owns it")
    if run.recoveries >= MAX_RECOVERIES:
        reason = f"execution ended {ended.status} outside; {MAX_RECOVERIES} recoveries were used"
        closed = exhaust(facts, token, Exhaustion.INFRA, reason=reason, now=now)
        return closed if isinstance(closed, CloseRun) else Ignore("closed meanwhile")
    recoveries = run.recoveries + 1
    after = replace(
        run,
        run_token=make_run_token(run.key, run.attempt, recoveries, now),
        committed_at=now,
        started_token=None,
        evaluated_at=run.evaluated_at if run.job_intent else None,
        lease_until=lease_end(now, execution_timeout),
        recoveries=recoveries,
    )
    return RecoverRun(run, after, (_recovered(run, f"its execution ended {ended.status} outside", now),))


def _recovered(run: Run, why: str, now: datetime) -> Event:
    return make_event(
        EventType.TRIGGER_RECOVERED,
        run.key,
        now,
        source=f"recover {run.run_token} {run.recoveries}",
        attempt=run.attempt,
        message=f"the run was taken up again: {why}",
        detail={"source": "watchdog", "runToken": run.run_token},
    )
