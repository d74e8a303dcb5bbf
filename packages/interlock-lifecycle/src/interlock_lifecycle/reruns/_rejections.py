"""Rejected rerun requests of one run: the first is reported at once, the others are counted and reported together."""

import re
from datetime import datetime, timedelta

from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import AnswerDryRun, CountedRejections, Rejections, RejectRerun, ReportRejections
from interlock_lifecycle._run import Run, RunKey, digest
from interlock_lifecycle._words import OWN_REASONS
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import make_event, owner_detail

REPORTED_EVERY = timedelta(hours=1)
"""The interval between the reports of rejections that were counted."""


def rejection_counter(key: RunKey, run: Run | None, reason: str, why: str, *, is_dry: bool) -> str:
    """The marker that counts the rejections of one run for one cause (`why`).

    Requests of Interlock itself and of others are counted separately. The numbers within the cause do not matter.
    """
    attempt = "dry" if is_dry else "none" if run is None else str(run.attempt)
    cause = digest(reason in OWN_REASONS, re.sub("[0-9]+", "9", why))
    return f"rerun-rejected#{key.schedule_id}#{attempt}#{cause}#{key.date}"


def count_rejection(decision: RejectRerun | AnswerDryRun, before: Rejections | None) -> RejectRerun | AnswerDryRun:
    """The rejection as it is committed. `before`: its counter as it was read, None for the first of its run and cause.

    The first rejection keeps its events and its log entry. Any other rejection only raises the count, so that its cost
    does not grow with their number. The watchdog reports the count (`report_rejections`).
    """
    counted = decision.counted
    if counted is None:
        return decision
    if before is None:
        return replace(decision, counted=replace(counted, before=None))
    # Interlock writes no counter in the future. One that exists must not keep its count for ever.
    reported_at = min(before.reported_at, counted.after.reported_at)
    after = Rejections(reported_at, before.count + 1)
    silent = replace(decision, counted=replace(counted, before=before, after=after), events=())
    return replace(silent, entry=None) if isinstance(silent, RejectRerun) else silent


def report_rejections(
    counted: CountedRejections, now: datetime, run_token: str | None = None, config: PipelineConfig | None = None
) -> ReportRejections:
    """Report the rejections that were counted since the last report, and count from zero again.

    The watchdog calls it for a counter whose last report is an hour old. counted: the counter as it was read.
    run_token: the execution of the date's run, if it has one. config: that of the pipeline, if it is readable.
    """
    since, count = counted.after.reported_at, counted.after.count
    event = make_event(
        EventType.DRY_RUN_RERUN_REJECTED if counted.is_dry else EventType.RERUN_REJECTED,
        counted.key,
        now,
        source=f"rejections {counted.marker} {since.isoformat()}",
        run_token=None if counted.is_dry else run_token,
        message=f"{count} more rerun requests were rejected since {since:%Y-%m-%dT%H:%M:%SZ}: {counted.why}",
        detail={"reason": counted.reason, "count": count, **owner_detail(config)},
    )
    after = replace(counted, before=counted.after, after=Rejections(now, 0))
    return ReportRejections(after, (event,))
