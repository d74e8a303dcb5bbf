"""The recovery of a run whose execution ended outside Interlock."""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from interlock_lifecycle._decision import CloseRun, Ignore, RecoverRun
from interlock_lifecycle._run import Run, make_run_token
from interlock_lifecycle._start import lease_end
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import Event, make_event, owner_detail
from interlock_lifecycle.runs._close import CloseFacts, Exhaustion, exhaust

MAX_RECOVERIES = 2
"""The number of new executions that one attempt may get before it fails (docs/reference/runs.md §9)."""


class ExecutionEnded(Struct, frozen=True):
    """The status that Step Functions reports for an ended execution: FAILED, TIMED_OUT, ABORTED or SUCCEEDED.

    MISSING if Step Functions does not know the execution. It has lost the execution, as a local stack does that was
    stopped or killed.
    """

    status: str

    @property
    def is_lost(self) -> bool:
        """Whether the execution ended with its server, and not by itself or by an operator."""
        return self.status == "MISSING"


def decide_recovery(
    facts: CloseFacts, token: str, ended: ExecutionEnded, *, now: datetime, execution_timeout: timedelta
) -> RecoverRun | CloseRun | Ignore:
    """Decide how a run continues after its execution has ended without a close.

    The watchdog calls it for each RUNNING row with such an execution. `token` names the ended execution. Results:

    - `RecoverRun`: the attempt goes on in a new execution with a new token. It keeps its job intent, so that the new
      execution follows the job that was started. TRIGGER_RECOVERED is emitted.
    - `CloseRun`: the attempt has used its two recoveries. The run fails with INFRA_FAILURE. A lost execution uses none,
      since the run had no part in its end.
    - `Ignore`: the run is closed, or another execution owns it.
    """
    run = facts.run
    if run is None or not run.is_held_by(token):
        return Ignore("the run is closed or another execution owns it")
    if run.recoveries >= MAX_RECOVERIES and not ended.is_lost:
        reason = f"the execution ended with status {ended.status}, and all {MAX_RECOVERIES} recoveries are used"
        closed = exhaust(facts, token, Exhaustion.INFRA, reason=reason, now=now)
        return closed if isinstance(closed, CloseRun) else Ignore("the run was closed in the meantime")
    recoveries = run.recoveries if ended.is_lost else run.recoveries + 1
    after = replace(
        run,
        run_token=make_run_token(run.key, run.attempt, recoveries, now),
        committed_at=now,
        started_token=None,
        evaluated_at=run.evaluated_at if run.job_intent else None,
        lease_until=lease_end(now, execution_timeout),
        recoveries=recoveries,
    )
    return RecoverRun(run, after, (_recovered(run, facts, ended, now),))


def _recovered(run: Run, facts: CloseFacts, ended: ExecutionEnded, now: datetime) -> Event:
    return make_event(
        EventType.TRIGGER_RECOVERED,
        run.key,
        now,
        source=f"recover {run.run_token} {run.recoveries}",
        attempt=run.attempt,
        run_token=run.run_token,
        message=f"the run goes on in a new execution, since its execution ended with status {ended.status}",
        detail={"source": "watchdog", "runToken": run.run_token, **owner_detail(facts.config)},
    )
