"""Gathers the facts for the close of a run."""

from interlock_lifecycle import RerunReason, RunKey
from interlock_lifecycle.runs import CloseFacts
from interlock_store import Store


def gather_close_facts(store: Store, key: RunKey) -> CloseFacts:
    """The run, its config and excluded days, the retries that its date has used, and its SLA, without a baseline."""
    known = store.run_context(key)
    return CloseFacts(
        run=known.run,
        config=known.config.config,
        retries_used=sum(1 for rerun in store.reruns(key) if rerun.reason == RerunReason.JOB_FAIL_RETRY),
        exclusions=known.config.exclusions,
        sla=known.sla,
    )
