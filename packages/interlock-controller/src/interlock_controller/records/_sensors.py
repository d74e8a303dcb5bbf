"""Takes in a sensor record: gathers the facts, lets the lifecycle decide, commits the decision."""

from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_controller._dry_runs import dry_run_facts, facts_of_dry_runs
from interlock_controller._settling import OVERTAKEN, Overtaken, decide_until_settled
from interlock_controller.effects import Wakes
from interlock_lifecycle import Announce, Decision, Ignore, KeptRows, NoteAfterRun, RunKey, Sensor, StandingRequest
from interlock_lifecycle.dryrun import DryRunFacts, decide_dry_run, decide_waiting_dry_run
from interlock_lifecycle.sensors import (
    SensorFacts,
    SensorPath,
    UnreadableSensor,
    dated_rules,
    dates_to_keep,
    day_of_report,
    decide_keeping,
    decide_post_run,
    decide_rejection,
    decide_sensor,
    dormant_marker,
    has_period,
    is_dormant,
    may_be_overwritten,
    path_of,
    problem_of,
    reads,
    rejection_marker,
    reports_on,
    request_time_of,
    run_key_of,
    watching_rule,
)
from interlock_lifecycle.waits import is_validated, wakes
from interlock_rules import UnreadableDate, row_date
from interlock_store import Commit, ConfigCache, Readings, Store, StoredConfig, format_time
from interlock_telemetry import get_logger

_log = get_logger(__name__)
_NEWEST_DATES = 48
"""The number of a dry run's newest dates that may wait for a sensor: the hours of two days."""
_NOTHING = Readings({}, KeptRows())


