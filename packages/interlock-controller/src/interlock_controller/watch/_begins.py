"""Takes up a date that waited on excluded days: begins it once, live or as a dry run, or ends its waiting."""

from datetime import datetime, timedelta

from interlock_config import PipelineConfig
from interlock_controller._dry_runs import dry_run_facts
from interlock_controller._settling import OVERTAKEN, Overtaken, decide_until_settled
from interlock_lifecycle import (
    TERMINAL_JOB_EVENTS,
    Ignore,
    KeepRows,
    KeptRows,
    NoteArrival,
    ObserveRun,
    RunKey,
    StartRun,
)
from interlock_lifecycle.dryrun import begin_dry_run
from interlock_lifecycle.sensors import DormantDate, TakeUp, judge_dormant, start_dormant, stop_waiting
from interlock_rules import candidate_keys
from interlock_store import Commit, Store, StoredConfig
from interlock_telemetry import get_logger

_log = get_logger(__name__)


class DormantBegins:
    """Begins dates whose trigger came on an excluded day, or ends their waiting."""

    def __init__(self, store: Store, *, execution_timeout: timedelta) -> None:
        self._store = store
        self._execution_timeout = execution_timeout

    def take_up(self, key: RunKey, config: PipelineConfig, now: datetime, *, forget_before: datetime) -> bool:
        """Begin the date if it still waits and the day of `now` is not excluded. The result is whether it began.

        `key` is the key of the KEPT# row. `config` is the caller's config. If it was edited, the date waits for the
        next call. If a date can neither begin nor be settled, it stops waiting once it has waited since before
        `forget_before`. Raises Contended.
        """

        def take_up_once() -> bool | Overtaken:
            decision = self._decide(key, config, now, forget_before)
            if isinstance(decision, Ignore):
                _log.info("dormant_date_waits", run=str(key), reason=decision.reason)
                return False
            commit = self._store.commit(decision)
            reason = decision.reason if isinstance(decision, KeepRows) else ""
            kind = type(decision).__name__
            _log.warning("dormant_date_taken_up", run=str(key), decision=kind, reason=reason, commit=str(commit))
            if commit is Commit.STALE:
                return OVERTAKEN
            return commit is Commit.COMMITTED and not isinstance(decision, KeepRows)

        return decide_until_settled(take_up_once, subject=f"dormant date {key}")

    def _decide(
        self, key: RunKey, config: PipelineConfig, now: datetime, forget_before: datetime
    ) -> StartRun | ObserveRun | NoteArrival | KeepRows | Ignore:
        stored = self._store.config(key.pipeline_id)
        if stored.config != config:
            return Ignore("the config was edited just now")
        if stored.exclusions.excludes(now.astimezone(config.zone).date()):
            return Ignore("today is excluded")
        facts = self._facts(key, config)
        judged = judge_dormant(facts, config, now)
        waits = facts.kept.dormant
        if isinstance(judged, TakeUp):
            return self._begin(judged, facts, config, stored, now)
        if isinstance(judged, Ignore) and waits is not None and waits.since < forget_before:
            return stop_waiting(facts, now, f"{judged.reason}, for too long")
        return judged

    def _begin(
        self, take: TakeUp, facts: DormantDate, config: PipelineConfig, stored: StoredConfig, now: datetime
    ) -> StartRun | ObserveRun | NoteArrival | Ignore:
        if not config.dry_run:
            return start_dormant(take, facts, config, now, self._execution_timeout)
        dry_run = dry_run_facts(self._store, facts.key, config, stored.exclusions)
        return begin_dry_run(facts.key, take.sensor, config, dry_run)

    def _facts(self, kept_key: RunKey, config: PipelineConfig) -> DormantDate:
        store, key = self._store, RunKey(config.id, config.schedule_id, kept_key.date)
        kept = store.kept(kept_key)
        arrived = store.arrived_at(key) is not None
        has_outcome = any(entry.event in TERMINAL_JOB_EVENTS for entry in store.entries(key))
        is_observed = config.dry_run and (arrived or store.dry_run(key).triggered_at is not None)
        sensor_key = "" if kept.dormant is None else kept.dormant.sensor_key
        others = () if config.trigger_rule is None else candidate_keys(config.trigger_rule.key, key.date)
        rows = store.sensor_rows(config.id, dict.fromkeys((sensor_key, *others)))
        return DormantDate(
            key=key,
            kept_key=kept_key,
            kept=kept,
            run=store.run(key),
            other_run=store.run(key.under_other_schedule),
            is_settled=is_observed or (has_outcome and not config.dry_run),
            row=rows.pop(sensor_key, None),
            has_arrival=arrived,
            others=rows,
        )

    def forget(self, key: RunKey, now: datetime) -> None:
        """End the waiting of a date whose pipeline is gone."""
        kept: KeptRows = self._store.kept(key)
        if kept.dormant is not None:
            self._store.commit(KeepRows(key, KeptRows(kept.rows, kept.version + 1), now, reason="no pipeline"))
