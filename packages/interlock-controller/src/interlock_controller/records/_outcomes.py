"""Takes in the outcome of an external job, and judges it for a dry run as a live run would."""

from datetime import datetime

from interlock_controller._settling import OVERTAKEN, Overtaken, decide_until_settled
from interlock_controller.effects import Wakes
from interlock_lifecycle import Ignore, JobEntry, RunKey
from interlock_lifecycle.dryrun import FailureFacts, decide_dry_run_failure, failure_marker
from interlock_store import Commit, ConfigCache, Store
from interlock_telemetry import get_logger

_log = get_logger(__name__)


class OutcomeIntake:
    """Takes in the reports of external jobs. A live run reads the joblog itself (check-job) when it is woken."""

    def __init__(self, store: Store, cache: ConfigCache, wakes: Wakes) -> None:
        self._store = store
        self._cache = cache
        self._wakes = wakes

    def reported(self, entry: JobEntry, at: datetime) -> None:
        """Wake the run that waits for the job, and judge the outcome for a dry run, once.

        `at` is the record's time (UTC). A live run waits for its job also after its pipeline has become a dry run.
        Raises Contended.
        """
        self._wake(entry.key)
        cached = self._cache.get(entry.key.pipeline_id).config
        if cached is None or not cached.dry_run:
            return
        decide_until_settled(lambda: self._judge(entry, at), subject=f"outcome of {entry.key}")

    def _wake(self, key: RunKey) -> None:
        wait = self._store.waits.of_run(key)
        if wait is not None and wait.for_job:
            self._wakes.wake(wait)

    def _judge(self, entry: JobEntry, at: datetime) -> Overtaken | None:
        stored = self._cache.fresh(entry.key.pipeline_id)
        if stored.config is None or not stored.config.dry_run:
            return None
        facts = FailureFacts(
            dry_run=self._store.dry_run(entry.key),
            exclusions=stored.exclusions,
            handled=self._store.is_marked(entry.key.pipeline_id, failure_marker(entry)),
        )
        decision = decide_dry_run_failure(entry, stored.config, facts, at=at)
        if isinstance(decision, Ignore):
            return None
        committed = self._store.commit(decision) is Commit.COMMITTED
        _log.info("dry_run_failure_judged", run=str(entry.key), committed=committed)
        return None if committed else OVERTAKEN
