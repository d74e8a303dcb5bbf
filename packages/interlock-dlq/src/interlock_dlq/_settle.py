"""Settles the records of a batch that are not simply handled: their letters, their lanes, and their fates."""

import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from interlock_dlq._audit import Fate
from interlock_dlq._classify import Permanence, is_programming_error, place_of
from interlock_dlq._classify import classify as classify_error
from interlock_dlq._errors import RetryLater
from interlock_dlq._letter import DeadLetter, make_letter
from interlock_dlq._route import Router
from interlock_dlq._sources import WHOLE_BATCH, Identifier, Record, Source, attribute
from interlock_dlq._text import described

_log = logging.getLogger("interlock_dlq")

Classify = Callable[[BaseException], Permanence]
Count = Callable[[str, int], object]
OnSuccess = Callable[[Record, Any], object]
OnFailure = Callable[[Record, Exception, Fate], object]


class BatchResult(Struct, frozen=True, kw_only=True):
    """The result of a batch. `processed + dlq_routed + batch_failures == total` always holds.

    batch_failures: the number of records that the source delivers again.
    failed_at: the identifiers to report: each returned message of a queue, and the first returned record of a stream or
    of a Kafka partition. An empty identifier reports the whole batch.
    """

    total: int
    processed: int
    dlq_routed: int
    batch_failures: int
    failed_at: tuple[Identifier, ...] = ()

    def response(self) -> dict[str, list[dict[str, Identifier]]]:
        """Lambda's partial batch response, for event source mappings with ReportBatchItemFailures."""
        return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in self.failed_at]}


class Failure(Struct, frozen=True):
    """A record that failed, with its position in the batch."""

    position: int
    record: Record
    error: Exception


class Settlement:
    """The fates of the records of a batch. A record without an entry in `fates` was handled.

    The first failures are held back while they may be the fault of the handler: programming errors of one place, with
    no record handled yet. After `alike` of them the batch is given back. Otherwise their letters are kept.
    """

    def __init__(
        self,
        source: Source,
        router: Router | None,
        *,
        classify: Classify = classify_error,
        now: Callable[[], datetime] | None = None,
        on_failure: OnFailure | None = None,
        alike: int = 3,
    ) -> None:
        self._source, self._router = source, router
        self._classify, self._now, self._on_failure = classify, now, on_failure
        self._alike = alike
        self._stopped: set[Hashable] = set()
        self._suspects: list[Failure] = []
        self.is_suspected = alike > 0
        """Whether the handler may be at fault, since no record is handled yet."""
        self.fates: dict[int, Fate] = {}
        self.has_stops = False
        """Whether records may have to be skipped."""
        self.is_ours = False
        """Whether the batch is given back because the handler has an error."""

    def skips(self, position: int, record: Record) -> bool:
        """Return a record whose lane has stopped. Returns whether it did so."""
        is_stopped = self.is_ours or self._source.lane(record) in self._stopped
        if is_stopped:
            self.fates[position] = Fate.RETURNED
        return is_stopped

    def judge(self, failure: Failure) -> Sequence[Failure]:
        """Take a failure, and return the failures whose letters have to be kept now."""
        if self._permanence(failure) is Permanence.TRANSIENT or self._router is None:
            self._give_back(failure)
            return ()
        if not self.is_suspected or not self._is_alike(failure):
            return (*self.acquit(), failure)
        self._suspects.append(failure)
        if len(self._suspects) >= self._alike:
            self._give_back_all()
        return ()

    def acquit(self) -> Sequence[Failure]:
        """End the suspicion against the handler, and return the failures that were held back."""
        self.is_suspected = False
        held, self._suspects = self._suspects, []
        return held

    def keep_all(self, failures: Sequence[Failure]) -> None:
        """Keep the letters of failures. If the router fails, its record is returned. The call may block."""
        for failure in failures:
            self._keep(failure)

    def _keep(self, failure: Failure) -> None:
        if self.has_stops and self.skips(failure.position, failure.record):
            return
        assert self._router is not None
        try:
            self._router.route(self._letter(failure))
        except Exception as problem:  # noqa: BLE001 - without a kept letter, the record stays in its source
            self._return(failure, "dead_letter_not_kept", problem)
            return
        self.fates[failure.position] = Fate.REJECTED
        self._note("record_dead_lettered", failure.record, failure.error)
        self._report(failure, Fate.REJECTED)

    def _is_alike(self, failure: Failure) -> bool:
        try:
            if not is_programming_error(failure.error):
                return False
        except Exception as problem:  # noqa: BLE001 - an attribute of the error raises: it is not of a known kind
            self._note("error_not_read", failure.record, problem)
            return False
        return not self._suspects or place_of(self._suspects[0].error) == place_of(failure.error)

    def _permanence(self, failure: Failure) -> Permanence:
        try:
            return self._classify(failure.error)
        except Exception as problem:  # noqa: BLE001 - an error that cannot be classified is unknown, so transient
            self._note("error_not_classified", failure.record, problem)
            return Permanence.TRANSIENT

    def _give_back(self, failure: Failure) -> None:
        self._return(failure, "record_given_back", failure.error)

    def _give_back_all(self) -> None:
        self.is_ours = self.has_stops = True
        for failure in self._suspects:
            self._return(failure, "handler_has_error", failure.error)
        self._suspects = []

    def _return(self, failure: Failure, event: str, why: Exception) -> None:
        self.fates[failure.position] = Fate.RETURNED
        lane = self._source.lane(failure.record)
        if lane is not None:
            self._stopped.add(lane)
            self.has_stops = True
        self._note(event, failure.record, why)
        self._report(failure, Fate.RETURNED)

    def _report(self, failure: Failure, fate: Fate) -> None:
        if self._on_failure is not None:
            guarded("on_failure", self._on_failure, failure.record, failure.error, fate)

    def _letter(self, failure: Failure) -> DeadLetter:
        record = failure.record
        return make_letter(
            record,
            failure.error,
            source=self._source.origin(record),
            now=self._now() if self._now else None,
            attempts=_receive_count(record),
            correlation_id=self._source.name(record),
        )

    def _note(self, event: str, record: Record, error: Exception) -> None:
        fields = {"record": self._source.name(record), "error": described(error)}
        # `event` and `fields` are for a JSON formatter, such as interlock-telemetry's.
        extra = {"event": event, "fields": fields}
        _log.warning("%s %s: %s", event, fields["record"], fields["error"], exc_info=error, extra=extra)


