"""A backfill: rerun requests for each date of a range, a few at a time, each date once also after an interruption."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from interlock_cli._output._errors import CliError
from interlock_config import PipelineConfig
from interlock_lifecycle import JobEvent, RunKey, RunStatus
from interlock_lifecycle.dates import dates_between
from interlock_lifecycle.reports import explain_date, rerun_answer
from interlock_sla import ExecutionDate, SlaError
from interlock_store import MalformedRow, Store, read_date

_POLL_SECONDS = 1.0
_REJECTED = "rejected: "
_DRY_RUN = "the pipeline is a dry run, which starts nothing"

NOT_SCHEDULED = "not scheduled"
EXCLUDED = "excluded"
WOULD_BE_ACCEPTED = "would be accepted"
REJECTED = "rejected"
REQUESTED = "requested"
ACCEPTED = "accepted"
COMPLETED = "completed"
FAILED = "failed"
DONE_BEFORE = "requested before"
NO_RUN = "without a run"

_UNANSWERED = (REQUESTED, DONE_BEFORE)
UNDER_WAY = (*_UNANSWERED, ACCEPTED)
"""The results of a date that occupies a place of the pace."""


class Result(Struct, frozen=True):
    """The result for one date so far. reason: why it was rejected, why it failed, or what is wrong with the date."""

    date: str
    result: str
    reason: str = ""


class Waiting(Struct, frozen=True):
    """A backfill that waits. open: the dates under way. left: the number of those that are not requested so far."""

    open: tuple[Result, ...]
    left: int
    total: int


class Standing(Struct, frozen=True):
    """A date under way: its state and the reason, as `status` shows them, and the end of the state by itself (UTC)."""

    date: str
    state: str
    reason: str = ""
    until: datetime | None = None


Step: TypeAlias = Result | Waiting
"""A change of a result, or a wait for one."""


class Plan(Struct, frozen=True):
    """A backfill. name: its identity: a date gets one request per name. reason, note: those of each request.

    pace: the most dates that are under way at once. is_range: an excluded date of a range is no error.
    """

    name: str
    reason: str
    note: str | None
    pace: int
    abandon_previous: bool = False
    is_range: bool = False


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

    @property
    def pipeline(self) -> str:
        """The id of the pipeline."""
        return self._config.id

    def preview(self, dates: list[ExecutionDate]) -> Iterator[Result]:
        """The result of each date as it would be now. Nothing is written."""
        for date in dates:
            key = self._key(date)
            if self._store.answer_of(key, self._plan.name) is not None:
                yield self._after(key)
                continue
            yield self._rejection(key) or Result(str(date), WOULD_BE_ACCEPTED)

    def run(self, dates: list[ExecutionDate], *, wait: bool) -> Iterator[Step]:
        """Request each date, oldest first, and yield each change of a result, and each wait before it is waited.

        wait: also wait for the ends of the runs. A request that was written before, under the name of this backfill, is
        not written again.
        """
        for place, date in enumerate(dates):
            key = self._key(date)
            if self._store.answer_of(key, self._plan.name) is None:
                while len(self._open) >= self._plan.pace:
                    yield from self._wait(len(dates) - place, len(dates))
                result = self._request(key)
            else:
                result = self._after(key)
                result = replace(result, result=DONE_BEFORE) if result.result == REQUESTED else result
            yield from self._note(key, result)
        while self._open and (wait or any(one.result in _UNANSWERED for one in self._open.values())):
            yield from self._wait(0, len(dates))

    def run_one(self, date: ExecutionDate, *, wait: bool) -> Iterator[Step]:
        """Request one date, and with `wait` yield as `run` does until its run has ended.

        A request of the date that waits for its answer is replaced.
        """
        key = self._key(date)
        yield from self._note(key, self._request_anyway(key))
        while self._open and wait:
            yield from self._wait(0, 1)

    def standings(self, most: int) -> list[Standing]:
        """The states of the oldest dates under way, read now."""
        return [self._standing(key, result) for key, result in islice(self._open.items(), most)]

    def _standing(self, key: RunKey, result: Result) -> Standing:
        date = str(key.date)
        if result.result in _UNANSWERED:
            return Standing(date, REQUESTED, "waits for its answer")
        try:
            found = explain_date(read_date(self._store, key.pipeline_id, key.date), datetime.now(UTC))
        except (MalformedRow, SlaError, OverflowError) as error:
            return Standing(date, "unreadable", str(error))
        return Standing(date, found.state, found.reason, found.until)

    def _key(self, date: ExecutionDate) -> RunKey:
        return RunKey(self._config.id, self._config.schedule_id, date)

    def _note(self, key: RunKey, result: Result) -> Iterator[Result]:
        if result.result in UNDER_WAY:
            self._open[key] = result
        yield result

    def _wait(self, left: int, total: int) -> Iterator[Step]:
        yield Waiting(tuple(self._open.values()), left, total)
        time.sleep(_POLL_SECONDS)
        yield from self._changes()

    def _request(self, key: RunKey) -> Result:
        """Request one date, unless it would be rejected, or would replace a request that waits for its answer."""
        standing = self._store.standing_request(key)
        if standing is not None and standing.waits:
            return Result(str(key.date), REJECTED, "another rerun request of the date waits for its answer")
        return self._request_anyway(key)

    def _request_anyway(self, key: RunKey) -> Result:
        """Request one date, unless it would be rejected. A rejection now is the answer, and writes nothing."""
        rejection = self._rejection(key)
        if rejection is not None:
            return rejection
        plan = self._plan
        self._store.request_rerun(
            key, reason=plan.reason, note=plan.note, requested_at=plan.name, abandon_previous=plan.abandon_previous
        )
        return Result(str(key.date), REQUESTED)

    def _rejection(self, key: RunKey) -> Result | None:
        """The result of a request that would be rejected now. None for one that would be accepted."""
        date, day = str(key.date), key.date.day
        try:
            facts = read_date(self._store, key.pipeline_id, key.date)
        except MalformedRow as error:
            return Result(date, REJECTED, str(error))
        answer = rerun_answer(facts, self._config, self._plan.reason, datetime.now(UTC))
        if not answer.startswith(_REJECTED):
            return None
        if self._plan.is_range and (reason := facts.sla.exclusions.reason(day)) is not None:
            return Result(date, EXCLUDED, f"{day:%A} ({reason})")
        return Result(date, REJECTED, answer.removeprefix(_REJECTED))

    def _changes(self) -> Iterator[Result]:
        """Read the dates under way, and yield those whose result has changed. A date that is over leaves its place."""
        for key, before in list(self._open.items()):
            after = self._after(key)
            if after.result == REQUESTED:
                continue
            if after.result == ACCEPTED:
                self._open[key] = after
            else:
                del self._open[key]
            if after.result != before.result:
                yield after

    def _after(self, key: RunKey) -> Result:
        """The result of a request that was written."""
        answer, date = self._store.answer_of(key, self._plan.name), str(key.date)
        if answer == "waits":
            return Result(date, REQUESTED)
        if answer == "rejected":
            return Result(date, REJECTED, self._logged_reason(key))
        try:
            run = self._store.run(key)
        except MalformedRow:
            # The watchdog repairs such a row. Until then the date is under way.
            return Result(date, ACCEPTED)
        if run is None:
            return Result(date, NO_RUN, _DRY_RUN if self._config.dry_run else "the row of its run does not exist")
        if run.is_running:
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
    """The dates of a range that the schedule names, and a result for each day of the range without one.

    Raises CliError for a range of hours if the dates of the pipeline are days.
    """
    is_daily = config.schedule.include is not None or (config.cron is not None and not config.cron.is_hourly)
    if first.hour is not None and is_daily:
        raise CliError(f"{first}..{last} has hours, and the dates of {config.id} are days, such as {first.day}")
    dates = dates_between(config, first, last)
    named = {date.day for date in dates}
    days = (first.day + timedelta(days=step) for step in range((last.day - first.day).days + 1))
    unnamed = (day for day in days if day not in named)
    return dates, [Result(str(day), NOT_SCHEDULED, "the schedule names no date on it") for day in unnamed]
