"""The decisions on corrupted rows (docs/reference/rows.md §7): a run's row is repaired, any other row is reported."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import Announce, ClockVerdict, RepairRun
from interlock_lifecycle._run import CorruptedRun, JobEntry, RerunEntry, Run, RunStatus, digest, make_run_token
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import Event, cut_text, make_event, make_event_id, owner_detail
from interlock_lifecycle.slas._sla import SlaFacts, settle
from interlock_sla import Clock

_LONG_AGO = datetime.fromtimestamp(0, UTC)
_REPAIR = "repair"
_LONGEST_PROBLEM = 500
"""The characters of a problem in an event. The dead letter has the whole row."""


class RepairFacts(Struct, frozen=True):
    """The facts for the repair of a run's row.

    config: None if it is missing or unreadable. entries, reruns: the date's logs, which name its attempts.
    """

    config: PipelineConfig | None
    sla: SlaFacts
    entries: Sequence[JobEntry] = ()
    reruns: Sequence[RerunEntry] = ()


def decide_repair(row: CorruptedRun, facts: RepairFacts, now: datetime) -> RepairRun:
    """Replace a corrupted trigger row by a closed one, so that its date goes on.

    The stream-router and the watchdog call it for each such row that they meet. The result is always `RepairRun`:

    - A row that is not closed may hide a job that runs. It becomes FAILED_FINAL, and nothing starts by itself.
      INFRA_FAILURE reports it, with the verdict of the date.
    - A row that states its end keeps its status and loses its unreadable attributes. ROW_CORRUPTED reports it.

    The attempt is the highest that the row or the logs name, so that a rerun gets a new number. Readable job intents
    stay, so that a rerun asks for their jobs first.
    """
    return _keep_end(row, facts, now) if row.is_closed else _close(row, facts, now)


def _close(row: CorruptedRun, facts: RepairFacts, now: datetime) -> RepairRun:
    reason = f"the row of the run is corrupted: {_shortened(row.problem)}"
    after = _repaired(row, facts, RunStatus.FAILED_FINAL, now, reason)
    source = f"close corrupted {after.run_token}"
    event = make_event(
        EventType.INFRA_FAILURE,
        row.key,
        now,
        source=source,
        attempt=after.attempt,
        run_token=after.run_token,
        message=f"{reason}. A job of this date may still run: look for it before a rerun",
        detail={
            "status": str(RunStatus.FAILED_FINAL),
            "runToken": after.run_token,
            **owner_detail(facts.config),
        },
    )
    verdicts: dict[Clock, ClockVerdict] = {}
    judged: tuple[Event, ...] = ()
    if facts.config is not None and not facts.config.dry_run:
        verdicts, judged = settle(
            facts.config,
            row.key,
            facts.sla,
            now=now,
            succeeded_at=None,
            source=source,
            ordinal=1,
            run_token=after.run_token,
        )
    return RepairRun(row, after, facts.sla.verdict, verdicts, (event, *judged))


def _keep_end(row: CorruptedRun, facts: RepairFacts, now: datetime) -> RepairRun:
    assert row.status is not None
    after = _repaired(row, facts, row.status, now, "" if row.status is RunStatus.COMPLETED else row.problem)
    event = make_event(
        EventType.ROW_CORRUPTED,
        row.key,
        now,
        source=f"corrupted {after.run_token}",
        attempt=after.attempt,
        run_token=after.run_token,
        message=f"the row of the run was corrupted and is repaired: {_shortened(row.problem)}",
        detail={
            "row": f"TRIGGER#{row.key.schedule_id}#{row.key.date}",
            "problem": _shortened(row.problem),
            **owner_detail(facts.config),
        },
    )
    return RepairRun(row, after, facts.sla.verdict, {}, (event,), row.awaits_post_run)


def _repaired(row: CorruptedRun, facts: RepairFacts, status: RunStatus, now: datetime, reason: str) -> Run:
    attempt = _highest_attempt(row, facts)
    return Run(
        key=row.key,
        status=status,
        attempt=attempt,
        run_token=row.run_token or make_run_token(row.key, attempt, 0, now),
        committed_at=now,
        # A record from before the repair counts as seen: a corrupted row makes no data late.
        evaluated_at=now if status is RunStatus.COMPLETED else None,
        # A repair is not a trigger: no fire of a cron counts as begun by it.
        reason=_REPAIR,
        job_intent=row.job_intent,
        previous_job=row.previous_job,
        closed_at=row.closed_at or now,
        close_reason=cut_text(reason),
    )


def _highest_attempt(row: CorruptedRun, facts: RepairFacts) -> int:
    """The highest number of an attempt that the row, its intents or the logs know. Each rerun row is one attempt."""
    known = [row.attempt, len(facts.reruns), *(entry.attempt for entry in facts.entries)]
    known += [intent.attempt for intent in (row.job_intent, row.previous_job) if intent is not None]
    return max(number for number in known if number is not None)


def report_corrupted(pipeline_id: str, sort_key: str, problem: str, effect: str, now: datetime) -> Announce:
    """Report a corrupted row of any other kind, once a day for its kind and its kind of problem.

    effect: the sentence that states the consequence for the row.
    """
    kind = sort_key.partition("#")[0][:40] or "row"
    form = re.sub(r"""'[^']*'|"[^"]*"|[0-9]+""", "_", problem)[:_LONGEST_PROBLEM]
    marker = f"corrupted#{kind}#{digest(form)}#{now.astimezone(UTC):%Y-%m-%d}"
    shown = cut_text(sort_key)[:_LONGEST_PROBLEM]
    event = Event(
        id=make_event_id(now, f"corrupted {pipeline_id} {marker}"),
        type=EventType.ROW_CORRUPTED,
        pipeline_id=pipeline_id,
        timestamp=now,
        message=f"row {shown} is corrupted: {_shortened(problem)}. {effect}",
        detail={"row": shown, "problem": _shortened(problem)},
    )
    return Announce(pipeline_id, (event,), marker=marker, at=now)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_PROBLEM else f"{text[:_LONGEST_PROBLEM]}…"
