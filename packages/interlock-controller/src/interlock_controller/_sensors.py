"""Takes in a sensor: gathers the facts, lets the lifecycle decide, commits; again while others are faster."""

from datetime import timedelta

from interlock_controller._outbox import Contended
from interlock_lifecycle import Ignore, Sensor, SensorFacts, decide_sensor, run_key_of, triggers
from interlock_store import Commit, ConfigCache, Store, StoredConfig, format_time
from interlock_telemetry import get_logger

_log = get_logger(__name__)
_TRIES = 5


class SensorDesk:
    """What an arriving sensor leads to."""

    def __init__(self, store: Store, cache: ConfigCache, *, execution_timeout: timedelta) -> None:
        self._store = store
        self._cache = cache
        self._execution_timeout = execution_timeout

    def arrived(self, sensor: Sensor) -> None:
        """Decide and commit. A cached config may say "nothing to do"; what starts a run reads it anew."""
        if not self._is_trigger(sensor, self._cache.get(sensor.pipeline_id)):
            return
        stored = self._cache.fresh(sensor.pipeline_id)
        if not self._is_trigger(sensor, stored):
            return
        for _ in range(_TRIES):
            if self._decide(sensor, stored):
                return
        raise Contended(f"sensor {sensor.key} of {sensor.pipeline_id}: the run changed {_TRIES} times meanwhile")

    def _is_trigger(self, sensor: Sensor, stored: StoredConfig) -> bool:
        if stored.config is None:
            _log.warning("sensor_held", pipeline=sensor.pipeline_id, sensor=sensor.key, reason=stored.problem)
            return False
        return triggers(sensor, stored.config)

    def _decide(self, sensor: Sensor, stored: StoredConfig) -> bool:
        """Whether the matter is settled."""
        config = stored.config
        assert config is not None
        key = run_key_of(sensor, config)
        run = self._store.run(key)
        is_over = run is not None and not run.is_running
        facts = SensorFacts(
            run=run,
            has_arrival=self._store.arrived_at(key) is not None,
            exclusions=stored.exclusions,
            request=self._store.standing_request(key) if is_over else None,
            has_asked=is_over and self._store.is_rerun_handled(key, format_time(sensor.written_at)),
        )
        decision = decide_sensor(sensor, config, facts, execution_timeout=self._execution_timeout)
        if isinstance(decision, Ignore):
            _log.info("sensor_ignored", run=str(key), sensor=sensor.key, reason=decision.reason)
            return True
        settled = self._store.commit(decision) is Commit.COMMITTED
        _log.info("sensor_decided", run=str(key), decision=type(decision).__name__, committed=settled)
        return settled
