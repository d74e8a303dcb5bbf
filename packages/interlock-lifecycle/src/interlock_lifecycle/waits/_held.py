"""The wait of a held run: its row, and the event that names the rules that hold it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import NoteHeld, OpenWait
from interlock_lifecycle._moment import rfc3339
from interlock_lifecycle._run import Run, Wait
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import Event, make_event, owner_detail
from interlock_lifecycle.sensors._observed import describe_rows, observed_rules
from interlock_rules import Finding, Selection, shown

_FREE_REPORTS = 10
_REPORTED_EVERY = timedelta(minutes=5)
"""A rule that begins and ceases to hold again and again must not fill the events of its pipeline."""


def is_of(wait: Wait | None, run: Run) -> bool:
    """Whether a WAIT# row is of the run's present execution and can be read."""
    return wait is not None and wait.is_whole and wait.run_token == run.run_token


def blocks_of(wait: Wait | None, run: Run) -> tuple[str, ...]:
    """The reasons of the last look other than rules: secrets of the job that cannot be read."""
    if wait is None or not is_of(wait, run):
        return ()
    return tuple(sorted(name for name in wait.held if name.startswith("${secret:")))


def decide_hold(
    run: Run,
    wait: Wait | None,
    failing: Sequence[Finding],
    reason: str,
    now: datetime,
    blocks: Sequence[str] = (),
    *,
    config: PipelineConfig | None = None,
    read: Selection | None = None,
) -> OpenWait | NoteHeld | None:
    """Decide whether a held run is to be noted. `failing`: the rules that do not hold at `now` (UTC). `blocks`: the
    other reasons that hold the run, as sentences. `read`: the rows that the rules read, which the event keeps.

    The orchestrator calls it at each look at which the rules do not hold. Results:

    - `OpenWait`: the execution has no WAIT# row yet. The caller looks again after the commit.
    - `NoteHeld`: other rules or reasons hold the run than at the last look. RUN_HELD is emitted: without a limit for
      the first ten changes of an execution, later once in five minutes.
    - `None`: the same rules and reasons hold the run.
    """
    known = wait.held if wait is not None and is_of(wait, run) else {}
    held = {name: known.get(name, now) for name in (*map(name_rule, failing), *blocks)}
    if not is_of(wait, run):
        opened = Wait(run.key, run.run_token, held=held, reports=1, reported_at=now)
        return OpenWait(run, opened, wait, events=(_run_held(run, failing, held, reason, now, config, read),))
    assert wait is not None
    if held.keys() == known.keys():
        return None
    if wait.reports >= _FREE_REPORTS and wait.reported_at is not None and now - wait.reported_at < _REPORTED_EVERY:
        return NoteHeld(run, replace(wait, held=held), ())
    noted = replace(wait, held=held, reports=wait.reports + 1, reported_at=now)
    return NoteHeld(run, noted, (_run_held(run, failing, held, reason, now, config, read),))


def name_rule(finding: Finding) -> str:
    """The name of a rule in events and rows: its sensor, its field and its expectation."""
    rule = finding.rule
    return " ".join(part for part in (rule.row_name.replace("\x1f", " "), rule.field, finding.expectation) if part)


def _run_held(
    run: Run,
    failing: Sequence[Finding],
    held: Mapping[str, datetime],
    reason: str,
    now: datetime,
    config: PipelineConfig | None,
    read: Selection | None,
) -> Event:
    names = sorted(held)
    rows = {} if config is None or read is None else {"rows": describe_rows(read, observed_rules(config))}
    return make_event(
        EventType.RUN_HELD,
        run.key,
        now,
        source=f"evaluate {run.run_token} held {' / '.join(names)}",
        attempt=run.attempt,
        run_token=run.run_token,
        message=reason,
        detail={"rules": describe_rules(failing, held, now), **rows, **owner_detail(config)},
    )


def describe_rules(failing: Sequence[Finding], held: Mapping[str, datetime], now: datetime) -> list[dict[str, Any]]:
    """The rules that do not hold, for an event. `held`: since when each holds the run, `now` for any other (UTC)."""
    return [_detail(finding, held.get(name_rule(finding), now)) for finding in failing]


def _detail(finding: Finding, since: datetime) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "key": finding.rule.key,
        "check": str(finding.rule.check),
        "needed": finding.expectation,
        "observed": None if finding.observed is None else shown(finding.observed),
        "heldSince": rfc3339(since),
    }
    if finding.rule.field is not None:
        detail["field"] = finding.rule.field
    if finding.since is not None:
        detail["updatedAt"] = rfc3339(finding.since)
    return detail