def is_over(expired: Callable[[], bool]) -> bool:
    """Whether the time of the invocation is over. An error of `expired` returns the record."""
    try:
        return expired()
    except Exception as error:
        raise RetryLater(f"expired() failed: {described(error)}") from error


def guarded(name: str, call: Callable[..., object], *arguments: object) -> None:
    """Call a function of the caller that only observes. Its error is logged and does not change a fate."""
    try:
        call(*arguments)
    except Exception as error:  # noqa: BLE001 - an observer must not change the fate of a record
        extra = {"event": "callback_failed", "fields": {"callback": name, "error": described(error)}}
        _log.warning("callback_failed %s: %s", name, described(error), exc_info=error, extra=extra)


def conclude(
    records: Sequence[Record], source: Source, fates: Mapping[int, Fate], *, is_ours: bool, count: Count | None
) -> BatchResult:
    """The result of a batch from the fates of its records. A position without a fate was handled."""
    total = len(records)
    result = (
        _result(records, source, fates, is_ours)
        if fates
        else BatchResult(total=total, processed=total, dlq_routed=0, batch_failures=0)
    )
    if count is not None:
        guarded("count", count, "records_processed", result.processed)
        guarded("count", count, "dlq_routed", result.dlq_routed)
        guarded("count", count, "batch_failures", result.batch_failures)
    return result


def _result(records: Sequence[Record], source: Source, fates: Mapping[int, Fate], is_ours: bool) -> BatchResult:
    returned = _returned(records, source, fates)
    failed_at = _failed_at(records, source, returned, is_ours)
    if WHOLE_BATCH in failed_at:
        failed_at, returned = (WHOLE_BATCH,), dict.fromkeys(range(len(records)))
    rejected = sum(fate is Fate.REJECTED and position not in returned for position, fate in fates.items())
    return BatchResult(
        total=len(records),
        processed=len(records) - rejected - len(returned),
        dlq_routed=rejected,
        batch_failures=len(returned),
        failed_at=failed_at,
    )


def _returned(records: Sequence[Record], source: Source, fates: Mapping[int, Fate]) -> dict[int, Hashable]:
    """The positions of the records that the source delivers again, each with its lane.

    A source that resumes delivers a lane again from its first returned record on, whatever happened to later records.
    """
    first = sorted(position for position, fate in fates.items() if fate is Fate.RETURNED)
    if not first or not source.resumes:
        return dict.fromkeys(first)
    stopped = {lane: position for position in reversed(first) for lane in (source.lane(records[position]),)}
    lanes = ((position, source.lane(records[position])) for position in range(first[0], len(records)))
    return {position: lane for position, lane in lanes if lane in stopped and position >= stopped[lane]}


def _failed_at(
    records: Sequence[Record], source: Source, returned: Mapping[int, Hashable], is_ours: bool
) -> tuple[Identifier, ...]:
    if not source.resumes:
        return tuple(source.identify(records[position]) for position in returned)
    if is_ours and len(returned) == len(records):
        # A mapping that bisects a failed batch halves it, and does not halve a batch that failed at its first record.
        return (WHOLE_BATCH,)
    firsts: dict[Hashable, int] = {}
    for position, lane in returned.items():
        firsts.setdefault(lane, position)
    return tuple(source.identify(records[position]) for position in sorted(firsts.values()))


def _receive_count(record: Record) -> int:
    """The number of deliveries of a queue's message. A stream does not report it."""
    counted = attribute(record, "ApproximateReceiveCount")
    return int(counted) if counted.isdecimal() else 1
