"""Answers rerun requests: gathers the date's facts, lets the lifecycle decide, commits the decision."""

from collections.abc import Sequence
from datetime import timedelta

from msgspec import UNSET

from interlock_controller._settling import OVERTAKEN, Overtaken, decide_until_settled
from interlock_lifecycle import AnswerDryRun, Ignore, JobEntry, JobEvent, OpenAttempt, RejectRerun, Run
from interlock_lifecycle.reruns import RerunFacts, RerunRequest, count_rejection, decide_rerun, reject_rerun
from interlock_store import Commit, Store, StoredConfig, format_time
from interlock_telemetry import get_logger

_log = get_logger(__name__)


class RerunIntake:
    """Takes in rerun requests."""

    def __init__(self, store: Store, *, execution_timeout: timedelta) -> None:
        self._store = store
        self._execution_timeout = execution_timeout

    def requested(self, request: RerunRequest) -> None:
        """Grant or reject the request, once. Raises Contended."""
        decide_until_settled(
            lambda: self._decide(request, self._store.config(request.key.pipeline_id)),
            subject=f"rerun of {request.key}",
        )

    def _decide(self, request: RerunRequest, stored: StoredConfig) -> Overtaken | None:
        key, run = request.key, self._store.run(request.key)
        entries, standing = self._store.entries(key), self._store.rerun_stands(request)
        facts = RerunFacts(
            run=run,
            exclusions=stored.exclusions,
            entries=entries,
            reruns=self._store.reruns(key),
            newest_sensor_update=self._store.newest_sensor_update(stored.config, key) if stored.config else None,
            handled=self._store.is_rerun_handled(key, request.identity),
            stands=standing is not None,
            noted=standing.noted if standing is not None else UNSET,
            unanswered=self._unanswered(run, entries),
            dry_run=self._store.dry_run(key) if stored.config is not None and stored.config.dry_run else None,
            other_run=self._store.run(key.under_other_schedule),
        )
        decision = self._answer(request, facts, stored)
        if isinstance(decision, Ignore):
            _log.info("rerun_ignored", run=str(key), reason=decision.reason)
            if facts.handled and facts.stands:
                self._store.retire_request(key, request.requested_at)
            return None
        if not isinstance(decision, OpenAttempt) and decision.counted is not None:
            before = self._store.rejections(key.pipeline_id, decision.counted.marker)
            decision = count_rejection(decision, before)
        committed = self._store.commit(decision) is Commit.COMMITTED
        _log.info("rerun_decided", run=str(key), decision=type(decision).__name__, committed=committed)
        return None if committed else OVERTAKEN

    def _unanswered(self, run: Run | None, entries: Sequence[JobEntry]) -> list[JobEntry]:
        """The late data and drift entries of the completed attempt whose own rerun request was never answered."""
        if run is None or not run.stands:
            return []
        late = (one for one in entries if one.event == JobEvent.LATE_DATA_ARRIVAL and one.run_token == run.run_token)
        return [one for one in late if not self._store.is_rerun_handled(run.key, format_time(one.request))]

    def _answer(
        self, request: RerunRequest, facts: RerunFacts, stored: StoredConfig
    ) -> OpenAttempt | RejectRerun | AnswerDryRun | Ignore:
        if stored.config is not None:
            return decide_rerun(request, facts, stored.config, execution_timeout=self._execution_timeout)
        if facts.handled:
            return Ignore("this request was answered already")
        return reject_rerun(request, facts, stored.problem)