class SensorIntake:
    """Takes in sensor records."""

    def __init__(self, store: Store, cache: ConfigCache, wakes: Wakes, *, execution_timeout: timedelta) -> None:
        self._store = store
        self._cache = cache
        self._wakes = wakes
        self._execution_timeout = execution_timeout

    def arrived(self, sensor: Sensor) -> None:
        """Decide and commit. A cached config is enough to ignore the record. Any decision reads the config again.

        Raises UnreadableSensor for a row with an invalid date, after the report: no retry changes the row. Raises
        Contended.
        """
        stored, is_fresh = self._cache.looked_up(sensor.pipeline_id)
        if not self._is_read(sensor, stored):
            return
        if not is_fresh:
            stored = self._cache.fresh(sensor.pipeline_id)
        if not self._is_read(sensor, stored) or stored.config is None:
            return
        try:
            self._take(sensor, stored.config, stored)
        finally:
            # After the row is kept for its date, and whatever else it does: a waiting run may need it.
            self._wake_runs(sensor, stored.config)

    def emptied(self, sensor: Sensor) -> None:
        """Wake the waiting runs, or judge the waiting dry runs, that may read another row from now on.

        The row has no data, or it is deleted. It may have hidden another row. Raises Contended.
        """
        stored = self._cache.fresh(sensor.pipeline_id)
        if stored.config is None or not self._is_read(sensor, stored):
            return
        if stored.config.dry_run:
            self._judge_waiting_dry_runs(sensor, stored.config, stored)
        self._wake_runs(sensor, stored.config)

    def _wake_runs(self, sensor: Sensor, config: PipelineConfig) -> None:
        """Wake the waiting runs for which the record counts."""
        if config.dry_run or not is_validated(sensor, config):
            return
        waits = self._store.waits.of_pipeline(config.id)
        self._wakes.wake_all([wait for wait in waits if wakes(sensor, config, wait)])

    def _take(self, sensor: Sensor, config: PipelineConfig, stored: StoredConfig) -> None:
        problem = problem_of(sensor, config)
        if problem is not None:
            if config.dry_run:
                # A live run evaluates by itself. A waiting date may need this reference data, or a kept row that the
                # replaced row has hidden.
                self._judge_waiting_dry_runs(sensor, config, stored)
            if reads(sensor.key, config):
                self._reject(sensor, problem, stored.config)
            return
        self._keep(sensor, config)
        path = path_of(sensor, config)
        if path is None:
            return
        if path is SensorPath.TRIGGER and not stored.periodic and has_period(sensor, config):
            self._store.note_periods(sensor.pipeline_id)
        self._decide_and_commit(sensor, lambda: self._decide(sensor, path, config, stored))
        if path is SensorPath.DRY_RUN:
            self._judge_waiting_dry_runs(sensor, config, stored)
        else:
            self._report_on_others(sensor, config, stored)

    def _is_read(self, sensor: Sensor, stored: StoredConfig) -> bool:
        if stored.config is None:
            _log.warning("sensor_held", pipeline=sensor.pipeline_id, sensor=sensor.key, reason=stored.problem)
            return False
        config = stored.config
        return reads(sensor.key, config) or is_validated(sensor, config) or path_of(sensor, config) is not None

    def _reject(self, sensor: Sensor, problem: UnreadableDate, config: PipelineConfig | None) -> NoReturn:
        marker = rejection_marker(sensor, problem)
        self._decide_and_commit(
            sensor,
            lambda: decide_rejection(sensor, problem, self._store.rejections(sensor.pipeline_id, marker), config),
        )
        raise UnreadableSensor(sensor, problem)

    def _keep(self, sensor: Sensor, config: PipelineConfig) -> None:
        """Keep the record with the dates that have begun or wait, before a row of another date replaces it."""
        for key, row_names in dates_to_keep(sensor, config).items():

            def decide(key: RunKey = key, row_names: tuple[str, ...] = row_names) -> Decision | Ignore:
                begun = self._begun(key, config)
                if begun is None:
                    return Ignore("the date has neither begun nor waits on an excluded day")
                kept = decide_keeping(sensor, begun, row_names, self._store.kept(begun))
                return kept or Ignore("the date keeps this record or a newer one")

            self._decide_and_commit(sensor, decide)

    def _begun(self, key: RunKey, config: PipelineConfig) -> RunKey | None:
        """The key of a date that has begun, also under the pipeline's other schedule, or that waits."""
        if config.dry_run:
            begun = key if self._store.arrived_at(key) is not None else None
        else:
            keys = (key, key.under_other_schedule)
            begun = next((one for one in keys if self._store.run(one) is not None), None)
        if begun is None and self._store.kept(key).is_kept_for_later:
            return key
        return begun

    def _decide_and_commit(self, sensor: Sensor, decide: Callable[[], Decision | Ignore]) -> None:
        """Decide and commit until no other writer was first."""
        decide_until_settled(
            lambda: self._commit(sensor, decide()), subject=f"sensor {sensor.key} of {sensor.pipeline_id}"
        )

    def _report_on_others(self, sensor: Sensor, config: PipelineConfig, stored: StoredConfig) -> None:
        """Judge each other run for which a post-run record counts: the run of its day, or of the hours of its day.

        Each decision may be repeated. After a failure the record comes again, and the earlier decisions are repeated.
        """
        if watching_rule(config, sensor.key) is None:
            return
        for key in self._others(sensor, config):

            def decide(key: RunKey = key) -> Decision | Ignore:
                return decide_post_run(sensor, config, self._facts(sensor, key, config, stored), key)

            self._decide_and_commit(sensor, decide)

    def _others(self, sensor: Sensor, config: PipelineConfig) -> list[RunKey]:
        own, day = run_key_of(sensor, config), day_of_report(sensor, config)
        if own.date.is_hourly:
            return [day] if day is not None and self._store.run(day) is not None else []
        return [key for key in self._store.hours_waiting(own) if reports_on(sensor, config, key)]

    def _judge_waiting_dry_runs(self, sensor: Sensor, config: PipelineConfig, stored: StoredConfig) -> None:
        """Judge the other dates of a dry run that may wait for this sensor.

        A date may wait if its evaluation window is open, even if the sensor names another date. A post-run record
        also counts for the day of its hour, or for the hours of its day.
        """
        window = timedelta(seconds=config.schedule.evaluation.window.total_seconds())
        own = None
        if sensor.fields and not isinstance(row_date(sensor.key, sensor.fields), UnreadableDate):
            own = run_key_of(sensor, config)
        arrivals = self._store.newest_arrivals(config.id, config.schedule_id, _NEWEST_DATES)
        waiting = [
            key
            for key, arrived_at in arrivals.items()
            if key != own
            and (arrived_at <= sensor.written_at <= arrived_at + window or reports_on(sensor, config, key))
        ]
        for key, seen in facts_of_dry_runs(self._store, waiting, config, stored.exclusions).items():
            known = [seen]

            def decide(key: RunKey = key, known: list[DryRunFacts] = known) -> Decision | Ignore:
                # A commit is fenced by the facts of its date. After another writer was first, they are read again.
                facts = known.pop() if known else dry_run_facts(self._store, key, config, stored.exclusions)
                return decide_waiting_dry_run(key, sensor, config, facts)

            self._decide_and_commit(sensor, decide)

    def _decide(
        self, sensor: Sensor, path: SensorPath, config: PipelineConfig, stored: StoredConfig
    ) -> Decision | Ignore:
        key = run_key_of(sensor, config)
        if path is SensorPath.DRY_RUN:
            facts = dry_run_facts(self._store, key, config, stored.exclusions)
            if not facts.has_begun and is_dormant(sensor, config, stored.exclusions):
                facts = replace(facts, is_reported=self._is_reported(sensor, key, config))
            return decide_dry_run(sensor, config, facts)
        live = self._facts(sensor, key, config, stored)
        if path is SensorPath.POST_RUN:
            return decide_post_run(sensor, config, live)
        return decide_sensor(sensor, config, live, execution_timeout=self._execution_timeout)

    def _facts(self, sensor: Sensor, key: RunKey, config: PipelineConfig, stored: StoredConfig) -> SensorFacts:
        store = self._store
        known = store.date_of_sensor(key)
        run = known.run
        waits = run is None and is_dormant(sensor, config, stored.exclusions)
        is_over = run is not None and not run.is_running
        standing = store.standing_request(key) if is_over else None
        rules = config.post_run_rules
        is_watched = run is not None and rules is not None and watching_rule(config, sensor.key) is not None
        readings = _NOTHING
        if is_watched and rules is not None:
            readings = store.readings(key, rules.rules)
        elif waits:
            readings = store.readings(key, dated_rules(config))
        elif run is None:
            readings = Readings({}, store.kept(key))
        elif is_over and may_be_overwritten(sensor, run.evaluated_at):
            readings = Readings(store.sensor_rows(config.id, (sensor.key,)), KeptRows())
        return SensorFacts(
            run=run,
            has_arrival=run is not None or known.arrived_at is not None,
            exclusions=stored.exclusions,
            request=standing,
            has_asked=is_over and self._has_asked(sensor, key, standing),
            baseline=store.baseline(key) if is_watched else {},
            sensors=readings.rows,
            kept=readings.kept,
            is_reported=waits and self._is_reported(sensor, key, config),
            other_run=known.other_run if run is None else None,
        )

    def _has_asked(self, sensor: Sensor, key: RunKey, standing: StandingRequest | None) -> bool:
        asked_at = format_time(request_time_of(sensor))
        if standing is not None and standing.is_own and standing.requested_at == asked_at:
            return True
        return self._store.is_rerun_handled(key, asked_at)

    def _is_reported(self, sensor: Sensor, key: RunKey, config: PipelineConfig) -> bool:
        return self._store.is_marked(config.id, dormant_marker(key, sensor, config))

    def _commit(self, sensor: Sensor, decision: Decision | Ignore) -> Overtaken | None:
        if isinstance(decision, Ignore):
            _log.info("sensor_ignored", pipeline=sensor.pipeline_id, sensor=sensor.key, reason=decision.reason)
            return None
        outcome = self._store.commit(decision)
        # An existing marker means that this record, or an equal one, was reported.
        reported = isinstance(decision, NoteAfterRun | Announce) and outcome is Commit.FENCED
        settled = reported or outcome is Commit.COMMITTED
        _log.info("sensor_decided", sensor=sensor.key, decision=type(decision).__name__, committed=settled)
        return None if settled else OVERTAKEN
