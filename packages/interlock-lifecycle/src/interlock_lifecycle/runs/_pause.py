"""A pause ends the execution of a run whose job is not promised. The run waits for the end of the pause."""

from datetime import datetime

from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import RecoverRun
from interlock_lifecycle._run import Pause, Run, digest
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import cut_text, make_event, owner_detail


def park(run: Run, pause: Pause, now: datetime, config: PipelineConfig) -> RecoverRun:
    """End the execution of a run during a pause (docs/reference/runs.md §3.4).

    The attempt goes on after the pause in a new execution with a new window, and its rules are evaluated again. The run
    keeps its place among the waiting runs. RUN_HELD is emitted with the reason. The run has no job intent. now: UTC.
    """
    after = replace(
        run,
        run_token=digest("parked", run.run_token, now.isoformat()),
        started_token=None,
        started_at=None,
        evaluated_at=None,
        seen={},
    )
    event = make_event(
        EventType.RUN_HELD,
        run.key,
        now,
        source=f"pause {run.run_token}",
        attempt=run.attempt,
        run_token=run.run_token,
        message=cut_text(str(pause)),
        detail={"rules": [], **owner_detail(config)},
    )
    return RecoverRun(run, after, (event,))
