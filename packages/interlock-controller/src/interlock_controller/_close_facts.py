"""Gathers the facts for the close of a run."""

from interlock_lifecycle import RerunReason, RunKey
from interlock_lifecycle.runs import CloseFacts
from interlock_store import Store


def gather_close_facts(store: Store, key: RunKey, *, may_retry: bool = True, region: str | None = None) -> CloseFacts:
    """The run, its config and excluded days, the retries that its date has used, and its SLA, without a baseline.

    may_retry: whether the decision needs the retries. They are not read for a close that never retries. region: as
    CloseFacts has it.
    """
    known = store.run_context(key)
    reruns = store.reruns(key) if may_retry else ()
    return CloseFacts(
        run=known.run,
        config=known.config.config,
        retries_used=sum(1 for rerun in reruns if rerun.reason == RerunReason.JOB_FAIL_RETRY),
        exclusions=known.config.exclusions,
        sla=known.sla,
        region=region,
    )
