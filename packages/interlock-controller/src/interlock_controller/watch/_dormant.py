"""Takes up dates whose trigger came on an excluded day, on the next day that is not excluded."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeAlias

from interlock_controller.watch._begins import DormantBegins
from interlock_controller.watch._failures import PipelineTrouble
from interlock_controller.watch._pipelines import LivePipelines, Watched
from interlock_controller.watch._sweep import LOOK_BACK
from interlock_controller.watch._workers import WorkerPool
from interlock_lifecycle import Dormancy, RunKey
from interlock_store import MalformedRow, Overview, Store, read_waiting

Row: TypeAlias = Mapping[str, Any]


class DormantDates:
    """The check `dormant-dates`. One query finds all dormant dates. A pipeline's dates begin in order, oldest first."""

    def __init__(
        self,
        store: Store,
        overview: Overview,
        live: LivePipelines,
        workers: WorkerPool,
        *,
        execution_timeout: timedelta,
    ) -> None:
        self._begins = DormantBegins(store, execution_timeout=execution_timeout)
        self._overview = overview
        self._live = live
        self._workers = workers

    def check(self, now: datetime) -> int:
        """Begin the dates that may begin. The result is their number. Dry runs are evaluated and start nothing."""
        rows = self._overview.dormant()
        if not rows:
            return 0
        waiting, troubles = _by_pipeline(rows)
        found = [self._chosen(pipeline_id, dates, now) for pipeline_id, dates in waiting.items()]
        left = [one for one in found if one is not None]
        done = self._workers.attempt([partial(self._take_up, watched, keys, now) for watched, keys in left])
        begun = 0
        for (watched, _), result in zip(left, done, strict=True):
            for one in [result] if isinstance(result, Exception) else result:
                if isinstance(one, Exception):
                    troubles.append(PipelineTrouble(watched.config.id, one))
                begun += one is True
        if troubles:
            raise ExceptionGroup(f"{len(troubles)} dates of excluded days could not be taken up", troubles)
        return begun

    def _chosen(
        self, pipeline_id: str, dates: Mapping[RunKey, Dormancy], now: datetime
    ) -> tuple[Watched, list[RunKey]] | None:
        """The pipeline whose dates may begin now. Dates of a deleted pipeline stop waiting after LOOK_BACK."""
        watched = self._live.any_run(now).get(pipeline_id)
        if watched is None:
            if not self._live.is_known(pipeline_id, now):
                for key, waits in dates.items():
                    if waits.since < now - LOOK_BACK:
                        self._begins.forget(key, now)
            return None
        if watched.is_dormant(now):
            return None
        return watched, sorted(dates, key=lambda key: key.date)

    def _take_up(self, watched: Watched, keys: Iterable[RunKey], now: datetime) -> list[bool | Exception]:
        """Whether each date began, or its error. A failed date delays no other."""
        return WorkerPool().attempt(
            [partial(self._begins.take_up, key, watched.config, now, forget_before=now - LOOK_BACK) for key in keys]
        )


def _by_pipeline(rows: Iterable[Row]) -> tuple[dict[str, dict[RunKey, Dormancy]], list[PipelineTrouble]]:
    """The dates that wait, by pipeline, and the errors of corrupted rows."""
    found: dict[str, dict[RunKey, Dormancy]] = defaultdict(dict)
    troubles: list[PipelineTrouble] = []
    for row in rows:
        try:
            key, kept = read_waiting(row)
            assert kept.dormant is not None
            found[key.pipeline_id][key] = kept.dormant
        except MalformedRow as error:
            troubles.append(PipelineTrouble(error.pk.removeprefix("PIPELINE#"), error))
    return found, troubles
