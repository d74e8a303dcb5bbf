"""A backfill: rerun requests for each date of a range, a few at a time, each date once also after an interruption."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle import JobEvent, RunKey, RunStatus
from interlock_lifecycle.dates import dates_between
from interlock_lifecycle.reports import rerun_answer
from interlock_sla import ExecutionDate
from interlock_store import Store, read_date

_POLL_SECONDS = 1.0
_REJECTED = "rejected: "

NOT_SCHEDULED = "not scheduled"
WOULD_BE_ACCEPTED = "would be accepted"
REJECTED = "rejected"
REQUESTED = "requested"
ACCEPTED = "accepted"
COMPLETED = "completed"
FAILED = "failed"
DONE_BEFORE = "requested before"


class Result(Struct, frozen=True):
    """The result for one date so far. reason: why it was rejected, why it failed, or what is wrong with the date."""

    date: str
    result: str
    reason: str = ""


class Plan(Struct, frozen=True):
    """A backfill. name: its identity: a date gets one request per name. reason, note: those of each request.

    pace: the most dates that are under way at once.
    """

    name: str
    reason: str
    note: str | None
    pace: int
    abandon_previous: bool = False


class Backfill:
    """One backfill of a pipeline. Each date is decided by the function that decides in the stream-router."""

    def __init__(
        self,
        store: Store,
        config: PipelineConfig,
        plan: Plan,
    ) -> None:
        self._store = store
        self._config = config
        self._plan = plan
        self._open: dict[RunKey, Result] = {}

    def preview(self, dates: list[ExecutionDate]) -> Iterator[Result]:
        """The result of each date as it would be now. Nothing is written."""
        for date in dates:
            key = self._key(date)
            if self._store.answer_of(key, self._plan.name) is not None:
                yield self._after(key)
                continue
            why = self._rejection(key)
            yield Result(str(date), REJECTED, why) if why else Result(str(date), WOULD_BE_ACCEPTED)

    def run(self, dates: list[ExecutionDate], *, wait: bool) -> Iterator[Result]:
        """Request each date, oldest first, and yield each change of a result. wait: also wait for the ends of the runs.

        A request that was written before, under the name of this backfill, is not written again.
        """
        for date in dates:
            key = self._key(date)
            if self._store.answer_of(key, self._plan.name) is None:
                yield from self._free_place()
                result = self._request(key)
            else:
                result = self._after(key)
                result = replace(result, result=DONE_BEFORE) if result.result == REQUESTED else result
            yield result
            if result.result in (REQUESTED, ACCEPTED, DONE_BEFORE):
                self._open[key] = result
        while self._open and (wait or any(one.result == REQUESTED for one in self._open.values())):
            time.sleep(_POLL_SECONDS)
            yield from self._changes()

    def follow(self, date: ExecutionDate) -> Iterator[Result]:
        """Yield each change of a date that was requested under the name of this backfill, until its run has ended."""
        key = self._key(date)
        self._open[key] = Result(str(date), REQUESTED)
        yield self._open[key]
        while self._open:
            yield from self._changes()
            if self._open:
                time.sleep(_POLL_SECONDS)

    def _key(self, date: ExecutionDate) -> RunKey:
        return RunKey(self._config.id, self._config.schedule_id, date)

    def _free_place(self) -> Iterator[Result]:
        """Wait until fewer dates than the pace are under way."""
        while len(self._open) >= self._plan.pace:
            time.sleep(_POLL_SECONDS)
            yield from self._changes()

    def _request(self, key: RunKey) -> Result:
        """Request one date, unless it would be rejected, or would replace a request that waits for its answer."""
        standing = self._store.standing_request(key)
        if standing is not None and standing.waits:
            return Result(str(key.date), REJECTED, "another rerun request of the date waits for its answer")
        why = self._rejection(key)
        if why:
            return Result(str(key.date), REJECTED, why)
        plan = self._plan
        self._store.request_rerun(
            key, reason=plan.reason, note=plan.note, requested_at=plan.name, abandon_previous=plan.abandon_previous
        )
        return Result(str(key.date), REQUESTED)

    def _rejection(self, key: RunKey) -> str:
        """The reason why a request would be rejected now. Empty for one that would be accepted."""
        facts = read_date(self._store, key.pipeline_id, key.date)
        answer = rerun_answer(facts, self._config, self._plan.reason, datetime.now(UTC))
        return answer.removeprefix(_REJECTED) if answer.startswith(_REJECTED) else ""

    def _changes(self) -> Iterator[Result]:
        """Read the dates under way, and yield those whose result has changed. A date that is over leaves its place."""
        for key, before in list(self._open.items()):
            after = self._after(key)
            if after.result in (REQUESTED, ACCEPTED):
                self._open[key] = after
            else:
                del self._open[key]
            if after.result != before.result:
                yield after

    def _after(self, key: RunKey) -> Result:
        """The result of a request that was written."""
        answer, run, date = self._store.answer_of(key, self._plan.name), self._store.run(key), str(key.date)
        if answer == "waits":
            return Result(date, REQUESTED)
        if answer == "rejected":
            return Result(date, REJECTED, self._logged_reason(key))
        if run is None or run.is_running:
            return Result(date, ACCEPTED)
        if run.status is RunStatus.FAILED_FINAL:
            return Result(date, FAILED, run.close_reason)
        return Result(date, COMPLETED)

    def _logged_reason(self, key: RunKey) -> str:
        found = [
            entry.error for entry in self._store.entries(key) if entry.event == JobEvent.RERUN_REJECTED and entry.error
        ]
        return found[-1] if found else "the event RERUN_REJECTED has the reason"


def dates_of(
    config: PipelineConfig, first: ExecutionDate, last: ExecutionDate
) -> tuple[list[ExecutionDate], list[Result]]:
    """The dates of a range that the schedule names, and a result for each day of the range without one."""
    dates = dates_between(config, first, last)
    named = {date.day for date in dates}
    days = (first.day + timedelta(days=step) for step in range((last.day - first.day).days + 1))
    unnamed = (day for day in days if day not in named)
    return dates, [Result(str(day), NOT_SCHEDULED, "the schedule names no date on it") for day in unnamed]
