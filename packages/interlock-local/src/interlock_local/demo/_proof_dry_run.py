"""Checks that the dry run of bronze reported the actions of bronze, on the same data, and started nothing."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from statistics import median

from interlock_local.demo._evidence import Event, Evidence
from interlock_local.demo._finding import Finding, counted
from interlock_local.demo._script import BRONZE, DRY_RUN

_STREAM_GRAIN = timedelta(seconds=1)
"""The dry run takes the time of the stream record, which is in whole seconds."""

_LANDING = "landing"
_OBSERVED = ("DRY_RUN_WOULD_TRIGGER", "DRY_RUN_SLA_PROJECTION", "DRY_RUN_COMPLETED")


def prove_dry_run(evidence: Evidence) -> list[Finding]:
    """The results: each hour once, on the data of the live run, with its breach and its drift, and no job."""
    return [
        _every_hour_once(evidence),
        _on_the_facts_of_the_live_run(evidence),
        _the_same_breach(evidence),
        _the_same_drift(evidence),
        _started_nothing(evidence),
    ]


def _every_hour_once(evidence: Evidence) -> Finding:
    dates = evidence.script.dates
    counts = [evidence.counts((DRY_RUN, date)) for date in dates]
    once = {kind: sum(found[kind] == 1 for found in counts) for kind in _OBSERVED}
    more = {kind: sum(found[kind] > 1 for found in counts) for kind in _OBSERVED}
    holds = set(once.values()) == {len(dates)}
    seen = counted(once.items()) + (f"; more than once: {counted(more.items())}" if any(more.values()) else "")
    return Finding("the dry run observed every hour once", holds, seen)


def _on_the_facts_of_the_live_run(evidence: Evidence) -> Finding:
    """The dry run decided on the same data as the live run, and not later than the arrival of the complete data.

    The delay of the live run is shown and not judged: its execution has to start, and a held run is evaluated only
    every 5 s. The time of the dry run cannot be too early either: a router that is behind reads newer rows together
    with an older record.
    """
    dates = evidence.script.dates
    moments = {date: (_would(evidence, date), _passed(evidence, date)) for date in dates}
    gaps = [(passed - would).total_seconds() for would, passed in moments.values() if would and passed]
    unlike = [date for date in dates if not _are_alike(evidence, date)]
    late = [date for date, (would, _) in moments.items() if would and not _is_by_arrival(evidence, date, would)]
    shown = f"the live run passed {median(gaps or [0]):.1f} s (at most {max(gaps, default=0):.1f} s) later"
    wrong = [f"{name}: {', '.join(found)}" for name, found in (("other data", unlike), ("too late", late)) if found]
    return Finding(
        "the dry run would have triggered on the same data as the live run",
        len(gaps) == len(dates) and not wrong,
        "; ".join([f"{len(gaps)} compared; {shown}", *wrong]),
    )


def _are_alike(evidence: Evidence, date: str) -> bool:
    """Whether both baselines have the same landing sensor, and it reports complete data.

    For the amended hour the rerun of bronze has replaced the baseline. The comparison of the drift covers that hour.
    """
    dry, live = (evidence.baselines.get((name, date), {}).get(_LANDING) for name in (DRY_RUN, BRONZE))
    is_whole = isinstance(dry, Mapping) and dry.get("missing_rows") == 0
    return is_whole and (date == evidence.script.amended or dry == live)


def _is_by_arrival(evidence: Evidence, date: str, would: datetime) -> bool:
    came_at = evidence.whole.get(date)
    return came_at is not None and would <= came_at + _STREAM_GRAIN


def _would(evidence: Evidence, date: str) -> datetime | None:
    found = evidence.of_type((DRY_RUN, date), "DRY_RUN_WOULD_TRIGGER")
    return _moment(found[0], "triggeredAt") if found else None


def _passed(evidence: Evidence, date: str) -> datetime | None:
    """The time at which the rules of the hour's first attempt held."""
    found = evidence.of_type((BRONZE, date), "VALIDATION_PASSED")
    return min((event.at for event in found), default=None)


def _moment(event: Event, name: str) -> datetime:
    return datetime.fromisoformat(str(event.detail[name]))


def _the_same_breach(evidence: Evidence) -> Finding:
    projected = {
        date: str(event.detail.get("status"))
        for date in evidence.script.dates
        for event in evidence.of_type((DRY_RUN, date), "DRY_RUN_SLA_PROJECTION")
    }
    missed = [date for date, status in projected.items() if status == "breach"]
    met = sum(status == "met" for status in projected.values())
    holds = missed == [evidence.script.late] and met == len(evidence.script.dates) - 1
    seen = f"breach: {', '.join(missed) or 'none'}; met: {met}"
    return Finding("the dry run projected the one breach and no other", holds, seen)


def _the_same_drift(evidence: Evidence) -> Finding:
    amended = evidence.script.amended
    drifts = {date: evidence.of_type((DRY_RUN, date), "DRY_RUN_DRIFT") for date in evidence.script.dates}
    live = evidence.of_type((BRONZE, amended), "POST_RUN_DRIFT")
    found = [date for date, events in drifts.items() if events]
    same = [event.detail for event in drifts[amended]] == [event.detail for event in live]
    return Finding(
        f"the dry run saw the same drift of {amended} as the live run",
        found == [amended] and len(live) == 1 and same,
        "; ".join(event.message for event in drifts[amended]) or "no drift",
    )


def _started_nothing(evidence: Evidence) -> Finding:
    runs = sum(pipeline == DRY_RUN for pipeline, _ in evidence.runs)
    starts = sum(start["pipeline"] == DRY_RUN for start in evidence.starts)
    reruns = sum(len(reasons) for (pipeline, _), reasons in evidence.reruns.items() if pipeline == DRY_RUN)
    kinds = {event.type for (pipeline, _), events in evidence.events.items() if pipeline == DRY_RUN for event in events}
    live = sorted(kind for kind in kinds if not kind.startswith("DRY_RUN_"))
    holds = not (runs or starts or reruns or evidence.dry_run_timers or live)
    seen = f"{runs} runs, {starts} starts, {reruns} reruns, {len(evidence.dry_run_timers)} timers"
    return Finding("the dry run started nothing", holds, seen + (f"; events: {', '.join(live)}" if live else ""))
